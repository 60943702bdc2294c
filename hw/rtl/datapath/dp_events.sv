// SPDX-License-Identifier: BSD-2-Clause
// Events of both SA directions and of the ports' links, in one FIFO that software pops. Each direction makes at most one
// in two cycles; a small FIFO each evens them out. When the large one is full, events wait in the small ones and then
// are lost; lifetimes and exhaustion are also visible in the SA's counters.
module dp_events
  import dp_pkg::*;
(
    input  logic       clk_i,
    input  logic       rst_ni,
    input  event_t     in_i,
    input  event_t     out_i,
    input  logic [1:0] link_i,
    output event_t     head_o,  // valid: there is one
    input  logic       pop_i
);
  import dp_regs_pkg::*;
  event_t in_head, out_head, head, pick;
  logic   in_valid, out_valid, unused_in, unused_out, room, head_valid;
  logic [1:0] link_q;
  wire logic link_change = link_i != link_q;

  fifo #(.T(event_t), .DEPTH(16)) u_in (
      .clk_i, .rst_ni, .valid_i(in_i.valid), .ready_o(unused_in), .data_i(in_i), .valid_o(in_valid), .ready_i(room && !link_change), .data_o(in_head)
  );
  fifo #(.T(event_t), .DEPTH(16)) u_out (
      .clk_i, .rst_ni, .valid_i(out_i.valid), .ready_o(unused_out), .data_i(out_i),
      .valid_o(out_valid), .ready_i(room && !link_change && !in_valid), .data_o(out_head)
  );

  wire logic port = link_i[0] == link_q[0];  // the port whose link changed, the outside port first
  always_comb begin
    if (link_change) pick = '{valid: 1'b1, kind: link_i[port] ? 4'(EVENT_LINK_UP) : 4'(EVENT_LINK_DOWN), index: 16'(port), dir: 1'b0};
    else if (in_valid) pick = in_head;
    else pick = out_head;
  end
  fifo #(.T(event_t), .DEPTH(256)) u_events (
      .clk_i, .rst_ni, .valid_i(link_change || in_valid || out_valid), .ready_o(room), .data_i(pick),
      .valid_o(head_valid), .ready_i(pop_i), .data_o(head)
  );
  always_comb begin
    head_o       = head;
    head_o.valid = head_valid;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) link_q <= '0;
    else if (link_change && room) link_q[port] <= link_i[port];
  end
endmodule
