// SPDX-License-Identifier: BSD-2-Clause
// DMA write engine: one request of one client at a time becomes memory writes, cut at multiples of the maximum payload
// size (which also keeps them within 4 KiB pages). One beat a cycle; a request costs two cycles more than its words.
//
// A client raises req_valid_i with the request and gives its words, lowest address first; word_ready_o takes one. done_o
// says that the last TLP is on its way in order; the client then drops req_valid_i in the next cycle at the latest.
// All but WR_RX_DATA have their only word ready with the request. Without bus mastering the words are taken and dropped.
module pcie_dma_wr
  import pcie_pkg::*;
  import culvert_pkg::*;
(
    input logic        clk_i,
    input logic        rst_ni,
    input logic        bus_master_i,
    input logic [ 2:0] max_payload_i,  // 128 << n bytes
    input logic [15:0] requester_id_i,

    input  logic [WR_CLIENTS-1:0] req_valid_i,
    input  logic [          63:0] req_addr_i [WR_CLIENTS],
    input  logic [     LEN_W-1:0] req_len_i  [WR_CLIENTS],  // bytes
    output logic [WR_CLIENTS-1:0] done_o,

    input  logic [ 31:0] msix_word_i,
    input  logic [511:0] evq_word_i,
    input  logic [ 31:0] wb_word_i,
    input  logic [127:0] hdr_words_i,
    input  logic [ 31:0] hdr_seq_i,
    input  logic [511:0] data_word_i,
    input  logic         data_valid_i,
    input  logic [  6:0] data_level_i,  // words that are there; a TLP starts when all of its are
    output logic         data_ready_o,

    output logic         valid_o,
    output logic         sop_o,
    output logic         last_o,
    output logic [127:0] hdr_o,
    output logic [511:0] data_o,
    input  logic         ready_i
);
  logic busy_q, drop_q, first_q, beat_valid_q, beat_end_q, pick, take, load, word_valid;
  logic [2:0] sel_q, pick_sel;
  logic [63:0] addr_q;
  logic [LEN_W-1:0] len_q;
  logic [12:0] chunk_q, chunk, mps;  // bytes left in this TLP
  logic end_of_tlp, end_of_req;
  logic sop_q, last_q;
  logic [127:0] hdr_q;
  logic [511:0] data_q;

  assign valid_o = beat_valid_q;
  assign sop_o   = sop_q;
  assign last_o  = last_q;
  assign hdr_o   = hdr_q;
  assign data_o  = data_q;

  always_comb begin
    pick     = 1'b0;
    pick_sel = 3'd0;
    if (!busy_q && req_valid_i != '0) begin
      pick = 1'b1;
      for (int c = WR_CLIENTS - 1; c >= 0; c--) if (req_valid_i[c]) pick_sel = 3'(c);
    end

    load         = !beat_valid_q || ready_i;
    done_o       = '0;
    if (busy_q && (drop_q ? len_q == '0 : beat_valid_q && beat_end_q && ready_i)) done_o[sel_q] = 1'b1;

    mps   = 13'd128 << max_payload_i;
    chunk = chunk_q;
    if (busy_q && first_q) begin
      chunk = mps - (addr_q[12:0] & (mps - 13'd1));
      if (LEN_W'(chunk) > len_q) chunk = 13'(len_q);
    end
    end_of_tlp = chunk <= 13'd64;

    word_valid = 1'b1;
    if (sel_q == 3'(WR_RX_DATA)) word_valid = data_valid_i && (!first_q || 13'(data_level_i) >= (chunk + 13'd63) >> 6);
    take         = busy_q && len_q != '0 && word_valid && (load || drop_q);
    data_ready_o = take && sel_q == 3'(WR_RX_DATA);
    end_of_req = len_q <= LEN_W'(64);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q       <= 1'b0;
      beat_valid_q <= 1'b0;
    end else begin
      if (pick) begin
        busy_q  <= 1'b1;
        drop_q  <= !bus_master_i;
        sel_q   <= pick_sel;
        addr_q  <= req_addr_i[pick_sel];
        len_q   <= req_len_i[pick_sel];
        first_q <= 1'b1;
      end
      if (busy_q && |done_o) busy_q <= 1'b0;
      if (take) begin
        addr_q <= addr_q + 64'd64;
        len_q  <= end_of_req ? '0 : len_q - LEN_W'(64);
        chunk_q    <= chunk - 13'd64;
        first_q    <= end_of_tlp;
      end
      if (load) beat_valid_q <= take && !drop_q;
    end
  end

  // The beat itself.
  always_ff @(posedge clk_i)
    if (take && !drop_q) begin
      beat_end_q  <= end_of_req;
      sop_q      <= first_q;
      last_q     <= end_of_tlp;
      if (first_q) hdr_q <= {mem_address(addr_q), mem_header(1'b1, addr_q[63:32] != 32'd0, chunk, requester_id_i, 8'd0)};
      unique case (sel_q)
        3'(WR_MSIX): data_q <= 512'(msix_word_i);
        3'(WR_EVQ): data_q <= evq_word_i;
        3'(WR_WB): data_q <= 512'(wb_word_i);
        3'(WR_RX_HDR): data_q <= {hdr_seq_i, 352'd0, hdr_words_i};
        default: data_q <= data_word_i;
      endcase
    end

  always_ff @(posedge clk_i)
    if (rst_ni && pick) begin
      a_len : assert (req_len_i[pick_sel] != '0) else $error("pcie_dma_wr: empty request");
      a_align : assert (req_addr_i[pick_sel][5:0] == 6'd0 ||
                        (req_len_i[pick_sel] == LEN_W'(4) && req_addr_i[pick_sel][1:0] == 2'd0))
      else $error("pcie_dma_wr: address is not aligned");
      a_mps : assert (max_payload_i <= 3'd5) else $error("pcie_dma_wr: no such payload size");
    end
endmodule
