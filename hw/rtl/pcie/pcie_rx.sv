// SPDX-License-Identifier: BSD-2-Clause
// Receive side: a slice that gives ready_o from a register, the check of a TLP's framing against its Length, and the way
// to the completer or to the DMA read engine. One beat a cycle, latency 1. Completions are always taken.
//
// A TLP with fewer beats than its Length says is passed on with cut_o in its last beat; beats too many are dropped.
// Both are counted once.
module pcie_rx
  import pcie_pkg::*;
(
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    input  logic         sop_i,
    input  logic         last_i,
    input  logic [127:0] hdr_i,
    input  logic [511:0] data_i,
    output logic         ready_o,

    output logic         sop_o,        // beat of either kind
    output logic [127:0] hdr_o,
    output logic [511:0] data_o,
    output logic         last_o,       // it is the TLP's last
    output logic         cut_o,        // it is, but too early
    output logic         req_valid_o,  // a request
    input  logic         req_ready_i,
    output logic         cpl_valid_o,  // a completion; cannot wait
    output logic         error_o       // pulse: framing is wrong
);
  logic valid, take, excess_q, cont_q, is_cpl, last;
  logic [6:0] left_q, beats;  // beats that the TLP still has
  logic sop, in_last;
  logic [127:0] hdr;

  // Two slices that move together.
  logic data_valid, data_ready;
  skid #(
      .T(logic [129:0])
  ) u_hdr (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .data_i ({sop_i, last_i, hdr_i}),
      .valid_o(valid),
      .ready_i(take || !valid),
      .data_o ({sop, in_last, hdr})
  );
  skid #(
      .T(logic [511:0])
  ) u_data (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o(data_ready),
      .data_i,
      .valid_o(data_valid),
      .ready_i(take || !data_valid),
      .data_o
  );
  assign sop_o = sop;
  assign hdr_o = hdr;

  always_comb begin
    beats       = 7'd1;
    last        = 1'b0;
    is_cpl      = 1'b0;
    req_valid_o = 1'b0;
    cpl_valid_o = 1'b0;
    take        = 1'b0;
    cut_o       = 1'b0;
    error_o     = 1'b0;
    if (valid) begin
      if (hdr[30]) beats = 7'((tlp_dws(hdr[31:0]) + 11'd15) >> 4);
      last        = cont_q ? left_q == 7'd1 : beats == 7'd1;
      is_cpl      = hdr[28:24] == TYPE_CPL || hdr[28:24] == TYPE_CPL_LK;
      req_valid_o = !is_cpl && !excess_q;
      cpl_valid_o = is_cpl && !excess_q;
      take        = is_cpl || excess_q || req_ready_i;
      cut_o       = in_last && !last;
      error_o     = take && !excess_q && in_last != last;
    end
    last_o = last || in_last;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cont_q   <= 1'b0;
      excess_q <= 1'b0;
    end else if (take) begin
      cont_q   <= !excess_q && !last_o;
      excess_q <= !in_last && (excess_q || last);
      left_q   <= (cont_q ? left_q : beats) - 7'd1;
    end
  end

  // The consumers begin a TLP where sop is, the framing where the last one ended: the hard block keeps them together.
  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_together : assert (valid == data_valid && ready_o == data_ready) else $error("pcie_rx: header without data");
    end
  always_ff @(posedge clk_i)
    if (rst_ni && take && !excess_q) begin
      a_sop : assert (sop == !cont_q) else $error("pcie_rx: sop where no TLP begins, or none where one does");
    end
endmodule
