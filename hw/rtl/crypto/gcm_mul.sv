// SPDX-License-Identifier: BSD-2-Clause
// GF(2^128) multiplier of one product a cycle, up to but without the reduction: whoever takes the product applies
// reduce_high and reduce_low (gcm_pkg) in the stage that adds it to something, so that a multiply-and-add loop closes
// in four cycles.
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
  logic         p_valid;
  logic [575:0] p;

  gcm_kmul u_kmul (.clk_i, .rst_ni, .valid_i, .a_i, .b_i, .valid_o(p_valid), .p_o(p));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else         valid_o <= p_valid;
  end

  always_ff @(posedge clk_i) begin
    if (p_valid) begin
      logic [63:0] ll, lh, hl, hh, ml, mh;
      ll = klow(p[63:0], p[127:64], p[191:128]);
      lh = khigh(p[63:0], p[127:64], p[191:128]);
      hl = klow(p[255:192], p[319:256], p[383:320]);
      hh = khigh(p[255:192], p[319:256], p[383:320]);
      ml = klow(p[447:384], p[511:448], p[575:512]) ^ ll ^ hl;
      mh = khigh(p[447:384], p[511:448], p[575:512]) ^ lh ^ hh;
      p_o <= {hh, hl ^ mh, lh ^ ml, ll};
    end
  end
endmodule
