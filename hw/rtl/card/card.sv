// SPDX-License-Identifier: BSD-2-Clause
// The card: everything that is the same on every board. Two network ports, a PCIe endpoint at TLP level, flash and
// serial lines of the management core. One clock.
//
// Resets: rst_ni resets everything. CONTROL.RESET of BAR0 and the watchdog reset all but the PCIe endpoint, which keeps
// the host's view alive while tables and keys are zeroised and firmware boots again.
module card
  import culvert_pkg::*;
#(
    parameter DTB_MEM = ""  // device tree in the ROM, 32-bit words for $readmemh
) (
    input logic clk_i,
    input logic rst_ni,

    // Network ports: 0 outside, 1 inside. The receive side cannot wait.
    input  logic        rx0_valid_i,
    input  word_t       rx0_word_i,
    input  logic        rx1_valid_i,
    input  word_t       rx1_word_i,
    output logic        tx0_valid_o,
    output word_t       tx0_word_o,
    input  logic        tx0_ready_i,
    output logic        tx1_valid_o,
    output word_t       tx1_word_o,
    input  logic        tx1_ready_i,
    input  logic  [1:0] link_i,

    // PCIe, transaction layer
    input  logic         rx_tlp_valid_i,
    input  logic [127:0] rx_tlp_hdr_i,
    input  logic [511:0] rx_tlp_data_i,
    input  logic         rx_tlp_sop_i,
    input  logic         rx_tlp_last_i,
    output logic         rx_tlp_ready_o,
    output logic         tx_tlp_valid_o,
    output logic [127:0] tx_tlp_hdr_o,
    output logic [511:0] tx_tlp_data_o,
    output logic         tx_tlp_sop_o,
    output logic         tx_tlp_last_o,
    input  logic         tx_tlp_ready_i,
    input  logic [ 15:0] cfg_requester_id_i,
    input  logic [  2:0] cfg_max_payload_i,
    input  logic [  2:0] cfg_max_read_req_i,
    input  logic         cfg_bus_master_i,
    input  logic         cfg_msix_enable_i,
    input  logic         cfg_msix_mask_i,

    // Flash: 32-bit words
    output logic        flash_req_o,
    output logic [23:0] flash_addr_o,
    input  logic        flash_ack_i,
    input  logic [31:0] flash_data_i,

    // Serial line of the management core
    output logic       uart_valid_o,
    output logic [7:0] uart_data_o,

    // Trace of the management core
    output logic        core_sleep_o,    // in WFI
    output logic        retire_valid_o,  // an instruction has retired, or trapped
    output logic [31:0] retire_pc_o
);
  logic card_reset, wdt_reset;
  logic rst_n_q = 1'b0;  // in reset from the first clock on, whatever state the rest wakes up in
  logic boot_done;
  logic [1:0] boot_error;

  // Everything but the endpoint.
  always_ff @(posedge clk_i) rst_n_q <= rst_ni && !card_reset && !wdt_reset;

  logic to_host_valid, to_host_ready, from_host_valid, from_host_ready, host_rx_dropped;
  word_t to_host_word, from_host_word;
  to_host_t to_host_meta;
  from_host_t from_host_meta;

  logic irq_doorbell, irq_evq_room, irq_event;
  logic reg_req, reg_we, reg_ack, reg_err;
  logic [27:0] reg_addr;
  logic [31:0] reg_wdata, reg_rdata;
  logic dp_req, dp_ack, dp_err, mb_req, mb_ack, mb_err, none_ack_q;
  logic [31:0] dp_rdata, mb_rdata;

  // Register bus: 64 KiB a block; an address that no block has is answered with an error.
  always_comb begin
    dp_req    = reg_req && reg_addr[27:16] == 12'h000;
    mb_req    = reg_req && reg_addr[27:16] == 12'h001;
    reg_ack   = dp_req ? dp_ack : mb_req ? mb_ack : none_ack_q;
    reg_err   = dp_req ? dp_err : mb_req ? mb_err : 1'b1;
    reg_rdata = dp_req ? dp_rdata : mb_rdata;
  end
  always_ff @(posedge clk_i) none_ack_q <= rst_n_q && reg_req && !dp_req && !mb_req && !none_ack_q;

  mgmt #(
      .RAM_BYTES(board_pkg::RAM_BYTES)
  ) u_mgmt (
      .clk_i,
      .rst_ni      (rst_n_q),
      .irq_i       ({29'd0, irq_evq_room, irq_event, irq_doorbell}),
      .flash_req_o,
      .flash_addr_o,
      .flash_ack_i,
      .flash_data_i,
      .uart_valid_o,
      .uart_data_o,
      .reg_req_o   (reg_req),
      .reg_we_o    (reg_we),
      .reg_addr_o  (reg_addr),
      .reg_wdata_o (reg_wdata),
      .reg_ack_i   (reg_ack),
      .reg_rdata_i (reg_rdata),
      .reg_err_i   (reg_err),
      .wdt_reset_o (wdt_reset),
      .boot_done_o (boot_done),
      .boot_error_o(boot_error),
      .core_sleep_o,
      .retire_valid_o,
      .retire_pc_o
  );

  datapath u_datapath (
      .clk_i,
      .rst_ni           (rst_n_q),
      .rx0_valid_i,
      .rx0_word_i,
      .rx1_valid_i,
      .rx1_word_i,
      .tx0_valid_o,
      .tx0_word_o,
      .tx0_ready_i,
      .tx1_valid_o,
      .tx1_word_o,
      .tx1_ready_i,
      .link_i,
      .to_host_valid_o  (to_host_valid),
      .to_host_word_o   (to_host_word),
      .to_host_meta_o   (to_host_meta),
      .to_host_ready_i  (to_host_ready),
      .from_host_valid_i(from_host_valid),
      .from_host_word_i (from_host_word),
      .from_host_meta_i (from_host_meta),
      .from_host_ready_o(from_host_ready),
      .reg_req_i        (dp_req),
      .reg_we_i         (reg_we),
      .reg_addr_i       (reg_addr[15:0]),
      .reg_wdata_i      (reg_wdata),
      .reg_ack_o        (dp_ack),
      .reg_rdata_o      (dp_rdata),
      .reg_err_o        (dp_err),
      .irq_event_o      (irq_event),
      .host_rx_dropped_i(host_rx_dropped)
  );

  pcie #(
      .DTB_MEM(DTB_MEM)
  ) u_pcie (
      .clk_i,
      .rst_ni,
      .rx_tlp_valid_i,
      .rx_tlp_hdr_i,
      .rx_tlp_data_i,
      .rx_tlp_sop_i,
      .rx_tlp_last_i,
      .rx_tlp_ready_o,
      .tx_tlp_valid_o,
      .tx_tlp_hdr_o,
      .tx_tlp_data_o,
      .tx_tlp_sop_o,
      .tx_tlp_last_o,
      .tx_tlp_ready_i,
      .cfg_requester_id_i,
      .cfg_max_payload_i,
      .cfg_max_read_req_i,
      .cfg_bus_master_i,
      .cfg_msix_enable_i,
      .cfg_msix_mask_i,
      .to_host_valid_i  (to_host_valid),
      .to_host_word_i   (to_host_word),
      .to_host_meta_i   (to_host_meta),
      .to_host_ready_o  (to_host_ready),
      .from_host_valid_o(from_host_valid),
      .from_host_word_o (from_host_word),
      .from_host_meta_o (from_host_meta),
      .from_host_ready_i(from_host_ready),
      .host_rx_dropped_o(host_rx_dropped),
      .reg_req_i        (mb_req),
      .reg_we_i         (reg_we),
      .reg_addr_i       (reg_addr[15:0]),
      .reg_wdata_i      (reg_wdata),
      .reg_ack_o        (mb_ack),
      .reg_rdata_o      (mb_rdata),
      .reg_err_o        (mb_err),
      .irq_doorbell_o   (irq_doorbell),
      .irq_evq_room_o   (irq_evq_room),
      .card_reset_o     (card_reset),
      .boot_done_i      (boot_done),
      .boot_error_i     (boot_error),
      .wdt_reset_i      (wdt_reset)
  );
endmodule
