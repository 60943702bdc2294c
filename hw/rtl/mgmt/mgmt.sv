// SPDX-License-Identifier: BSD-2-Clause
// The card's management subsystem: RV32IMC core, its RAM, boot copier, timer, console, interrupt controller, watchdog, and
// the master of the card's register bus. Registers and memory map: hw/regs/mgmt.regs and README.md.
//
// After rst_ni the copier fills RAM from flash (boot_copy); the core then runs from the image's entry address.
// wdt_reset_o asks the card for a reset; it falls with rst_ni.
module mgmt #(
    parameter int unsigned RAM_BYTES  = 131072,  // a power of two
    parameter logic [23:0] FLASH_BASE = 0        // flash word address of the firmware image
) (
    input  logic        clk_i,
    input  logic        rst_ni,
    // flash, read only: req and addr stay until ack
    output logic        flash_req_o,
    output logic [23:0] flash_addr_o,
    input  logic        flash_ack_i,
    input  logic [31:0] flash_data_i,
    output logic        boot_done_o,
    output logic [ 1:0] boot_error_o,   // 0 none, 1 magic, 2 length, 3 CRC
    // register bus of the card: req, we, addr and wdata stay until ack
    output logic        reg_req_o,
    output logic        reg_we_o,
    output logic [27:0] reg_addr_o,     // byte address, a multiple of 4
    output logic [31:0] reg_wdata_o,
    input  logic        reg_ack_i,
    input  logic [31:0] reg_rdata_i,
    input  logic        reg_err_i,      // with ack: no such register
    input  logic [31:0] irq_i,          // levels, of this clock
    output logic        uart_valid_o,   // for one cycle a byte
    output logic [ 7:0] uart_data_o,
    output logic        wdt_reset_o,
    output logic        core_sleep_o,   // in WFI
    output logic        retire_valid_o, // trace: an instruction has retired, or trapped
    output logic [31:0] retire_pc_o
);
  localparam int unsigned RAM_WORDS = RAM_BYTES / 4;
  localparam int unsigned RAM_AW = $clog2(RAM_WORDS);
  if (RAM_BYTES < 1024 || RAM_BYTES != 1 << $clog2(RAM_BYTES)) begin : g_check
    $error("mgmt: RAM_BYTES must be a power of two of at least 1024");
  end

  logic boot_ok, boot_we;
  logic [RAM_AW-1:0] boot_addr;
  logic [31:0] boot_data, entry;
  boot_copy #(
      .RAM_WORDS (RAM_WORDS),
      .FLASH_BASE(FLASH_BASE)
  ) u_boot (
      .clk_i, .rst_ni, .flash_req_o, .flash_addr_o, .flash_ack_i, .flash_data_i,
      .ram_we_o(boot_we), .ram_addr_o(boot_addr), .ram_data_o(boot_data),
      .done_o(boot_done_o), .ok_o(boot_ok), .error_o(boot_error_o), .entry_o(entry)
  );
  logic core_rst_n;
  assign core_rst_n = rst_ni && boot_ok;

  logic i_req, i_rvalid, i_err, d_req, d_gnt, d_we, d_rvalid, d_err;
  logic [31:0] i_addr, i_rdata, d_addr, d_wdata, d_rdata;
  logic [3:0] d_be;
  logic irq_timer, irq_soft, irq_ext;
  logic unused_retire;
  logic [31:0] unused_insn, unused_rdata, unused_maddr, unused_mwdata;
  logic [4:0] unused_cause, unused_rd;
  logic [3:0] unused_be;
  logic unused_trap, unused_irq, unused_mwe;
  rv_core u_core (
      .clk_i,
      .rst_ni        (core_rst_n),
      .boot_addr_i   (entry),
      .irq_soft_i    (irq_soft),
      .irq_timer_i   (irq_timer),
      .irq_ext_i     (irq_ext),
      .asleep_o      (core_sleep_o),
      .instr_req_o   (i_req),
      .instr_gnt_i   (1'b1),
      .instr_addr_o  (i_addr),
      .instr_rvalid_i(i_rvalid),
      .instr_rdata_i (i_rdata),
      .instr_err_i   (i_err),
      .data_req_o    (d_req),
      .data_gnt_i    (d_gnt),
      .data_addr_o   (d_addr),
      .data_we_o     (d_we),
      .data_be_o     (d_be),
      .data_wdata_o  (d_wdata),
      .data_rvalid_i (d_rvalid),
      .data_rdata_i  (d_rdata),
      .data_err_i    (d_err),
      .retire_valid_o, .retire_pc_o,
      .retire_trap_o     (unused_trap),
      .retire_irq_o      (unused_irq),
      .retire_cause_o    (unused_cause),
      .retire_insn_o     (unused_insn),
      .retire_rd_o       (unused_rd),
      .retire_rdata_o    (unused_rdata),
      .retire_mem_be_o   (unused_be),
      .retire_mem_we_o   (unused_mwe),
      .retire_mem_addr_o (unused_maddr),
      .retire_mem_wdata_o(unused_mwdata)
  );
  assign unused_retire = ^{unused_insn, unused_rdata, unused_maddr, unused_mwdata, unused_cause, unused_rd, unused_be,
                           unused_trap, unused_irq, unused_mwe};

  // RAM: port A fetches, port B is the core's data bus, and the copier's while the core is in reset.
  logic i_in_ram, ram_req;
  logic [31:0] ram_rdata;
  assign i_in_ram = i_addr < RAM_BYTES;
  mgmt_ram #(.WORDS(RAM_WORDS)) u_ram (
      .clk_i,
      .a_req_i  (i_req && i_in_ram),
      .a_addr_i (i_addr[RAM_AW+1:2]),
      .a_rdata_o(i_rdata),
      .b_req_i  (ram_req || boot_we),
      .b_addr_i (boot_ok ? d_addr[RAM_AW+1:2] : boot_addr),
      .b_we_i   (boot_ok ? d_be & {4{d_we}} : '1),
      .b_wdata_i(boot_ok ? d_wdata : boot_data),
      .b_rdata_o(ram_rdata)
  );
  always_ff @(posedge clk_i) begin
    i_rvalid <= core_rst_n && i_req;
    if (i_req) i_err <= !i_in_ram;
  end

  // Devices
  logic [3:0] sel;
  logic dev_we, dev_err;
  logic [11:0] dev_addr;
  logic [31:0] dev_wdata, dev_rdata;
  mgmt_bus #(.RAM_BYTES(RAM_BYTES)) u_bus (
      .clk_i, .rst_ni(core_rst_n),
      .req_i(d_req), .gnt_o(d_gnt), .addr_i(d_addr), .we_i(d_we), .be_i(d_be), .wdata_i(d_wdata),
      .rvalid_o(d_rvalid), .rdata_o(d_rdata), .err_o(d_err),
      .ram_req_o(ram_req), .ram_rdata_i(ram_rdata),
      .dev_sel_o(sel), .dev_we_o(dev_we), .dev_addr_o(dev_addr), .dev_wdata_o(dev_wdata), .dev_rdata_i(dev_rdata), .dev_err_i(dev_err),
      .reg_req_o, .reg_we_o, .reg_addr_o, .reg_wdata_o, .reg_ack_i, .reg_rdata_i, .reg_err_i
  );

  logic [31:0] timer_rdata, intc_rdata, wdt_rdata;
  logic timer_exists, intc_exists, wdt_exists, uart_exists;
  mgmt_timer u_timer (
      .clk_i, .rst_ni, .write_i(sel[0] && dev_we), .addr_i(dev_addr), .wdata_i(dev_wdata),
      .rdata_o(timer_rdata), .exists_o(timer_exists), .irq_timer_o(irq_timer), .irq_soft_o(irq_soft)
  );
  mgmt_intc u_intc (
      .clk_i, .rst_ni, .write_i(sel[2] && dev_we), .addr_i(dev_addr), .wdata_i(dev_wdata),
      .rdata_o(intc_rdata), .exists_o(intc_exists), .irq_i, .irq_ext_o(irq_ext)
  );
  mgmt_wdt u_wdt (
      .clk_i, .rst_ni, .write_i(sel[3] && dev_we), .addr_i(dev_addr), .wdata_i(dev_wdata),
      .rdata_o(wdt_rdata), .exists_o(wdt_exists), .reset_o(wdt_reset_o)
  );
  assign uart_exists  = dev_addr == mgmt_regs_pkg::UART_TX[11:0];
  assign uart_valid_o = sel[1] && dev_we && uart_exists;
  assign uart_data_o  = dev_wdata[7:0];
  assign dev_rdata    = sel[0] ? timer_rdata : sel[2] ? intc_rdata : sel[3] ? wdt_rdata : '0;
  assign dev_err      = (sel & ~{wdt_exists, intc_exists, uart_exists, timer_exists}) != 0;
endmodule
