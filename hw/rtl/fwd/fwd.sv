// SPDX-License-Identifier: BSD-2-Clause
// Forwarder: decides about each IPv4 packet (host, drop, tunnel, adjacency) and edits it. One instance behind the inside
// port (L3_OFFSET 14: packets come with their Ethernet header), one behind decryption (L3_OFFSET 0). The words wait in a
// FIFO while the header goes through a pipeline that never stalls. One word a cycle.
//   tunnel     inner packet, TTL decremented, cut to its total length
//   adjacency  whole frame with new MAC addresses, to the adjacency's port
//   host       the packet as it came
module fwd
  import culvert_pkg::*;
  import dp_pkg::*;
#(
    parameter int unsigned L3_OFFSET = 14
) (
    input  logic       clk_i,
    input  logic       rst_ni,
    input  config_t    config_i,
    input  tables_t    tables_i,
    input  logic       valid_i,
    output logic       ready_o,
    input  word_t      word_i,
    input  fwd_meta_t  meta_i,       // with the first word
    output logic       tun_valid_o,
    input  logic       tun_ready_i,
    output word_t      tun_word_o,
    output tun_meta_t  tun_meta_o,
    output logic [1:0] port_valid_o,
    input  logic [1:0] port_ready_i,
    output word_t      port_word_o,
    output logic       host_valid_o, // never waits
    output word_t      host_word_o,
    output to_host_t   host_meta_o,
    output logic       bad_o,        // pulses for counters
    output logic       flow_hit_o,
    output logic       fib_hit_o,
    output logic       route_drop_o,
    output logic       no_adj_o,
    output logic       hairpin_o
);
  import dp_regs_pkg::*;
  localparam bit          INSIDE = L3_OFFSET != 0;
  localparam int unsigned DEPTH = 32;
  localparam int unsigned RAW = L3_OFFSET + 24;

  typedef struct packed {
    kind_e               kind;
    logic [7:0]          reason;
    logic [LEN_W-1:0]    len;       // of the packet as it came
    logic [LEN_W-1:0]    l3_len;    // IP total length
    logic [15:0]         csum;      // with TTL decremented
    logic                df;
    logic [7:0]          tos;
    logic [TUNNEL_W-1:0] in_tunnel; // of the SA that decrypted it
    logic [SA_W-1:0]     sa;
    logic [TUNNEL_W-1:0] tunnel;
    adj_entry_t          adj;
  } verdict_t;

  logic  word_valid, word_ready, fifo_ready;
  word_t word;
  wire logic sop = valid_i && fifo_ready && word_i.sop;
  assign ready_o = fifo_ready;
  fifo #(.T(word_t), .DEPTH(DEPTH)) u_words (
      .clk_i, .rst_ni, .valid_i, .ready_o(fifo_ready), .data_i(word_i),
      .valid_o(word_valid), .ready_i(word_ready), .data_o(word)
  );

  // ---- header pipeline: A raw, B parsed, C checked; lookups take C to F; G memory; H decided --------------------
  typedef struct packed {
    logic      to_fwd;   // checks passed: the route decides
    logic      ttl_low;
    verdict_t  v;
  } step_t;

  logic [7:0]     v_q;       // stage valid: [0] A ... [7] H
  logic [8*RAW-1:0] a_raw_q;
  fwd_meta_t      a_meta_q, b_meta_q;
  ip_t            b_ip_q;
  logic           b_ipv4_q, b_ours_q, b_short_q;
  flow_key_t      c_key_q;
  step_t          c_q, d_q, e_q, f_q, g_q, h_q;
  route_t         g_route_q;
  tunnel_entry_t  h_tunnel_q;
  adj_entry_t     h_adj_q;
  logic           flow_hit, fib_hit;
  route_t         flow_route, fib_route;
  logic           bad_q, flow_hit_q, fib_hit_q, drop_q, no_adj_q, hairpin_q;

  assign bad_o        = bad_q;
  assign flow_hit_o   = flow_hit_q;
  assign fib_hit_o    = fib_hit_q;
  assign route_drop_o = drop_q;
  assign no_adj_o     = no_adj_q;
  assign hairpin_o    = hairpin_q;

  wire logic find = v_q[2] && c_q.to_fwd;
  flow_table u_flow (.clk_i, .rst_ni, .write_i(tables_i.flow), .find_i(find), .key_i(c_key_q), .hit_o(flow_hit), .result_o(flow_route));
  fib u_fib (.clk_i, .rst_ni, .write_i(tables_i.fib), .find_i(find), .vrf_i(c_key_q.vrf), .dst_i(c_key_q.dst), .hit_o(fib_hit), .result_o(fib_route));

  tunnel_entry_t tunnel_mem_q [board_pkg::TUNNEL_COUNT];
  adj_entry_t    adj_mem_q [board_pkg::ADJ_COUNT];
  always_ff @(posedge clk_i) begin
    if (tables_i.tunnel.we) tunnel_mem_q[tables_i.tunnel.index] <= tables_i.tunnel.entry;
    if (tables_i.adj.we) adj_mem_q[tables_i.adj.index] <= tables_i.adj.entry;
    if (v_q[6]) begin
      h_tunnel_q <= tunnel_mem_q[TUNNEL_W'(g_route_q.target)];
      h_adj_q    <= adj_mem_q[ADJ_W'(g_route_q.target)];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) v_q <= '0;
    else if (sop || v_q != '0) v_q <= {v_q[6:0], sop};
  end

  wire logic has_ports = b_ip_q.total >= 16'd24 && (b_ip_q.proto == 8'd6 || b_ip_q.proto == 8'd17 || b_ip_q.proto == 8'd132);

  always_ff @(posedge clk_i) begin
    if (sop) begin
      a_raw_q  <= word_i.data[8*RAW-1:0];
      a_meta_q <= meta_i;
    end
    if (v_q[0]) begin
      b_meta_q  <= a_meta_q;
      b_short_q <= a_meta_q.len <= LEN_W'(L3_OFFSET);
      b_ip_q    <= parse_ip(a_raw_q[8*L3_OFFSET+:192], a_meta_q.len - LEN_W'(L3_OFFSET));
      b_ipv4_q  <= !INSIDE || be16(a_raw_q[8*(L3_OFFSET-(INSIDE ? 2 : 0))+:16]) == 16'h0800;
      b_ours_q  <= !INSIDE || a_raw_q[47:0] == config_i.mac[1];
    end
    if (bad_q) bad_q <= 1'b0;
    if (v_q[1]) begin
      c_key_q       <= '{vrf: 8'h0, src: b_ip_q.src, dst: b_ip_q.dst, ports: has_ports ? b_ip_q.ports : 32'h0, proto: b_ip_q.proto};
      c_q.to_fwd    <= 1'b0;
      c_q.ttl_low   <= b_ip_q.ttl <= 8'd1;
      c_q.v         <= '0;
      c_q.v.kind    <= KIND_HOST;
      c_q.v.reason  <= 8'(REASON_NONE);
      c_q.v.len     <= b_meta_q.len;
      c_q.v.l3_len  <= LEN_W'(b_ip_q.total);
      c_q.v.csum    <= ~fold({4'h0, ~b_ip_q.csum} + 20'hfeff);  // RFC 1624, the word with TTL less 0x100
      c_q.v.df      <= b_ip_q.df;
      c_q.v.tos     <= b_ip_q.tos;
      c_q.v.in_tunnel <= b_meta_q.tunnel;
      c_q.v.sa      <= b_meta_q.sa;
      if (b_short_q) begin
        c_q.v.kind <= KIND_DROP;
        bad_q      <= 1'b1;
      end else if (!b_ipv4_q) c_q.v.reason <= 8'(REASON_NOT_IPV4);
      else if (!b_ours_q) c_q.v.reason <= 8'(REASON_NOT_OURS);
      else if (b_ip_q.bad || (!b_ip_q.options && !b_ip_q.sum_ok)) begin
        c_q.v.kind <= KIND_DROP;
        bad_q      <= 1'b1;
      end else if (b_meta_q.to_host) c_q.v.reason <= 8'(REASON_SA_TO_HOST);
      else if (b_ip_q.options || b_ip_q.fragment) c_q.v.reason <= 8'(REASON_OPTIONS);
      else if (b_ip_q.dst[31:28] == 4'he || b_ip_q.dst == '1) c_q.v.reason <= 8'(REASON_ROUTE_HOST);
      else c_q.to_fwd <= 1'b1;
    end
    if (v_q[2]) d_q <= c_q;
    if (v_q[3]) e_q <= d_q;
    if (v_q[4]) f_q <= e_q;
    // F to G: the flow table first, then the FIB
    if (flow_hit_q) flow_hit_q <= 1'b0;
    if (fib_hit_q) fib_hit_q <= 1'b0;
    if (v_q[5]) begin
      g_q       <= f_q;
      g_route_q <= flow_hit ? flow_route : fib_route;
      if (f_q.to_fwd) begin
        g_q.v.kind <= flow_hit ? flow_route.kind : fib_hit ? fib_route.kind : KIND_HOST;
        g_q.v.reason <= flow_hit || fib_hit ? 8'(REASON_ROUTE_HOST) : 8'(REASON_NO_ROUTE);
        flow_hit_q <= flow_hit;
        fib_hit_q  <= !flow_hit && fib_hit;
      end
    end
    if (v_q[6]) begin
      h_q          <= g_q;
      h_q.v.tunnel <= g_q.to_fwd && g_q.v.kind == KIND_TUNNEL ? TUNNEL_W'(g_route_q.target) : '0;
    end
  end

  // H: what stands in the way of forwarding
  verdict_t h;
  always_comb begin
    h     = h_q.v;
    h.adj = h_adj_q;
    if (h_q.to_fwd && (h.kind == KIND_TUNNEL || h.kind == KIND_ADJ)) begin
      if (h_q.ttl_low) begin
        h.kind   = KIND_HOST;
        h.reason = 8'(REASON_TTL);
      end else if (h.kind == KIND_TUNNEL) begin
        if (h_tunnel_q.mtu != '0 && 15'(h.l3_len) > h_tunnel_q.mtu) begin
          h.kind   = KIND_HOST;
          h.reason = 8'(REASON_TOO_BIG);
        end
      end else if (!h_adj_q.valid) begin
        h.kind   = KIND_HOST;
        h.reason = 8'(REASON_NO_ADJ);
      end else if (16'(h.l3_len) > config_i.mtu[h_adj_q.port]) begin
        h.kind   = KIND_HOST;
        h.reason = 8'(REASON_TOO_BIG);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (drop_q) drop_q <= 1'b0;
    if (no_adj_q) no_adj_q <= 1'b0;
    if (hairpin_q) hairpin_q <= 1'b0;
    if (v_q[7] && h_q.to_fwd) begin
      drop_q    <= h.kind == KIND_DROP;
      no_adj_q  <= h.kind == KIND_HOST && h.reason == 8'(REASON_NO_ADJ);
      hairpin_q <= !INSIDE && h.kind == KIND_TUNNEL;
    end
  end

  // ---- decisions meet their words ------------------------------------------------------------------------------
  verdict_t verdict;
  logic     verdict_valid, verdict_pop, verdict_room;
  fifo #(.T(verdict_t), .DEPTH(DEPTH * 2)) u_verdicts (
      .clk_i, .rst_ni, .valid_i(v_q[7]), .ready_o(verdict_room), .data_i(h),
      .valid_o(verdict_valid), .ready_i(verdict_pop), .data_o(verdict)
  );
  always_ff @(posedge clk_i) begin
    if (rst_ni && v_q[7]) begin
      a_verdict_room: assert (verdict_room) else $error("fwd: more verdicts than packets");
    end
  end

  wire logic go = word_valid && verdict_valid;
  wire logic forward = verdict.kind == KIND_TUNNEL || verdict.kind == KIND_ADJ;
  logic      edit_ready;
  assign word_ready  = verdict_valid && (!forward || edit_ready);
  assign verdict_pop = go && word.last && word_ready;

  assign host_valid_o = go && verdict.kind == KIND_HOST;
  assign host_word_o  = word;
  assign host_meta_o  = '{len: verdict.len, port: INSIDE ? 2'd1 : 2'd2, reason: verdict.reason,
                          tunnel: INSIDE ? verdict.tunnel : verdict.in_tunnel, decrypted: !INSIDE, sa: verdict.sa};

  // ---- edit: decrement TTL, cut, and split by way out ----------------------------------------------------------
  typedef struct packed {
    logic        tunnel;
    tun_meta_t   meta;
    adj_entry_t  adj;
    logic [15:0] csum;
  } edit_t;

  logic  t_valid, t_ready;
  word_t t_word;
  edit_t t_meta;
  trim #(.META(edit_t)) u_trim (
      .clk_i, .rst_ni, .valid_i(go && forward), .ready_o(edit_ready), .word_i(word),
      .meta_i('{tunnel: verdict.kind == KIND_TUNNEL, adj: verdict.adj, csum: verdict.csum,
                meta: '{len: verdict.l3_len, tunnel: verdict.tunnel, class_id: '0, tos: verdict.tos, df: verdict.df, hairpin: !INSIDE}}),
      .len_i(verdict.l3_len + LEN_W'(L3_OFFSET)),
      .valid_o(t_valid), .ready_i(t_ready), .word_o(t_word), .meta_o(t_meta)
  );

  logic  x_valid_q, x_ready;
  word_t x_word_q;
  edit_t x_meta_q;
  assign t_ready = !x_valid_q || x_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) x_valid_q <= 1'b0;
    else if (t_ready) x_valid_q <= t_valid;
  end
  always_ff @(posedge clk_i) begin
    if (t_valid && t_ready) begin
      word_t w;
      w = t_word;
      if (t_word.sop) begin
        w.data[8*(L3_OFFSET+8)+:8]   = t_word.data[8*(L3_OFFSET+8)+:8] - 8'd1;
        w.data[8*(L3_OFFSET+10)+:16] = be16(t_meta.csum);
        if (INSIDE) w.data[95:0] = {config_i.mac[t_meta.adj.port], t_meta.adj.mac};
        x_meta_q <= t_meta;
      end
      x_word_q <= w;
    end
  end

  logic tun_ready, adj_ready;
  assign x_ready = x_meta_q.tunnel ? tun_ready : adj_ready;

  if (INSIDE) begin : g_inside
    strip #(.META(tun_meta_t), .N0(14), .N1(14)) u_strip (
        .clk_i, .rst_ni, .valid_i(x_valid_q && x_meta_q.tunnel), .ready_o(tun_ready), .word_i(x_word_q), .meta_i(x_meta_q.meta), .sel_i(1'b0),
        .valid_o(tun_valid_o), .ready_i(tun_ready_i), .word_o(tun_word_o), .meta_o(tun_meta_o)
    );
    assign port_word_o = x_word_q;
    always_comb begin
      port_valid_o = '0;
      port_valid_o[x_meta_q.adj.port] = x_valid_q && !x_meta_q.tunnel;
    end
    assign adj_ready = port_ready_i[x_meta_q.adj.port];
  end else begin : g_decrypted
    logic p_valid, p_port;
    assign tun_ready   = tun_ready_i;
    assign tun_valid_o = x_valid_q && x_meta_q.tunnel;
    assign tun_word_o  = x_word_q;
    assign tun_meta_o  = x_meta_q.meta;
    prepend #(.META(logic), .N0(14), .N1(14)) u_prepend (
        .clk_i, .rst_ni, .valid_i(x_valid_q && !x_meta_q.tunnel), .ready_o(adj_ready), .word_i(x_word_q), .meta_i(x_meta_q.adj.port),
        .sel_i(1'b0), .header_i({16'h0008, config_i.mac[x_meta_q.adj.port], x_meta_q.adj.mac}),
        .valid_o(p_valid), .ready_i(port_ready_i[p_port]), .word_o(port_word_o), .meta_o(p_port)
    );
    always_comb begin
      port_valid_o = '0;
      port_valid_o[p_port] = p_valid;
    end
  end
endmodule
