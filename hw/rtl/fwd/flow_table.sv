// SPDX-License-Identifier: BSD-2-Clause
// Exact-match flow table: two ways of hashed buckets in memory and a stash of registers. A lookup a cycle, answer in the
// third cycle after the request. Software places the entries (dp_pkg::flow_hash).
module flow_table
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  flow_write_t write_i,
    input  logic        find_i,
    input  flow_key_t   key_i,
    output logic        hit_o,     // valid three cycles after find_i
    output route_t      result_o
);
  localparam int unsigned BUCKETS = 1 << BUCKET_W;
  localparam int unsigned STASH = dp_regs_pkg::FLOW_STASH;

  flow_entry_t way0_q [BUCKETS];
  flow_entry_t way1_q [BUCKETS];
  flow_entry_t stash_q [STASH];

  logic                a_valid_q, b_valid_q;
  logic [BUCKET_W-1:0] a_hash0_q, a_hash1_q;
  flow_key_t           a_key_q, b_key_q;
  flow_entry_t         b_way0_q, b_way1_q;
  logic                b_stash_hit_q, hit_q;
  route_t              b_stash_q, result_q;

  assign hit_o    = hit_q;
  assign result_o = result_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {a_valid_q, b_valid_q} <= '0;
    else {a_valid_q, b_valid_q} <= {find_i, a_valid_q};
  end

  always_ff @(posedge clk_i) begin
    if (write_i.we[0]) way0_q[write_i.slot] <= write_i.entry;
    if (write_i.we[1]) way1_q[write_i.slot] <= write_i.entry;
    if (write_i.we[2]) stash_q[write_i.slot[2:0]] <= write_i.entry;
    if (find_i) begin
      a_key_q   <= key_i;
      a_hash0_q <= flow_hash(key_i, 1'b0);
      a_hash1_q <= flow_hash(key_i, 1'b1);
    end
    if (a_valid_q) begin
      b_key_q       <= a_key_q;
      b_way0_q      <= way0_q[a_hash0_q];
      b_way1_q      <= way1_q[a_hash1_q];
      b_stash_hit_q <= 1'b0;
      for (int unsigned i = 0; i < STASH; i++) begin
        if (stash_q[i].valid && stash_q[i].key == a_key_q) begin
          b_stash_hit_q <= 1'b1;
          b_stash_q     <= stash_q[i].result;
        end
      end
    end
    if (b_valid_q) begin
      hit_q    <= 1'b1;
      result_q <= b_stash_q;
      if (b_way0_q.valid && b_way0_q.key == b_key_q) result_q <= b_way0_q.result;
      else if (b_way1_q.valid && b_way1_q.key == b_key_q) result_q <= b_way1_q.result;
      else hit_q <= b_stash_hit_q;
    end
  end
endmodule
