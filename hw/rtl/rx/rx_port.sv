// SPDX-License-Identifier: BSD-2-Clause
// Receive buffer of a port: a MAC cannot wait, so frames are kept whole or dropped whole and counted. Frames that begin
// while the port is disabled are dropped and counted with the overflows.
module rx_port
  import culvert_pkg::*;
#(
    parameter int unsigned WORDS = 512  // buffer; at least a few of the longest frame
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             enable_i,
    input  logic             valid_i,
    input  word_t            word_i,
    output logic             valid_o,
    input  logic             ready_i,
    output word_t            word_o,
    output logic [LEN_W-1:0] len_o,       // of the frame, with every word
    output logic             received_o,  // pulses for counters
    output logic [LEN_W-1:0] bytes_o,     // with received_o
    output logic             overflow_o,
    output logic             long_o
);
  logic             closed_q, done, overflow, long, unused_meta;
  logic [LEN_W-1:0] len;
  logic             received_q, overflow_q, long_q;
  logic [LEN_W-1:0] bytes_q;
  wire logic        closed = word_i.sop ? !enable_i : closed_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) closed_q <= 1'b1;
    else if (valid_i) closed_q <= closed;
  end

  pkt_fifo #(.META(logic), .WORDS(WORDS), .PACKETS(WORDS / 2), .MAX_BYTES(board_pkg::MAX_FRAME)) u_fifo (
      .clk_i, .rst_ni, .valid_i, .word_i, .meta_i(1'b0), .drop_i(closed), .done_o(done), .done_len_o(len), .overflow_o(overflow), .long_o(long),
      .valid_o, .ready_i, .word_o, .len_o, .meta_o(unused_meta)
  );

  assign received_o = received_q;
  assign bytes_o    = bytes_q;
  assign overflow_o = overflow_q;
  assign long_o     = long_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {received_q, overflow_q, long_q} <= '0;
    else begin
      received_q <= done;
      overflow_q <= done && !long && (overflow || closed);
      long_q     <= done && long;
    end
    if (done) bytes_q <= len;
  end

  stream_check #(.LOSSLESS(1'b0)) u_check (.clk_i, .rst_ni, .valid_i, .ready_i(1'b1), .word_i);
endmodule
