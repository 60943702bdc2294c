// SPDX-License-Identifier: BSD-2-Clause
// Inbound SA lookup: the SPI's low bits are the index, so it is one read and a compare. Also guesses the upper half of an
// extended sequence number from the highest one accepted so far; the ICV proves the guess. Answer in the second cycle
// after the request, one lookup a cycle.
module esp_in_find
  import culvert_pkg::*;
  import dp_pkg::*;
  import esp_pkg::*;
(
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic               we_i,        // entry
    input  logic [SA_W-1:0]    windex_i,
    input  in_find_t           wdata_i,
    input  logic               top_we_i,    // highest sequence number accepted
    input  logic [SA_W-1:0]    top_windex_i,
    input  logic [63:0]        top_wdata_i,
    input  logic               find_i,
    input  logic [31:0]        spi_i,
    input  logic [31:0]        seq_i,
    output logic               found_o,
    output logic [EPOCH_W-1:0] epoch_o,
    output logic               esn_o,
    output logic [63:0]        seq_o
);
  in_find_t    entry_mem_q [board_pkg::SA_COUNT];
  logic [63:0] top_mem_q [board_pkg::SA_COUNT];
  logic        read_q, found_q, esn_q;
  logic [31:0] spi_q, low_q;
  in_find_t    entry_q;
  logic [63:0] top_q, seq_q;
  logic [EPOCH_W-1:0] epoch_q;

  assign found_o = found_q;
  assign epoch_o = epoch_q;
  assign esn_o   = esn_q;
  assign seq_o   = seq_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) read_q <= 1'b0;
    else read_q <= find_i;
  end

  always_ff @(posedge clk_i) begin
    if (we_i) entry_mem_q[windex_i] <= wdata_i;
    if (top_we_i) top_mem_q[top_windex_i] <= top_wdata_i;
    if (find_i) begin
      spi_q   <= spi_i;
      low_q   <= seq_i;
      entry_q <= entry_mem_q[spi_i[SA_W-1:0]];
      top_q   <= top_mem_q[spi_i[SA_W-1:0]];
    end
    if (read_q) begin
      found_q <= entry_q.valid && entry_q.spi == spi_q;
      epoch_q <= entry_q.epoch;
      esn_q   <= entry_q.esn;
      seq_q   <= {entry_q.esn ? esn_high(top_q, low_q, entry_q.window_log2) : 32'h0, low_q};
    end
  end
endmodule
