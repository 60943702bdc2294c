// SPDX-License-Identifier: BSD-2-Clause
// Packets from the host: whole frames for a port, or inner IPv4 packets to be encrypted to a tunnel. What has a wrong
// header (unknown destination, frame below 14 bytes, not IPv4, total length beyond the packet) is dropped and counted.
// One word a cycle, latency 1; inner packets are cut to their total length.
module host_tx
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic       valid_i,
    output logic       ready_o,
    input  word_t      word_i,
    input  from_host_t meta_i,
    output logic [1:0] port_valid_o,
    input  logic [1:0] port_ready_i,
    output word_t      port_word_o,
    output logic       tun_valid_o,
    input  logic       tun_ready_i,
    output word_t      tun_word_o,
    output tun_meta_t  tun_meta_o,
    output logic       taken_o,      // pulses for counters
    output logic       bad_o
);
  typedef enum logic [1:0] {PORT0, PORT1, TUNNEL, DROP} way_e;
  way_e way, way_q, out_way_q;

  // The way is decided at the first word.
  logic [15:0] total;
  logic        inner_ok;
  always_comb begin
    total    = be16(word_i.data[31:16]);
    inner_ok = word_i.data[7:4] == 4'd4 && word_i.data[3:0] >= 4'd5 && total >= 16'd20 && total <= 16'(meta_i.len);
    way      = way_q;
    if (word_i.sop) begin
      unique case (meta_i.dest)
        2'd0: way = meta_i.len >= LEN_W'(14) ? PORT0 : DROP;
        2'd1: way = meta_i.len >= LEN_W'(14) ? PORT1 : DROP;
        2'd2: way = inner_ok ? TUNNEL : DROP;
        default: way = DROP;
      endcase
    end
  end

  logic  valid_q, trim_ready, taken_q, bad_q;
  word_t word_q;
  wire logic free = !valid_q || port_ready_i[out_way_q == PORT1];
  assign ready_o     = way == DROP || (way == TUNNEL ? trim_ready : free);
  assign taken_o     = taken_q;
  assign bad_o       = bad_q;
  assign port_word_o = word_q;
  always_comb begin
    port_valid_o = '0;
    port_valid_o[out_way_q == PORT1] = valid_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      taken_q <= 1'b0;
      bad_q   <= 1'b0;
    end else begin
      if (free) valid_q <= valid_i && (way == PORT0 || way == PORT1);
      taken_q <= valid_i && ready_o && word_i.sop && way != DROP;
      bad_q   <= valid_i && ready_o && word_i.sop && way == DROP;
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) begin
      way_q <= way;
      if (way == PORT0 || way == PORT1) begin
        word_q    <= word_i;
        out_way_q <= way;
      end
    end
  end

  trim #(.META(tun_meta_t)) u_trim (
      .clk_i, .rst_ni, .valid_i(valid_i && way == TUNNEL), .ready_o(trim_ready), .word_i,
      .meta_i('{len: LEN_W'(total), tunnel: meta_i.tunnel, class_id: '0, tos: word_i.data[15:8], df: word_i.data[54], hairpin: 1'b0}),
      .len_i(LEN_W'(total)), .valid_o(tun_valid_o), .ready_i(tun_ready_i), .word_o(tun_word_o), .meta_o(tun_meta_o)
  );
endmodule
