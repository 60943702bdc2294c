// SPDX-License-Identifier: BSD-2-Clause
// The stream library's modules side by side behind one stream in and one out; `dut_i` says which one is driven.
module lib_tb
  import culvert_pkg::*;
(
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [3:0]       dut_i,
    input  logic             valid_i,
    input  word_t            word_i,
    input  logic [LEN_W-1:0] len_i,     // trim: bytes to keep
    input  logic             sel_i,     // strip, prepend: the longer form
    input  logic [1:0]       source_i,  // arbiter: which source
    input  logic             drop_i,    // packet FIFO: forget this packet
    input  logic             check_i,   // watch the input with stream_check
    output logic             ready_o,
    output logic             valid_o,
    input  logic             ready_i,
    output word_t            word_o,
    output logic [LEN_W-1:0] len_o,     // packet FIFO
    output logic             lost_o     // packet FIFO: dropped for want of room
);
  localparam int unsigned N = 8;
  logic [N-1:0] in_ready, out_valid;
  word_t        out_word [N];
  logic [N-1:0] in_valid;
  for (genvar i = 0; i < N; i++) begin : g_in
    assign in_valid[i] = valid_i && dut_i == 4'(i);
  end
  assign ready_o = in_ready[dut_i[2:0]];
  assign valid_o = out_valid[dut_i[2:0]];
  assign word_o  = out_word[dut_i[2:0]];

  fifo #(.T(word_t), .DEPTH(2)) u_fifo2 (
      .clk_i, .rst_ni, .valid_i(in_valid[0]), .ready_o(in_ready[0]), .data_i(word_i), .valid_o(out_valid[0]), .ready_i, .data_o(out_word[0])
  );
  fifo #(.T(word_t), .DEPTH(16)) u_fifo16 (
      .clk_i, .rst_ni, .valid_i(in_valid[1]), .ready_o(in_ready[1]), .data_i(word_i), .valid_o(out_valid[1]), .ready_i, .data_o(out_word[1])
  );
  skid #(.T(word_t)) u_skid (
      .clk_i, .rst_ni, .valid_i(in_valid[2]), .ready_o(in_ready[2]), .data_i(word_i), .valid_o(out_valid[2]), .ready_i, .data_o(out_word[2])
  );

  logic             done, overflow, long, meta;
  logic [LEN_W-1:0] done_len;
  pkt_fifo #(.META(logic), .WORDS(256), .PACKETS(128), .MAX_BYTES(9216)) u_pkt_fifo (
      .clk_i, .rst_ni, .valid_i(in_valid[3]), .word_i, .meta_i(sel_i), .drop_i, .done_o(done), .done_len_o(done_len), .overflow_o(overflow), .long_o(long),
      .valid_o(out_valid[3]), .ready_i, .word_o(out_word[3]), .len_o, .meta_o(meta)
  );
  assign in_ready[3] = 1'b1;
  assign lost_o      = done && (overflow || long) && done_len != '0;

  logic strip_meta, prepend_meta, trim_meta;
  strip #(.META(logic), .N0(14), .N1(58)) u_strip (
      .clk_i, .rst_ni, .valid_i(in_valid[4]), .ready_o(in_ready[4]), .word_i, .meta_i(sel_i), .sel_i, .valid_o(out_valid[4]), .ready_i,
      .word_o(out_word[4]), .meta_o(strip_meta)
  );
  logic [8*58-1:0] header;
  for (genvar i = 0; i < 58; i++) begin : g_header
    assign header[8*i+:8] = 8'(i + 100);
  end
  prepend #(.META(logic), .N0(14), .N1(58)) u_prepend (
      .clk_i, .rst_ni, .valid_i(in_valid[5]), .ready_o(in_ready[5]), .word_i, .meta_i(sel_i), .sel_i, .header_i(header), .valid_o(out_valid[5]),
      .ready_i, .word_o(out_word[5]), .meta_o(prepend_meta)
  );
  trim #(.META(logic)) u_trim (
      .clk_i, .rst_ni, .valid_i(in_valid[6]), .ready_o(in_ready[6]), .word_i, .meta_i(sel_i), .len_i, .valid_o(out_valid[6]), .ready_i,
      .word_o(out_word[6]), .meta_o(trim_meta)
  );

  logic [2:0] src_in_ready, src_valid, src_ready, src_last;
  word_t      src_word [3];
  logic       unused_last;
  for (genvar i = 0; i < 3; i++) begin : g_source
    fifo #(.T(word_t), .DEPTH(256)) u_fifo (
        .clk_i, .rst_ni, .valid_i(in_valid[7] && source_i == 2'(i)), .ready_o(src_in_ready[i]), .data_i(word_i),
        .valid_o(src_valid[i]), .ready_i(src_ready[i]), .data_o(src_word[i])
    );
    assign src_last[i] = src_word[i].last;
  end
  assign in_ready[7] = source_i < 2'd3 && src_in_ready[source_i];
  pkt_arb #(.T(word_t), .N(3)) u_arb (
      .clk_i, .rst_ni, .valid_i(src_valid), .ready_o(src_ready), .last_i(src_last), .data_i(src_word), .valid_o(out_valid[7]), .ready_i,
      .last_o(unused_last), .data_o(out_word[7])
  );

  stream_check u_check_in (.clk_i, .rst_ni(rst_ni && check_i), .valid_i, .ready_i(ready_o), .word_i);
  stream_check u_check_out (.clk_i, .rst_ni, .valid_i(valid_o), .ready_i, .word_i(word_o));

  // The bit that travels with a packet arrives with it.
  always_ff @(posedge clk_i) begin
    if (rst_ni && ready_i) begin
      if (out_valid[4]) begin
        a_strip_meta: assert (strip_meta == out_word[4].data[0] || !out_word[4].sop) else $error("strip: sideband of another packet");
      end
      if (out_valid[3]) begin
        a_fifo_meta: assert (meta == out_word[3].data[0] || !out_word[3].sop) else $error("pkt_fifo: sideband of another packet");
      end
      if (out_valid[6]) begin
        a_trim_meta: assert (trim_meta == out_word[6].data[0] || !out_word[6].sop) else $error("trim: sideband of another packet");
      end
      if (out_valid[5]) begin
        a_prepend_meta: assert (prepend_meta == (out_word[5].data[8*14+:8] == 8'd114) || !out_word[5].sop)
          else $error("prepend: sideband of another packet");
      end
    end
  end
endmodule
