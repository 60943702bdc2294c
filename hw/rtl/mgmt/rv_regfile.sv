// SPDX-License-Identifier: BSD-2-Clause
// 31 general registers and x0, which reads as zero: two reads (same cycle), one write (visible in the next cycle).
// No reset: contents after reset are undefined, as the architecture says.
module rv_regfile (
    input  logic        clk_i,
    input  logic [ 4:0] raddr_a_i,
    output logic [31:0] rdata_a_o,
    input  logic [ 4:0] raddr_b_i,
    output logic [31:0] rdata_b_o,
    input  logic        we_i,
    input  logic [ 4:0] waddr_i,
    input  logic [31:0] wdata_i
);
  logic [31:0] mem_q[32];

  assign rdata_a_o = raddr_a_i == 0 ? '0 : mem_q[raddr_a_i];
  assign rdata_b_o = raddr_b_i == 0 ? '0 : mem_q[raddr_b_i];

  always_ff @(posedge clk_i) if (we_i) mem_q[waddr_i] <= wdata_i;
endmodule
