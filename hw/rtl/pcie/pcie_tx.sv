// SPDX-License-Identifier: BSD-2-Clause
// Transmit side: one TLP at a time from the three sources into the output register. Completions first, then DMA reads,
// then DMA writes. A source's TLP counts as sent when its last beat is taken here: what is taken later leaves later, so
// a completion or an interrupt never overtakes the writes that it speaks of (2.4.1).
// One beat a cycle, latency 1; valid_o, the beat and every ready_o depend on registers and on ready_i only.
module pcie_tx (
    input logic clk_i,
    input logic rst_ni,

    input  logic         cpl_valid_i,
    input  logic         cpl_sop_i,
    input  logic         cpl_last_i,
    input  logic [ 95:0] cpl_hdr_i,
    input  logic [511:0] cpl_data_i,
    output logic         cpl_ready_o,

    input  logic         rd_valid_i,
    input  logic [127:0] rd_hdr_i,   // memory reads have no payload
    output logic         rd_ready_o,

    input  logic         wr_valid_i,
    input  logic         wr_sop_i,
    input  logic         wr_last_i,
    input  logic [127:0] wr_hdr_i,
    input  logic [511:0] wr_data_i,
    output logic         wr_ready_o,

    output logic         valid_o,
    output logic         sop_o,
    output logic         last_o,
    output logic [127:0] hdr_o,
    output logic [511:0] data_o,
    input  logic         ready_i
);
  logic valid_q, lock_cpl_q, lock_wr_q, load;
  logic sop_q, last_q;
  logic [127:0] hdr_q;
  logic [511:0] data_q;

  assign valid_o = valid_q;
  assign sop_o   = sop_q;
  assign last_o  = last_q;
  assign hdr_o   = hdr_q;
  assign data_o  = data_q;

  always_comb begin
    load        = !valid_q || ready_i;
    cpl_ready_o = load && cpl_valid_i && !lock_wr_q;
    rd_ready_o  = load && rd_valid_i && !lock_wr_q && !lock_cpl_q && !cpl_valid_i;
    wr_ready_o  = load && wr_valid_i && !lock_cpl_q && (lock_wr_q || (!cpl_valid_i && !rd_valid_i));
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q    <= 1'b0;
      lock_cpl_q <= 1'b0;
      lock_wr_q  <= 1'b0;
    end else if (load) begin
      valid_q <= cpl_ready_o || rd_ready_o || wr_ready_o;
      if (cpl_ready_o) lock_cpl_q <= !cpl_last_i;
      if (wr_ready_o) lock_wr_q <= !wr_last_i;
    end
  end

  always_ff @(posedge clk_i)
    if (cpl_ready_o) begin
      sop_q  <= cpl_sop_i;
      last_q <= cpl_last_i;
      hdr_q  <= {32'd0, cpl_hdr_i};
      data_q <= cpl_data_i;
    end else if (rd_ready_o) begin
      sop_q  <= 1'b1;
      last_q <= 1'b1;
      hdr_q  <= rd_hdr_i;
    end else if (wr_ready_o) begin
      sop_q  <= wr_sop_i;
      last_q <= wr_last_i;
      hdr_q  <= wr_hdr_i;
      data_q <= wr_data_i;
    end

  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_one : assert (2'(cpl_ready_o) + 2'(rd_ready_o) + 2'(wr_ready_o) <= 2'd1) else $error("pcie_tx: two sources at once");
      if (cpl_ready_o) begin
        a_cpl_sop : assert (cpl_sop_i != lock_cpl_q) else $error("pcie_tx: completion without its first beat");
      end
      if (wr_ready_o) begin
        a_wr_sop : assert (wr_sop_i != lock_wr_q) else $error("pcie_tx: write without its first beat");
      end
    end
endmodule
