// SPDX-License-Identifier: BSD-2-Clause
// Interrupt controller: 32 level inputs, an enable bit each, one output. Registers: hw/regs/mgmt.regs, IRQ_*.
module mgmt_intc
  import mgmt_regs_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        write_i,
    input  logic [11:0] addr_i,
    input  logic [31:0] wdata_i,
    output logic [31:0] rdata_o,
    output logic        exists_o,
    input  logic [31:0] irq_i,
    output logic        irq_ext_o
);
  logic [31:0] enable_q;
  logic irq_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      enable_q <= '0;
      irq_q    <= 1'b0;
    end else begin
      irq_q <= |(irq_i & enable_q);
      if (write_i && addr_i == IRQ_ENABLE[11:0]) begin
        enable_q <= wdata_i;
        irq_q    <= |(irq_i & wdata_i);
      end
    end
  end

  always_comb begin
    exists_o = 1'b1;
    unique case (addr_i)
      IRQ_PENDING[11:0]: rdata_o = irq_i;
      IRQ_ENABLE[11:0]:  rdata_o = enable_q;
      IRQ_ACTIVE[11:0]:  rdata_o = irq_i & enable_q;
      default: begin
        rdata_o  = '0;
        exists_o = 1'b0;
      end
    endcase
  end
  assign irq_ext_o = irq_q;
endmodule
