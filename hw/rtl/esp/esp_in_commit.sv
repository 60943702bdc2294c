// SPDX-License-Identifier: BSD-2-Clause
// The commit point of inbound ESP: reads the SA's state, decides about a packet whose ICV is known, writes the state back.
// Order: SA still there, ICV, hard lifetime, replay (RFC 4303 section 3.4.3, one decision, here and nowhere else), padding,
// selectors. Commands on the SA go through the same pipeline, so they are atomic.
//
// A packet every second cycle: with its headers no ESP packet is shorter than two words. Cycle 0 reads the memory, 1
// compares, 2 decides and writes; the last entry written is kept beside the memory for packets that follow at once.
module esp_in_commit
  import culvert_pkg::*;
  import dp_pkg::*;
  import esp_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  sa_cmd_t     cmd_i,         // held until cmd_done_o
    input  sa_stage_t   stage_i,
    output logic        cmd_done_o,    // pulse; the static tables are written with it
    output sa_result_t  result_o,      // of a read, stays
    input  logic        valid_i,
    output logic        ready_o,
    input  in_verdict_t verdict_i,
    output logic        top_we_o,      // for the lookup's copy
    output logic [SA_W-1:0] top_index_o,
    output logic [63:0] top_o,
    output logic        done_o,        // decision, in order
    output logic        pass_o,
    output logic [LEN_W-1:0]   len_o,
    output logic [WORDS_W-1:0] words_o,
    output fwd_meta_t   meta_o,
    output in_count_t   count_o,
    output event_t      event_o
);
  import dp_regs_pkg::*;
  in_state_t  state_mem_q [board_pkg::SA_COUNT];
  sa_life_t   life_mem_q [board_pkg::SA_COUNT];
  in_policy_t policy_mem_q [board_pkg::SA_COUNT];

  // 0: choose
  logic        busy_q;         // the slot after an accepted request stays empty
  logic        cmd_sent_q;     // the command is in the pipeline
  wire logic   take_cmd = cmd_i.valid && !cmd_sent_q && !busy_q;
  wire logic   take = !busy_q && !take_cmd && valid_i;
  wire logic [SA_W-1:0] index = take_cmd ? cmd_i.index : verdict_i.sa;
  assign ready_o = !busy_q && !take_cmd;

  // 1: compare
  logic        s1_valid_q, s1_cmd_q;
  in_verdict_t s1_q;
  logic [SA_W-1:0] s1_index_q;
  in_state_t   read_q;
  sa_life_t    s1_life_q;
  in_policy_t  s1_policy_q;
  // 2: decide and write
  logic        s2_valid_q, s2_cmd_q, s2_here_q, s2_ahead_q, s2_old_q, s2_unchecked_q, s2_selected_q;
  logic        s2_soft_q, s2_hard_q;
  logic [63:0] s2_packets_q, s2_bytes_q;
  logic [$clog2(WINDOW)-1:0] s2_back_q, s2_shift_q;  // distance below or above top
  logic        s2_far_q;       // above top by the window or more
  in_verdict_t s2_q;
  logic [SA_W-1:0] s2_index_q;
  in_state_t   s2_state_q;
  in_policy_t  s2_policy_q;
  // what was written last
  logic            last_valid_q;
  logic [SA_W-1:0] last_index_q;
  in_state_t       last_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q     <= 1'b0;
      cmd_sent_q <= 1'b0;
      s1_valid_q <= 1'b0;
      s2_valid_q <= 1'b0;
    end else begin
      busy_q     <= take || take_cmd;
      s1_valid_q <= take || take_cmd;
      s2_valid_q <= s1_valid_q;
      if (take_cmd) cmd_sent_q <= 1'b1;
      else if (!cmd_i.valid) cmd_sent_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take || take_cmd) begin
      s1_cmd_q    <= take_cmd;
      s1_index_q  <= index;
      read_q      <= state_mem_q[index];
      s1_life_q   <= life_mem_q[index];
      s1_policy_q <= policy_mem_q[index];
    end
    if (take) s1_q <= verdict_i;
  end

  in_state_t   now;
  logic [63:0] above, below;
  logic [63:0] packets, bytes;
  logic [63:0] span;
  always_comb begin
    now     = last_valid_q && last_index_q == s1_index_q ? last_q : read_q;
    above   = s1_q.seq - now.top;
    below   = now.top - s1_q.seq;
    packets = now.packets + 64'd1;
    bytes   = now.bytes + 64'(s1_q.inner_len);
    span    = 32'(s1_policy_q.window_log2) >= $clog2(WINDOW) ? 64'(WINDOW) : 64'd1 << s1_policy_q.window_log2;
  end

  always_ff @(posedge clk_i) begin
    if (s1_valid_q) begin
      s2_cmd_q       <= s1_cmd_q;
      s2_q           <= s1_q;
      s2_index_q     <= s1_index_q;
      s2_state_q     <= now;
      s2_policy_q    <= s1_policy_q;
      s2_here_q      <= now.valid && now.epoch == s1_q.epoch;
      s2_unchecked_q <= s1_policy_q.window_log2 == '0;
      s2_ahead_q     <= s1_q.seq > now.top;
      s2_far_q       <= above >= 64'(WINDOW);
      s2_shift_q     <= above[$clog2(WINDOW)-1:0];
      s2_old_q       <= below >= span;
      s2_back_q      <= below[$clog2(WINDOW)-1:0];
      s2_selected_q  <= ((s1_q.src ^ s1_policy_q.src) & s1_policy_q.src_mask) == '0 && ((s1_q.dst ^ s1_policy_q.dst) & s1_policy_q.dst_mask) == '0;
      s2_packets_q   <= packets;
      s2_bytes_q     <= bytes;
      s2_soft_q      <= reached(packets, s1_life_q.soft_packets) || reached(bytes, s1_life_q.soft_bytes);
      s2_hard_q      <= reached(packets, s1_life_q.hard_packets) || reached(bytes, s1_life_q.hard_bytes);
    end
  end

  in_state_t  next;
  in_count_t  count;
  event_t     evt;
  always_comb begin
    next  = s2_state_q;
    count = '0;
    evt   = '{valid: 1'b0, kind: 4'(EVENT_NONE), index: 16'(s2_index_q), dir: 1'b0};
    if (s2_valid_q) begin
      if (s2_cmd_q) begin
        unique case (cmd_i.op)
          SA_INSTALL: begin
            next       = '0;
            next.valid = 1'b1;
            next.epoch = cmd_i.epoch;
            next.top   = stage_i.seq;
            next.seen  = '1;  // nothing at or below the starting point is new
          end
          SA_REMOVE: next = '0;
          SA_READ: begin
            next.replay_told = 1'b0;
            next.auth_told   = 1'b0;
          end
          default: ;
        endcase
      end else if (!s2_here_q) begin
        count.unknown_spi = 1'b1;
      end else if (!s2_q.auth_ok) begin
        count.auth_fail = 1'b1;
        next.auth_fail  = s2_state_q.auth_fail + 32'd1;
        next.auth_told  = 1'b1;
        evt.valid       = !s2_state_q.auth_told;
        evt.kind        = 4'(EVENT_AUTH_FAIL);
      end else if (s2_state_q.spent) begin
        count.lifetime = 1'b1;
      end else if (!s2_unchecked_q && !s2_ahead_q && (s2_old_q || s2_state_q.seen[s2_back_q])) begin
        count.replay     = 1'b1;
        next.replay      = s2_state_q.replay + 32'd1;
        next.replay_told = 1'b1;
        evt.valid        = !s2_state_q.replay_told;
        evt.kind         = 4'(EVENT_REPLAY);
      end else begin
        if (s2_ahead_q) begin
          next.top  = s2_q.seq;
          next.seen = s2_far_q ? WINDOW'(1) : (s2_state_q.seen << s2_shift_q) | WINDOW'(1);
        end else if (!s2_old_q) begin
          next.seen[s2_back_q] = 1'b1;
        end
        if (!s2_q.pad_ok) begin
          count.bad_padding = 1'b1;
          next.policy       = s2_state_q.policy + 32'd1;
        end else if (!s2_q.dummy) begin
          if (!s2_q.inner_ok || !s2_selected_q) begin
            count.policy = 1'b1;
            next.policy  = s2_state_q.policy + 32'd1;
          end else begin
            count.pass   = 1'b1;
            next.packets = s2_packets_q;
            next.bytes   = s2_bytes_q;
            next.soft_told    = s2_state_q.soft_told || s2_soft_q;
            next.spent    = s2_hard_q;
            evt.valid    = s2_hard_q || (s2_soft_q && !s2_state_q.soft_told);
            evt.kind     = s2_hard_q ? 4'(EVENT_HARD_LIFETIME) : 4'(EVENT_SOFT_LIFETIME);
          end
        end
      end
    end
  end

  assign cmd_done_o  = s2_valid_q && s2_cmd_q;
  assign top_we_o    = s2_valid_q;
  assign top_index_o = s2_index_q;
  assign top_o       = next.top;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_valid_q <= 1'b0;
    else if (s2_valid_q) last_valid_q <= 1'b1;
  end
  always_ff @(posedge clk_i) begin
    if (s2_valid_q) begin
      state_mem_q[s2_index_q] <= next;
      last_q       <= next;
      last_index_q <= s2_index_q;
    end
    if (cmd_done_o && cmd_i.op == SA_INSTALL) begin
      life_mem_q[s2_index_q]   <= '{stage_i.soft_bytes, stage_i.hard_bytes, stage_i.soft_packets, stage_i.hard_packets};
      policy_mem_q[s2_index_q] <= '{stage_i.src, stage_i.src_mask, stage_i.dst, stage_i.dst_mask, stage_i.tunnel, stage_i.to_host,
                                    stage_i.window_log2};
    end else if (cmd_done_o && cmd_i.op == SA_REMOVE) begin
      life_mem_q[s2_index_q]   <= '0;
      policy_mem_q[s2_index_q] <= '0;
    end
    // Removal answers with the final counters too.
    if (cmd_done_o)
      result_o <= '{s2_state_q.valid, s2_state_q.packets, s2_state_q.bytes, s2_state_q.top, s2_state_q.auth_fail, s2_state_q.replay,
                    s2_state_q.policy};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      done_o        <= 1'b0;
      count_o       <= '0;
      event_o.valid <= 1'b0;
    end else begin
      done_o <= s2_valid_q && !s2_cmd_q;
      if (s2_valid_q) begin
        count_o <= count;
        event_o <= evt;
      end else if (done_o) begin
        count_o       <= '0;
        event_o.valid <= 1'b0;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (s2_valid_q) begin
      pass_o  <= count.pass;
      len_o   <= s2_q.inner_len;
      words_o <= s2_q.words;
      meta_o  <= '{len: s2_q.inner_len, to_host: s2_policy_q.to_host, tunnel: s2_policy_q.tunnel, sa: s2_q.sa};
    end
  end
endmodule
