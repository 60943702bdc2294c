// SPDX-License-Identifier: BSD-2-Clause
// Types and constants of the management core: instruction classes, CSR numbers, trap causes.
// Numbers are those of the RISC-V unprivileged and privileged specifications.
package rv_pkg;
  typedef enum logic [3:0] {
    ALU_ADD, ALU_SUB, ALU_SLL, ALU_SLT, ALU_SLTU, ALU_XOR, ALU_SRL, ALU_SRA, ALU_OR, ALU_AND
  } alu_op_e;

  typedef enum logic [1:0] {A_RS1, A_PC, A_ZERO} a_sel_e;  // first operand of the ALU

  typedef enum logic [3:0] {
    U_ALU,     // result of the ALU to rd
    U_BRANCH,  // ALU: target; comparator: taken
    U_JUMP,    // ALU: target; pc of the next instruction to rd
    U_LOAD,    // ALU: address
    U_STORE,   // ALU: address
    U_MULDIV,
    U_CSR,
    U_FENCEI,  // fetch again all that follows
    U_NOP,     // fence: accesses are in order already
    U_ECALL,
    U_EBREAK,
    U_MRET,
    U_WFI,
    U_ILLEGAL
  } unit_e;

  typedef struct packed {
    unit_e       unit;
    alu_op_e     alu_op;
    a_sel_e      a_sel;
    logic        b_imm;   // second operand is imm, else rs2
    logic [2:0]  funct3;  // size of a load or store, condition, multiplier or CSR operation
    logic [4:0]  rd;
    logic [4:0]  rs1;     // also the immediate of csrr*i
    logic [4:0]  rs2;
    logic [31:0] imm;
  } dec_t;

  // mcause without its top bit
  localparam logic [4:0] EXC_FETCH_FAULT      = 5'd1;
  localparam logic [4:0] EXC_ILLEGAL          = 5'd2;
  localparam logic [4:0] EXC_BREAKPOINT       = 5'd3;
  localparam logic [4:0] EXC_LOAD_MISALIGNED  = 5'd4;
  localparam logic [4:0] EXC_LOAD_FAULT       = 5'd5;
  localparam logic [4:0] EXC_STORE_MISALIGNED = 5'd6;
  localparam logic [4:0] EXC_STORE_FAULT      = 5'd7;
  localparam logic [4:0] EXC_ECALL_M          = 5'd11;
  localparam logic [4:0] IRQ_SOFT             = 5'd3;
  localparam logic [4:0] IRQ_TIMER            = 5'd7;
  localparam logic [4:0] IRQ_EXT              = 5'd11;

  localparam logic [11:0] CSR_MSTATUS   = 12'h300;
  localparam logic [11:0] CSR_MISA      = 12'h301;
  localparam logic [11:0] CSR_MIE       = 12'h304;
  localparam logic [11:0] CSR_MTVEC     = 12'h305;
  localparam logic [11:0] CSR_MSTATUSH  = 12'h310;
  localparam logic [11:0] CSR_MCOUNTINH = 12'h320;
  localparam logic [11:0] CSR_MSCRATCH  = 12'h340;
  localparam logic [11:0] CSR_MEPC      = 12'h341;
  localparam logic [11:0] CSR_MCAUSE    = 12'h342;
  localparam logic [11:0] CSR_MTVAL     = 12'h343;
  localparam logic [11:0] CSR_MIP       = 12'h344;
  localparam logic [11:0] CSR_MCYCLE    = 12'hB00;
  localparam logic [11:0] CSR_MINSTRET  = 12'hB02;
  localparam logic [11:0] CSR_MCYCLEH   = 12'hB80;
  localparam logic [11:0] CSR_MINSTRETH = 12'hB82;
  localparam logic [11:0] CSR_MVENDORID = 12'hF11;
  localparam logic [11:0] CSR_MARCHID   = 12'hF12;
  localparam logic [11:0] CSR_MIMPID    = 12'hF13;
  localparam logic [11:0] CSR_MHARTID   = 12'hF14;
  localparam logic [11:0] CSR_MCONFIG   = 12'hF15;

  localparam logic [31:0] MISA_RV32IMC = 32'h4000_1104;
endpackage
