// SPDX-License-Identifier: BSD-2-Clause
// Inbound ESP (RFC 4303, RFC 4106; tunnel mode, IPv4): headers off, AES-GCM, and a packet memory that releases a packet
// only after the commit point has passed it. One word a cycle counted in words of the frame. A full memory makes the
// engine, and in the end the receive buffer, wait.
module esp_in
  import culvert_pkg::*;
  import dp_pkg::*;
  import esp_pkg::*;
#(
    parameter int unsigned WORDS = 512  // packet memory; at least two of the longest packet
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  sa_cmd_t            cmd_i,
    input  sa_stage_t          stage_i,
    output logic               cmd_done_o,
    output sa_result_t         result_o,
    input  logic               find_i,        // lookup, see esp_in_find
    input  logic [31:0]        find_spi_i,
    input  logic [31:0]        find_seq_i,
    output logic               found_o,
    output logic [EPOCH_W-1:0] found_epoch_o,
    output logic               found_esn_o,
    output logic [63:0]        found_seq_o,
    input  logic               valid_i,       // frames, cut to the ESP packet's end
    output logic               ready_o,
    input  word_t              word_i,
    input  esp_meta_t          meta_i,
    output logic               valid_o,       // inner packets
    input  logic               ready_i,
    output word_t              word_o,
    output fwd_meta_t          meta_o,
    output in_count_t          count_o,
    output logic [LEN_W-1:0]   count_bytes_o, // with count_o.pass
    output event_t             event_o
);
  import gcm_pkg::*;
  localparam int unsigned AW = $clog2(WORDS);
  localparam int unsigned VERDICTS = 32;

  // ---- SA lookup -----------------------------------------------------------------------------------------------
  logic            top_we;
  logic [SA_W-1:0] top_index;
  logic [63:0]     top;
  wire logic install = cmd_done_o && cmd_i.op == SA_INSTALL;
  wire logic remove = cmd_done_o && cmd_i.op == SA_REMOVE;
  esp_in_find u_find (
      .clk_i, .rst_ni, .we_i(install || remove), .windex_i(cmd_i.index),
      .wdata_i(remove ? '0 : in_find_t'{valid: 1'b1, epoch: cmd_i.epoch, spi: stage_i.spi, esn: stage_i.esn, window_log2: stage_i.window_log2}),
      .top_we_i(top_we), .top_windex_i(top_index), .top_wdata_i(top),
      .find_i, .spi_i(find_spi_i), .seq_i(find_seq_i), .found_o, .epoch_o(found_epoch_o), .esn_o(found_esn_o), .seq_o(found_seq_o)
  );

  // ---- headers off, key ----------------------------------------------------------------------------------------
  logic      s_valid, s_ready;
  word_t     s_word;
  esp_meta_t s_meta;
  strip #(.META(esp_meta_t), .N0(PLAIN_HEAD), .N1(UDP_HEAD)) u_strip (
      .clk_i, .rst_ni, .valid_i, .ready_o, .word_i, .meta_i, .sel_i(meta_i.udp),
      .valid_o(s_valid), .ready_i(s_ready), .word_o(s_word), .meta_o(s_meta)
  );

  sa_key_t   key_mem_q [board_pkg::SA_COUNT];
  logic      k_valid_q, x_ready;
  word_t     k_word_q;
  esp_meta_t k_meta_q;
  sa_key_t   key_q;
  assign s_ready = !k_valid_q || x_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) k_valid_q <= 1'b0;
    else if (s_ready) k_valid_q <= s_valid;
  end
  always_ff @(posedge clk_i) begin
    if (install) key_mem_q[cmd_i.index] <= '{cmd_i.epoch, stage_i.key256, stage_i.key, stage_i.salt, stage_i.hpow};
    else if (remove) key_mem_q[cmd_i.index] <= '0;
    if (s_valid && s_ready) begin
      k_word_q <= s_word;
      if (s_word.sop) begin
        k_meta_q <= s_meta;
        key_q    <= key_mem_q[s_meta.sa];
      end
    end
  end

  // ---- engine --------------------------------------------------------------------------------------------------
  gcm_ctx_t   x_ctx_q;
  gcm_word_t  x_word_q, e_out;
  in_flight_t x_flight_q;
  logic       x_valid_q, e_ready, e_valid, e_take, e_auth, unused_user;
  assign x_ready = !x_valid_q || e_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) x_valid_q <= 1'b0;
    else if (x_ready) x_valid_q <= k_valid_q;
  end
  always_ff @(posedge clk_i) begin
    if (k_valid_q && x_ready) begin
      x_word_q <= '{sop: k_word_q.sop, last: k_word_q.last, bytes: 7'd64 - 7'(k_word_q.empty), data: k_word_q.data};
      if (k_word_q.sop) begin
        x_ctx_q    <= '{key256: key_q.key256, key: key_q.key, nonce: {k_meta_q.iv, key_q.salt}, aad_bytes: k_meta_q.esn ? 5'd12 : 5'd8,
                        aad: esp_aad(k_meta_q.spi, k_meta_q.seq, k_meta_q.esn), hpow: key_q.hpow};
        x_flight_q <= '{sa: k_meta_q.sa, epoch: k_meta_q.epoch, seq: k_meta_q.seq, plain_len: k_meta_q.cipher_len - LEN_W'(ICV_BYTES),
                        words: WORDS_W'((32'(k_meta_q.cipher_len) + 63) / 64)};
      end
    end
  end
  gcm_engine #(.ENCRYPT(1'b0), .USER_T(logic)) u_engine (
      .clk_i, .rst_ni, .in_valid_i(x_valid_q), .in_ready_o(e_ready), .in_word_i(x_word_q), .in_ctx_i(x_ctx_q), .in_user_i(1'b0),
      .out_valid_o(e_valid), .out_ready_i(e_take), .out_word_o(e_out), .out_user_o(unused_user), .auth_ok_o(e_auth)
  );

  in_flight_t flight;
  logic       flight_valid, flight_room;
  fifo #(.T(in_flight_t), .DEPTH(128)) u_flight (
      .clk_i, .rst_ni, .valid_i(x_valid_q && e_ready && x_word_q.sop), .ready_o(flight_room), .data_i(x_flight_q),
      .valid_o(flight_valid), .ready_i(e_valid && e_take && e_out.last), .data_o(flight)
  );

  // ---- packet memory and verdicts ------------------------------------------------------------------------------
  logic [AW:0]        wptr_q, rptr;
  logic [5:0]         pending_q;     // packets whose verdict waits for the commit point
  logic               v_valid, v_ready, verdict_valid, verdict_room;
  in_verdict_t        v, verdict;
  logic               done, pass, desc_room;
  logic [LEN_W-1:0]   len, unused_len;
  logic [WORDS_W-1:0] words;
  fwd_meta_t          meta;

  wire logic room = wptr_q != {~rptr[AW], rptr[AW-1:0]} && pending_q < 6'(VERDICTS - 8);
  wire logic store = e_valid && e_take;
  assign e_take = room && flight_valid;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wptr_q    <= '0;
      pending_q <= '0;
    end else begin
      if (store) wptr_q <= wptr_q + 1'b1;
      if ((store && e_out.last) != (verdict_valid && v_ready)) pending_q <= store && e_out.last ? pending_q + 6'd1 : pending_q - 6'd1;
    end
  end

  esp_in_check u_check (
      .clk_i, .rst_ni, .valid_i(store), .sop_i(e_out.sop), .last_i(e_out.last), .data_i(e_out.data), .auth_ok_i(e_auth), .flight_i(flight),
      .valid_o(v_valid), .verdict_o(v)
  );
  fifo #(.T(in_verdict_t), .DEPTH(VERDICTS)) u_verdicts (
      .clk_i, .rst_ni, .valid_i(v_valid), .ready_o(verdict_room), .data_i(v),
      .valid_o(verdict_valid), .ready_i(v_ready), .data_o(verdict)
  );
  esp_in_commit u_commit (
      .clk_i, .rst_ni, .cmd_i, .stage_i, .cmd_done_o, .result_o, .valid_i(verdict_valid), .ready_o(v_ready), .verdict_i(verdict),
      .top_we_o(top_we), .top_index_o(top_index), .top_o(top),
      .done_o(done), .pass_o(pass), .len_o(len), .words_o(words), .meta_o(meta), .count_o, .event_o
  );
  assign count_bytes_o = len;

  pkt_mem #(.META(fwd_meta_t), .WORDS(WORDS), .PACKETS(WORDS)) u_mem (
      .clk_i, .rst_ni, .we_i(store), .waddr_i(wptr_q[AW-1:0]), .wdata_i(e_out.data), .rptr_o(rptr),
      .desc_valid_i(done), .desc_ready_o(desc_room), .desc_drop_i(!pass), .desc_len_i(len), .desc_words_i(words), .desc_meta_i(meta),
      .valid_o, .ready_i, .word_o, .len_o(unused_len), .meta_o
  );

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_flight_room: assert (!(x_valid_q && e_ready && x_word_q.sop) || flight_room) else $error("esp_in: more packets in the engine than places");
      a_flight: assert (!e_valid || flight_valid) else $error("esp_in: word without its packet");
      a_verdict_room: assert (!v_valid || verdict_room) else $error("esp_in: verdict lost");
      a_desc_room: assert (!done || desc_room) else $error("esp_in: decision lost");
    end
  end
endmodule
