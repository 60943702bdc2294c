// SPDX-License-Identifier: BSD-2-Clause
// Longest prefix match: every entry is compared at once, then the longest wins, in groups of eight and then among the
// groups. A lookup a cycle, answer in the third cycle after the request. Among equal prefixes the lowest index wins.
module fib
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  fib_write_t  write_i,
    input  logic        find_i,
    input  logic [7:0]  vrf_i,
    input  logic [31:0] dst_i,
    output logic        hit_o,     // valid three cycles after find_i
    output route_t      result_o
);
  localparam int unsigned COUNT = board_pkg::FIB_COUNT;
  localparam int unsigned GROUPS = COUNT / 8;

  fib_entry_t      entry_q [COUNT];
  logic            a_valid_q, b_valid_q, hit_q;
  logic [COUNT-1:0] a_match_q;
  logic [GROUPS-1:0][6:0] b_best_q;  // prefix length plus one of the group's longest match, 0: none
  route_t [GROUPS-1:0]    b_result_q;
  route_t          result_q;

  assign hit_o    = hit_q;
  assign result_o = result_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {a_valid_q, b_valid_q} <= '0;
    else {a_valid_q, b_valid_q} <= {find_i, a_valid_q};
  end

  always_ff @(posedge clk_i) begin
    if (write_i.we) entry_q[write_i.index] <= write_i.entry;
    if (find_i) begin
      logic [COUNT-1:0] match;
      for (int unsigned i = 0; i < COUNT; i++)
        match[i] = entry_q[i].valid && entry_q[i].vrf == vrf_i && ((entry_q[i].prefix ^ dst_i) & entry_q[i].mask) == '0;
      a_match_q <= match;
    end
    if (a_valid_q) begin
      logic [GROUPS-1:0][6:0] best;
      route_t [GROUPS-1:0]    result;
      best   = '0;
      result = '0;
      for (int unsigned g = 0; g < GROUPS; g++) begin
        for (int unsigned i = 0; i < 8; i++) begin
          if (a_match_q[8*g+i] && 7'(entry_q[8*g+i].len) + 7'd1 > best[g]) begin
            best[g]   = 7'(entry_q[8*g+i].len) + 7'd1;
            result[g] = entry_q[8*g+i].result;
          end
        end
      end
      b_best_q   <= best;
      b_result_q <= result;
    end
    if (b_valid_q) begin
      logic [6:0] longest;
      route_t     best_result;
      longest     = '0;
      best_result = '0;
      for (int unsigned g = 0; g < GROUPS; g++) begin
        if (b_best_q[g] > longest) begin
          longest     = b_best_q[g];
          best_result = b_result_q[g];
        end
      end
      hit_q    <= longest != '0;
      result_q <= best_result;
    end
  end
endmodule
