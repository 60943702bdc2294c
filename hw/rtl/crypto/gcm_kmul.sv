// SPDX-License-Identifier: BSD-2-Clause
// Carry-less 128 x 128 bit multiplier, two levels of Karatsuba, without the recombination: nine products of 32 x 32 bits.
// The products of several multipliers may be added before klow and khigh (gcm_pkg) bring them together, once for all.
// Latency 2 cycles, a product a cycle, no back-pressure. LUT levels: 1, then 3.
module gcm_kmul
  import gcm_pkg::*;
(
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    input  logic [127:0] a_i,
    input  logic [127:0] b_i,
    output logic         valid_o,
    output logic [575:0] p_o  // keeps its last value while not valid
);
  logic         a_valid_q;
  logic [287:0] a_q;
  logic [287:0] b_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
      valid_o   <= 1'b0;
    end else begin
      a_valid_q <= valid_i;
      valid_o   <= a_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      a_q <= {a_i[31:0] ^ a_i[63:32] ^ a_i[95:64] ^ a_i[127:96], a_i[63:32] ^ a_i[127:96], a_i[31:0] ^ a_i[95:64],
              a_i[95:64] ^ a_i[127:96], a_i[127:96], a_i[95:64], a_i[31:0] ^ a_i[63:32], a_i[63:32], a_i[31:0]};
      b_q <= {b_i[31:0] ^ b_i[63:32] ^ b_i[95:64] ^ b_i[127:96], b_i[63:32] ^ b_i[127:96], b_i[31:0] ^ b_i[95:64],
              b_i[95:64] ^ b_i[127:96], b_i[127:96], b_i[95:64], b_i[31:0] ^ b_i[63:32], b_i[63:32], b_i[31:0]};
    end
  end

  always_ff @(posedge clk_i) begin
    if (a_valid_q) begin
      logic [575:0] p;
      for (int i = 0; i < 9; i++) p[64*i+:64] = clmul32(a_q[32*i+:32], b_q[32*i+:32]);
      p_o <= p;
    end
  end
endmodule
