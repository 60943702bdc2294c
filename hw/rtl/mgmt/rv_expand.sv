// SPDX-License-Identifier: BSD-2-Clause
// Expands a 16-bit instruction of the C extension (RV32) into the 32-bit one that it stands for. Combinational.
// Reserved codes, and those of the floating-point and 64-bit sets, expand to 0, which is an illegal instruction.
// HINTs expand to instructions that write x0.
module rv_expand (
    input  logic [15:0] insn_i,
    output logic [31:0] insn_o
);
  localparam logic [6:0] LOAD = 7'h03, OP_IMM = 7'h13, STORE = 7'h23, OP = 7'h33, LUI = 7'h37;
  localparam logic [6:0] BRANCH = 7'h63, JALR = 7'h67, JAL = 7'h6F, SYSTEM = 7'h73;

  // The eight registers of the short forms are x8 to x15.
  logic [4:0] rd_s, rs1_s, rd, rs2;
  assign rd_s  = {2'b01, insn_i[4:2]};
  assign rs1_s = {2'b01, insn_i[9:7]};
  assign rd    = insn_i[11:7];
  assign rs2   = insn_i[6:2];

  logic [11:0] imm6;  // sign-extended six-bit immediate
  assign imm6 = {{7{insn_i[12]}}, insn_i[6:2]};
  logic [11:0] imm_sp4, imm_sp16, imm_w, imm_lsp, imm_ssp;
  assign imm_sp4  = {2'b0, insn_i[10:7], insn_i[12:11], insn_i[5], insn_i[6], 2'b0};
  assign imm_sp16 = {{3{insn_i[12]}}, insn_i[4:3], insn_i[5], insn_i[2], insn_i[6], 4'b0};
  assign imm_w    = {5'b0, insn_i[5], insn_i[12:10], insn_i[6], 2'b0};
  assign imm_lsp  = {4'b0, insn_i[3:2], insn_i[12], insn_i[6:4], 2'b0};
  assign imm_ssp  = {4'b0, insn_i[8:7], insn_i[12:9], 2'b0};
  // bits 20:1 of a jump and bits 12:1 of a branch
  logic [20:1] imm_j;
  logic [12:1] imm_b;
  assign imm_j = {{10{insn_i[12]}}, insn_i[8], insn_i[10:9], insn_i[6], insn_i[7], insn_i[2], insn_i[11], insn_i[5:3]};
  assign imm_b = {{5{insn_i[12]}}, insn_i[6:5], insn_i[2], insn_i[11:10], insn_i[4:3]};

  always_comb begin
    insn_o = '0;
    unique case ({insn_i[1:0], insn_i[15:13]})
      5'b00_000: if (imm_sp4 != 0) insn_o = {imm_sp4, 5'd2, 3'b000, rd_s, OP_IMM};  // c.addi4spn
      5'b00_010: insn_o = {imm_w, rs1_s, 3'b010, rd_s, LOAD};  // c.lw
      5'b00_110: insn_o = {imm_w[11:5], rd_s, rs1_s, 3'b010, imm_w[4:0], STORE};  // c.sw
      5'b01_000: insn_o = {imm6, rd, 3'b000, rd, OP_IMM};  // c.nop, c.addi
      5'b01_001, 5'b01_101:  // c.jal, c.j
      insn_o = {imm_j[20], imm_j[10:1], imm_j[11], imm_j[19:12], 4'b0, !insn_i[15], JAL};
      5'b01_010: insn_o = {imm6, 5'd0, 3'b000, rd, OP_IMM};  // c.li
      5'b01_011:
      if ({insn_i[12], rs2} != 0) begin
        if (rd == 2) insn_o = {imm_sp16, 5'd2, 3'b000, 5'd2, OP_IMM};  // c.addi16sp
        else insn_o = {{15{insn_i[12]}}, rs2, rd, LUI};  // c.lui
      end
      5'b01_100:
      unique case (insn_i[11:10])
        2'b00, 2'b01:  // c.srli, c.srai
        if (!insn_i[12]) insn_o = {1'b0, insn_i[10], 5'b0, rs2, rs1_s, 3'b101, rs1_s, OP_IMM};
        2'b10: insn_o = {imm6, rs1_s, 3'b111, rs1_s, OP_IMM};  // c.andi
        default:
        if (!insn_i[12])
          unique case (insn_i[6:5])
            2'b00:   insn_o = {7'h20, rd_s, rs1_s, 3'b000, rs1_s, OP};  // c.sub
            2'b01:   insn_o = {7'h00, rd_s, rs1_s, 3'b100, rs1_s, OP};  // c.xor
            2'b10:   insn_o = {7'h00, rd_s, rs1_s, 3'b110, rs1_s, OP};  // c.or
            default: insn_o = {7'h00, rd_s, rs1_s, 3'b111, rs1_s, OP};  // c.and
          endcase
      endcase
      5'b01_110, 5'b01_111:  // c.beqz, c.bnez
      insn_o = {imm_b[12], imm_b[10:5], 5'd0, rs1_s, 2'b00, insn_i[13], imm_b[4:1], imm_b[11], BRANCH};
      5'b10_000: if (!insn_i[12]) insn_o = {7'b0, rs2, rd, 3'b001, rd, OP_IMM};  // c.slli
      5'b10_010: if (rd != 0) insn_o = {imm_lsp, 5'd2, 3'b010, rd, LOAD};  // c.lwsp
      5'b10_100:
      if (rs2 != 0) insn_o = {7'b0, rs2, insn_i[12] ? rd : 5'd0, 3'b000, rd, OP};  // c.mv, c.add
      else if (rd != 0) insn_o = {12'b0, rd, 3'b000, 4'b0, insn_i[12], JALR};  // c.jr, c.jalr
      else if (insn_i[12]) insn_o = {12'd1, 13'b0, SYSTEM};  // c.ebreak
      5'b10_110: insn_o = {imm_ssp[11:5], rs2, 5'd2, 3'b010, imm_ssp[4:0], STORE};  // c.swsp
      default: ;
    endcase
  end
endmodule
