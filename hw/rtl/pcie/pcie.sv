// SPDX-License-Identifier: BSD-2-Clause
// The card's PCIe endpoint above the hard block: BAR0, DMA rings, MSI-X and the mailbox of the management core.
// README.md has the rules of the TLP side; pcie_pkg.sv how a TLP lies in its beats.
module pcie
  import culvert_pkg::*;
  import pcie_pkg::*;
#(
    parameter DTB_MEM = "",                  // device tree, 32-bit words for $readmemh
    parameter int unsigned TIMEOUT = 65536   // cycles after which outstanding DMA reads are given up
) (
    input logic clk_i,
    input logic rst_ni,

    // From the link, and to it
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

    // Of the configuration space
    input logic [15:0] cfg_requester_id_i,  // bus, device, function
    input logic [ 2:0] cfg_max_payload_i,   // 128 << n bytes
    input logic [ 2:0] cfg_max_read_req_i,  // 128 << n bytes
    input logic        cfg_bus_master_i,
    input logic        cfg_msix_enable_i,
    input logic        cfg_msix_mask_i,     // function mask

    // Packets to and from the host
    input  logic       to_host_valid_i,
    input  word_t      to_host_word_i,
    input  to_host_t   to_host_meta_i,
    output logic       to_host_ready_o,
    output logic       from_host_valid_o,
    output word_t      from_host_word_o,
    output from_host_t from_host_meta_o,
    input  logic       from_host_ready_i,
    output logic       host_rx_dropped_o,  // pulse: a packet to the host was dropped

    // Register bus of the management core: request held until ack
    input  logic        reg_req_i,
    input  logic        reg_we_i,
    input  logic [15:0] reg_addr_i,
    input  logic [31:0] reg_wdata_i,
    output logic        reg_ack_o,
    output logic [31:0] reg_rdata_o,
    output logic        reg_err_o,
    output logic        irq_doorbell_o,
    output logic        irq_evq_room_o,

    output logic       card_reset_o,  // everything but this block
    input  logic       boot_done_i,
    input  logic [1:0] boot_error_i,
    input  logic       wdt_reset_i
);
  if (DATA_W != 512) $error("pcie: only a datapath of 512 bits is supported");

  logic rx_sop, cpl_sop, cpl_last, wr_sop, wr_last;
  logic [127:0] rx_hdr, wr_hdr;
  logic [95:0] cpl_hdr;
  logic [511:0] rx_data, cpl_data, wr_data;
  logic rx_last, rx_cut, req_valid, req_ready, rx_cpl_valid, rx_error;
  logic cpl_valid, cpl_ready, wr_valid, wr_ready, rd_valid, rd_ready;
  logic [127:0] rd_hdr;
  logic req_error, rd_unexpected;
  logic [5:0] rd_failed;

  // The configuration space changes rarely: its outputs are taken through a register.
  logic [15:0] id_q;
  logic [2:0] max_payload_q, max_read_req_q;
  logic bus_master_q, msix_enable_q, msix_mask_q;
  always_ff @(posedge clk_i) begin
    id_q           <= cfg_requester_id_i;
    max_payload_q  <= cfg_max_payload_i;
    max_read_req_q <= cfg_max_read_req_i;
    bus_master_q   <= cfg_bus_master_i;
    msix_enable_q  <= cfg_msix_enable_i;
    msix_mask_q    <= cfg_msix_mask_i;
  end

  logic bus_req, bus_we;
  logic [15:2] bus_addr;
  logic [3:0] bus_be;
  logic [31:0] bus_wdata, bus_rdata;

  logic reset, clear, watchdog, host_reset, quiet;
  logic [9:0] clear_addr;

  assign card_reset_o = reset;

  pcie_rx u_rx (
      .clk_i,
      .rst_ni,
      .valid_i    (rx_tlp_valid_i),
      .sop_i      (rx_tlp_sop_i),
      .last_i     (rx_tlp_last_i),
      .hdr_i      (rx_tlp_hdr_i),
      .data_i     (rx_tlp_data_i),
      .ready_o    (rx_tlp_ready_o),
      .sop_o      (rx_sop),
      .hdr_o      (rx_hdr),
      .data_o     (rx_data),
      .last_o     (rx_last),
      .cut_o      (rx_cut),
      .req_valid_o(req_valid),
      .req_ready_i(req_ready),
      .cpl_valid_o(rx_cpl_valid),
      .error_o    (rx_error)
  );

  pcie_tx u_tx (
      .clk_i,
      .rst_ni,
      .cpl_valid_i(cpl_valid),
      .cpl_sop_i  (cpl_sop),
      .cpl_last_i (cpl_last),
      .cpl_hdr_i  (cpl_hdr),
      .cpl_data_i (cpl_data),
      .cpl_ready_o(cpl_ready),
      .rd_valid_i (rd_valid),
      .rd_hdr_i   (rd_hdr),
      .rd_ready_o (rd_ready),
      .wr_valid_i (wr_valid),
      .wr_sop_i   (wr_sop),
      .wr_last_i  (wr_last),
      .wr_hdr_i   (wr_hdr),
      .wr_data_i  (wr_data),
      .wr_ready_o (wr_ready),
      .valid_o    (tx_tlp_valid_o),
      .sop_o      (tx_tlp_sop_o),
      .last_o     (tx_tlp_last_o),
      .hdr_o      (tx_tlp_hdr_o),
      .data_o     (tx_tlp_data_o),
      .ready_i    (tx_tlp_ready_i)
  );

  pcie_bar u_bar (
      .clk_i,
      .rst_ni,
      .completer_id_i(id_q),
      .req_valid_i   (req_valid),
      .req_hdr_i     (rx_hdr),
      .req_data_i    (rx_data),
      .req_last_i    (rx_last),
      .req_ready_o   (req_ready),
      .reg_req_o     (bus_req),
      .reg_we_o      (bus_we),
      .reg_addr_o    (bus_addr),
      .reg_be_o      (bus_be),
      .reg_wdata_o   (bus_wdata),
      .reg_rdata_i   (bus_rdata),
      .cpl_valid_o   (cpl_valid),
      .cpl_sop_o     (cpl_sop),
      .cpl_last_o    (cpl_last),
      .cpl_hdr_o     (cpl_hdr),
      .cpl_data_o    (cpl_data),
      .cpl_ready_i   (cpl_ready),
      .error_o       (req_error)
  );

  // ---- registers and mailbox
  logic [7:0] status;
  logic [31:0] fw_abi, fw_version;
  logic [15:0] cmd_tail, cmd_head;
  logic fw_ready, fw_panic, ring_we, panic_req, msix_we, tx_bad;
  logic [31:0] panic_rdata, msix_rdata;
  logic [VECTORS-1:0] msix_pending;
  queue_cfg_t evq_cfg, rxq_cfg, txq_cfg;
  logic [31:0] evq_consumer, evq_producer, rxq_consumer, rxq_producer, txq_producer, txq_consumer;
  logic [63:0] txq_wb_addr, evq_base, rxq_base, txq_base;
  logic evq_idle, rxq_idle, txq_idle, evq_post, evq_busy, evq_full;
  logic [479:0] evq_data;
  logic in_reset;

  // The reset lasts for the host until the boot loader has come to a result.
  assign in_reset = reset || (!boot_done_i && boot_error_i == 2'd0);
  assign status   = {watchdog, fw_panic, boot_error_i, 2'b00, in_reset, fw_ready};
  assign quiet    = evq_idle && rxq_idle && txq_idle;

  pcie_regs #(
      .DTB_MEM(DTB_MEM)
  ) u_regs (
      .clk_i,
      .rst_ni,
      .reset_i       (reset),
      .req_i         (bus_req),
      .we_i          (bus_we),
      .addr_i        (bus_addr),
      .be_i          (bus_be),
      .wdata_i       (bus_wdata),
      .rdata_o       (bus_rdata),
      .status_i      (status),
      .host_reset_o  (host_reset),
      .fw_abi_i      (fw_abi),
      .fw_version_i  (fw_version),
      .cmd_tail_o    (cmd_tail),
      .cmd_head_i    (cmd_head),
      .evq_o         (evq_cfg),
      .evq_base_o    (evq_base),
      .evq_consumer_o(evq_consumer),
      .evq_producer_i(evq_producer),
      .evq_idle_i    (evq_idle),
      .rxq_o         (rxq_cfg),
      .rxq_base_o    (rxq_base),
      .rxq_consumer_o(rxq_consumer),
      .rxq_producer_i(rxq_producer),
      .rxq_idle_i    (rxq_idle),
      .txq_o         (txq_cfg),
      .txq_base_o    (txq_base),
      .txq_producer_o(txq_producer),
      .txq_consumer_i(txq_consumer),
      .txq_idle_i    (txq_idle),
      .txq_wb_o      (txq_wb_addr),
      .dma_failed_i  (rd_failed),
      .tlp_errors_i  ({rx_error, req_error || rd_unexpected}),
      .tx_bad_i      (tx_bad),
      .msix_we_o     (msix_we),
      .msix_rdata_i  (msix_rdata),
      .msix_pending_i(msix_pending),
      .ring_we_o     (ring_we),
      .panic_req_o   (panic_req),
      .panic_rdata_i (panic_rdata)
  );

  pcie_mbox u_mbox (
      .clk_i,
      .rst_ni,
      .reset_i      (reset),
      .reg_req_i,
      .reg_we_i,
      .reg_addr_i,
      .reg_wdata_i,
      .reg_ack_o,
      .reg_rdata_o,
      .reg_err_o,
      .irq_doorbell_o,
      .irq_evq_room_o,
      .cmd_tail_i   (cmd_tail),
      .cmd_head_o   (cmd_head),
      .fw_abi_o     (fw_abi),
      .fw_version_o (fw_version),
      .fw_ready_o   (fw_ready),
      .fw_panic_o   (fw_panic),
      .evq_post_o   (evq_post),
      .evq_data_o   (evq_data),
      .evq_busy_i   (evq_busy),
      .evq_full_i   (evq_full),
      .ring_we_i    (ring_we),
      .ring_addr_i  (bus_addr[11:2]),
      .ring_be_i    (bus_be),
      .ring_wdata_i (bus_wdata),
      .clear_i      (clear),
      .clear_addr_i (clear_addr),
      .panic_req_i  (panic_req),
      .panic_addr_i (bus_addr[7:2]),
      .panic_rdata_o(panic_rdata)
  );

  pcie_reset #(
      .WORDS(bar0_regs_pkg::CMD_RING_BYTES / 4)
  ) u_reset (
      .clk_i,
      .rst_ni,
      .host_i      (host_reset),
      .wdt_i       (wdt_reset_i),
      .quiet_i     (quiet),
      .reset_o     (reset),
      .clear_o     (clear),
      .clear_addr_o(clear_addr),
      .watchdog_o  (watchdog)
  );

  // ---- queues
  logic [WR_CLIENTS-1:0] wr_req, wr_done;
  logic [63:0] wr_addr[WR_CLIENTS];
  logic [LEN_W-1:0] wr_len[WR_CLIENTS];
  assign wr_len[WR_MSIX]   = LEN_W'(4);
  assign wr_len[WR_WB]     = LEN_W'(4);
  assign wr_len[WR_EVQ]    = LEN_W'(64);
  assign wr_len[WR_RX_HDR] = LEN_W'(64);
  logic [31:0] msix_word, wb_word;
  logic [511:0] evq_word;
  logic [127:0] hdr_words;
  logic [31:0] hdr_seq;
  logic rx_word_valid, rx_word_ready, evq_irq, rxq_irq, txq_irq, state_irq;
  logic cmd_valid, cmd_user, cmd_ready, rd_idle, in_valid, in_user, in_err, in_ready;
  logic [63:0] cmd_addr;
  logic [LEN_W-1:0] cmd_len;
  word_t in_word;

  logic pay_valid, pay_ready;
  logic [6:0] pay_level;
  logic [511:0] pay_word;

  pcie_evq u_evq (
      .clk_i,
      .rst_ni,
      .reset_i     (reset),
      .bus_master_i(bus_master_q),
      .cfg_i       (evq_cfg),
      .base_i      (evq_base),
      .consumer_i  (evq_consumer),
      .producer_o  (evq_producer),
      .idle_o      (evq_idle),
      .post_i      (evq_post),
      .data_i      (evq_data),
      .busy_o      (evq_busy),
      .full_o      (evq_full),
      .wr_valid_o  (wr_req[WR_EVQ]),
      .wr_addr_o   (wr_addr[WR_EVQ]),
      .wr_word_o   (evq_word),
      .wr_done_i   (wr_done[WR_EVQ]),
      .irq_o       (evq_irq)
  );

  pcie_rxq u_rxq (
      .clk_i,
      .rst_ni,
      .reset_i        (reset),
      .bus_master_i   (bus_master_q),
      .cfg_i          (rxq_cfg),
      .base_i         (rxq_base),
      .consumer_i     (rxq_consumer),
      .producer_o     (rxq_producer),
      .idle_o         (rxq_idle),
      .to_host_valid_i,
      .to_host_sop_i  (to_host_word_i.sop),
      .to_host_last_i (to_host_word_i.last),
      .to_host_meta_i,
      .to_host_ready_o,
      .dropped_o      (host_rx_dropped_o),
      .data_valid_o   (wr_req[WR_RX_DATA]),
      .data_addr_o    (wr_addr[WR_RX_DATA]),
      .data_len_o     (wr_len[WR_RX_DATA]),
      .word_valid_o   (rx_word_valid),
      .word_ready_i   (rx_word_ready),
      .word_taken_i   (pay_ready),
      .level_o        (pay_level),
      .data_done_i    (wr_done[WR_RX_DATA]),
      .hdr_valid_o    (wr_req[WR_RX_HDR]),
      .hdr_addr_o     (wr_addr[WR_RX_HDR]),
      .hdr_words_o    (hdr_words),
      .hdr_seq_o      (hdr_seq),
      .hdr_done_i     (wr_done[WR_RX_HDR]),
      .irq_o          (rxq_irq)
  );

  // As many words as the largest memory write has.
  fifo #(
      .T    (logic [511:0]),
      .DEPTH(64)
  ) u_payload (
      .clk_i,
      .rst_ni,
      .valid_i(rx_word_valid),
      .ready_o(rx_word_ready),
      .data_i (to_host_word_i.data),
      .valid_o(pay_valid),
      .ready_i(pay_ready),
      .data_o (pay_word)
  );

  pcie_txq u_txq (
      .clk_i,
      .rst_ni,
      .reset_i     (reset),
      .bus_master_i(bus_master_q),
      .cfg_i       (txq_cfg),
      .base_i      (txq_base),
      .producer_i  (txq_producer),
      .wb_addr_i   (txq_wb_addr),
      .consumer_o  (txq_consumer),
      .idle_o      (txq_idle),
      .bad_o       (tx_bad),
      .cmd_valid_o (cmd_valid),
      .cmd_addr_o  (cmd_addr),
      .cmd_len_o   (cmd_len),
      .cmd_user_o  (cmd_user),
      .cmd_ready_i (cmd_ready),
      .rd_idle_i   (rd_idle),
      .in_valid_i  (in_valid),
      .in_user_i   (in_user),
      .in_err_i    (in_err),
      .in_word_i   (in_word),
      .in_ready_o  (in_ready),
      .from_host_valid_o,
      .from_host_word_o,
      .from_host_meta_o,
      .from_host_ready_i,
      .wb_valid_o  (wr_req[WR_WB]),
      .wb_addr_o   (wr_addr[WR_WB]),
      .wb_word_o   (wb_word),
      .wb_done_i   (wr_done[WR_WB]),
      .irq_o       (txq_irq)
  );

  // ---- DMA and interrupts
  pcie_dma_rd #(
      .TIMEOUT(TIMEOUT)
  ) u_dma_rd (
      .clk_i,
      .rst_ni,
      .bus_master_i  (bus_master_q),
      .max_read_req_i(max_read_req_q),
      .requester_id_i(id_q),
      .cmd_valid_i   (cmd_valid),
      .cmd_addr_i    (cmd_addr),
      .cmd_len_i     (cmd_len),
      .cmd_user_i    (cmd_user),
      .cmd_ready_o   (cmd_ready),
      .idle_o        (rd_idle),
      .rd_valid_o    (rd_valid),
      .rd_hdr_o      (rd_hdr),
      .rd_ready_i    (rd_ready),
      .cpl_valid_i   (rx_cpl_valid),
      .cpl_sop_i     (rx_sop),
      .cpl_hdr_i     (rx_hdr[95:0]),
      .cpl_data_i    (rx_data),
      .cpl_cut_i     (rx_cut),
      .out_valid_o   (in_valid),
      .out_user_o    (in_user),
      .out_err_o     (in_err),
      .out_word_o    (in_word),
      .out_ready_i   (in_ready),
      .failed_o      (rd_failed),
      .unexpected_o  (rd_unexpected)
  );

  pcie_dma_wr u_dma_wr (
      .clk_i,
      .rst_ni,
      .bus_master_i  (bus_master_q),
      .max_payload_i (max_payload_q),
      .requester_id_i(id_q),
      .req_valid_i   (wr_req),
      .req_addr_i    (wr_addr),
      .req_len_i     (wr_len),
      .done_o        (wr_done),
      .msix_word_i   (msix_word),
      .evq_word_i    (evq_word),
      .wb_word_i     (wb_word),
      .hdr_words_i   (hdr_words),
      .hdr_seq_i     (hdr_seq),
      .data_word_i   (pay_word),
      .data_valid_i  (pay_valid),
      .data_level_i  (pay_level),
      .data_ready_o  (pay_ready),
      .valid_o       (wr_valid),
      .sop_o         (wr_sop),
      .last_o        (wr_last),
      .hdr_o         (wr_hdr),
      .data_o        (wr_data),
      .ready_i       (wr_ready)
  );

  pcie_msix u_msix (
      .clk_i,
      .rst_ni,
      .bus_master_i(bus_master_q),
      .enable_i    (msix_enable_q),
      .mask_i      (msix_mask_q),
      .raise_i     ({state_irq, txq_irq, rxq_irq, evq_irq}),
      .pending_o   (msix_pending),
      .reg_we_i    (msix_we),
      .reg_addr_i  (bus_addr[5:2]),
      .reg_be_i    (bus_be),
      .reg_wdata_i (bus_wdata),
      .reg_rdata_o (msix_rdata),
      .wr_valid_o  (wr_req[WR_MSIX]),
      .wr_addr_o   (wr_addr[WR_MSIX]),
      .wr_word_o   (msix_word),
      .wr_done_i   (wr_done[WR_MSIX])
  );

  // Vector 3: the reset is over, firmware has become ready, firmware has stopped.
  logic in_reset_q, fw_ready_q, fw_panic_q;
  assign state_irq = (in_reset_q && !in_reset) || (fw_ready && !fw_ready_q) || (fw_panic && !fw_panic_q);
  always_ff @(posedge clk_i) begin
    in_reset_q <= in_reset && rst_ni;
    fw_ready_q <= fw_ready;
    fw_panic_q <= fw_panic;
  end
endmodule
