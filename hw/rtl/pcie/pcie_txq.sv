// SPDX-License-Identifier: BSD-2-Clause
// Packets from the host. Slots are taken in order: their headers are read ahead (HEADERS of them), each good one gives a
// packet read, and the words of a packet go out when the whole packet has come without error. A slot with a bad header
// (length 0, more than the slot or than a frame, no such destination or tunnel) or a failed read is skipped.
// TXQ_CONSUMER moves when the slot has been read, is written to host memory, and then vector 2 is raised.
//
// Disabling lets the packets under way go out and then stops; a card reset discards them. run_o tells when it has.
module pcie_txq
  import pcie_pkg::*;
  import culvert_pkg::*;
  import bar0_regs_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic reset_i,      // card reset
    input logic bus_master_i,

    input  queue_cfg_t        cfg_i,
    input  logic       [63:0] base_i,
    input  logic       [31:0] producer_i,
    input  logic       [63:0] wb_addr_i,   // 0: no write-back
    output logic       [31:0] consumer_o,
    output logic              idle_o,      // nothing under way
    output logic              bad_o,       // pulse: a slot was skipped for its header

    output logic             cmd_valid_o,  // to the DMA read engine; user: 0 header, 1 packet
    output logic [     63:0] cmd_addr_o,
    output logic [LEN_W-1:0] cmd_len_o,
    output logic             cmd_user_o,
    input  logic             cmd_ready_i,
    input  logic             rd_idle_i,
    input  logic             in_valid_i,
    input  logic             in_user_i,
    input  logic             in_err_i,
    input  word_t            in_word_i,
    output logic             in_ready_o,

    output logic       from_host_valid_o,
    output word_t      from_host_word_o,
    output from_host_t from_host_meta_o,
    input  logic       from_host_ready_i,

    output logic        wb_valid_o,
    output logic [63:0] wb_addr_o,
    output logic [31:0] wb_word_o,
    input  logic        wb_done_i,
    output logic        irq_o        // pulse
);
  localparam int unsigned HEADERS = 4;  // read ahead

  typedef struct packed {
    logic bad;
    from_host_t meta;
  } slot_t;

  slot_t hq[HEADERS];           // headers that have come, not yet acted upon
  logic [1:0] hq_wr_q, hq_rd_q;
  logic [2:0] hq_n_q;
  from_host_t pq[8];            // packets asked for
  logic [2:0] pq_wr_q, pq_rd_q;
  logic [3:0] pq_n_q;
  logic [31:0] asked_q;         // headers asked for
  logic [31:0] taken_q;         // headers acted upon
  logic [31:0] consumer_q, wb_word_q;
  logic drain_q, discard_q, wb_need_q, wb_valid_q, wb_void_q, run;

  logic cmd_valid_q, cmd_user_q, cmd_free, ask_hdr, ask_pkt, skip, hdr_in, pkt_end, moved;
  logic [63:0] cmd_addr_q, wb_addr_q;
  logic [LEN_W-1:0] cmd_len_q;
  slot_t head, parsed;
  logic [HEADERS-1:0] skip_err_q;  // the header's read failed
  logic wb_none;
  logic [63:0] hdr_slot, pkt_slot;

  assign idle_o      = !drain_q && !wb_valid_q && rd_idle_i && !cmd_valid_q;
  assign consumer_o  = consumer_q;
  assign cmd_valid_o = cmd_valid_q;
  assign cmd_user_o  = cmd_user_q;
  assign cmd_addr_o  = cmd_addr_q;
  assign cmd_len_o   = cmd_len_q;
  assign wb_valid_o  = wb_valid_q;
  assign wb_addr_o   = wb_addr_q;
  assign wb_word_o   = wb_word_q;
  assign run         = cfg_i.enable && bus_master_i && !drain_q && !reset_i;
  assign head        = hq[hq_rd_q];

  // ---- ask
  always_comb begin
    cmd_free = !cmd_valid_q || cmd_ready_i;
    ask_pkt  = 1'b0;
    ask_hdr  = 1'b0;
    skip     = 1'b0;
    hdr_slot = '0;
    pkt_slot = '0;
    if (run && (asked_q != producer_i || hq_n_q != '0)) begin
      hdr_slot = slot_addr(base_i, cfg_i.size_log2, asked_q, cfg_i.slot_log2);
      pkt_slot = slot_addr(base_i, cfg_i.size_log2, taken_q, cfg_i.slot_log2);
      // A slot is skipped in its turn: when no packet before it is under way.
      skip    = hq_n_q != '0 && head.bad && pq_n_q == '0;
      ask_pkt = hq_n_q != '0 && !head.bad && cmd_free && !pq_n_q[3];
      ask_hdr = !ask_pkt && asked_q != producer_i && cmd_free && asked_q - taken_q < HEADERS;
    end
  end

  // ---- what comes: the header's fields, or the packet's words
  logic [31:0] w_len, w_info, w_tunnel;
  always_comb begin
    hdr_in     = in_valid_i && !in_user_i && !drain_q;
    w_len      = '0;
    w_info     = '0;
    w_tunnel   = '0;
    if (hdr_in) begin
      w_len    = in_word_i.data[32*SLOT_HDR_LEN+:32];
      w_info   = in_word_i.data[32*SLOT_HDR_INFO+:32];
      w_tunnel = in_word_i.data[32*SLOT_HDR_TUNNEL+:32];
    end
    parsed.meta = '{len: LEN_W'(w_len), dest: w_info[1:0], tunnel: TUNNEL_W'(w_tunnel)};
    parsed.bad  = in_err_i || w_len == '0 || w_len > 32'(board_pkg::MAX_FRAME) ||
                  w_len > (32'd1 << cfg_i.slot_log2) - 32'(SLOT_HDR_BYTES) || w_info[1:0] == 2'd3 ||
                  (w_info[1:0] == 2'd2 && w_tunnel >= 32'(board_pkg::TUNNEL_COUNT));

    from_host_valid_o = in_valid_i && in_user_i && !in_err_i && !discard_q;
    in_ready_o        = !from_host_valid_o || from_host_ready_i;
    pkt_end           = in_valid_i && in_user_i && in_word_i.last && in_ready_o;
    moved             = (pkt_end && !drain_q) || skip;
    wb_none           = wb_addr_i[63:2] == '0;
    irq_o             = (wb_done_i && !wb_void_q) || (wb_need_q && wb_none);
  end
  assign bad_o                  = skip && !skip_err_q[hq_rd_q];
  assign from_host_meta_o       = pq[pq_rd_q];
  assign from_host_word_o = in_word_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cmd_valid_q <= 1'b0;
      drain_q     <= 1'b0;
      discard_q   <= 1'b0;
      wb_valid_q  <= 1'b0;
      wb_need_q   <= 1'b0;
      {hq_wr_q, hq_rd_q, hq_n_q, pq_wr_q, pq_rd_q, pq_n_q} <= '0;
      {asked_q, taken_q, consumer_q} <= '0;
    end else begin
      if (cmd_ready_i) cmd_valid_q <= 1'b0;
      if (ask_pkt || ask_hdr) begin
        cmd_valid_q <= 1'b1;
        cmd_user_q  <= ask_pkt;
        cmd_addr_q  <= ask_pkt ? pkt_slot + 64'(SLOT_HDR_BYTES) : hdr_slot;
        cmd_len_q   <= ask_pkt ? head.meta.len : LEN_W'(SLOT_HDR_BYTES);
      end
      if (ask_hdr) asked_q <= asked_q + 32'd1;
      if (ask_pkt || skip) begin
        taken_q <= taken_q + 32'd1;
        hq_rd_q <= hq_rd_q + 2'd1;
      end
      if (ask_pkt) begin
        pq[pq_wr_q] <= head.meta;
        pq_wr_q     <= pq_wr_q + 3'd1;
      end
      if (pkt_end) pq_rd_q <= pq_rd_q + 3'd1;
      if (ask_pkt || pkt_end) pq_n_q <= pq_n_q + 4'(ask_pkt) - 4'(pkt_end);
      if (hdr_in) begin
        hq[hq_wr_q]         <= parsed;
        skip_err_q[hq_wr_q] <= in_err_i;
        hq_wr_q             <= hq_wr_q + 2'd1;
      end
      if (hdr_in || ask_pkt || skip) hq_n_q <= hq_n_q + 3'(hdr_in) - 3'(ask_pkt || skip);
      if (moved) consumer_q <= consumer_q + 32'd1;

      // Write-back: the newest value, again when it has moved meanwhile.
      if (moved) wb_need_q <= 1'b1;
      if (wb_done_i) wb_valid_q <= 1'b0;
      if (wb_need_q && wb_none) wb_need_q <= moved;
      else if (wb_need_q && !wb_valid_q) begin
        wb_valid_q <= 1'b1;
        wb_void_q  <= 1'b0;
        wb_need_q  <= moved;
        wb_word_q  <= consumer_q;
        wb_addr_q  <= {wb_addr_i[63:2], 2'd0};
      end

      if (!cfg_i.enable || reset_i) begin
        {asked_q, taken_q, consumer_q} <= '0;
        {hq_wr_q, hq_rd_q, hq_n_q} <= '0;
        wb_need_q <= 1'b0;
        wb_void_q <= 1'b1;
        if (!rd_idle_i || cmd_valid_q || ask_pkt || ask_hdr) drain_q <= 1'b1;
        if (reset_i && (!rd_idle_i || cmd_valid_q)) discard_q <= 1'b1;
      end
      if (drain_q && rd_idle_i && !cmd_valid_q) begin
        drain_q   <= 1'b0;
        discard_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_hq : assert (hq_n_q <= 3'(HEADERS)) else $error("pcie_txq: more headers than room for them");
      a_pq : assert (!(in_valid_i && in_user_i) || pq_n_q != '0) else $error("pcie_txq: words of no packet");
      a_ahead : assert (drain_q || asked_q - taken_q <= HEADERS) else $error("pcie_txq: too far ahead");
    end
endmodule
