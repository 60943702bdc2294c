// SPDX-License-Identifier: BSD-2-Clause
// Decodes a 32-bit instruction of RV32IM + Zicsr (machine mode). Combinational; all that is not implemented is U_ILLEGAL.
// Whether a CSR exists and may be written is for rv_csr to say.
module rv_decode
  import rv_pkg::*;
(
    input  logic [31:0] insn_i,
    output dec_t        dec_o
);
  logic [2:0] funct3;
  logic [6:0] funct7;
  logic [31:0] imm_i, imm_s, imm_b, imm_u, imm_j;
  assign funct3 = insn_i[14:12];
  assign funct7 = insn_i[31:25];
  assign imm_i  = {{20{insn_i[31]}}, insn_i[31:20]};
  assign imm_s  = {{20{insn_i[31]}}, insn_i[31:25], insn_i[11:7]};
  assign imm_b  = {{20{insn_i[31]}}, insn_i[7], insn_i[30:25], insn_i[11:8], 1'b0};
  assign imm_u  = {insn_i[31:12], 12'b0};
  assign imm_j  = {{12{insn_i[31]}}, insn_i[19:12], insn_i[20], insn_i[30:21], 1'b0};

  // OP and OP-IMM share their operations; `alt` is bit 30: subtract, arithmetic shift.
  function automatic alu_op_e alu_op(input logic [2:0] f3, input logic alt);
    unique case (f3)
      3'b000:  return alt ? ALU_SUB : ALU_ADD;
      3'b001:  return ALU_SLL;
      3'b010:  return ALU_SLT;
      3'b011:  return ALU_SLTU;
      3'b100:  return ALU_XOR;
      3'b101:  return alt ? ALU_SRA : ALU_SRL;
      3'b110:  return ALU_OR;
      default: return ALU_AND;
    endcase
  endfunction

  always_comb begin
    dec_o.unit   = U_ILLEGAL;
    dec_o.alu_op = ALU_ADD;
    dec_o.a_sel  = A_RS1;
    dec_o.b_imm  = 1'b1;
    dec_o.funct3 = funct3;
    dec_o.rd     = insn_i[11:7];
    dec_o.rs1    = insn_i[19:15];
    dec_o.rs2    = insn_i[24:20];
    dec_o.imm    = imm_i;
    unique case (insn_i[6:0])
      7'h37: begin  // lui
        dec_o.unit  = U_ALU;
        dec_o.a_sel = A_ZERO;
        dec_o.imm   = imm_u;
      end
      7'h17: begin  // auipc
        dec_o.unit  = U_ALU;
        dec_o.a_sel = A_PC;
        dec_o.imm   = imm_u;
      end
      7'h6F: begin  // jal
        dec_o.unit  = U_JUMP;
        dec_o.a_sel = A_PC;
        dec_o.imm   = imm_j;
      end
      7'h67: if (funct3 == 0) dec_o.unit = U_JUMP;  // jalr
      7'h63: begin
        if (funct3[2:1] != 2'b01) dec_o.unit = U_BRANCH;
        dec_o.a_sel = A_PC;
        dec_o.imm   = imm_b;
      end
      7'h03: if (funct3 != 3'b011 && funct3[2:1] != 2'b11) dec_o.unit = U_LOAD;
      7'h23: begin
        if (!funct3[2] && funct3 != 3'b011) dec_o.unit = U_STORE;
        dec_o.imm = imm_s;
      end
      7'h13: begin
        dec_o.alu_op = alu_op(funct3, funct3 == 3'b101 && insn_i[30]);
        if (funct3[1:0] != 2'b01 || funct7 == 0 || (funct3[2] && funct7 == 7'h20)) dec_o.unit = U_ALU;
      end
      7'h33: begin
        dec_o.alu_op = alu_op(funct3, insn_i[30]);
        dec_o.b_imm  = 1'b0;
        if (funct7 == 7'h01) dec_o.unit = U_MULDIV;
        else if (funct7 == 0 || (funct7 == 7'h20 && (funct3 == 3'b000 || funct3 == 3'b101))) dec_o.unit = U_ALU;
      end
      7'h0F: begin
        if (funct3 == 3'b000) dec_o.unit = U_NOP;  // fence
        if (funct3 == 3'b001) dec_o.unit = U_FENCEI;
      end
      7'h73: begin
        if (funct3[1:0] != 0) dec_o.unit = U_CSR;
        else
          unique case (insn_i[31:7])
            {12'h000, 13'b0}: dec_o.unit = U_ECALL;
            {12'h001, 13'b0}: dec_o.unit = U_EBREAK;
            {12'h302, 13'b0}: dec_o.unit = U_MRET;
            {12'h105, 13'b0}: dec_o.unit = U_WFI;
            default: ;
          endcase
      end
      default: ;
    endcase
  end
endmodule
