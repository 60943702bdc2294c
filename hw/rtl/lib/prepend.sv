// SPDX-License-Identifier: BSD-2-Clause
// Puts N0 (or, with sel_i, N1) bytes before each packet. Latency 1 cycle, one word a cycle counted at the output, no
// bubble. Outputs are registers; ready_o depends on ready_i.
module prepend
  import culvert_pkg::*;
#(
    parameter type         META = logic,  // sampled with sop, travels with every word
    parameter int unsigned N0   = 14,
    parameter int unsigned N1   = 14      // at least N0
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            valid_i,
    output logic            ready_o,
    input  word_t           word_i,
    input  META             meta_i,
    input  logic            sel_i,     // with sop
    input  logic [8*N1-1:0] header_i,  // with sop; first byte in [7:0]
    output logic            valid_o,
    input  logic            ready_i,
    output word_t           word_o,
    output META             meta_o
);
  localparam int unsigned CW = EMPTY_W + 1;
  if (N0 < 1 || N0 > N1 || N1 >= WORD_BYTES) begin : g_n
    $error("prepend: 1 to 63 bytes, N0 at most N1");
  end

  logic            flush_q;  // the carried bytes are the end of the packet
  logic            sel_q;
  logic [8*N1-1:0] carry_q;
  logic [CW-1:0]   left_q;   // how many of them, when flush_q
  logic            valid_q;
  word_t           word_q;
  META             meta_q;

  wire logic            free = !valid_q || ready_i;
  wire logic            take = free && !flush_q && valid_i;
  wire logic            sel = word_i.sop ? sel_i : sel_q;
  wire logic [CW-1:0]   n = sel ? CW'(N1) : CW'(N0);
  wire logic [CW-1:0]   bytes = CW'(WORD_BYTES) - CW'(word_i.empty);
  wire logic            fits = bytes + n <= CW'(WORD_BYTES);

  assign ready_o = free && !flush_q;
  assign valid_o = valid_q;
  assign word_o  = word_q;
  assign meta_o  = meta_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      flush_q <= 1'b0;
      valid_q <= 1'b0;
    end else if (free) begin
      valid_q <= flush_q || valid_i;
      flush_q <= take && word_i.last && !fits;
    end
  end

  always_ff @(posedge clk_i) begin
    if (free && flush_q) begin
      word_q.sop   <= 1'b0;
      word_q.last  <= 1'b1;
      word_q.empty <= EMPTY_W'(CW'(WORD_BYTES) - left_q);
      word_q.data  <= DATA_W'(carry_q);
    end
    if (take) begin
      word_q.sop   <= word_i.sop;
      word_q.last  <= word_i.last && fits;
      word_q.empty <= word_i.last && fits ? EMPTY_W'(CW'(WORD_BYTES) - (bytes + n)) : '0;
      left_q       <= bytes + n - CW'(WORD_BYTES);
      if (sel) begin
        word_q.data <= {word_i.data[DATA_W-1-8*N1:0], word_i.sop ? header_i : carry_q};
        carry_q     <= word_i.data[DATA_W-1-:8*N1];
      end else begin
        word_q.data <= {word_i.data[DATA_W-1-8*N0:0], word_i.sop ? header_i[8*N0-1:0] : carry_q[8*N0-1:0]};
        carry_q     <= (8*N1)'(word_i.data[DATA_W-1-:8*N0]);
      end
      if (word_i.sop) begin
        sel_q  <= sel_i;
        meta_q <= meta_i;
      end
    end
  end
endmodule
