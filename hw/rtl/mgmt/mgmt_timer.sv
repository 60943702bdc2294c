// SPDX-License-Identifier: BSD-2-Clause
// Machine timer (64 bit, counts clock cycles) and software interrupt. Registers: hw/regs/mgmt.regs, MTIME_LO to MSIP.
module mgmt_timer
  import mgmt_regs_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        write_i,
    input  logic [11:0] addr_i,
    input  logic [31:0] wdata_i,
    output logic [31:0] rdata_o,
    output logic        exists_o,    // there is a register at addr_i
    output logic        irq_timer_o,
    output logic        irq_soft_o
);
  logic [63:0] mtime_q, mtimecmp_q;
  logic irq_q, msip_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mtime_q    <= '0;
      mtimecmp_q <= '1;
      irq_q      <= 1'b0;
      msip_q     <= 1'b0;
    end else begin
      mtime_q <= mtime_q + 1'b1;
      irq_q   <= mtime_q >= mtimecmp_q;
      if (write_i)
        unique case (addr_i)
          MTIME_LO[11:0]: mtime_q <= {mtime_q[63:32], wdata_i};
          MTIME_HI[11:0]: mtime_q <= {wdata_i, mtime_q[31:0]};
          // A new deadline drops the request at once, so that a handler that returns directly is not entered again.
          MTIMECMP_LO[11:0]: begin
            mtimecmp_q <= {mtimecmp_q[63:32], wdata_i};
            irq_q      <= 1'b0;
          end
          MTIMECMP_HI[11:0]: begin
            mtimecmp_q <= {wdata_i, mtimecmp_q[31:0]};
            irq_q      <= 1'b0;
          end
          MSIP[11:0]: msip_q <= wdata_i[MSIP_PENDING_LSB];
          default: ;
        endcase
    end
  end

  always_comb begin
    exists_o = 1'b1;
    unique case (addr_i)
      MTIME_LO[11:0]:    rdata_o = mtime_q[31:0];
      MTIME_HI[11:0]:    rdata_o = mtime_q[63:32];
      MTIMECMP_LO[11:0]: rdata_o = mtimecmp_q[31:0];
      MTIMECMP_HI[11:0]: rdata_o = mtimecmp_q[63:32];
      MSIP[11:0]:        rdata_o = 32'(msip_q) << MSIP_PENDING_LSB;
      default: begin
        rdata_o  = '0;
        exists_o = 1'b0;
      end
    endcase
  end
  assign irq_timer_o = irq_q;
  assign irq_soft_o  = msip_q;
endmodule
