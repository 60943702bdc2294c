// SPDX-License-Identifier: BSD-2-Clause
// Packets to the host: payload into the slot, then the slot's header with the sequence number, then the interrupt.
// A packet finds no room, no running queue, or is longer than a slot holds: it is dropped at a word a cycle.
// The payload goes by a FIFO, so that a memory write starts only when all its words are there: a packet that stops half
// way keeps nothing else from the link. A packet of n words takes n + 9 cycles when the link does not wait.
// to_host_ready_o depends on registers only.
module pcie_rxq
  import pcie_pkg::*;
  import culvert_pkg::*;
  import bar0_regs_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic reset_i,      // card reset: the packet's source is gone
    input logic bus_master_i,

    input  queue_cfg_t        cfg_i,
    input  logic       [63:0] base_i,
    input  logic       [31:0] consumer_i,
    output logic       [31:0] producer_o,
    output logic              idle_o,

    input  logic     to_host_valid_i,
    input  logic     to_host_sop_i,
    input  logic     to_host_last_i,
    input  to_host_t to_host_meta_i,
    output logic     to_host_ready_o,
    output logic     dropped_o,        // pulse: a packet was dropped

    output logic             data_valid_o,  // payload request
    output logic [     63:0] data_addr_o,
    output logic [LEN_W-1:0] data_len_o,
    output logic             word_valid_o,  // payload into its FIFO, past this block
    input  logic             word_ready_i,
    input  logic             word_taken_i,  // out of the FIFO
    output logic [      6:0] level_o,       // words in it
    input  logic             data_done_i,
    output logic             hdr_valid_o,   // header request
    output logic [     63:0] hdr_addr_o,
    output logic [    127:0] hdr_words_o,   // words 0 to 3 of the header; the others but the last are 0
    output logic [     31:0] hdr_seq_o,     // its last word
    input  logic             hdr_done_i,
    output logic             irq_o          // pulse
);
  typedef enum logic [1:0] {
    IDLE,
    DROP,
    DATA,
    HDR
  } state_e;
  state_e state_q;
  logic cut_q;   // reset came within the packet: the rest of its bytes are made up
  logic void_q;  // the queue was disabled within the packet: no header
  logic fits, room;
  logic [31:0] producer_q, used;
  logic [63:0] slot;
  logic [63:0] slot_q;
  to_host_t meta_q;
  logic [31:0] seq_q;
  logic [LEN_W-6:0] left_q;  // words of the packet still to come
  logic [6:0] level_q;

  assign producer_o  = producer_q;
  assign idle_o      = state_q == IDLE || state_q == DROP;
  assign data_addr_o = slot_q + 64'(SLOT_HDR_BYTES);
  assign data_len_o  = meta_q.len;
  assign hdr_addr_o  = slot_q;
  assign hdr_seq_o   = seq_q;
  assign hdr_words_o[32*SLOT_HDR_LEN+:32]    = 32'(meta_q.len);
  assign hdr_words_o[32*SLOT_HDR_INFO+:32]   = {16'd0, meta_q.reason, 6'd0, meta_q.port};
  assign hdr_words_o[32*SLOT_HDR_TUNNEL+:32] = 32'(meta_q.tunnel);
  assign hdr_words_o[32*SLOT_HDR_SA+:32]     = {meta_q.decrypted, 31'(meta_q.sa)};
  assign level_o     = level_q;
  assign used        = producer_q - consumer_i;

  always_comb begin
    data_valid_o    = state_q == DATA;
    word_valid_o    = state_q == DATA && left_q != '0 && (to_host_valid_i || cut_q);
    hdr_valid_o     = state_q == HDR;
    to_host_ready_o = state_q == DROP || (state_q == DATA && left_q != '0 && word_ready_i && !cut_q);
    dropped_o       = state_q == DROP && to_host_valid_i && to_host_last_i && !reset_i;
    irq_o           = hdr_done_i && !void_q;
    room            = 1'b0;
    fits            = 1'b0;
    slot            = '0;
    if (state_q == IDLE && to_host_valid_i) begin
      room = cfg_i.enable && bus_master_i && (used >> cfg_i.size_log2) == '0;
      fits = 32'(to_host_meta_i.len) + SLOT_HDR_BYTES <= 32'd1 << cfg_i.slot_log2;
      slot = slot_addr(base_i, cfg_i.size_log2, producer_q, cfg_i.slot_log2);
    end
  end

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      IDLE:
      if (to_host_valid_i && !reset_i) begin
        cut_q  <= 1'b0;
        void_q <= 1'b0;
        meta_q <= to_host_meta_i;
        seq_q  <= producer_q + 32'd1;
        slot_q <= slot;
        left_q <= (LEN_W - 5)'((32'(to_host_meta_i.len) + 32'd63) >> 6);
        state_q <= room && fits ? DATA : DROP;
      end
      DROP: if (reset_i || (to_host_valid_i && to_host_last_i)) state_q <= IDLE;
      DATA: if (data_done_i) state_q <= void_q || cut_q ? IDLE : HDR;
      default: if (hdr_done_i) state_q <= IDLE;
    endcase
    if (word_valid_o && word_ready_i) left_q <= left_q - 1'b1;
    if (state_q == DATA) level_q <= level_q + 7'(word_valid_o && word_ready_i) - 7'(word_taken_i);
    if (reset_i) cut_q <= state_q == DATA;
    if (!cfg_i.enable) void_q <= 1'b1;
    if (!cfg_i.enable || !rst_ni) producer_q <= '0;
    else if (irq_o) producer_q <= producer_q + 32'd1;
    if (!rst_ni) begin
      state_q <= IDLE;
      cut_q   <= 1'b0;
      level_q <= '0;
    end
  end

  if (SLOT_HDR_SEQ != 15 || SLOT_HDR_SA >= 4) $error("pcie_rxq: the slot header is not as it is built here");

  always_ff @(posedge clk_i)
    if (rst_ni && !reset_i && state_q == IDLE && to_host_valid_i) begin
      a_sop : assert (to_host_sop_i) else $error("pcie_rxq: a packet without its first word");
      a_empty : assert (level_q == '0) else $error("pcie_rxq: words of the packet before");
      a_len : assert (to_host_meta_i.len != '0) else $error("pcie_rxq: a packet without bytes");
    end
endmodule
