// SPDX-License-Identifier: BSD-2-Clause
// Packet arbiter: N streams into one, round robin a packet at a time. The output is registered and there is no bubble
// between packets: the source of the next packet is chosen in the cycle of its first word. Latency 1 cycle. Cuts valid
// and data; ready_o depends on ready_i. T is any payload that travels with a word; last_i marks the packet's end.
module pkt_arb #(
    parameter type         T = logic,
    parameter int unsigned N = 2       // sources, at least 2
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic [N-1:0] valid_i,
    output logic [N-1:0] ready_o,
    input  logic [N-1:0] last_i,
    input  T             data_i [N],
    output logic         valid_o,
    input  logic         ready_i,
    output logic         last_o,
    output T             data_o
);
  localparam int unsigned IW = $clog2(N);
  if (N < 2) begin : g_n
    $error("pkt_arb: N must be at least 2");
  end

  logic          locked_q;  // in the middle of a packet of source owner_q
  logic [IW-1:0] owner_q;
  logic          valid_q, last_q;
  T              data_q;

  // The source that this cycle serves: the owner inside a packet, else the first that asks, beginning after the owner.
  logic [IW-1:0] sel;
  logic [IW:0] at;  // candidate
  always_comb begin
    sel = owner_q;
    at  = '0;
    if (!locked_q && valid_i != '0) begin
      for (int unsigned k = N; k >= 1; k--) begin
        at = (IW + 1)'(owner_q) + (IW + 1)'(k);
        if (at >= (IW + 1)'(N)) at = at - (IW + 1)'(N);
        if (valid_i[at[IW-1:0]]) sel = at[IW-1:0];
      end
    end
  end

  wire logic free = !valid_q || ready_i;
  wire logic take = free && valid_i[sel];

  always_comb begin
    ready_o      = '0;
    ready_o[sel] = free;
  end
  assign valid_o = valid_q;
  assign last_o  = last_q;
  assign data_o  = data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      locked_q <= 1'b0;
      owner_q  <= '0;
      valid_q  <= 1'b0;
    end else begin
      if (free) valid_q <= valid_i[sel];
      if (take) begin
        owner_q  <= sel;
        locked_q <= !last_i[sel];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      data_q <= data_i[sel];
      last_q <= last_i[sel];
    end
  end
endmodule
