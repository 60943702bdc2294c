// SPDX-License-Identifier: BSD-2-Clause
// Outbound SA pipeline: tunnel -> SA -> adjacency -> sequence number, lifetimes and counters -> headers. A number is taken
// only for a packet that has everything else. Sequence number and nonce are one: each is given out once (RFC 4106).
//
// A packet every second cycle (with its headers none is shorter than two words), 8 cycles. Stage 0 tunnel, 1 SA, 2
// adjacency, 3 state, 4 compute, 5 decide and write, 6 and 7 headers. The last state written is kept beside the memory for
// packets of one SA that follow at once. Commands wait until the pipeline is empty and then pass through stage 3.
module esp_out_alloc
  import culvert_pkg::*;
  import dp_pkg::*;
  import esp_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  config_t     config_i,
    input  tables_t     tables_i,
    input  sa_cmd_t     cmd_i,       // held until cmd_done_o
    input  sa_stage_t   stage_i,
    output logic        cmd_done_o,
    output sa_result_t  result_o,
    input  logic        valid_i,
    output logic        ready_o,
    input  tun_meta_t   meta_i,
    output logic        valid_o,     // must be taken
    output out_packet_t packet_o,
    output out_count_t  count_o,     // sent and stale are not set here
    output event_t      event_o
);
  import dp_regs_pkg::*;
  tunnel_entry_t tunnel_mem_q [board_pkg::TUNNEL_COUNT];
  adj_entry_t    adj_mem_q [board_pkg::ADJ_COUNT];
  out_ident_t    ident_mem_q [board_pkg::SA_COUNT];
  out_path_t     path_mem_q [board_pkg::SA_COUNT];
  sa_life_t      life_mem_q [board_pkg::SA_COUNT];
  out_state_t    state_mem_q [board_pkg::SA_COUNT];

  logic [7:0]    v_q;          // packet in stage i + 1
  logic          busy_q, cmd_sent_q, cmd3_q, cmd4_q;
  tun_meta_t     m1_q, m2_q, m3_q, m4_q, m5_q, m6_q;
  tunnel_entry_t tunnel1_q, tunnel2_q, tunnel3_q;
  out_ident_t    ident2_q, ident3_q, ident4_q, ident5_q, ident6_q;
  out_path_t     path2_q, path3_q, path4_q, path5_q, path6_q;
  adj_entry_t    adj3_q, adj4_q, adj5_q, adj6_q;
  logic          tunnel_ok4_q;
  logic [SA_W-1:0] sa4_q, sa5_q, sa6_q;
  out_state_t    read4_q, state5_q;
  sa_life_t      life4_q;
  logic          usable5_q, adj_ok5_q, used_up5_q, last_seq5_q, soft5_q, hard5_q;
  logic [63:0]   seq5_q, packets5_q, bytes5_q;
  logic          last_valid_q;
  logic [SA_W-1:0] last_index_q;
  out_state_t    last_q;

  wire logic take = valid_i && ready_o;
  wire logic idle = v_q[5:0] == '0;
  wire logic take_cmd = cmd_i.valid && !cmd_sent_q && idle;
  assign ready_o = !busy_q && (!cmd_i.valid || cmd_sent_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      v_q        <= '0;
      busy_q     <= 1'b0;
      cmd_sent_q <= 1'b0;
      cmd3_q     <= 1'b0;
      cmd4_q     <= 1'b0;
    end else begin
      v_q    <= {v_q[6:0], take};
      busy_q <= take;
      cmd3_q <= take_cmd;
      cmd4_q <= cmd3_q;
      if (take_cmd) cmd_sent_q <= 1'b1;
      else if (!cmd_i.valid) cmd_sent_q <= 1'b0;
    end
  end

  // 0 to 3: tables
  wire logic [SA_W-1:0] sa3 = tunnel3_q.sa;
  always_ff @(posedge clk_i) begin
    if (tables_i.tunnel.we) tunnel_mem_q[tables_i.tunnel.index] <= tables_i.tunnel.entry;
    if (tables_i.adj.we) adj_mem_q[tables_i.adj.index] <= tables_i.adj.entry;
    if (take) begin
      m1_q      <= meta_i;
      tunnel1_q <= tunnel_mem_q[meta_i.tunnel];
    end
    if (v_q[0]) begin
      m2_q      <= m1_q;
      tunnel2_q <= tunnel1_q;
      ident2_q  <= ident_mem_q[tunnel1_q.sa];
      path2_q   <= path_mem_q[tunnel1_q.sa];
    end
    if (v_q[1]) begin
      m3_q      <= m2_q;
      tunnel3_q <= tunnel2_q;
      ident3_q  <= ident2_q;
      path3_q   <= path2_q;
      adj3_q    <= adj_mem_q[path2_q.adj];
    end
    if (v_q[2] || take_cmd) begin
      m4_q         <= m3_q;
      ident4_q     <= ident3_q;
      path4_q      <= path3_q;
      adj4_q       <= adj3_q;
      tunnel_ok4_q <= tunnel3_q.valid;
      sa4_q        <= take_cmd ? cmd_i.index : sa3;
      read4_q      <= state_mem_q[take_cmd ? cmd_i.index : sa3];
      life4_q      <= life_mem_q[take_cmd ? cmd_i.index : sa3];
    end
  end

  // 4: compute
  out_state_t  now;
  logic [63:0] packets, bytes, seq;
  always_comb begin
    now     = last_valid_q && last_index_q == sa4_q ? last_q : read4_q;
    packets = now.packets + 64'd1;
    bytes   = now.bytes + 64'(m4_q.len);
    seq     = now.seq + 64'd1;
  end
  always_ff @(posedge clk_i) begin
    if (v_q[3] || cmd3_q) begin
      m5_q        <= m4_q;
      ident5_q    <= ident4_q;
      path5_q     <= path4_q;
      adj5_q      <= adj4_q;
      sa5_q       <= sa4_q;
      state5_q    <= now;
      usable5_q   <= tunnel_ok4_q && now.valid;
      adj_ok5_q   <= adj4_q.valid;
      // used up: the next number would be zero again
      used_up5_q  <= now.spent || (ident4_q.esn ? now.seq == '1 : now.seq[31:0] == '1);
      last_seq5_q <= ident4_q.esn ? seq == '1 : seq[31:0] == '1;
      seq5_q      <= seq;
      packets5_q  <= packets;
      bytes5_q    <= bytes;
      soft5_q     <= reached(packets, life4_q.soft_packets) || reached(bytes, life4_q.soft_bytes);
      hard5_q     <= reached(packets, life4_q.hard_packets) || reached(bytes, life4_q.hard_bytes);
    end
  end

  // 5: decide and write
  out_state_t next;
  out_count_t count;
  event_t     evt;
  logic       send;
  always_comb begin
    next  = state5_q;
    count = '0;
    send  = 1'b0;
    evt   = '{valid: 1'b0, kind: 4'(EVENT_NONE), index: 16'(sa5_q), dir: 1'b1};
    if (cmd4_q) begin
      unique case (cmd_i.op)
        SA_INSTALL: begin
          next       = '0;
          next.valid = 1'b1;
          next.epoch = cmd_i.epoch;
          next.seq   = stage_i.seq;
        end
        SA_REMOVE: next = '0;
        default: ;
      endcase
    end else if (v_q[4]) begin
      if (!usable5_q) count.no_sa = 1'b1;
      else if (used_up5_q) count.lifetime = 1'b1;
      else if (!adj_ok5_q) count.no_adj = 1'b1;
      else begin
        send           = 1'b1;
        next.seq       = seq5_q;
        next.packets   = packets5_q;
        next.bytes     = bytes5_q;
        next.soft_told = state5_q.soft_told || soft5_q;
        next.spent     = hard5_q;
        if (hard5_q) evt = '{valid: 1'b1, kind: 4'(EVENT_HARD_LIFETIME), index: evt.index, dir: 1'b1};
        else if (last_seq5_q) evt = '{valid: 1'b1, kind: 4'(EVENT_SEQ_EXHAUSTED), index: evt.index, dir: 1'b1};
        else if (soft5_q && !state5_q.soft_told) evt = '{valid: 1'b1, kind: 4'(EVENT_SOFT_LIFETIME), index: evt.index, dir: 1'b1};
      end
    end
  end

  assign cmd_done_o = cmd4_q;
  wire logic install = cmd4_q && cmd_i.op == SA_INSTALL;
  wire logic remove = cmd4_q && cmd_i.op == SA_REMOVE;
  wire logic path = cmd4_q && cmd_i.op == SA_PATH && state5_q.valid;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_valid_q <= 1'b0;
    else if (cmd4_q || v_q[4]) last_valid_q <= 1'b1;
  end
  always_ff @(posedge clk_i) begin
    if (cmd4_q || v_q[4]) begin
      state_mem_q[sa5_q] <= next;
      last_q       <= next;
      last_index_q <= sa5_q;
    end
    if (install || remove) begin
      ident_mem_q[sa5_q] <= remove ? '0 : out_ident_t'{stage_i.spi, stage_i.esn};
      life_mem_q[sa5_q]  <= remove ? '0 : sa_life_t'{stage_i.soft_bytes, stage_i.hard_bytes, stage_i.soft_packets, stage_i.hard_packets};
    end
    if (install || remove || path)
      path_mem_q[sa5_q] <= remove ? '0 : out_path_t'{stage_i.src, stage_i.dst, stage_i.ports, stage_i.adj, stage_i.encap, stage_i.copy_dscp,
                                                     stage_i.set_df};
    if (cmd4_q) result_o <= '{state5_q.valid, state5_q.packets, state5_q.bytes, state5_q.seq, '0, '0, '0};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_o       <= '0;
      event_o.valid <= 1'b0;
    end else if (v_q[4]) begin
      count_o <= count;
      event_o <= evt;
    end else begin
      count_o       <= '0;
      event_o.valid <= 1'b0;
    end
  end

  // 6 and 7: headers
  logic        send6_q;
  logic [63:0] seq6_q;
  logic [EPOCH_W-1:0] epoch6_q;
  logic [15:0] id_q;
  logic [15:0] esp_len6_q;     // ESP header to ICV
  out_packet_t packet_q;
  assign valid_o  = v_q[6];
  assign packet_o = packet_q;

  logic [15:0]  total, flags, csum;
  logic [7:0]   tos;
  logic [19:0]  sum;
  logic [159:0] ip;
  logic [127:0] esp;
  logic [63:0]  udp;
  logic [111:0] ethernet;
  always_comb begin
    total = esp_len6_q + (path6_q.encap ? 16'd28 : 16'd20);
    tos   = path6_q.copy_dscp ? m6_q.tos : 8'h0;
    flags = {1'b0, path6_q.set_df || m6_q.df, 14'h0};
    sum   = 20'h4500 + 20'(tos) + 20'(total) + 20'(id_q) + 20'(flags) + {12'h0, 8'd64} * 20'h100 + (path6_q.encap ? 20'd17 : 20'd50)
          + 20'(path6_q.src[31:16]) + 20'(path6_q.src[15:0]) + 20'(path6_q.dst[31:16]) + 20'(path6_q.dst[15:0]);
    csum  = ~fold(sum);
    ethernet = {16'h0008, config_i.mac[adj6_q.port], adj6_q.mac};
    ip    = {be32(path6_q.dst), be32(path6_q.src), be16(csum), path6_q.encap ? 8'd17 : 8'd50, 8'd64, be16(flags), be16(id_q), be16(total), tos, 8'h45};
    udp   = {16'h0, be16(esp_len6_q + 16'd8), be16(path6_q.ports[15:0]), be16(path6_q.ports[31:16])};
    esp   = {be64(seq6_q), be32(seq6_q[31:0]), be32(ident6_q.spi)};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) id_q <= '0;
    else if (v_q[5] && send6_q) id_q <= id_q + 16'd1;
  end
  always_ff @(posedge clk_i) begin
    if (v_q[4]) begin
      m6_q       <= m5_q;
      ident6_q   <= ident5_q;
      path6_q    <= path5_q;
      adj6_q     <= adj5_q;
      sa6_q      <= sa5_q;
      send6_q    <= send;
      seq6_q     <= ident5_q.esn ? seq5_q : {32'h0, seq5_q[31:0]};
      epoch6_q   <= state5_q.epoch;
      // SPI, number and IV 16, packet, padding to four bytes with pad length and next header, ICV 16
      esp_len6_q <= ((16'(m5_q.len) + 16'd5) & 16'hfffc) + 16'd32;
    end
    if (v_q[5]) begin
      packet_q <= '{drop: !send6_q, len: m6_q.len, spi: ident6_q.spi, seq: seq6_q, esn: ident6_q.esn, sa: sa6_q, epoch: epoch6_q,
                    port: adj6_q.port, udp: path6_q.encap, hairpin: m6_q.hairpin,
                    header: path6_q.encap ? {esp, udp, ip, ethernet} : {64'h0, esp, ip, ethernet}};
    end
  end
endmodule
