// SPDX-License-Identifier: BSD-2-Clause
// Outbound ESP (RFC 4303, RFC 4106, RFC 3948; tunnel mode, IPv4): takes inner packets with their tunnel, gives whole frames.
// One word a cycle counted in words of the frame. A packet whose SA was replaced after its number was given out is
// dropped before the engine: a number never meets another installation's key.
module esp_out
  import culvert_pkg::*;
  import dp_pkg::*;
  import esp_pkg::*;
(
    input  logic             clk_i,
    input  logic             rst_ni,
    input  config_t          config_i,
    input  tables_t          tables_i,
    input  sa_cmd_t          cmd_i,
    input  sa_stage_t        stage_i,
    output logic             cmd_done_o,
    output sa_result_t       result_o,
    input  logic             valid_i,
    output logic             ready_o,
    input  tun_word_t        data_i,
    output logic [1:0]       port_valid_o,
    input  logic [1:0]       port_ready_i,
    output word_t            port_word_o,
    output out_count_t       count_o,
    output logic [LEN_W-1:0] count_bytes_o,  // with count_o.sent
    output event_t           event_o
);
  import gcm_pkg::*;
  localparam int unsigned PLACES = 64;

  // ---- words wait while the SA is found and a number given out ---------------------------------------------------
  logic      word_valid, word_ready, word_room, ask_valid, ask_ready, ask_room;
  word_t     word;
  tun_meta_t ask;
  assign ready_o = word_room;
  fifo #(.T(word_t), .DEPTH(PLACES)) u_words (
      .clk_i, .rst_ni, .valid_i, .ready_o(word_room), .data_i(data_i.word), .valid_o(word_valid), .ready_i(word_ready), .data_o(word)
  );
  fifo #(.T(tun_meta_t), .DEPTH(PLACES * 2)) u_asks (
      .clk_i, .rst_ni, .valid_i(valid_i && word_room && data_i.word.sop), .ready_o(ask_room), .data_i(data_i.meta),
      .valid_o(ask_valid), .ready_i(ask_ready), .data_o(ask)
  );

  logic        answer_valid, packet_valid, packet_room;
  out_packet_t answer, packet;
  out_count_t  alloc_count;
  esp_out_alloc u_alloc (
      .clk_i, .rst_ni, .config_i, .tables_i, .cmd_i, .stage_i, .cmd_done_o, .result_o,
      .valid_i(ask_valid), .ready_o(ask_ready), .meta_i(ask), .valid_o(answer_valid), .packet_o(answer), .count_o(alloc_count), .event_o
  );
  logic t_ready;
  fifo #(.T(out_packet_t), .DEPTH(PLACES * 2)) u_packets (
      .clk_i, .rst_ni, .valid_i(answer_valid), .ready_o(packet_room), .data_i(answer),
      .valid_o(packet_valid), .ready_i(word_valid && word_ready && word.last), .data_o(packet)
  );
  assign word_ready = packet_valid && (packet.drop || t_ready);

  // ---- trailer, key ----------------------------------------------------------------------------------------------
  logic        s_valid, s_ready;
  word_t       s_word;
  out_packet_t s_packet;
  esp_trailer #(.META(out_packet_t)) u_trailer (
      .clk_i, .rst_ni, .valid_i(word_valid && packet_valid && !packet.drop), .ready_o(t_ready), .word_i(word), .meta_i(packet),
      .valid_o(s_valid), .ready_i(s_ready), .word_o(s_word), .meta_o(s_packet)
  );

  sa_key_t     key_mem_q [board_pkg::SA_COUNT];
  sa_key_t     key_q;
  logic        k_valid_q, x_ready, stale;
  word_t       k_word_q;
  out_packet_t k_packet_q;
  wire logic install = cmd_done_o && cmd_i.op == SA_INSTALL;
  wire logic remove = cmd_done_o && cmd_i.op == SA_REMOVE;
  assign stale   = key_q.epoch != k_packet_q.epoch;
  assign s_ready = !k_valid_q || stale || x_ready;
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
        k_packet_q <= s_packet;
        key_q      <= key_mem_q[s_packet.sa];
      end
    end
  end

  // ---- engine ----------------------------------------------------------------------------------------------------
  typedef struct packed {
    logic                  port;
    logic                  udp;
    logic [8*UDP_HEAD-1:0] header;
  } head_t;

  gcm_ctx_t         x_ctx_q;
  gcm_word_t        x_word_q, e_out;
  head_t            x_head_q;
  logic [LEN_W-1:0] x_len_q;
  logic             x_valid_q, e_ready, e_valid, e_take, unused_user, unused_auth;
  assign x_ready = !x_valid_q || e_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) x_valid_q <= 1'b0;
    else if (x_ready) x_valid_q <= k_valid_q && !stale;
  end
  always_ff @(posedge clk_i) begin
    if (k_valid_q && !stale && x_ready) begin
      x_word_q <= '{sop: k_word_q.sop, last: k_word_q.last, bytes: 7'd64 - 7'(k_word_q.empty), data: k_word_q.data};
      if (k_word_q.sop) begin
        x_ctx_q  <= '{key256: key_q.key256, key: key_q.key, nonce: {be64(k_packet_q.seq), key_q.salt}, aad_bytes: k_packet_q.esn ? 5'd12 : 5'd8,
                      aad: esp_aad(k_packet_q.spi, k_packet_q.seq, k_packet_q.esn), hpow: key_q.hpow};
        x_head_q <= '{k_packet_q.port, k_packet_q.udp, k_packet_q.header};
        x_len_q  <= k_packet_q.len;
      end
    end
  end
  gcm_engine #(.ENCRYPT(1'b1), .USER_T(logic)) u_engine (
      .clk_i, .rst_ni, .in_valid_i(x_valid_q), .in_ready_o(e_ready), .in_word_i(x_word_q), .in_ctx_i(x_ctx_q), .in_user_i(1'b0),
      .out_valid_o(e_valid), .out_ready_i(e_take), .out_word_o(e_out), .out_user_o(unused_user), .auth_ok_o(unused_auth)
  );

  wire logic enter = x_valid_q && e_ready && x_word_q.sop;
  head_t head;
  logic  head_valid, head_room, p_ready;
  fifo #(.T(head_t), .DEPTH(128)) u_heads (
      .clk_i, .rst_ni, .valid_i(enter), .ready_o(head_room), .data_i(x_head_q),
      .valid_o(head_valid), .ready_i(e_valid && e_take && e_out.last), .data_o(head)
  );

  // ---- headers ---------------------------------------------------------------------------------------------------
  word_t e_word;
  logic  p_valid, p_port;
  assign e_word = '{sop: e_out.sop, last: e_out.last, empty: EMPTY_W'(7'd64 - e_out.bytes), data: e_out.data};
  assign e_take = head_valid && p_ready;
  prepend #(.META(logic), .N0(PLAIN_HEAD), .N1(UDP_HEAD)) u_prepend (
      .clk_i, .rst_ni, .valid_i(e_valid && head_valid), .ready_o(p_ready), .word_i(e_word), .meta_i(head.port), .sel_i(head.udp),
      .header_i(head.header), .valid_o(p_valid), .ready_i(port_ready_i[p_port]), .word_o(port_word_o), .meta_o(p_port)
  );
  always_comb begin
    port_valid_o         = '0;
    port_valid_o[p_port] = p_valid;
  end

  // ---- counters --------------------------------------------------------------------------------------------------
  logic sent_q, stale_q;
  always_ff @(posedge clk_i) begin
    sent_q  <= rst_ni && enter;
    stale_q <= rst_ni && k_valid_q && stale && k_word_q.sop;
    if (enter) count_bytes_o <= x_len_q;
  end
  assign count_o = '{sent: sent_q, no_sa: alloc_count.no_sa, no_adj: alloc_count.no_adj, lifetime: alloc_count.lifetime,
                   stale: stale_q};

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_ask_room: assert (!(valid_i && word_room && data_i.word.sop) || ask_room) else $error("esp_out: packet without a place to ask");
      a_packet_room: assert (!answer_valid || packet_room) else $error("esp_out: answer lost");
      a_head_room: assert (!enter || head_room) else $error("esp_out: header lost");
    end
  end
endmodule
