// SPDX-License-Identifier: BSD-2-Clause
// Transmit side of a port: merges its sources a packet at a time, pads frames to 60 bytes (64 with the FCS that the MAC
// adds) with zeros, counts. One word a cycle, latency 2.
module tx_port
  import culvert_pkg::*;
#(
    parameter int unsigned N = 4  // sources
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [N-1:0]     valid_i,
    output logic [N-1:0]     ready_o,
    input  word_t            word_i [N],
    output logic             valid_o,
    input  logic             ready_i,
    output word_t            word_o,
    output logic             sent_o,   // pulse for counters
    output logic [LEN_W-1:0] bytes_o   // with sent_o
);
  localparam int unsigned MIN_FRAME = 60;

  logic [N-1:0] last;
  for (genvar i = 0; i < N; i++) begin : g_last
    assign last[i] = word_i[i].last;
    stream_check u_check (.clk_i, .rst_ni, .valid_i(valid_i[i]), .ready_i(ready_o[i]), .word_i(word_i[i]));
  end

  logic  m_valid, m_ready, unused_last;
  word_t m_word;
  pkt_arb #(.T(word_t), .N(N)) u_merge (
      .clk_i, .rst_ni, .valid_i, .ready_o, .last_i(last), .data_i(word_i), .valid_o(m_valid), .ready_i(m_ready), .last_o(unused_last), .data_o(m_word)
  );

  logic             valid_q, sent_q;
  word_t            word_q;
  logic [LEN_W-1:0] bytes_q, len_q;
  wire logic        free = !valid_q || ready_i;
  wire logic [6:0]  bytes = 7'd64 - 7'(word_q.empty);
  assign m_ready = free;
  assign valid_o = valid_q;
  assign word_o  = word_q;
  assign sent_o  = sent_q;
  assign bytes_o = bytes_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      sent_q  <= 1'b0;
      len_q   <= '0;
    end else begin
      if (free) valid_q <= m_valid;
      sent_q <= valid_q && ready_i && word_q.last;
      if (valid_q && ready_i) len_q <= word_q.last ? '0 : len_q + LEN_W'(WORD_BYTES);
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid_q && ready_i) bytes_q <= len_q + LEN_W'(bytes);
    if (free && m_valid) begin
      word_q <= m_word;
      if (m_word.sop && m_word.last && m_word.empty > EMPTY_W'(WORD_BYTES - MIN_FRAME)) begin
        word_q.empty <= EMPTY_W'(WORD_BYTES - MIN_FRAME);
        for (int unsigned i = 0; i < WORD_BYTES; i++) if (7'(i) >= 7'd64 - 7'(m_word.empty)) word_q.data[8*i+:8] <= 8'h0;
      end
    end
  end

  stream_check u_check_out (.clk_i, .rst_ni, .valid_i(valid_o), .ready_i, .word_i(word_o));
endmodule
