// SPDX-License-Identifier: BSD-2-Clause
// The core's data bus to RAM (answer in the next cycle), to the devices of the subsystem (the same) and to the card's
// register bus (answer with its ack). Accesses to what does not exist, and accesses that are not 32-bit to anything but
// RAM, are answered with an error.
//
// Register bus: reg_req_o rises in the cycle after the core's request and stays, with its address and data, until reg_ack_i.
module mgmt_bus
  import mgmt_regs_pkg::*;
#(
    parameter int unsigned RAM_BYTES = 131072
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    // core
    input  logic        req_i,
    output logic        gnt_o,
    input  logic [31:0] addr_i,
    input  logic        we_i,
    input  logic [ 3:0] be_i,
    input  logic [31:0] wdata_i,
    output logic        rvalid_o,
    output logic [31:0] rdata_o,
    output logic        err_o,
    // RAM: the address and data are those of the core
    output logic        ram_req_o,
    input  logic [31:0] ram_rdata_i,
    // devices: one of dev_sel_o for the one cycle of an access
    output logic [ 3:0] dev_sel_o,    // 0 timer, 1 UART, 2 interrupt controller, 3 watchdog
    output logic        dev_we_o,
    output logic [11:0] dev_addr_o,
    output logic [31:0] dev_wdata_o,
    input  logic [31:0] dev_rdata_i,
    input  logic        dev_err_i,
    // register bus
    output logic        reg_req_o,
    output logic        reg_we_o,
    output logic [27:0] reg_addr_o,
    output logic [31:0] reg_wdata_o,
    input  logic        reg_ack_i,
    input  logic [31:0] reg_rdata_i,
    input  logic        reg_err_i
);
  localparam logic [3:0] REGS_TOP = 4'h5;  // the register bus is at 0x5000_0000

  logic is_ram, is_dev, is_reg;
  assign is_ram = addr_i < RAM_BYTES;
  assign is_dev = addr_i[31:14] == BASE[31:14] && be_i == '1;
  assign is_reg = addr_i[31:28] == REGS_TOP && be_i == '1;

  // What was asked for in the last cycle; a register access stays until its ack.
  logic ram_q, dev_q, reg_q, none_q, we_q;
  logic [27:0] addr_q;
  logic [31:0] wdata_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ram_q  <= 1'b0;
      dev_q  <= 1'b0;
      reg_q  <= 1'b0;
      none_q <= 1'b0;
    end else begin
      ram_q  <= req_i && gnt_o && is_ram;
      dev_q  <= req_i && gnt_o && is_dev;
      none_q <= req_i && gnt_o && !is_ram && !is_dev && !is_reg;
      if (reg_ack_i || !reg_q) reg_q <= req_i && is_reg;
      if (req_i && gnt_o && !is_ram) begin
        we_q    <= we_i;
        addr_q  <= addr_i[27:0];
        wdata_q <= wdata_i;
      end
    end
  end

  assign gnt_o       = !reg_q || reg_ack_i;
  assign ram_req_o   = req_i && gnt_o && is_ram;
  assign dev_sel_o   = dev_q ? 4'b0001 << addr_q[13:12] : '0;
  assign dev_we_o    = dev_q && we_q;
  assign dev_addr_o  = addr_q[11:0];
  assign dev_wdata_o = wdata_q;
  assign reg_req_o   = reg_q;
  assign reg_we_o    = we_q;
  assign reg_addr_o  = addr_q;
  assign reg_wdata_o = wdata_q;

  assign rvalid_o = ram_q || dev_q || none_q || (reg_q && reg_ack_i);
  assign rdata_o  = ram_q ? ram_rdata_i : dev_q ? dev_rdata_i : reg_rdata_i;
  assign err_o    = none_q || (dev_q && dev_err_i) || (reg_q && reg_err_i);

  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_ack : assert (!reg_ack_i || reg_q)
      else $error("mgmt_bus: register ack without a request");
    end
endmodule
