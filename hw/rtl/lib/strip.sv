// SPDX-License-Identifier: BSD-2-Clause
// Removes the first N0 (or, with sel_i, N1) bytes of each packet, which must be longer than that. Latency 2 cycles; the
// output has at most as many words as the input and no bubble is added. Outputs are registers; ready_o depends on ready_i.
module strip
  import culvert_pkg::*;
#(
    parameter type         META = logic,  // sampled with sop, travels with every word
    parameter int unsigned N0   = 14,
    parameter int unsigned N1   = 14
) (
    input  logic  clk_i,
    input  logic  rst_ni,
    input  logic  valid_i,
    output logic  ready_o,
    input  word_t word_i,
    input  META   meta_i,
    input  logic  sel_i,    // with sop
    output logic  valid_o,
    input  logic  ready_i,
    output word_t word_o,
    output META   meta_o
);
  localparam int unsigned CW = EMPTY_W + 1;
  if (N0 < 1 || N1 < 1 || N0 >= WORD_BYTES || N1 >= WORD_BYTES) begin : g_n
    $error("strip: 1 to 63 bytes");
  end

  logic              hold_q;   // a word waits for the next one, or to be flushed
  logic              flush_q;  // it is the packet's last
  logic              first_q;  // it is the packet's first
  logic              sel_q;
  logic [DATA_W-1:0] data_q;
  logic [CW-1:0]     bytes_q;
  META               meta_q;
  logic              valid_q;
  word_t             word_q;
  META               out_meta_q;

  wire logic          free = !valid_q || ready_i;
  wire logic          take = valid_i && ready_o;
  wire logic          make = free && hold_q && (flush_q || valid_i);
  wire logic [CW-1:0] bytes = CW'(WORD_BYTES) - CW'(word_i.empty);
  wire logic [CW-1:0] n = sel_q ? CW'(N1) : CW'(N0);
  wire logic          join_last = word_i.last && bytes <= n;  // the word that comes fits into the one that is made

  assign ready_o = !hold_q || free;
  assign valid_o = valid_q;
  assign word_o  = word_q;
  assign meta_o  = out_meta_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      hold_q  <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      if (take) hold_q <= word_i.sop || !join_last;
      else if (make) hold_q <= 1'b0;
      if (free) valid_q <= make;
    end
  end

  always_ff @(posedge clk_i) begin
    if (make) begin
      word_q.sop  <= first_q;
      out_meta_q  <= meta_q;
      word_q.last <= flush_q || join_last;
      if (flush_q) word_q.empty <= EMPTY_W'(CW'(WORD_BYTES) - (bytes_q - n));
      else word_q.empty <= join_last ? EMPTY_W'(n - bytes) : '0;
      if (sel_q) word_q.data <= {word_i.data[8*N1-1:0], data_q[DATA_W-1:8*N1]};
      else word_q.data <= {word_i.data[8*N0-1:0], data_q[DATA_W-1:8*N0]};
    end
    if (take) begin
      data_q  <= word_i.data;
      bytes_q <= bytes;
      flush_q <= word_i.last;
      first_q <= word_i.sop;
      if (word_i.sop) begin
        sel_q  <= sel_i;
        meta_q <= meta_i;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && take && word_i.sop) begin
      a_longer: assert (!word_i.last || bytes > (sel_i ? CW'(N1) : CW'(N0))) else $error("strip: packet not longer than what is removed");
    end
  end
endmodule
