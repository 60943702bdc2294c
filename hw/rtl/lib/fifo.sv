// SPDX-License-Identifier: BSD-2-Clause
// Single-clock FIFO with a registered output: valid_o/data_o are flip-flops, the storage is read into them, so it
// infers block or distributed RAM. Latency 2 cycles, one item a cycle. Cuts valid, data and ready paths (ready_o
// depends on registers only). Holds DEPTH items in the storage and one more at the output.
module fifo #(
    parameter type         T     = logic,
    parameter int unsigned DEPTH = 16     // items; a power of two, at least 2
) (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic valid_i,
    output logic ready_o,
    input  T     data_i,
    output logic valid_o,
    input  logic ready_i,
    output T     data_o
);
  localparam int unsigned AW = $clog2(DEPTH);
  if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin : g_depth
    $error("fifo: DEPTH must be a power of two and at least 2");
  end

  T            mem_q [DEPTH];
  logic [AW:0] wptr_q, rptr_q;
  logic        valid_q;
  T            data_q;

  wire logic empty = wptr_q == rptr_q;
  wire logic full = wptr_q == {~rptr_q[AW], rptr_q[AW-1:0]};
  wire logic push = valid_i && !full;
  wire logic load = !empty && (!valid_q || ready_i);

  assign ready_o = !full;
  assign valid_o = valid_q;
  assign data_o  = data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wptr_q  <= '0;
      rptr_q  <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push) wptr_q <= wptr_q + 1'b1;
      if (load) rptr_q <= rptr_q + 1'b1;
      if (load) valid_q <= 1'b1;
      else if (ready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) mem_q[wptr_q[AW-1:0]] <= data_i;
    if (load) data_q <= mem_q[rptr_q[AW-1:0]];
  end

  wire logic [AW:0] level = wptr_q - rptr_q;
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_level: assert (level <= (AW+1)'(DEPTH));
    end
  end
endmodule
