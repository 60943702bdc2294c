// SPDX-License-Identifier: BSD-2-Clause
// MSI-X (PCI Local Bus 3.0, 6.8.2): table, pending bits, and the write that is the interrupt. An event of a masked
// vector stays pending until it is unmasked; events while one is pending are one interrupt. While MSI-X is disabled
// events are forgotten. Reset by the endpoint's reset only.
module pcie_msix
  import pcie_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic bus_master_i,
    input logic enable_i,  // of the MSI-X capability
    input logic mask_i,    // function mask

    input logic [VECTORS-1:0] raise_i,  // pulses
    output logic [VECTORS-1:0] pending_o,

    input  logic        reg_we_i,     // table access
    input  logic [ 5:2] reg_addr_i,
    input  logic [ 3:0] reg_be_i,
    input  logic [31:0] reg_wdata_i,
    output logic [31:0] reg_rdata_o,  // combinational

    output logic        wr_valid_o,
    output logic [63:0] wr_addr_o,
    output logic [31:0] wr_word_o,
    input  logic        wr_done_i
);
  logic [63:0] addr_q[VECTORS];
  logic [31:0] data_q[VECTORS];
  logic [VECTORS-1:0] mask_q, pending_q, ready;
  logic wr_valid_q;
  logic [63:0] wr_addr_q;
  logic [31:0] wr_word_q;
  logic [1:0] vec, pick;

  assign vec        = reg_addr_i[5:4];
  assign pending_o  = pending_q;
  assign wr_valid_o = wr_valid_q;
  assign wr_addr_o  = wr_addr_q;
  assign wr_word_o  = wr_word_q;

  always_comb begin
    unique case (reg_addr_i[3:2])
      2'd0: reg_rdata_o = addr_q[vec][31:0];
      2'd1: reg_rdata_o = addr_q[vec][63:32];
      2'd2: reg_rdata_o = data_q[vec];
      default: reg_rdata_o = {31'd0, mask_q[vec]};
    endcase
    ready = pending_q & ~mask_q;
    pick  = ready[0] ? 2'd0 : ready[1] ? 2'd1 : ready[2] ? 2'd2 : 2'd3;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mask_q     <= '1;
      pending_q  <= '0;
      wr_valid_q <= 1'b0;
      for (int v = 0; v < VECTORS; v++) begin
        addr_q[v] <= '0;
        data_q[v] <= '0;
      end
    end else begin
      if (!enable_i) pending_q <= '0;
      else if (raise_i != '0) pending_q <= pending_q | raise_i;
      if (wr_done_i) wr_valid_q <= 1'b0;
      if (!wr_valid_q && ready != '0 && enable_i && !mask_i && bus_master_i) begin
        wr_valid_q      <= 1'b1;
        wr_addr_q       <= addr_q[pick];
        wr_word_q       <= data_q[pick];
        pending_q[pick] <= raise_i[pick];
      end
      if (reg_we_i) begin
        unique case (reg_addr_i[3:2])
          2'd0: addr_q[vec][31:0] <= merge(addr_q[vec][31:0], reg_wdata_i, reg_be_i) & ~32'd3;
          2'd1: addr_q[vec][63:32] <= merge(addr_q[vec][63:32], reg_wdata_i, reg_be_i);
          2'd2: data_q[vec] <= merge(data_q[vec], reg_wdata_i, reg_be_i);
          default: if (reg_be_i[0]) mask_q[vec] <= reg_wdata_i[0];
        endcase
      end
    end
  end

  always_ff @(posedge clk_i)
    if (rst_ni && wr_done_i) begin
      a_done : assert (wr_valid_q) else $error("pcie_msix: an interrupt that was not asked for");
    end
endmodule
