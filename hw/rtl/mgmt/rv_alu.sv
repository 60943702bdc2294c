// SPDX-License-Identifier: BSD-2-Clause
// Arithmetic and logic of RV32I, and the comparison of branches. Combinational.
module rv_alu
  import rv_pkg::*;
(
    input  alu_op_e     op_i,
    input  logic [31:0] a_i,
    input  logic [31:0] b_i,
    output logic [31:0] result_o,
    input  logic [ 2:0] cond_i,   // funct3 of a branch
    input  logic [31:0] rs1_i,
    input  logic [31:0] rs2_i,
    output logic        taken_o
);
  always_comb begin
    unique case (op_i)
      ALU_ADD:  result_o = a_i + b_i;
      ALU_SUB:  result_o = a_i - b_i;
      ALU_SLL:  result_o = a_i << b_i[4:0];
      ALU_SLT:  result_o = {31'b0, $signed(a_i) < $signed(b_i)};
      ALU_SLTU: result_o = {31'b0, a_i < b_i};
      ALU_XOR:  result_o = a_i ^ b_i;
      ALU_SRL:  result_o = a_i >> b_i[4:0];
      ALU_SRA:  result_o = $unsigned($signed(a_i) >>> b_i[4:0]);
      ALU_OR:   result_o = a_i | b_i;
      default:  result_o = a_i & b_i;
    endcase
  end

  always_comb begin
    unique case (cond_i[2:1])
      2'b00:   taken_o = rs1_i == rs2_i;
      2'b10:   taken_o = $signed(rs1_i) < $signed(rs2_i);
      default: taken_o = rs1_i < rs2_i;
    endcase
    taken_o ^= cond_i[0];
  end
endmodule
