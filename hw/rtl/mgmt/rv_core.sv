// SPDX-License-Identifier: BSD-2-Clause
// RV32IMC + Zicsr core, machine mode only: two stages, fetch (rv_fetch) and everything else (here).
// Cycles an instruction, with memories that answer in the next cycle: ALU, CSR and branch not taken 1, branch taken and
// jump 2 (3 to a 32-bit instruction that crosses a word), load and store 2, multiply 2, divide 10 to 34.
// In WFI no register changes (asleep_o), until an interrupt enabled in mie is pending.
//
// Data bus: req_o with address and data stays until gnt_i; one rvalid_i answers it, at the earliest in the next cycle.
// Stores are answered too; err_i makes a precise access fault. One request outstanding.
//
// Trace: for a cycle after each retired instruction, trap or interrupt, retire_valid_o with what it did. On a trap
// (retire_trap_o) pc and insn are those of the instruction that did not retire.
module rv_core
  import rv_pkg::*;
#(
    parameter logic [31:0] HART_ID = 0
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [31:0] boot_addr_i,
    input  logic        irq_soft_i,
    input  logic        irq_timer_i,
    input  logic        irq_ext_i,
    output logic        asleep_o,
    // fetch bus
    output logic        instr_req_o,
    input  logic        instr_gnt_i,
    output logic [31:0] instr_addr_o,
    input  logic        instr_rvalid_i,
    input  logic [31:0] instr_rdata_i,
    input  logic        instr_err_i,
    // data bus
    output logic        data_req_o,
    input  logic        data_gnt_i,
    output logic [31:0] data_addr_o,
    output logic        data_we_o,
    output logic [ 3:0] data_be_o,
    output logic [31:0] data_wdata_o,
    input  logic        data_rvalid_i,
    input  logic [31:0] data_rdata_i,
    input  logic        data_err_i,
    // trace
    output logic        retire_valid_o,
    output logic        retire_trap_o,
    output logic        retire_irq_o,    // the trap is an interrupt
    output logic [ 4:0] retire_cause_o,
    output logic [31:0] retire_pc_o,
    output logic [31:0] retire_insn_o,   // as fetched; upper half 0 if compressed
    output logic [ 4:0] retire_rd_o,     // register written, 0 if none
    output logic [31:0] retire_rdata_o,
    output logic [ 3:0] retire_mem_be_o, // byte lanes of its load or store, 0 if none
    output logic        retire_mem_we_o,
    output logic [31:0] retire_mem_addr_o,
    output logic [31:0] retire_mem_wdata_o
);
  typedef enum logic [2:0] {
    S_RUN,
    S_GRANT,   // load or store waits for its grant
    S_ANSWER,  // and for its answer
    S_MULDIV,
    S_SLEEP
  } state_e;
  state_e state_q, state_d;

  // Fetch and decode
  logic f_valid, f_err, f_err_upper, f_compressed, take, redirect;
  logic [31:0] pc, next_pc, insn, target, insn32, expanded;
  rv_fetch u_fetch (
      .clk_i, .rst_ni, .boot_addr_i,
      .enable_i    (state_q != S_SLEEP),
      .redirect_i  (redirect),
      .target_i    (target),
      .take_i      (take),
      .valid_o     (f_valid),
      .pc_o        (pc),
      .next_pc_o   (next_pc),
      .insn_o      (insn),
      .compressed_o(f_compressed),
      .err_o       (f_err),
      .err_upper_o (f_err_upper),
      .req_o       (instr_req_o),
      .gnt_i       (instr_gnt_i),
      .addr_o      (instr_addr_o),
      .rvalid_i    (instr_rvalid_i),
      .rdata_i     (instr_rdata_i),
      .err_i       (instr_err_i)
  );

  dec_t dec;
  rv_expand u_expand (.insn_i(insn[15:0]), .insn_o(expanded));
  assign insn32 = f_compressed ? expanded : insn;
  rv_decode u_decode (.insn_i(insn32), .dec_o(dec));

  // Operands and units
  logic [31:0] rs1, rs2, a, b, alu, md_result, csr_rdata, load_data, wb_data;
  logic taken, wb, md_start, md_done, csr_commit, csr_illegal, misaligned;
  rv_regfile u_regfile (
      .clk_i,
      .raddr_a_i(dec.rs1), .rdata_a_o(rs1),
      .raddr_b_i(dec.rs2), .rdata_b_o(rs2),
      .we_i(wb), .waddr_i(dec.rd), .wdata_i(wb_data)
  );

  always_comb begin
    unique case (dec.a_sel)
      A_PC:    a = pc;
      A_ZERO:  a = '0;
      default: a = rs1;
    endcase
    b = dec.b_imm ? dec.imm : rs2;
  end
  rv_alu u_alu (
      .op_i(dec.alu_op), .a_i(a), .b_i(b), .result_o(alu),
      .cond_i(dec.funct3), .rs1_i(rs1), .rs2_i(rs2), .taken_o(taken)
  );
  rv_muldiv u_muldiv (
      .clk_i, .rst_ni, .start_i(md_start), .op_i(dec.funct3), .a_i(rs1), .b_i(rs2), .done_o(md_done), .result_o(md_result)
  );
  rv_align u_align (
      .size_i(dec.funct3), .addr_i(alu[1:0]), .misaligned_o(misaligned), .be_o(data_be_o),
      .store_i(rs2), .wdata_o(data_wdata_o), .rdata_i(data_rdata_i), .load_o(load_data)
  );
  assign data_addr_o = alu;
  assign data_we_o   = dec.unit == U_STORE;

  // Control and status
  logic retire, trap, trap_irq, mret, irq_wake, irq_take;
  logic [4:0] cause, irq_cause;
  logic [31:0] tval, mtvec, mepc;
  rv_csr #(.HART_ID(HART_ID)) u_csr (
      .clk_i, .rst_ni,
      .asleep_i    (state_q == S_SLEEP),
      .valid_i     (f_valid && dec.unit == U_CSR),
      .commit_i    (csr_commit),
      .addr_i      (dec.imm[11:0]),
      .op_i        (dec.funct3[1:0]),
      .write_i     (dec.funct3[1:0] == 2'b01 || dec.rs1 != 0),
      .src_i       (dec.funct3[2] ? {27'b0, dec.rs1} : rs1),
      .rdata_o     (csr_rdata),
      .illegal_o   (csr_illegal),
      .retire_i    (retire),
      .trap_i      (trap),
      .trap_irq_i  (trap_irq),
      .trap_cause_i(cause),
      .trap_pc_i   (pc),
      .trap_val_i  (tval),
      .mret_i      (mret),
      .mtvec_o     (mtvec),
      .mepc_o      (mepc),
      .irq_soft_i, .irq_timer_i, .irq_ext_i,
      .irq_wake_o  (irq_wake),
      .irq_take_o  (irq_take),
      .irq_cause_o (irq_cause)
  );

  logic mem_unit;
  assign mem_unit = dec.unit == U_LOAD || dec.unit == U_STORE;

  always_comb begin
    state_d    = state_q;
    retire     = 1'b0;
    redirect   = 1'b0;
    target     = alu;
    wb         = 1'b0;
    wb_data    = alu;
    csr_commit = 1'b0;
    md_start   = 1'b0;
    mret       = 1'b0;
    data_req_o = 1'b0;
    trap       = 1'b0;
    trap_irq   = 1'b0;
    cause      = EXC_ILLEGAL;
    tval       = '0;
    unique case (state_q)
      S_RUN:
      if (irq_take) begin
        trap     = 1'b1;
        trap_irq = 1'b1;
        cause    = irq_cause;
      end else if (f_valid) begin
        if (f_err) begin
          trap  = 1'b1;
          cause = EXC_FETCH_FAULT;
          tval  = f_err_upper ? next_pc - 32'd2 : pc;
        end else
          unique case (dec.unit)
            U_ALU: begin
              retire = 1'b1;
              wb     = 1'b1;
            end
            U_BRANCH: begin
              retire   = 1'b1;
              redirect = taken;
            end
            U_JUMP: begin
              retire   = 1'b1;
              redirect = 1'b1;
              wb       = 1'b1;
              wb_data  = next_pc;
            end
            U_LOAD, U_STORE:
            if (misaligned) begin
              trap  = 1'b1;
              cause = dec.unit == U_STORE ? EXC_STORE_MISALIGNED : EXC_LOAD_MISALIGNED;
              tval  = alu;
            end else begin
              data_req_o = 1'b1;
              state_d    = data_gnt_i ? S_ANSWER : S_GRANT;
            end
            U_MULDIV: begin
              md_start = 1'b1;
              state_d  = S_MULDIV;
            end
            U_CSR:
            if (csr_illegal) begin
              trap = 1'b1;
              tval = insn;
            end else begin
              retire     = 1'b1;
              csr_commit = 1'b1;
              wb         = 1'b1;
              wb_data    = csr_rdata;
            end
            U_FENCEI: begin
              retire   = 1'b1;
              redirect = 1'b1;
              target   = next_pc;
            end
            U_NOP: retire = 1'b1;
            U_ECALL: begin
              trap  = 1'b1;
              cause = EXC_ECALL_M;
            end
            U_EBREAK: begin
              trap  = 1'b1;
              cause = EXC_BREAKPOINT;
              tval  = pc;
            end
            U_MRET: begin
              retire   = 1'b1;
              mret     = 1'b1;
              redirect = 1'b1;
              target   = mepc;
            end
            U_WFI: begin
              retire = 1'b1;
              if (!irq_wake) state_d = S_SLEEP;
            end
            default: begin
              trap = 1'b1;
              tval = insn;
            end
          endcase
      end
      S_GRANT: begin
        data_req_o = 1'b1;
        if (data_gnt_i) state_d = S_ANSWER;
      end
      S_ANSWER:
      if (data_rvalid_i) begin
        state_d = S_RUN;
        if (data_err_i) begin
          trap  = 1'b1;
          cause = dec.unit == U_STORE ? EXC_STORE_FAULT : EXC_LOAD_FAULT;
          tval  = alu;
        end else begin
          retire  = 1'b1;
          wb      = dec.unit == U_LOAD;
          wb_data = load_data;
        end
      end
      S_MULDIV:
      if (md_done) begin
        state_d = S_RUN;
        retire  = 1'b1;
        wb      = 1'b1;
        wb_data = md_result;
      end
      S_SLEEP: if (irq_wake) state_d = S_RUN;
      default: state_d = S_RUN;
    endcase
    if (trap) begin
      redirect = 1'b1;
      target   = mtvec;
    end
  end
  assign take     = retire;
  assign asleep_o = state_q == S_SLEEP;

  always_ff @(posedge clk_i)
    if (!rst_ni) state_q <= S_RUN;
    else state_q <= state_d;

  always_ff @(posedge clk_i) begin
    retire_valid_o <= rst_ni && (retire || trap);
    if (retire || trap) begin
      retire_trap_o      <= trap;
      retire_irq_o       <= trap_irq;
      retire_cause_o     <= cause;
      retire_pc_o        <= pc;
      retire_insn_o      <= insn;
      retire_rd_o        <= wb ? dec.rd : '0;
      retire_rdata_o     <= wb_data;
      retire_mem_be_o    <= retire && mem_unit ? data_be_o : '0;
      retire_mem_we_o    <= data_we_o;
      retire_mem_addr_o  <= alu;
      retire_mem_wdata_o <= data_wdata_o;
    end
  end

  // The data bus as the core has to use it, and as the memory has to answer.
  logic past_q, req_q, we_q;
  logic [ 3:0] be_q;
  logic [31:0] addr_q, wdata_q;
  always_ff @(posedge clk_i) begin
    past_q <= rst_ni && data_req_o && !data_gnt_i;
    if (data_req_o) {req_q, we_q, be_q, addr_q, wdata_q} <= {1'b1, data_we_o, data_be_o, data_addr_o, data_wdata_o};
    if (rst_ni && past_q) begin
      a_data_stable :
      assert ({data_req_o, data_we_o, data_be_o, data_addr_o, data_wdata_o} == {req_q, we_q, be_q, addr_q, wdata_q})
      else $error("core: request changed before its grant");
    end
    if (rst_ni) begin
      a_answer : assert (!data_rvalid_i || state_q == S_ANSWER)
      else $error("core: answer without a request");
      a_state : assert (state_q <= S_SLEEP)
      else $error("core: illegal state");
    end
  end
endmodule
