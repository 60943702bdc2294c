// SPDX-License-Identifier: BSD-2-Clause
// Packets for the host: each source has a buffer that drops what does not fit, so that a slow host never stops traffic;
// the buffers are merged a packet at a time.
module host_rx
  import culvert_pkg::*;
  import dp_pkg::*;
#(
    parameter int unsigned N     = 3,   // sources
    parameter int unsigned WORDS = 256  // buffer of each
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic [N-1:0] valid_i,       // never waits
    input  word_t        word_i [N],
    input  to_host_t     meta_i [N],
    output logic         valid_o,
    input  logic         ready_i,
    output word_t        word_o,
    output to_host_t     meta_o,
    output logic         given_o,       // pulses for counters
    output logic [N-1:0] dropped_o
);
  logic [N-1:0] b_valid, b_ready, b_last, dropped_q;
  host_word_t   b_data [N];
  logic         unused_last;
  host_word_t   out;

  for (genvar i = 0; i < N; i++) begin : g_buffer
    logic             done, overflow, long;
    logic [LEN_W-1:0] unused_len, unused_done_len;
    word_t            word;
    to_host_t         meta;
    pkt_fifo #(.META(to_host_t), .WORDS(WORDS), .PACKETS(WORDS / 2), .MAX_BYTES(board_pkg::MAX_FRAME)) u_fifo (
        .clk_i, .rst_ni, .valid_i(valid_i[i]), .word_i(word_i[i]), .meta_i(meta_i[i]), .drop_i(1'b0), .done_o(done), .done_len_o(unused_done_len),
        .overflow_o(overflow), .long_o(long), .valid_o(b_valid[i]), .ready_i(b_ready[i]), .word_o(word), .len_o(unused_len), .meta_o(meta)
    );
    assign b_last[i] = word.last;
    assign b_data[i] = '{word: word, meta: meta};
    always_ff @(posedge clk_i) dropped_q[i] <= rst_ni && done && (overflow || long);
    stream_check #(.LOSSLESS(1'b0)) u_check (.clk_i, .rst_ni, .valid_i(valid_i[i]), .ready_i(1'b1), .word_i(word_i[i]));
  end
  assign dropped_o = dropped_q;

  pkt_arb #(.T(host_word_t), .N(N)) u_merge (
      .clk_i, .rst_ni, .valid_i(b_valid), .ready_o(b_ready), .last_i(b_last), .data_i(b_data),
      .valid_o, .ready_i, .last_o(unused_last), .data_o(out)
  );
  assign word_o = out.word;
  assign meta_o = out.meta;

  logic given_q;
  assign given_o = given_q;
  always_ff @(posedge clk_i) given_q <= rst_ni && valid_o && ready_i && out.word.last;
  stream_check u_check_out (.clk_i, .rst_ni, .valid_i(valid_o), .ready_i, .word_i(word_o));
endmodule
