// SPDX-License-Identifier: BSD-2-Clause
// The card's packet pipeline: two ports, the host's two streams and the register bus of the management core. See
// hw/README.md for the picture. Streams follow culvert_pkg; a port's receive side has no ready: what does not fit is
// dropped whole and counted.
module datapath
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        rx0_valid_i,       // outside port
    input  word_t       rx0_word_i,
    output logic        tx0_valid_o,
    output word_t       tx0_word_o,
    input  logic        tx0_ready_i,
    input  logic        rx1_valid_i,       // inside port
    input  word_t       rx1_word_i,
    output logic        tx1_valid_o,
    output word_t       tx1_word_o,
    input  logic        tx1_ready_i,
    output logic        to_host_valid_o,
    output word_t       to_host_word_o,
    output to_host_t    to_host_meta_o,
    input  logic        to_host_ready_i,
    input  logic        from_host_valid_i,
    input  word_t       from_host_word_i,
    input  from_host_t  from_host_meta_i,
    output logic        from_host_ready_o,
    input  logic        reg_req_i,         // held until ack
    input  logic        reg_we_i,
    input  logic [15:0] reg_addr_i,
    input  logic [31:0] reg_wdata_i,
    output logic        reg_ack_o,
    output logic [31:0] reg_rdata_o,
    output logic        reg_err_o,
    output logic        irq_event_o,       // the event FIFO is not empty
    input  logic [1:0]  link_i,
    input  logic        host_rx_dropped_i  // pulse: the DMA block had no room for a packet
);
  import dp_regs_pkg::*;
  import esp_pkg::in_count_t;
  import esp_pkg::out_count_t;

  // ---- registers, commands, events -------------------------------------------------------------------------------
  config_t     cfg;
  tables_t     tables;
  sa_stage_t   stage;
  sa_cmd_t     cmd_in, cmd_out;
  sa_result_t  result_in, result_out;
  logic        done_in, done_out, event_pop;
  event_t      event_in, event_out, event_head;
  logic [5:0]  counter_index;
  logic [63:0] counter_value;

  dp_regs u_regs (
      .clk_i, .rst_ni, .req_i(reg_req_i), .we_i(reg_we_i), .addr_i(reg_addr_i), .wdata_i(reg_wdata_i), .ack_o(reg_ack_o), .rdata_o(reg_rdata_o),
      .err_o(reg_err_o), .config_o(cfg), .tables_o(tables), .stage_o(stage), .cmd_in_o(cmd_in), .cmd_out_o(cmd_out), .done_in_i(done_in),
      .done_out_i(done_out), .result_in_i(result_in), .result_out_i(result_out), .event_i(event_head), .event_pop_o(event_pop),
      .counter_index_o(counter_index), .counter_value_i(counter_value)
  );
  dp_events u_events (.clk_i, .rst_ni, .in_i(event_in), .out_i(event_out), .link_i, .head_o(event_head), .pop_i(event_pop));
  assign irq_event_o = event_head.valid;

  // ---- receive ---------------------------------------------------------------------------------------------------
  logic [1:0]       rx_valid, r_valid, r_ready, received, overflow, too_long;
  word_t            rx_word [2], r_word [2];
  logic [LEN_W-1:0] r_len [2], rx_bytes [2];
  assign rx_valid = {rx1_valid_i, rx0_valid_i};
  assign rx_word  = '{rx0_word_i, rx1_word_i};
  for (genvar p = 0; p < 2; p++) begin : g_rx
    rx_port u_rx (
        .clk_i, .rst_ni, .enable_i(cfg.enable && cfg.rx_enable[p]), .valid_i(rx_valid[p]), .word_i(rx_word[p]),
        .valid_o(r_valid[p]), .ready_i(r_ready[p]), .word_o(r_word[p]), .len_o(r_len[p]),
        .received_o(received[p]), .bytes_o(rx_bytes[p]), .overflow_o(overflow[p]), .long_o(too_long[p])
    );
  end

  // ---- outside: classify, decrypt, forward -----------------------------------------------------------------------
  logic               find, found, found_esn, esp_valid, esp_ready, outside_bad, truncated, unknown_spi;
  logic [31:0]        find_spi, find_seq;
  logic [63:0]        found_seq;
  logic [EPOCH_W-1:0] found_epoch;
  word_t              esp_word;
  esp_meta_t          esp_meta;
  logic [2:0]         host_valid;
  word_t              host_word [3];
  to_host_t           host_meta [3];

  rx_outside u_outside (
      .clk_i, .rst_ni, .config_i(cfg), .valid_i(r_valid[0]), .ready_o(r_ready[0]), .word_i(r_word[0]), .len_i(r_len[0]),
      .find_o(find), .find_spi_o(find_spi), .find_seq_o(find_seq), .found_i(found), .found_epoch_i(found_epoch), .found_esn_i(found_esn),
      .found_seq_i(found_seq), .esp_valid_o(esp_valid), .esp_ready_i(esp_ready), .esp_word_o(esp_word), .esp_meta_o(esp_meta),
      .host_valid_o(host_valid[0]), .host_word_o(host_word[0]), .host_meta_o(host_meta[0]),
      .bad_o(outside_bad), .truncated_o(truncated), .unknown_spi_o(unknown_spi)
  );

  logic             d_valid, d_ready;
  word_t            d_word;
  fwd_meta_t        d_meta;
  in_count_t        in_count;
  logic [LEN_W-1:0] in_bytes;
  esp_in u_in (
      .clk_i, .rst_ni, .cmd_i(cmd_in), .stage_i(stage), .cmd_done_o(done_in), .result_o(result_in),
      .find_i(find), .find_spi_i(find_spi), .find_seq_i(find_seq), .found_o(found), .found_epoch_o(found_epoch), .found_esn_o(found_esn),
      .found_seq_o(found_seq), .valid_i(esp_valid), .ready_o(esp_ready), .word_i(esp_word), .meta_i(esp_meta),
      .valid_o(d_valid), .ready_i(d_ready), .word_o(d_word), .meta_o(d_meta), .count_o(in_count), .count_bytes_o(in_bytes), .event_o(event_in)
  );

  // ---- forwarders: 0 decrypted, 1 inside -------------------------------------------------------------------------
  logic [1:0] f_tun_valid, f_bad, flow_hit, fib_hit, route_drop, no_adj, hairpin;
  logic [2:0] tun_valid, tun_ready, tun_last;
  word_t      tun_word [3];
  tun_meta_t  tun_meta [3];
  tun_word_t  tun_data [3];
  logic [1:0] f_port_valid [2], f_port_ready [2];
  word_t      f_port_word [2];

  fwd #(.L3_OFFSET(0)) u_fwd_decrypted (
      .clk_i, .rst_ni, .config_i(cfg), .tables_i(tables), .valid_i(d_valid), .ready_o(d_ready), .word_i(d_word), .meta_i(d_meta),
      .tun_valid_o(f_tun_valid[0]), .tun_ready_i(tun_ready[0]), .tun_word_o(tun_word[0]), .tun_meta_o(tun_meta[0]),
      .port_valid_o(f_port_valid[0]), .port_ready_i(f_port_ready[0]), .port_word_o(f_port_word[0]),
      .host_valid_o(host_valid[1]), .host_word_o(host_word[1]), .host_meta_o(host_meta[1]),
      .bad_o(f_bad[0]), .flow_hit_o(flow_hit[0]), .fib_hit_o(fib_hit[0]), .route_drop_o(route_drop[0]), .no_adj_o(no_adj[0]), .hairpin_o(hairpin[0])
  );
  fwd #(.L3_OFFSET(14)) u_fwd_inside (
      .clk_i, .rst_ni, .config_i(cfg), .tables_i(tables), .valid_i(r_valid[1]), .ready_o(r_ready[1]), .word_i(r_word[1]),
      .meta_i('{len: r_len[1], to_host: 1'b0, tunnel: '0, sa: '0}),
      .tun_valid_o(f_tun_valid[1]), .tun_ready_i(tun_ready[1]), .tun_word_o(tun_word[1]), .tun_meta_o(tun_meta[1]),
      .port_valid_o(f_port_valid[1]), .port_ready_i(f_port_ready[1]), .port_word_o(f_port_word[1]),
      .host_valid_o(host_valid[2]), .host_word_o(host_word[2]), .host_meta_o(host_meta[2]),
      .bad_o(f_bad[1]), .flow_hit_o(flow_hit[1]), .fib_hit_o(fib_hit[1]), .route_drop_o(route_drop[1]), .no_adj_o(no_adj[1]), .hairpin_o(hairpin[1])
  );

  // ---- the host's packets ----------------------------------------------------------------------------------------
  logic [1:0] h_port_valid, h_port_ready;
  word_t      h_port_word;
  logic       h_tun_valid, host_taken, host_bad;
  host_tx u_host_tx (
      .clk_i, .rst_ni, .valid_i(from_host_valid_i), .ready_o(from_host_ready_o), .word_i(from_host_word_i), .meta_i(from_host_meta_i),
      .port_valid_o(h_port_valid), .port_ready_i(h_port_ready), .port_word_o(h_port_word),
      .tun_valid_o(h_tun_valid), .tun_ready_i(tun_ready[2]), .tun_word_o(tun_word[2]), .tun_meta_o(tun_meta[2]), .taken_o(host_taken), .bad_o(host_bad)
  );
  stream_check u_check_from_host (
      .clk_i, .rst_ni, .valid_i(from_host_valid_i), .ready_i(from_host_ready_o), .word_i(from_host_word_i)
  );

  logic       host_given;
  logic [2:0] host_dropped;
  host_rx #(.N(3)) u_host_rx (
      .clk_i, .rst_ni, .valid_i(host_valid), .word_i(host_word), .meta_i(host_meta), .valid_o(to_host_valid_o), .ready_i(to_host_ready_i),
      .word_o(to_host_word_o), .meta_o(to_host_meta_o), .given_o(host_given), .dropped_o(host_dropped)
  );

  // ---- to be encrypted: hairpin, inside, host; traffic manager; outbound -----------------------------------------
  assign tun_valid = {h_tun_valid, f_tun_valid};
  for (genvar i = 0; i < 3; i++) begin : g_tun
    assign tun_last[i] = tun_word[i].last;
    assign tun_data[i] = '{word: tun_word[i], meta: tun_meta[i]};
    stream_check u_check (.clk_i, .rst_ni, .valid_i(tun_valid[i]), .ready_i(tun_ready[i]), .word_i(tun_word[i]));
  end
  logic      m_valid, m_ready, o_valid, o_ready, unused_last;
  tun_word_t m_data, o_data;
  pkt_arb #(.T(tun_word_t), .N(3)) u_merge (
      .clk_i, .rst_ni, .valid_i(tun_valid), .ready_o(tun_ready), .last_i(tun_last), .data_i(tun_data),
      .valid_o(m_valid), .ready_i(m_ready), .last_o(unused_last), .data_o(m_data)
  );
  tm u_tm (.clk_i, .rst_ni, .valid_i(m_valid), .ready_o(m_ready), .data_i(m_data), .valid_o(o_valid), .ready_i(o_ready), .data_o(o_data));

  logic [1:0]       e_port_valid, e_port_ready;
  word_t            e_port_word;
  out_count_t       out_count;
  logic [LEN_W-1:0] out_bytes;
  esp_out u_out (
      .clk_i, .rst_ni, .config_i(cfg), .tables_i(tables), .cmd_i(cmd_out), .stage_i(stage), .cmd_done_o(done_out), .result_o(result_out),
      .valid_i(o_valid), .ready_o(o_ready), .data_i(o_data),
      .port_valid_o(e_port_valid), .port_ready_i(e_port_ready), .port_word_o(e_port_word),
      .count_o(out_count), .count_bytes_o(out_bytes), .event_o(event_out)
  );

  // ---- transmit --------------------------------------------------------------------------------------------------
  logic [1:0]       t_valid, t_ready, sent;
  word_t            t_word [2];
  logic [LEN_W-1:0] tx_bytes [2];
  logic [3:0]       port_ready [2];
  word_t            port_word [4];
  assign port_word = '{e_port_word, f_port_word[0], f_port_word[1], h_port_word};
  for (genvar p = 0; p < 2; p++) begin : g_tx
    tx_port #(.N(4)) u_tx (
        .clk_i, .rst_ni, .valid_i({h_port_valid[p], f_port_valid[1][p], f_port_valid[0][p], e_port_valid[p]}), .ready_o(port_ready[p]),
        .word_i(port_word), .valid_o(t_valid[p]), .ready_i(t_ready[p]), .word_o(t_word[p]), .sent_o(sent[p]), .bytes_o(tx_bytes[p])
    );
    assign {h_port_ready[p], f_port_ready[1][p], f_port_ready[0][p], e_port_ready[p]} = port_ready[p];
  end
  assign {tx1_valid_o, tx0_valid_o} = t_valid;
  assign t_ready    = {tx1_ready_i, tx0_ready_i};
  assign tx0_word_o = t_word[0];
  assign tx1_word_o = t_word[1];

  // ---- counters --------------------------------------------------------------------------------------------------
  logic [COUNTER_COUNT-1:0] a, b, c, d;
  always_comb begin
    a = '0;
    b = '0;
    c = '0;
    d = '0;
    a[COUNTER_RX0_PACKETS]      = received[0];
    a[COUNTER_RX0_BYTES]        = received[0];
    a[COUNTER_RX1_PACKETS]      = received[1];
    a[COUNTER_RX1_BYTES]        = received[1];
    a[COUNTER_TX0_PACKETS]      = sent[0];
    a[COUNTER_TX0_BYTES]        = sent[0];
    a[COUNTER_TX1_PACKETS]      = sent[1];
    a[COUNTER_TX1_BYTES]        = sent[1];
    a[COUNTER_RX0_OVERFLOW]     = overflow[0];
    a[COUNTER_RX1_OVERFLOW]     = overflow[1];
    a[COUNTER_RX0_BAD]          = outside_bad;
    b[COUNTER_RX0_BAD]          = too_long[0];
    a[COUNTER_RX1_BAD]          = f_bad[1];
    b[COUNTER_RX1_BAD]          = too_long[1];
    a[COUNTER_ESP_IN_PACKETS]   = in_count.pass;
    a[COUNTER_ESP_IN_BYTES]     = in_count.pass;
    a[COUNTER_ESP_OUT_PACKETS]  = out_count.sent;
    a[COUNTER_ESP_OUT_BYTES]    = out_count.sent;
    a[COUNTER_ESP_UNKNOWN_SPI]  = unknown_spi;
    b[COUNTER_ESP_UNKNOWN_SPI]  = in_count.unknown_spi;
    a[COUNTER_ESP_TRUNCATED]    = truncated;
    a[COUNTER_ESP_AUTH_FAIL]    = in_count.auth_fail;
    a[COUNTER_ESP_REPLAY]       = in_count.replay;
    a[COUNTER_ESP_BAD_PADDING]  = in_count.bad_padding;
    a[COUNTER_ESP_POLICY]       = in_count.policy;
    b[COUNTER_ESP_POLICY]       = f_bad[0];
    a[COUNTER_ESP_LIFETIME]     = in_count.lifetime;
    b[COUNTER_ESP_LIFETIME]     = out_count.lifetime;
    a[COUNTER_OUT_NO_SA]        = out_count.no_sa;
    b[COUNTER_OUT_NO_SA]        = out_count.stale;
    a[COUNTER_FLOW_HIT]         = flow_hit[0];
    b[COUNTER_FLOW_HIT]         = flow_hit[1];
    a[COUNTER_FIB_HIT]          = fib_hit[0];
    b[COUNTER_FIB_HIT]          = fib_hit[1];
    a[COUNTER_ROUTE_DROP]       = route_drop[0];
    b[COUNTER_ROUTE_DROP]       = route_drop[1];
    a[COUNTER_NO_ADJ]           = no_adj[0];
    b[COUNTER_NO_ADJ]           = no_adj[1];
    c[COUNTER_NO_ADJ]           = out_count.no_adj;
    a[COUNTER_HOST_RX_PACKETS]  = host_given;
    a[COUNTER_HOST_RX_DROPPED]  = host_rx_dropped_i;
    d[COUNTER_HOST_RX_DROPPED]  = host_dropped[2];
    b[COUNTER_HOST_RX_DROPPED]  = host_dropped[1];
    c[COUNTER_HOST_RX_DROPPED]  = host_dropped[0];
    a[COUNTER_HOST_TX_PACKETS]  = host_taken;
    a[COUNTER_HOST_TX_BAD]      = host_bad;
    a[COUNTER_HAIRPIN_PACKETS]  = hairpin[0];
  end
  dp_counters u_counters (
      .clk_i, .rst_ni, .a_i(a), .b_i(b), .c_i(c), .d_i(d), .rx_bytes_i(rx_bytes), .tx_bytes_i(tx_bytes), .esp_in_bytes_i(in_bytes),
      .esp_out_bytes_i(out_bytes), .index_i(counter_index), .value_o(counter_value)
  );
endmodule
