// SPDX-License-Identifier: BSD-2-Clause
// Fetches ahead of the core: up to three words in a buffer, the instruction at pc at its head.
// With a memory that answers in the next cycle it gives an instruction a cycle; the one at a new address is there two
// cycles after redirect_i (three if it crosses a word). The address path from redirect_i and target_i to the bus is combinational.
//
// Bus: one request outstanding; the next may be raised in the cycle of rvalid_i. A request not yet granted may change its
// address or be withdrawn when the core jumps or sleeps.
module rv_fetch (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [31:0] boot_addr_i,   // first instruction after reset; bit 0 is ignored
    // core
    input  logic        enable_i,      // fetch on; when low nothing new is asked for
    input  logic        redirect_i,    // go on at target_i; empties the buffer
    input  logic [31:0] target_i,      // bit 0 is ignored
    input  logic        take_i,        // the instruction at the head is done with
    output logic        valid_o,
    output logic [31:0] pc_o,          // also valid while valid_o is low
    output logic [31:0] next_pc_o,     // behind the instruction at the head
    output logic [31:0] insn_o,        // upper half is 0 if compressed
    output logic        compressed_o,
    output logic        err_o,         // access fault on the instruction at the head
    output logic        err_upper_o,   // on its second half only
    // memory
    output logic        req_o,
    input  logic        gnt_i,
    output logic [31:0] addr_o,
    input  logic        rvalid_i,
    input  logic [31:0] rdata_i,
    input  logic        err_i
);
  logic        active_q;          // out of reset
  logic [31:0] word_q   [3];
  logic        err_q    [3];
  logic [ 1:0] n_q;               // words in the buffer
  logic [31:1] pc_q;
  logic [31:2] addr_q;            // word to ask for next
  logic        busy_q, drop_q;    // an answer is outstanding; it is not wanted any more

  logic arrive, pop, compressed;
  assign arrive = rvalid_i && !drop_q;

  // Head
  logic [15:0] low;
  assign low          = pc_q[1] ? word_q[0][31:16] : word_q[0][15:0];
  assign compressed   = low[1:0] != 2'b11;
  assign compressed_o = compressed;
  assign insn_o       = compressed ? {16'b0, low} : {pc_q[1] ? word_q[1][15:0] : word_q[0][31:16], low};
  assign valid_o      = n_q != 0 && (!pc_q[1] || compressed || err_q[0] || n_q[1]);
  assign err_upper_o  = !err_q[0] && pc_q[1] && !compressed && err_q[1];
  assign err_o        = err_q[0] || err_upper_o;
  assign pc_o         = {pc_q, 1'b0};
  assign next_pc_o    = pc_o + (compressed ? 32'd2 : 32'd4);
  assign pop          = take_i && (pc_q[1] || !compressed);

  // Requests
  assign req_o  = active_q && (!busy_q || rvalid_i) && (redirect_i || (enable_i && n_q + 2'(arrive) <= 2'd2 && n_q != 2'd3));
  assign addr_o = {redirect_i ? target_i[31:2] : addr_q, 2'b0};

  logic [1:0] slot;
  assign slot = n_q - 2'(pop);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      n_q      <= '0;
      pc_q     <= boot_addr_i[31:1];
      addr_q   <= boot_addr_i[31:2];
      busy_q   <= 1'b0;
      drop_q   <= 1'b0;
    end else begin
      active_q <= 1'b1;
      if (req_o && gnt_i) begin
        addr_q <= addr_o[31:2] + 1'b1;
        busy_q <= 1'b1;
      end else begin
        if (redirect_i) addr_q <= target_i[31:2];
        if (rvalid_i) busy_q <= 1'b0;
      end
      if (rvalid_i) drop_q <= 1'b0;
      else if (redirect_i && busy_q) drop_q <= 1'b1;

      if (redirect_i) begin
        pc_q <= target_i[31:1];
        n_q  <= '0;
      end else begin
        if (take_i) pc_q <= next_pc_o[31:1];
        if (pop || arrive) n_q <= slot + 2'(arrive);
        if (pop) begin
          word_q[0] <= word_q[1];
          word_q[1] <= word_q[2];
          err_q[0]  <= err_q[1];
          err_q[1]  <= err_q[2];
        end
        if (arrive) begin
          word_q[slot] <= rdata_i;
          err_q[slot]  <= err_i;
        end
      end
    end
  end

  logic unused;
  assign unused = ^{boot_addr_i[0], target_i[0], next_pc_o[0]};

  always_ff @(posedge clk_i)
    if (rst_ni) begin
      a_answer_asked_for : assert (!rvalid_i || busy_q)
      else $error("fetch: answer without a request");
      a_take_valid : assert (!take_i || valid_o)
      else $error("fetch: take without an instruction");
      a_room : assert (!arrive || redirect_i || slot != 2'd3)
      else $error("fetch: buffer overflow");
    end
endmodule
