// SPDX-License-Identifier: BSD-2-Clause
// Receive side: a slice that gives ready_o from a register, the check of a TLP's framing against its Length, and the way
// to the completer or to the DMA read engine. One beat a cycle, latency 1. Completions are always taken.
//
// A TLP with fewer beats than its Length says is passed on with cut_o in its last beat; beats too many are dropped.
// Both are counted once.
module pcie_rx
  import pcie_pkg::*;
(
    input  logic clk_i,
    input  logic rst_ni,
    input  logic valid_i,
    input  tlp_t tlp_i,
    output logic ready_o,

    output tlp_t tlp_o,        // beat of either kind
    output logic last_o,       // it is the TLP's last: use this, not tlp_o.last
    output logic cut_o,        // it is, but too early
    output logic req_valid_o,  // a request
    input  logic req_ready_i,
    output logic cpl_valid_o,  // a completion; cannot wait
    output logic error_o       // pulse: framing is wrong
);
  logic valid, take, excess_q, cont_q, is_cpl, last;
  logic [6:0] left_q, beats;  // beats that the TLP still has
  tlp_t tlp;

  skid #(
      .T(tlp_t)
  ) u_skid (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .data_i (tlp_i),
      .valid_o(valid),
      .ready_i(take || !valid),
      .data_o (tlp)
  );
  assign tlp_o = tlp;

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
      if (tlp.hdr[30]) beats = 7'((tlp_dws(tlp.hdr[31:0]) + 11'd15) >> 4);
      last        = cont_q ? left_q == 7'd1 : beats == 7'd1;
      is_cpl      = tlp.hdr[28:24] == TYPE_CPL || tlp.hdr[28:24] == TYPE_CPL_LK;
      req_valid_o = !is_cpl && !excess_q;
      cpl_valid_o = is_cpl && !excess_q;
      take        = is_cpl || excess_q || req_ready_i;
      cut_o       = tlp.last && !last;
      error_o     = take && !excess_q && tlp.last != last;
    end
    last_o = last || tlp.last;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cont_q   <= 1'b0;
      excess_q <= 1'b0;
    end else if (take) begin
      cont_q   <= !excess_q && !last_o;
      excess_q <= !tlp.last && (excess_q || last);
      left_q   <= (cont_q ? left_q : beats) - 7'd1;
    end
  end

  // The consumers begin a TLP where sop is, the framing where the last one ended: the hard block keeps them together.
  always_ff @(posedge clk_i)
    if (rst_ni && take && !excess_q) begin
      a_sop : assert (tlp.sop == !cont_q) else $error("pcie_rx: sop where no TLP begins, or none where one does");
    end
endmodule
