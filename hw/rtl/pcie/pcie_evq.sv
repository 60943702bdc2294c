// SPDX-License-Identifier: BSD-2-Clause
// Completion and event queue: the management core's entries on their way to host memory. One entry under way.
module pcie_evq
  import pcie_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic reset_i,      // card reset: forget the entry under way
    input logic bus_master_i,

    input  queue_cfg_t        cfg_i,
    input  logic       [63:0] base_i,
    input  logic       [31:0] consumer_i,
    output logic       [31:0] producer_o,
    output logic              idle_o,

    input  logic         post_i,  // pulse; ignored while busy_o or full_o
    input  logic [479:0] data_i,  // words 0 to 14
    output logic         busy_o,
    output logic         full_o,  // or not running

    output logic         wr_valid_o,
    output logic [ 63:0] wr_addr_o,
    output logic [511:0] wr_word_o,
    input  logic         wr_done_i,
    output logic         irq_o        // pulse
);
  logic wr_valid_q, void_q;
  logic [31:0] producer_q, used;
  logic [63:0] wr_addr_q;
  logic [511:0] word_q;

  assign producer_o = producer_q;
  assign wr_valid_o = wr_valid_q;
  assign wr_addr_o  = wr_addr_q;
  assign wr_word_o  = word_q;
  assign busy_o     = wr_valid_q;
  assign idle_o     = !wr_valid_q;
  assign irq_o      = wr_done_i && !void_q && cfg_i.enable;
  assign used       = producer_q - consumer_i;
  assign full_o     = !cfg_i.enable || !bus_master_i || (used >> cfg_i.size_log2) != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_valid_q <= 1'b0;
      producer_q <= '0;
    end else begin
      if (!cfg_i.enable) begin
        if (producer_q != '0) producer_q <= '0;
        void_q <= 1'b1;  // what is under way belongs to no queue any more
      end else if (irq_o) producer_q <= producer_q + 32'd1;
      if (wr_done_i) wr_valid_q <= 1'b0;
      if (post_i && !wr_valid_q && !full_o && !reset_i) begin
        wr_valid_q <= 1'b1;
        void_q     <= 1'b0;
        wr_addr_q  <= slot_addr(base_i, cfg_i.size_log2, producer_q, 4'd6);
        word_q     <= {producer_q + 32'd1, data_i};
      end
    end
  end

  always_ff @(posedge clk_i)
    if (rst_ni && cfg_i.enable) begin
      a_room : assert (used <= (32'd1 << cfg_i.size_log2) || !wr_valid_q)
      else $error("pcie_evq: entry beyond the host's room");
    end
endmodule
