// SPDX-License-Identifier: BSD-2-Clause
// Watchdog: counts down from WDT_LOAD, raises reset_o at 0 and holds it until reset. Off after reset; WDT_LOAD = 0 stops it.
// Registers: hw/regs/mgmt.regs, WDT_*.
module mgmt_wdt
  import mgmt_regs_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        write_i,
    input  logic [11:0] addr_i,
    input  logic [31:0] wdata_i,
    output logic [31:0] rdata_o,
    output logic        exists_o,
    output logic        reset_o
);
  logic [31:0] load_q, count_q;
  logic on_q, expired_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      on_q      <= 1'b0;
      load_q    <= '0;
      count_q   <= '0;
      expired_q <= 1'b0;
    end else begin
      if (on_q && !expired_q) begin
        count_q <= count_q - 1'b1;
        if (count_q == 1) expired_q <= 1'b1;
      end
      if (write_i && !expired_q && addr_i == WDT_LOAD[11:0]) begin
        load_q    <= wdata_i;
        count_q   <= wdata_i;
        on_q      <= wdata_i != 0;
        expired_q <= 1'b0;
      end
      if (write_i && !expired_q && on_q && addr_i == WDT_KICK[11:0]) begin
        count_q   <= load_q;
        expired_q <= 1'b0;
      end
    end
  end

  always_comb begin
    exists_o = 1'b1;
    unique case (addr_i)
      WDT_LOAD[11:0]:  rdata_o = load_q;
      WDT_KICK[11:0]:  rdata_o = '0;
      WDT_COUNT[11:0]: rdata_o = count_q;
      default: begin
        rdata_o  = '0;
        exists_o = 1'b0;
      end
    endcase
  end
  assign reset_o = expired_q;
endmodule
