// SPDX-License-Identifier: BSD-2-Clause
// BAR0 as the host sees it (hw/regs/bar0.regs): the host's registers, and the way to tables, ROM and rings. Registers
// are written byte by byte as enabled. Everything but the counters of errors and SCRATCH returns to 0 with a card reset.
//
// A queue's ENABLE reads 1 as long as the queue does anything: after writing 0, until its last DMA is done.
module pcie_regs
  import pcie_pkg::*;
  import bar0_regs_pkg::*;
#(
    parameter DTB_MEM = ""
) (
    input logic clk_i,
    input logic rst_ni,
    input logic reset_i,  // card reset

    input  logic        req_i,
    input  logic        we_i,
    input  logic [15:2] addr_i,
    input  logic [ 3:0] be_i,
    input  logic [31:0] wdata_i,
    output logic [31:0] rdata_o,  // in the next cycle

    input  logic [ 7:0] status_i,
    output logic        host_reset_o,  // pulse
    input  logic [31:0] fw_abi_i,
    input  logic [31:0] fw_version_i,
    output logic [15:0] cmd_tail_o,
    input  logic [15:0] cmd_head_i,

    output queue_cfg_t        evq_o,
    output logic       [63:0] evq_base_o,
    output logic       [31:0] evq_consumer_o,
    input  logic       [31:0] evq_producer_i,
    input  logic              evq_idle_i,
    output queue_cfg_t        rxq_o,
    output logic       [63:0] rxq_base_o,
    output logic       [31:0] rxq_consumer_o,
    input  logic       [31:0] rxq_producer_i,
    input  logic              rxq_idle_i,
    output queue_cfg_t        txq_o,
    output logic       [63:0] txq_base_o,
    output logic       [31:0] txq_producer_o,
    input  logic       [31:0] txq_consumer_i,
    input  logic              txq_idle_i,
    output logic       [63:0] txq_wb_o,

    input logic [5:0] dma_failed_i,  // to be added to DMA_ERRORS
    input logic [1:0] tlp_errors_i,  // pulses, TLP_ERRORS
    input logic       tx_bad_i,      // pulse

    output logic        msix_we_o,
    input  logic [31:0] msix_rdata_i,
    input  logic [ 3:0] msix_pending_i,
    output logic        ring_we_o,
    output logic        panic_req_o,
    input  logic [31:0] panic_rdata_i
);
  typedef enum logic [1:0] {
    FROM_REG,
    FROM_DTB,
    FROM_PANIC
  } from_e;
  from_e from_q;
  logic [31:0] scratch_q, dma_errors_q, tlp_errors_q, tx_bad_q, rdata_q, dtb_rdata, addr;
  logic [15:0] cmd_tail_q;
  queue_cfg_t evq_q, rxq_q, txq_q;
  logic [31:0] evq_consumer_q, rxq_consumer_q, txq_producer_q;
  logic [63:0] wb_q, evq_base_q, rxq_base_q, txq_base_q;
  logic wr, in_dtb, in_panic, in_msix;

  assign evq_o          = evq_q;
  assign evq_base_o     = evq_base_q;
  assign rxq_o          = rxq_q;
  assign rxq_base_o     = rxq_base_q;
  assign txq_o          = txq_q;
  assign txq_base_o     = txq_base_q;
  assign evq_consumer_o = evq_consumer_q;
  assign rxq_consumer_o = rxq_consumer_q;
  assign txq_producer_o = txq_producer_q;
  assign txq_wb_o       = wb_q;
  assign cmd_tail_o     = cmd_tail_q;

  always_comb begin
    addr         = {16'd0, addr_i, 2'b00};
    wr           = req_i && we_i;
    in_dtb       = addr[15:14] == DTB[15:14];
    in_panic     = addr[15:8] == PANIC_RECORD[15:8];
    in_msix      = addr[15:6] == MSIX_TABLE[15:6];
    host_reset_o = wr && addr == CONTROL && be_i[0] && wdata_i[CONTROL_RESET_LSB];
    msix_we_o    = wr && in_msix;
    ring_we_o    = wr && addr[15:12] == CMD_RING[15:12];
    panic_req_o  = req_i && !we_i && in_panic;
    rdata_o      = from_q == FROM_DTB ? dtb_rdata : from_q == FROM_PANIC ? panic_rdata_i : rdata_q;
  end

  pcie_dtb #(
      .DTB_MEM(DTB_MEM),
      .BYTES  (board_pkg::DTB_BYTES)
  ) u_dtb (
      .clk_i,
      .req_i  (req_i && !we_i && in_dtb),
      .addr_i (addr_i[13:2]),
      .rdata_o(dtb_rdata)
  );

  function automatic logic [31:0] config_of(input queue_cfg_t c, input logic slots, input logic idle);
    return {c.enable || !idle, 19'd0, slots ? c.slot_log2 : 4'd0, 4'd0, c.size_log2};
  endfunction

  // ---- reads
  always_ff @(posedge clk_i)
    if (req_i && !we_i) begin
      from_q <= in_dtb ? FROM_DTB : in_panic ? FROM_PANIC : FROM_REG;
      if (in_msix) rdata_q <= msix_rdata_i;
      else
        case (addr)
          ID: rdata_q <= CARD_ID;
          VERSION: rdata_q <= pcie_pkg::BAR0_VERSION;
          STATUS: rdata_q <= {24'd0, status_i};
          DTB_SIZE: rdata_q <= board_pkg::DTB_BYTES;
          FW_ABI: rdata_q <= fw_abi_i;
          FW_VERSION: rdata_q <= fw_version_i;
          SCRATCH: rdata_q <= scratch_q;
          CMD_TAIL: rdata_q <= {16'd0, cmd_tail_q};
          CMD_HEAD: rdata_q <= {16'd0, cmd_head_i};
          EVQ_BASE_LO: rdata_q <= evq_base_q[31:0];
          EVQ_BASE_HI: rdata_q <= evq_base_q[63:32];
          EVQ_CONFIG: rdata_q <= config_of(evq_q, 1'b0, evq_idle_i);
          EVQ_CONSUMER: rdata_q <= evq_consumer_q;
          EVQ_PRODUCER: rdata_q <= evq_producer_i;
          RXQ_BASE_LO: rdata_q <= rxq_base_q[31:0];
          RXQ_BASE_HI: rdata_q <= rxq_base_q[63:32];
          RXQ_CONFIG: rdata_q <= config_of(rxq_q, 1'b1, rxq_idle_i);
          RXQ_CONSUMER: rdata_q <= rxq_consumer_q;
          RXQ_PRODUCER: rdata_q <= rxq_producer_i;
          TXQ_BASE_LO: rdata_q <= txq_base_q[31:0];
          TXQ_BASE_HI: rdata_q <= txq_base_q[63:32];
          TXQ_CONFIG: rdata_q <= config_of(txq_q, 1'b1, txq_idle_i);
          TXQ_PRODUCER: rdata_q <= txq_producer_q;
          TXQ_CONSUMER: rdata_q <= txq_consumer_i;
          TXQ_WB_LO: rdata_q <= wb_q[31:0];
          TXQ_WB_HI: rdata_q <= wb_q[63:32];
          DMA_ERRORS: rdata_q <= dma_errors_q;
          TLP_ERRORS: rdata_q <= tlp_errors_q;
          TX_BAD: rdata_q <= tx_bad_q;
          MSIX_PBA: rdata_q <= {28'd0, msix_pending_i};
          default: rdata_q <= '0;
        endcase
    end

  // ---- writes
  // A queue with slots runs only with slots of a size that exists.
  wire logic en_ok = wdata_i[11:8] >= 4'd11 && wdata_i[11:8] <= 4'd14;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || reset_i) begin
      cmd_tail_q <= '0;
      evq_q      <= '0;
      evq_base_q <= '0;
      rxq_q      <= '0;
      rxq_base_q <= '0;
      txq_q      <= '0;
      txq_base_q <= '0;
      wb_q       <= '0;
      {evq_consumer_q, rxq_consumer_q, txq_producer_q} <= '0;
    end else if (wr) begin
      case (addr)
        CMD_TAIL: cmd_tail_q <= 16'(merge({16'd0, cmd_tail_q}, wdata_i, be_i));
        EVQ_BASE_LO: evq_base_q[31:0] <= merge(evq_base_q[31:0], wdata_i, be_i) & ~32'd63;
        EVQ_BASE_HI: evq_base_q[63:32] <= merge(evq_base_q[63:32], wdata_i, be_i);
        EVQ_CONSUMER: evq_consumer_q <= merge(evq_consumer_q, wdata_i, be_i);
        RXQ_BASE_LO: rxq_base_q[31:0] <= merge(rxq_base_q[31:0], wdata_i, be_i) & ~32'd63;
        RXQ_BASE_HI: rxq_base_q[63:32] <= merge(rxq_base_q[63:32], wdata_i, be_i);
        RXQ_CONSUMER: rxq_consumer_q <= merge(rxq_consumer_q, wdata_i, be_i);
        TXQ_BASE_LO: txq_base_q[31:0] <= merge(txq_base_q[31:0], wdata_i, be_i) & ~32'd63;
        TXQ_BASE_HI: txq_base_q[63:32] <= merge(txq_base_q[63:32], wdata_i, be_i);
        TXQ_PRODUCER: txq_producer_q <= merge(txq_producer_q, wdata_i, be_i);
        TXQ_WB_LO: wb_q[31:0] <= merge(wb_q[31:0], wdata_i, be_i) & ~32'd3;
        TXQ_WB_HI: wb_q[63:32] <= merge(wb_q[63:32], wdata_i, be_i);
        EVQ_CONFIG:
        if (be_i == 4'hf) begin
          evq_q.size_log2 <= wdata_i[3:0];
          evq_q.enable    <= wdata_i[31];
          if (!wdata_i[31]) evq_consumer_q <= '0;
        end
        RXQ_CONFIG:
        if (be_i == 4'hf) begin
          rxq_q.size_log2 <= wdata_i[3:0];
          rxq_q.slot_log2 <= wdata_i[11:8];
          rxq_q.enable    <= wdata_i[31] && en_ok;
          if (!wdata_i[31]) rxq_consumer_q <= '0;
        end
        TXQ_CONFIG:
        if (be_i == 4'hf) begin
          txq_q.size_log2 <= wdata_i[3:0];
          txq_q.slot_log2 <= wdata_i[11:8];
          txq_q.enable    <= wdata_i[31] && en_ok;
          if (!wdata_i[31]) txq_producer_q <= '0;
        end
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scratch_q    <= '0;
      dma_errors_q <= '0;
      tlp_errors_q <= '0;
      tx_bad_q     <= '0;
    end else begin
      if (wr && addr == SCRATCH) scratch_q <= merge(scratch_q, wdata_i, be_i);
      if (dma_failed_i != '0) dma_errors_q <= dma_errors_q + 32'(dma_failed_i);
      if (tlp_errors_i != '0) tlp_errors_q <= tlp_errors_q + 32'($countones(tlp_errors_i));
      if (tx_bad_i) tx_bad_q <= tx_bad_q + 32'd1;
    end
  end
endmodule
