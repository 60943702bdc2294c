// SPDX-License-Identifier: BSD-2-Clause
// Ends each packet after len_i bytes and swallows what follows (the padding of short Ethernet frames). Latency 1 cycle.
// The words swallowed cost a cycle each. Outputs are registers; ready_o depends on ready_i.
module trim
  import culvert_pkg::*;
#(
    parameter type META = logic  // sampled with sop, travels with every word
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             valid_i,
    output logic             ready_o,
    input  word_t            word_i,
    input  META              meta_i,
    input  logic [LEN_W-1:0] len_i,    // with sop: bytes to keep, 1 to the packet's length
    output logic             valid_o,
    input  logic             ready_i,
    output word_t            word_o,
    output META              meta_o
);
  logic             over_q;    // the packet has ended at the output
  logic [LEN_W-1:0] remain_q;
  logic             valid_q;
  word_t            word_q;
  META              meta_q;

  wire logic             free = !valid_q || ready_i;
  wire logic             over = over_q && !word_i.sop;
  wire logic             take = free && valid_i;
  wire logic [LEN_W-1:0] remain = word_i.sop ? len_i : remain_q;
  wire logic             last = remain <= LEN_W'(WORD_BYTES);

  assign ready_o = free;
  assign valid_o = valid_q;
  assign word_o  = word_q;
  assign meta_o  = meta_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      over_q  <= 1'b0;
      valid_q <= 1'b0;
    end else if (free) begin
      valid_q <= valid_i && !over;
      if (valid_i) over_q <= over || last;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && !over) begin
      word_q.sop   <= word_i.sop;
      word_q.last  <= last;
      word_q.empty <= last ? EMPTY_W'(LEN_W'(WORD_BYTES) - remain) : '0;
      word_q.data  <= word_i.data;
      remain_q     <= remain - LEN_W'(WORD_BYTES);
      if (word_i.sop) meta_q <= meta_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && take && word_i.last) begin
      a_long_enough: assert (over || last) else $error("trim: packet shorter than its length to keep");
    end
  end
endmodule
