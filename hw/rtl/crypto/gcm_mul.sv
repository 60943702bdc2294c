// SPDX-License-Identifier: BSD-2-Clause
// GF(2^128) multiplier of one product a cycle, up to but without the reduction: whoever takes the product applies
// reduce (gcm_pkg) in the stage that adds it to something, so that a multiply-and-add loop closes in four cycles.
// Latency 3 cycles, no back-pressure. One operand is divided by x (gcm_hpow_t).
module gcm_mul
  import gcm_pkg::*;
(
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    input  logic [127:0] a_i,
    input  logic [127:0] b_i,
    output logic         valid_o,
    output logic [255:0] p_o
);
  logic        p_valid;
  logic [63:0] p [9];

  gcm_kmul u_kmul (.clk_i, .rst_ni, .valid_i, .a_i, .b_i, .valid_o(p_valid), .p_o(p));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= p_valid;
  end

  always_ff @(posedge clk_i) begin
    if (p_valid) p_o <= kjoin(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8]);
  end
endmodule
