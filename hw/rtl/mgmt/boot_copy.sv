// SPDX-License-Identifier: BSD-2-Clause
// Copies the firmware image from flash to RAM after reset, checks it, and says whether the core may start.
//
// Image, 32-bit words from flash word address FLASH_BASE: magic, length in words, CRC-32 of the payload (IEEE 802.3, reflected,
// over the bytes in memory order), entry address, payload. The payload goes to RAM from address 0; the rest of RAM is
// written with 0, so nothing of an earlier run is left. A length of 0 or above RAM_WORDS is an error.
// done_o rises with ok_o (entry_o valid) or with error_o; all stay until the next reset, which starts afresh.
//
// Flash port: req_o and addr_o stay until ack_i, which comes with data_i. One word every two cycles at best.
module boot_copy #(
    parameter int unsigned RAM_WORDS  = 32768,
    parameter logic [23:0] FLASH_BASE = 0        // word address of the image
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    output logic                         flash_req_o,
    output logic [                 23:0] flash_addr_o,  // word address
    input  logic                         flash_ack_i,
    input  logic [                 31:0] flash_data_i,
    output logic                         ram_we_o,
    output logic [$clog2(RAM_WORDS)-1:0] ram_addr_o,    // word address
    output logic [                 31:0] ram_data_o,
    output logic                         done_o,
    output logic                         ok_o,
    output logic [                  1:0] error_o,       // 0 none, 1 magic, 2 length, 3 CRC
    output logic [                 31:0] entry_o
);
  localparam int unsigned ADDR_W = $clog2(RAM_WORDS);
  if (RAM_WORDS < 4 || RAM_WORDS > 1 << 22) begin : g_check
    $error("boot_copy: RAM_WORDS out of range");
  end

  typedef enum logic [2:0] {S_MAGIC, S_LENGTH, S_CRC, S_ENTRY, S_COPY, S_ZERO, S_OK, S_ERROR} state_e;
  state_e state_q;
  logic started_q, req_q;
  logic [23:0] flash_addr_q;
  logic [ADDR_W:0] index_q, length_q;  // words of payload
  logic [31:0] crc_q, want_q, entry_q;
  logic [1:0] error_q;

  function automatic logic [31:0] crc32_word(input logic [31:0] crc, input logic [31:0] data);
    logic [31:0] c;
    c = crc ^ data;
    for (int i = 0; i < 32; i++) c = (c >> 1) ^ (32'hEDB8_8320 & {32{c[0]}});
    return c;
  endfunction

  logic word;  // a word has come
  assign word = req_q && flash_ack_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q      <= S_MAGIC;
      started_q    <= 1'b0;
      req_q        <= 1'b0;
      flash_addr_q <= FLASH_BASE;
      index_q      <= '0;
      crc_q        <= '1;
      error_q      <= 2'd0;
    end else if (state_q != S_OK && state_q != S_ERROR) begin
      started_q <= 1'b1;
      if (!req_q) req_q <= started_q && state_q != S_ZERO;
      else if (flash_ack_i) begin
        req_q        <= 1'b0;
        flash_addr_q <= flash_addr_q + 1'b1;
      end
      unique case (state_q)
        S_MAGIC:
        if (word) begin
          state_q <= S_LENGTH;
          if (flash_data_i != mgmt_regs_pkg::IMAGE_MAGIC) begin
            state_q <= S_ERROR;
            error_q <= 2'd1;
          end
        end
        S_LENGTH:
        if (word) begin
          state_q  <= S_CRC;
          length_q <= flash_data_i[ADDR_W:0];
          if (flash_data_i == 0 || flash_data_i > RAM_WORDS) begin
            state_q <= S_ERROR;
            error_q <= 2'd2;
          end
        end
        S_CRC:
        if (word) begin
          state_q <= S_ENTRY;
          want_q  <= flash_data_i;
        end
        S_ENTRY:
        if (word) begin
          state_q <= S_COPY;
          entry_q <= flash_data_i;
        end
        S_COPY:
        if (word) begin
          crc_q   <= crc32_word(crc_q, flash_data_i);
          index_q <= index_q + 1'b1;
          if (index_q + 1'b1 == length_q) state_q <= S_ZERO;
        end
        S_ZERO:
        if (~crc_q != want_q) begin
          state_q <= S_ERROR;
          error_q <= 2'd3;
        end else if (index_q == (ADDR_W + 1)'(RAM_WORDS)) state_q <= S_OK;
        else index_q <= index_q + 1'b1;
        default: ;
      endcase
    end
  end

  assign flash_req_o  = req_q;
  assign flash_addr_o = flash_addr_q;
  assign ram_addr_o   = index_q[ADDR_W-1:0];
  assign ram_data_o   = state_q == S_COPY ? flash_data_i : '0;
  assign ram_we_o     = state_q == S_COPY ? word : state_q == S_ZERO && !index_q[ADDR_W];
  assign done_o       = state_q == S_OK || state_q == S_ERROR;
  assign ok_o         = state_q == S_OK;
  assign error_o      = error_q;
  assign entry_o      = entry_q;

  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_error : assert ((state_q == S_ERROR) == (error_q != 0))
      else $error("boot_copy: error without a reason");
      a_bounds : assert (!ram_we_o || 32'(index_q) < RAM_WORDS)
      else $error("boot_copy: write beyond RAM");
    end
endmodule
