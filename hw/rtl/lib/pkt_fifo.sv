// SPDX-License-Identifier: BSD-2-Clause
// Packet FIFO that never makes its source wait: it keeps whole packets, and what does not fit is dropped whole. The
// length is known at the head. One word a cycle on both sides, no bubble between packets.
module pkt_fifo
  import culvert_pkg::*;
#(
    parameter type         META      = logic,
    parameter int unsigned WORDS     = 256,   // storage; a power of two
    parameter int unsigned PACKETS   = 64,    // packets; a power of two
    parameter int unsigned MAX_BYTES = 9216   // a longer packet is dropped
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             valid_i,
    input  word_t            word_i,
    input  META              meta_i,      // with the last word
    input  logic             drop_i,      // with the last word: forget the packet
    output logic             done_o,      // pulse: a packet has ended
    output logic [LEN_W-1:0] done_len_o,  // its length, saturated
    output logic             overflow_o,  // with done_o: dropped, no room
    output logic             long_o,      // with done_o: dropped, longer than MAX_BYTES
    output logic             valid_o,
    input  logic             ready_i,
    output word_t            word_o,
    output logic [LEN_W-1:0] len_o,
    output META              meta_o
);
  localparam int unsigned AW = $clog2(WORDS);
  if (MAX_BYTES > WORDS * WORD_BYTES || MAX_BYTES >= (1 << LEN_W) - WORD_BYTES) begin : g_max
    $error("pkt_fifo: MAX_BYTES does not fit");
  end

  logic [AW:0]      wptr_q, start_q, rptr;  // next word, first word of the packet, first word still needed
  logic             lost_q;                 // a word of this packet found no room
  logic             too_long_q;
  logic [LEN_W-1:0] len_q;                  // bytes before this word
  logic             desc_ready;

  wire logic             full = wptr_q == {~rptr[AW], rptr[AW-1:0]};
  wire logic             write = valid_i && !full && !lost_q && !too_long_q;
  wire logic [LEN_W-1:0] len = len_q + LEN_W'(WORD_BYTES) - LEN_W'(word_i.empty);
  wire logic             too_long = too_long_q || len > LEN_W'(MAX_BYTES);
  wire logic             lost = lost_q || full || (word_i.last && !desc_ready);
  wire logic             ends = valid_i && word_i.last;
  wire logic             keep = ends && !lost && !too_long && !drop_i;

  assign done_o     = ends;
  assign done_len_o = len;
  assign long_o     = too_long;
  assign overflow_o = lost && !too_long;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wptr_q     <= '0;
      start_q    <= '0;
      lost_q     <= 1'b0;
      too_long_q <= 1'b0;
      len_q      <= '0;
    end else if (valid_i) begin
      if (word_i.last) begin
        wptr_q     <= keep ? wptr_q + 1'b1 : start_q;
        if (keep) start_q <= wptr_q + 1'b1;
        lost_q     <= 1'b0;
        too_long_q <= 1'b0;
        len_q      <= '0;
      end else begin
        if (write) wptr_q <= wptr_q + 1'b1;
        lost_q     <= lost;
        too_long_q <= too_long;
        if (!too_long) len_q <= len;
      end
    end
  end

  pkt_mem #(.META(META), .WORDS(WORDS), .PACKETS(PACKETS)) u_mem (
      .clk_i, .rst_ni, .we_i(write), .waddr_i(wptr_q[AW-1:0]), .wdata_i(word_i.data), .rptr_o(rptr),
      .desc_valid_i(keep), .desc_ready_o(desc_ready), .desc_drop_i(1'b0), .desc_len_i(len),
      .desc_words_i((LEN_W - 6)'((32'(len) + WORD_BYTES - 1) / WORD_BYTES)), .desc_meta_i(meta_i),
      .valid_o, .ready_i, .word_o, .len_o, .meta_o
  );
endmodule
