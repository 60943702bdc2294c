// SPDX-License-Identifier: BSD-2-Clause
// Machine-mode CSRs, trap entry and return, choice of the interrupt to take.
// Reads are combinational; writes, traps and mret take effect in the next cycle. mcycle stands still while asleep.
// Event counters 3 to 31, mcountinhibit, mstatush and mconfigptr exist and read as zero.
module rv_csr
  import rv_pkg::*;
#(
    parameter logic [31:0] HART_ID = 0,
    parameter logic [31:0] IMP_ID  = 32'h0001_0000
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        asleep_i,
    // one CSR instruction
    input  logic        valid_i,     // addr_i .. src_i are those of a CSR instruction
    input  logic        commit_i,    // it retires in this cycle
    input  logic [11:0] addr_i,
    input  logic [ 1:0] op_i,        // 01 write, 10 set, 11 clear
    input  logic        write_i,     // it writes (csrrs and csrrc of x0 do not)
    input  logic [31:0] src_i,
    output logic [31:0] rdata_o,
    output logic        illegal_o,   // no such CSR, or a write to a read-only one
    // events
    input  logic        retire_i,    // an instruction retires
    input  logic        trap_i,
    input  logic        trap_irq_i,
    input  logic [ 4:0] trap_cause_i,
    input  logic [31:0] trap_pc_i,
    input  logic [31:0] trap_val_i,
    input  logic        mret_i,
    output logic [31:0] mtvec_o,
    output logic [31:0] mepc_o,
    // interrupts: levels
    input  logic        irq_soft_i,
    input  logic        irq_timer_i,
    input  logic        irq_ext_i,
    output logic        irq_wake_o,  // one is pending and enabled in mie, whatever mstatus.MIE
    output logic        irq_take_o,  // and mstatus.MIE is set
    output logic [ 4:0] irq_cause_o
);
  logic        mie_q, mpie_q;         // of mstatus
  logic        meie_q, mtie_q, msie_q;  // of the register mie
  logic [31:2] mtvec_q;
  logic [31:1] mepc_q;
  logic [31:0] mscratch_q, mtval_q;
  logic        cause_irq_q;
  logic [ 4:0] cause_q;
  logic [63:0] mcycle_q, minstret_q;

  logic exists;
  always_comb begin
    rdata_o = '0;
    exists  = 1'b0;
    if (valid_i) begin
      exists = 1'b1;
      unique case (addr_i)
        CSR_MSTATUS:   rdata_o = {19'b0, 2'b11, 3'b0, mpie_q, 3'b0, mie_q, 3'b0};
        CSR_MISA:      rdata_o = MISA_RV32IMC;
        CSR_MIE:       rdata_o = {20'b0, meie_q, 3'b0, mtie_q, 3'b0, msie_q, 3'b0};
        CSR_MTVEC:     rdata_o = {mtvec_q, 2'b0};
        CSR_MSCRATCH:  rdata_o = mscratch_q;
        CSR_MEPC:      rdata_o = {mepc_q, 1'b0};
        CSR_MCAUSE:    rdata_o = {cause_irq_q, 26'b0, cause_q};
        CSR_MTVAL:     rdata_o = mtval_q;
        CSR_MIP:       rdata_o = {20'b0, irq_ext_i, 3'b0, irq_timer_i, 3'b0, irq_soft_i, 3'b0};
        CSR_MCYCLE:    rdata_o = mcycle_q[31:0];
        CSR_MCYCLEH:   rdata_o = mcycle_q[63:32];
        CSR_MINSTRET:  rdata_o = minstret_q[31:0];
        CSR_MINSTRETH: rdata_o = minstret_q[63:32];
        CSR_MVENDORID, CSR_MARCHID, CSR_MCONFIG, CSR_MSTATUSH, CSR_MCOUNTINH: rdata_o = '0;
        CSR_MIMPID:    rdata_o = IMP_ID;
        CSR_MHARTID:   rdata_o = HART_ID;
        default:  // mhpmcounter3 .. 31, their upper halves, mhpmevent3 .. 31
        exists = (addr_i[11:5] == 7'h58 || addr_i[11:5] == 7'h5C || addr_i[11:5] == 7'h19) && addr_i[4:0] >= 5'd3;
      endcase
    end
  end
  assign illegal_o = valid_i && (!exists || (write_i && addr_i[11:10] == 2'b11));

  logic [31:0] wdata;
  always_comb begin
    unique case (op_i)
      2'b10:   wdata = rdata_o | src_i;
      2'b11:   wdata = rdata_o & ~src_i;
      default: wdata = src_i;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mie_q       <= 1'b0;
      mpie_q      <= 1'b0;
      meie_q      <= 1'b0;
      mtie_q      <= 1'b0;
      msie_q      <= 1'b0;
      mtvec_q     <= '0;
      mepc_q      <= '0;
      mscratch_q  <= '0;
      mtval_q     <= '0;
      cause_irq_q <= 1'b0;
      cause_q     <= '0;
      mcycle_q    <= '0;
      minstret_q  <= '0;
    end else begin
      if (!asleep_i) mcycle_q <= mcycle_q + 1'b1;
      if (retire_i) minstret_q <= minstret_q + 1'b1;
      if (commit_i && write_i)
        unique case (addr_i)
          CSR_MSTATUS: begin
            mie_q  <= wdata[3];
            mpie_q <= wdata[7];
          end
          CSR_MIE: begin
            msie_q <= wdata[3];
            mtie_q <= wdata[7];
            meie_q <= wdata[11];
          end
          CSR_MTVEC:    mtvec_q <= wdata[31:2];
          CSR_MSCRATCH: mscratch_q <= wdata;
          CSR_MEPC:     mepc_q <= wdata[31:1];
          CSR_MCAUSE: begin
            cause_irq_q <= wdata[31];
            cause_q     <= wdata[4:0];
          end
          CSR_MTVAL:     mtval_q <= wdata;
          // A write takes the place of the count of that cycle or instruction.
          CSR_MCYCLE:    mcycle_q <= {mcycle_q[63:32], wdata};
          CSR_MCYCLEH:   mcycle_q <= {wdata, mcycle_q[31:0]};
          CSR_MINSTRET:  minstret_q <= {minstret_q[63:32], wdata};
          CSR_MINSTRETH: minstret_q <= {wdata, minstret_q[31:0]};
          default: ;
        endcase
      if (trap_i) begin
        mpie_q      <= mie_q;
        mie_q       <= 1'b0;
        mepc_q      <= trap_pc_i[31:1];
        mtval_q     <= trap_val_i;
        cause_irq_q <= trap_irq_i;
        cause_q     <= trap_cause_i;
      end
      if (mret_i) begin
        mie_q  <= mpie_q;
        mpie_q <= 1'b1;
      end
    end
  end

  assign mtvec_o = {mtvec_q, 2'b0};
  assign mepc_o  = {mepc_q, 1'b0};

  // External before software before timer.
  assign irq_wake_o  = (irq_ext_i && meie_q) || (irq_soft_i && msie_q) || (irq_timer_i && mtie_q);
  assign irq_take_o  = irq_wake_o && mie_q;
  assign irq_cause_o = (irq_ext_i && meie_q) ? IRQ_EXT : (irq_soft_i && msie_q) ? IRQ_SOFT : IRQ_TIMER;

  logic unused;
  assign unused = trap_pc_i[0];

  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_one_event : assert (!(trap_i && (commit_i || mret_i || retire_i)))
      else $error("a trapping instruction must not change state");
    end
endmodule
