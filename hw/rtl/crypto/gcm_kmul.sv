// SPDX-License-Identifier: BSD-2-Clause
// Carry-less 128 x 128 bit multiplier, two levels of Karatsuba, without the recombination: nine products of 32 x 32 bits.
// The products of several multipliers may be added before kjoin (gcm_pkg) brings them together, once for all.
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
    output logic [63:0]  p_o [9]  // keeps its last value while not valid
);
  logic        a_valid_q;
  logic [31:0] a_q [9];
  logic [31:0] b_q [9];

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
      a_q[0] <= a_i[31:0];
      a_q[1] <= a_i[63:32];
      a_q[2] <= a_i[31:0] ^ a_i[63:32];
      a_q[3] <= a_i[95:64];
      a_q[4] <= a_i[127:96];
      a_q[5] <= a_i[95:64] ^ a_i[127:96];
      a_q[6] <= a_i[31:0] ^ a_i[95:64];
      a_q[7] <= a_i[63:32] ^ a_i[127:96];
      a_q[8] <= a_i[31:0] ^ a_i[95:64] ^ a_i[63:32] ^ a_i[127:96];
      b_q[0] <= b_i[31:0];
      b_q[1] <= b_i[63:32];
      b_q[2] <= b_i[31:0] ^ b_i[63:32];
      b_q[3] <= b_i[95:64];
      b_q[4] <= b_i[127:96];
      b_q[5] <= b_i[95:64] ^ b_i[127:96];
      b_q[6] <= b_i[31:0] ^ b_i[95:64];
      b_q[7] <= b_i[63:32] ^ b_i[127:96];
      b_q[8] <= b_i[31:0] ^ b_i[95:64] ^ b_i[63:32] ^ b_i[127:96];
    end
  end

  always_ff @(posedge clk_i) begin
    if (a_valid_q) for (int i = 0; i < 9; i++) p_o[i] <= clmul32(a_q[i], b_q[i]);
  end
endmodule
