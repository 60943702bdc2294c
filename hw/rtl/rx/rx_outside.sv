// SPDX-License-Identifier: BSD-2-Clause
// Outside port: decides at each packet's first word whether it is ESP to an own address (plain, RFC 4303, or in UDP port
// 4500, RFC 3948), something for the host, or to be dropped. The words wait in a FIFO while the header goes through a
// pipeline that never stalls; the decision meets them at the FIFO's head. One word a cycle; latency 8 cycles.
module rx_outside
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic             clk_i,
    input  logic             rst_ni,
    input  config_t          config_i,
    input  logic             valid_i,
    output logic             ready_o,
    input  word_t            word_i,
    input  logic [LEN_W-1:0] len_i,       // with the first word
    // SA lookup: answer in the second cycle after the request
    output logic             find_o,
    output logic [31:0]      find_spi_o,
    output logic [31:0]      find_seq_o,
    input  logic             found_i,
    input  logic [EPOCH_W-1:0] found_epoch_i,
    input  logic             found_esn_i,
    input  logic [63:0]      found_seq_i,
    // ESP, from its Ethernet header on, cut to the IP packet's length
    output logic             esp_valid_o,
    input  logic             esp_ready_i,
    output word_t            esp_word_o,
    output esp_meta_t        esp_meta_o,
    // to the host: never waits
    output logic             host_valid_o,
    output word_t            host_word_o,
    output to_host_t         host_meta_o,
    // pulses for counters
    output logic             bad_o,
    output logic             truncated_o,
    output logic             unknown_spi_o
);
  import dp_regs_pkg::*;
  localparam int unsigned DEPTH = 32;
  localparam int unsigned ICV = 16;

  typedef enum logic [1:0] {DROP, HOST, ESP} act_e;
  typedef struct packed {
    act_e             act;
    logic [7:0]       reason;
    logic [LEN_W-1:0] len;       // frame, or, for ESP, Ethernet and IP packet
    esp_meta_t        esp;
  } verdict_t;

  logic  word_valid, word_ready, fifo_ready;
  word_t word;
  wire logic take = valid_i && fifo_ready;
  assign ready_o = fifo_ready;
  fifo #(.T(word_t), .DEPTH(DEPTH)) u_words (
      .clk_i, .rst_ni, .valid_i, .ready_o(fifo_ready), .data_i(word_i),
      .valid_o(word_valid), .ready_i(word_ready), .data_o(word)
  );

  // Header pipeline: A raw bytes, B parsed, C decided and SA asked for, D and E SA, F answer.
  logic                    a_valid_q, b_valid_q, c_valid_q, d_valid_q, e_valid_q, f_valid_q;
  logic [8*HEAD_BYTES-1:0] a_raw_q;
  logic [LEN_W-1:0]        a_len_q;
  logic                    b_ipv4_q, b_ours_q, b_short_q, b_local_q, b_marker_q;
  logic [LEN_W-1:0]        b_len_q;
  ip_t                     b_ip_q;
  logic [15:0]             b_udp_len_q;
  logic [191:0]            b_esp_q;      // bytes 34 to 57: UDP or ESP, and what follows
  verdict_t                c_q, d_q, e_q, f_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {a_valid_q, b_valid_q, c_valid_q, d_valid_q, e_valid_q, f_valid_q} <= '0;
    else begin
      a_valid_q <= take && word_i.sop;
      {b_valid_q, c_valid_q, d_valid_q, e_valid_q, f_valid_q} <= {a_valid_q, b_valid_q, c_valid_q, d_valid_q, e_valid_q};
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && word_i.sop) begin
      a_raw_q <= word_i.data[8*HEAD_BYTES-1:0];
      a_len_q <= len_i;
    end
    if (a_valid_q) begin
      b_len_q     <= a_len_q;
      b_short_q   <= a_len_q <= LEN_W'(14);
      b_ipv4_q    <= be16(a_raw_q[111:96]) == 16'h0800;
      b_ours_q    <= a_raw_q[47:0] == config_i.mac[0];
      b_ip_q      <= parse_ip(a_raw_q[112+:192], a_len_q - LEN_W'(14));
      b_udp_len_q <= be16(a_raw_q[8*38+:16]);
      b_marker_q  <= a_raw_q[8*42+:32] == '0;
      b_esp_q     <= a_raw_q[8*34+:192];
      b_local_q   <= 1'b0;
      for (int unsigned i = 0; i < LOCAL_COUNT; i++)
        if (config_i.local_addr[i] != '0 && config_i.local_addr[i] == be32(a_raw_q[8*30+:32])) b_local_q <= 1'b1;
    end
  end

  // B to C
  logic             udp, is_esp, esp_short;
  logic [15:0]      payload;      // bytes behind the IP header
  logic [15:0]      esp_bytes;    // bytes of the ESP packet
  always_comb begin
    payload   = b_ip_q.total - 16'd20;
    udp       = b_ip_q.proto == 8'd17;
    esp_bytes = udp ? b_udp_len_q - 16'd8 : payload;
    // UDP 4500: one byte is a NAT keepalive, four zero bytes mark IKE
    is_esp    = b_ip_q.proto == 8'd50
              || (udp && payload >= 16'd8 && b_ip_q.ports[15:0] == 16'd4500 && b_udp_len_q > 16'd9
                  && !(b_udp_len_q >= 16'd12 && payload >= 16'd12 && b_marker_q));
    // ESP needs SPI, sequence number, IV, pad length, next header and ICV; UDP may not promise more than there is
    esp_short = esp_bytes < 16'(8 + 8 + 2 + ICV) || (udp && b_udp_len_q > payload);
  end

  assign find_o     = c_valid_q && c_q.act == ESP;
  assign find_spi_o = c_q.esp.spi;
  assign find_seq_o = c_q.esp.seq[31:0];

  logic [LEN_W-1:0] c_len_q, d_len_q, e_len_q;  // the frame's length, if the host should get it after all
  logic bad_q, truncated_q, unknown_q;
  assign bad_o         = bad_q;
  assign truncated_o   = truncated_q;
  assign unknown_spi_o = unknown_q;

  always_ff @(posedge clk_i) begin
    if (bad_q) bad_q <= 1'b0;
    if (truncated_q) truncated_q <= 1'b0;
    if (unknown_q) unknown_q <= 1'b0;
    if (b_valid_q) begin
      c_q.act            <= HOST;
      c_q.reason         <= 8'(REASON_NONE);
      c_q.len            <= b_len_q;
      c_q.esp.udp        <= udp;
      c_q.esp.spi        <= be32(udp ? b_esp_q[64+:32] : b_esp_q[0+:32]);
      c_q.esp.seq        <= {32'h0, be32(udp ? b_esp_q[96+:32] : b_esp_q[32+:32])};
      c_q.esp.iv         <= udp ? b_esp_q[128+:64] : b_esp_q[64+:64];
      c_q.esp.cipher_len <= LEN_W'(esp_bytes - 16'd16);
      if (b_short_q) begin
        c_q.act <= DROP;
        bad_q   <= 1'b1;
      end else if (!b_ipv4_q) c_q.reason <= 8'(REASON_NOT_IPV4);
      else if (!b_ours_q) c_q.reason <= 8'(REASON_NOT_OURS);
      else if (b_ip_q.bad || (!b_ip_q.options && !b_ip_q.sum_ok)) begin
        c_q.act <= DROP;
        bad_q   <= 1'b1;
      end else if (b_ip_q.options || b_ip_q.fragment) c_q.reason <= 8'(REASON_OPTIONS);
      else if (!b_local_q) c_q.reason <= 8'(REASON_CLEAR);
      else if (!is_esp) c_q.reason <= 8'(REASON_LOCAL);
      else if (esp_short) begin
        c_q.act     <= DROP;
        truncated_q <= 1'b1;
      end else begin
        c_q.act <= ESP;
        // from the Ethernet header to the end of the ESP packet
        c_q.len <= LEN_W'(esp_bytes) + (udp ? LEN_W'(42) : LEN_W'(34));
      end
    end
    if (b_valid_q) c_len_q <= b_len_q;
    if (c_valid_q) begin
      d_q     <= c_q;
      d_len_q <= c_len_q;
    end
    if (d_valid_q) begin
      e_q     <= d_q;
      e_len_q <= d_len_q;
    end
    if (e_valid_q) begin
      f_q           <= e_q;
      f_q.esp.sa    <= e_q.esp.spi[SA_W-1:0];
      f_q.esp.epoch <= found_epoch_i;
      f_q.esp.esn   <= found_esn_i;
      f_q.esp.seq   <= found_seq_i;
      if (e_q.act == ESP && !found_i) begin
        f_q.act    <= HOST;
        f_q.reason <= 8'(REASON_UNKNOWN_SPI);
        f_q.len    <= e_len_q;
        unknown_q  <= 1'b1;
      end
    end
  end

  // Decisions meet their words. There are never more of them than first words in the FIFO.
  verdict_t verdict;
  logic     verdict_valid, verdict_pop, unused_ready;
  fifo #(.T(verdict_t), .DEPTH(DEPTH * 2)) u_verdicts (
      .clk_i, .rst_ni, .valid_i(f_valid_q), .ready_o(unused_ready), .data_i(f_q),
      .valid_o(verdict_valid), .ready_i(verdict_pop), .data_o(verdict)
  );

  logic trim_ready;
  wire logic go = word_valid && verdict_valid;
  wire logic is_esp_out = verdict.act == ESP;
  assign word_ready  = verdict_valid && (!is_esp_out || trim_ready);
  assign verdict_pop = go && word.last && word_ready;

  assign host_valid_o = go && verdict.act == HOST;
  assign host_word_o  = word;
  assign host_meta_o  = '{len: verdict.len, port: 2'd0, reason: verdict.reason, tunnel: '0, decrypted: 1'b0, sa: '0};

  trim #(.META(esp_meta_t)) u_trim (
      .clk_i, .rst_ni, .valid_i(go && is_esp_out), .ready_o(trim_ready), .word_i(word), .meta_i(verdict.esp), .len_i(verdict.len),
      .valid_o(esp_valid_o), .ready_i(esp_ready_i), .word_o(esp_word_o), .meta_o(esp_meta_o)
  );

  always_ff @(posedge clk_i) begin
    if (rst_ni && f_valid_q) begin
      a_verdict_room: assert (unused_ready) else $error("rx_outside: more verdicts than packets");
    end
  end
endmodule
