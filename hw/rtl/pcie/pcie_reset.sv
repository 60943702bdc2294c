// SPDX-License-Identifier: BSD-2-Clause
// Card reset: by the host (CONTROL.RESET), by the watchdog, and once after the endpoint's own reset. Holds reset_o while
// the command ring is overwritten with zeros (it held keys) and until no DMA is under way.
module pcie_reset #(
    parameter int unsigned WORDS = 1024  // of the command ring
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     host_i,        // pulse
    input  logic                     wdt_i,
    input  logic                     quiet_i,       // no DMA is under way
    output logic                     reset_o,
    output logic                     clear_o,       // overwrite word clear_addr_o
    output logic [$clog2(WORDS)-1:0] clear_addr_o,
    output logic                     watchdog_o     // the last reset was the watchdog's
);
  logic reset_q, clear_q, watchdog_q;
  logic [$clog2(WORDS)-1:0] addr_q;
  assign reset_o      = reset_q;
  assign clear_o      = clear_q;
  assign clear_addr_o = addr_q;
  assign watchdog_o   = watchdog_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reset_q    <= 1'b1;
      clear_q    <= 1'b1;
      watchdog_q <= 1'b0;
      addr_q     <= '0;
    end else if (!reset_q) begin
      if (host_i || wdt_i) begin
        reset_q    <= 1'b1;
        clear_q    <= 1'b1;
        watchdog_q <= wdt_i && !host_i;
        addr_q     <= '0;
      end
    end else if (clear_q) begin
      addr_q <= addr_q + 1'b1;
      if (addr_q == '1) clear_q <= 1'b0;
    end else if (quiet_i) reset_q <= 1'b0;
  end
endmodule
