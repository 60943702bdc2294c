// SPDX-License-Identifier: BSD-2-Clause
// Watches a stream and asserts its rules (see culvert_pkg): once raised, valid and the word stay until ready; sop marks
// exactly the first word of a packet; only the last word has unused bytes. No outputs; put one beside each stream.
module stream_check
  import culvert_pkg::*;
#(
    parameter bit LOSSLESS = 1'b1  // 0: the source cannot wait (a MAC), the first rule does not hold
) (
    input logic  clk_i,
    input logic  rst_ni,
    input logic  valid_i,
    input logic  ready_i,
    input word_t word_i
);
  logic  open_q;   // inside a packet
  logic  stall_q;  // the word was refused in the last cycle
  logic  sop_q, last_q;
  logic [EMPTY_W-1:0] empty_q;
  logic [63:0] data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      open_q  <= 1'b0;
      stall_q <= 1'b0;
    end else begin
      stall_q <= valid_i && !ready_i;
      if (valid_i && ready_i) open_q <= !word_i.last;
    end
    if (valid_i) begin
      sop_q   <= word_i.sop;
      last_q  <= word_i.last;
      empty_q <= word_i.empty;
      data_q  <= word_i.data[63:0];
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      if (LOSSLESS && stall_q) begin
        a_valid_stays: assert (valid_i) else $error("stream: valid fell before ready");
        a_word_stays: assert (word_i.sop == sop_q && word_i.last == last_q && word_i.empty == empty_q && word_i.data[63:0] == data_q)
          else $error("stream: word changed before ready");
      end
      if (valid_i) begin
        a_sop: assert (word_i.sop == !open_q) else $error("stream: sop must mark exactly the first word of a packet");
        a_empty: assert (word_i.last || word_i.empty == '0) else $error("stream: only the last word may have unused bytes");
      end
    end
  end
endmodule
