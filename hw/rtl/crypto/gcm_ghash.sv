// SPDX-License-Identifier: BSD-2-Clause
// GHASH and ICV of a stream of 512-bit words (SP 800-38D, 6.4 and 7.1). A word a cycle, no back-pressure, whatever the sizes.
// Latency from word_valid_i of a packet's last word to tag_valid_o: 16 cycles.
//
// With k blocks in the last word (the ciphertext's last 0 to 3, then the length block), Y starting at 0, a packet is
//   each word but the last: Y <- Y*H^4 + P;  last word: Y <- Y*H^k + P
// where P is the word's own sum of blocks times H^4 .. H (or H^k .. H): four multipliers whose products are added before
// one reduction. A fifth adds the AAD block, times H^5 (H^(k+1)), to the P of the first word.
// The feedback is broken into four sums: word i goes into sum i mod 4, which u_feed carries on by H^16 (a loop of exactly
// four cycles). At the last word the four latest sums are folded, S1 + S2*H^4 + S3*H^8 + S4*H^12, by u_fold in the (at
// most three) cycles from there; a packet of n words needs at most n-2, so packets never want u_fold in the same cycle.
// u_final multiplies by H^k. Every packet goes through the fold in a fixed number of cycles, so ICVs come in order.
module gcm_ghash
  import gcm_pkg::*;
(
    input  logic             clk_i,
    input  logic             rst_ni,
    // a packet enters the engine: remember its powers of H and its AAD until the ICV is made
    input  logic             open_i,
    input  logic [PID_W-1:0] open_pid_i,
    input  gcm_hpow_t        open_hpow_i,
    input  logic [127:0]     open_aad_i,        // memory order, unused bytes zero
    input  logic [4:0]       open_aad_bytes_i,
    // ciphertext
    input  logic             word_valid_i,
    /* verilator lint_off UNUSEDSIGNAL */  // a common type, used in part
    input  slot_meta_t       word_meta_i,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [511:0]     word_ct_i,         // memory order, bytes that are not payload zero
    input  logic [127:0]     word_ekj0_i,       // memory order; with the last word
    // computed ICV
    output logic             tag_valid_o,
    output logic [PID_W-1:0] tag_pid_o,
    output logic [127:0]     tag_o              // memory order
);
  localparam int unsigned LANES = 5;  // four of ciphertext and length, one of AAD

  typedef struct packed {
    logic             last;
    logic [1:0]       turn;
    logic             later;  // not among the first four words: its sum goes on
    logic [1:0]       k1;     // k - 1
    logic [2:0]       words;  // words before this one, 5 meaning 5 or more
    logic [PID_W-1:0] pid;
  } info_t;

  logic [127:0] h1_mem  [DEPTH];
  logic [127:0] h2_mem  [DEPTH];
  logic [127:0] h3_mem  [DEPTH];
  logic [127:0] h4_mem  [DEPTH];
  logic [127:0] h5_mem  [DEPTH];
  logic [127:0] h8_mem  [DEPTH];
  logic [127:0] h12_mem [DEPTH];
  logic [127:0] h16_mem [DEPTH];
  logic [127:0] aad_mem [DEPTH];
  logic [4:0]   aal_mem [DEPTH];
  logic [127:0] ek_mem  [DEPTH];  // E(K, J0)
  logic [127:0] q_mem   [DEPTH];  // E(K, J0) + P of the last word

  always_ff @(posedge clk_i) begin
    if (open_i) begin
      h1_mem[open_pid_i]  <= open_hpow_i.h1;
      h2_mem[open_pid_i]  <= open_hpow_i.h2;
      h3_mem[open_pid_i]  <= open_hpow_i.h3;
      h4_mem[open_pid_i]  <= open_hpow_i.h4;
      h5_mem[open_pid_i]  <= open_hpow_i.h5;
      h8_mem[open_pid_i]  <= open_hpow_i.h8;
      h12_mem[open_pid_i] <= open_hpow_i.h12;
      h16_mem[open_pid_i] <= open_hpow_i.h16;
      aad_mem[open_pid_i] <= open_aad_i;
      aal_mem[open_pid_i] <= open_aad_bytes_i;
    end
  end

  // Stage 0: blocks in the reflected domain, the length block after the last one, a power of H for each lane.
  logic             s0_valid_q;
  info_t            s0_info_q;
  logic [LANES-1:0] s0_lane_q;        // lane takes part
  logic [128*LANES-1:0] s0_blk_q;
  logic [128*LANES-1:0] s0_pow_q;

  always_ff @(posedge clk_i) begin
    if (word_valid_i) begin
      logic [127:0] h1, h2, h3, h4, h5, len, aad;
      logic [1:0]   k1;
      logic [14:0]  bytes;
      logic [128*LANES-1:0] blk, pows;
      logic [LANES-1:0]     lane;
      k1    = word_meta_i.last ? 2'((word_meta_i.tbytes - 7'd1) >> 4) : 2'd3;
      bytes = {1'b0, word_meta_i.widx, 6'd0} + 15'(word_meta_i.tbytes) - 15'd16;
      len   = {56'h0, aal_mem[word_meta_i.pid], 3'b000, 46'h0, bytes, 3'b000};
      h1    = h1_mem[word_meta_i.pid];
      h2    = h2_mem[word_meta_i.pid];
      h3    = h3_mem[word_meta_i.pid];
      h4    = h4_mem[word_meta_i.pid];
      h5    = h5_mem[word_meta_i.pid];
      for (int unsigned l = 0; l < 4; l++) begin
        lane[l] = 2'(l) <= k1;
        unique case (k1 - 2'(l))  // lane l is multiplied by H^(k - l); beyond k it takes no part
          2'd0:    pows[128*l+:128] = h1;
          2'd1:    pows[128*l+:128] = h2;
          2'd2:    pows[128*l+:128] = h3;
          default: pows[128*l+:128] = h4;
        endcase
        blk[128*l+:128]  = word_meta_i.last && 2'(l) == k1 ? len : {swap8(word_ct_i[128*l+:64]), swap8(word_ct_i[128*l+64+:64])};
      end
      lane[4]       = word_meta_i.sop;
      unique case (k1)
        2'd0:    pows[639:512] = h2;
        2'd1:    pows[639:512] = h3;
        2'd2:    pows[639:512] = h4;
        default: pows[639:512] = h5;
      endcase
      aad           = aad_mem[word_meta_i.pid];
      blk[639:512]  = {swap8(aad[63:0]), swap8(aad[127:64])};
      s0_lane_q <= lane;
      s0_pow_q  <= pows;
      s0_blk_q  <= blk;
      s0_info_q <= '{
          last:  word_meta_i.last,
          turn:  word_meta_i.widx[1:0],
          later: word_meta_i.widx > 8'd3,
          k1:    k1,
          words: word_meta_i.widx > 8'd4 ? 3'd5 : word_meta_i.widx[2:0],
          pid:   word_meta_i.pid
      };
      if (word_meta_i.last) ek_mem[word_meta_i.pid] <= {swap8(word_ekj0_i[63:0]), swap8(word_ekj0_i[127:64])};
    end
  end

  // Stages 1 and 2: products. Stage 3: their sum. Stage 4: P.
  logic         m_valid [LANES] /*verilator split_var*/;
  logic [575:0] m_p     [LANES] /*verilator split_var*/;
  logic        s1_valid_q, s2_valid_q, s3_valid_q, s4_valid_q;
  info_t       s1_info_q, s2_info_q, s3_info_q, s4_info_q;
  logic [255:0] s3_sum_q;
  logic [127:0] s4_p_q;

  for (genvar l = 0; l < LANES; l++) begin : g_lane
    gcm_kmul u_kmul (
        .clk_i, .rst_ni, .valid_i(s0_valid_q && s0_lane_q[l]), .a_i(s0_blk_q[128*l+:128]),
        .b_i(s0_pow_q[128*l+:128]),
        .valid_o(m_valid[l]), .p_o(m_p[l])
    );
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s0_valid_q <= 1'b0;
      s1_valid_q <= 1'b0;
      s2_valid_q <= 1'b0;
      s3_valid_q <= 1'b0;
      s4_valid_q <= 1'b0;
    end else begin
      s0_valid_q <= word_valid_i;
      s1_valid_q <= s0_valid_q;
      s2_valid_q <= s1_valid_q;
      s3_valid_q <= s2_valid_q;
      s4_valid_q <= s3_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (s0_valid_q) s1_info_q <= s0_info_q;
    if (s1_valid_q) s2_info_q <= s1_info_q;
    if (s2_valid_q) begin
      logic [575:0] s;
      logic [63:0] ll, lh, hl, hh, ml, mh;
      s = m_p[0];  // lane 0 always takes part
      if (m_valid[1]) s = s ^ m_p[1];
      if (m_valid[2]) s = s ^ m_p[2];
      if (m_valid[3]) s = s ^ m_p[3];
      if (m_valid[4]) s = s ^ m_p[4];
      ll = klow(s[63:0], s[127:64], s[191:128]);
      lh = khigh(s[63:0], s[127:64], s[191:128]);
      hl = klow(s[255:192], s[319:256], s[383:320]);
      hh = khigh(s[255:192], s[319:256], s[383:320]);
      ml = klow(s[447:384], s[511:448], s[575:512]) ^ ll ^ hl;
      mh = khigh(s[447:384], s[511:448], s[575:512]) ^ lh ^ hh;
      s3_sum_q  <= {hh, hl ^ mh, lh ^ ml, ll};
      s3_info_q <= s2_info_q;
    end
    if (s3_valid_q) begin
      s4_p_q    <= {reduce_high(s3_sum_q[255:192], s3_sum_q[127:64], s3_sum_q[63:0]),
                    reduce_low(s3_sum_q[191:128], s3_sum_q[127:64], s3_sum_q[63:0])};
      s4_info_q <= s3_info_q;
    end
  end

  // Stage 5: the four sums, latest first, and their feedback.
  logic         sum_new_q;    // sum1_q has just been made
  logic [1:0]   sum_turn_q;
  logic [127:0] sum1_q, sum2_q, sum3_q, sum4_q;
  logic [127:0] sum_h16_q;
  logic         feed_valid;
  logic [255:0] feed_p;
  logic [1:0]   feed1_turn_q, feed2_turn_q, feed3_turn_q;
  logic         feed1_valid_q, feed2_valid_q;
  logic [127:0] carried_q [4];  // sum of a turn times H^16, for the word that comes later than at once

  gcm_mul u_feed (
      .clk_i, .rst_ni, .valid_i(sum_new_q), .a_i(sum1_q), .b_i(sum_h16_q), .valid_o(feed_valid), .p_o(feed_p)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sum_new_q     <= 1'b0;
      feed1_valid_q <= 1'b0;
      feed2_valid_q <= 1'b0;
    end else begin
      sum_new_q     <= s4_valid_q && !s4_info_q.last;
      feed1_valid_q <= sum_new_q;
      feed2_valid_q <= feed1_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    logic [127:0] fed;
    fed = 128'h0;
    feed1_turn_q <= sum_turn_q;
    feed2_turn_q <= feed1_turn_q;
    feed3_turn_q <= feed2_turn_q;
    if (feed_valid) begin
      fed = {reduce_high(feed_p[255:192], feed_p[127:64], feed_p[63:0]),
             reduce_low(feed_p[191:128], feed_p[127:64], feed_p[63:0])};
      carried_q[feed3_turn_q] <= fed;
    end
    if (s4_valid_q && !s4_info_q.last) begin
      if (s4_info_q.later)
        sum1_q <= s4_p_q ^ (feed_valid && feed3_turn_q == s4_info_q.turn ? fed : carried_q[s4_info_q.turn]);
      else
        sum1_q <= s4_p_q;
      sum2_q     <= sum1_q;
      sum3_q     <= sum2_q;
      sum4_q     <= sum3_q;
      sum_turn_q <= s4_info_q.turn;
      sum_h16_q  <= h16_mem[s4_info_q.pid];
    end
  end

  // Stages 5 to 15 of a last word: fold, times H^k, plus q. Three jobs at most for u_fold, one a cycle.
  localparam int unsigned FOLD_FIRST = 3;   // fold_z_q[3] takes the first folded product on the way to [4]
  localparam int unsigned FOLD_END   = 6;   // fold_z_q[6] is complete
  localparam int unsigned FIN_END    = 9;   // u_final's product is there
  logic [FIN_END:0] fold_valid_q;
  info_t            fold_info_q [FIN_END+1]  /*verilator split_var*/;
  logic [127:0]     fold_z_q    [FOLD_END+1] /*verilator split_var*/;
  logic [2:0]       job_valid_q;
  logic [383:0]     job_s_q, job_h_q;  // three, the next one lowest
  logic             fold_p_valid, fin_p_valid;
  logic [255:0]     fold_p, fin_p;
  logic [127:0]     fin_h_q;

  gcm_mul u_fold (
      .clk_i, .rst_ni, .valid_i(job_valid_q[0]), .a_i(job_s_q[127:0]), .b_i(job_h_q[127:0]), .valid_o(fold_p_valid), .p_o(fold_p)
  );
  gcm_mul u_final (
      .clk_i, .rst_ni, .valid_i(fold_valid_q[FOLD_END] && fold_info_q[FOLD_END].words != 3'd0),
      .a_i(fold_z_q[FOLD_END]), .b_i(fin_h_q), .valid_o(fin_p_valid), .p_o(fin_p)
  );

  wire fold_start = s4_valid_q && s4_info_q.last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fold_valid_q <= '0;
      job_valid_q  <= '0;
      tag_valid_o  <= 1'b0;
    end else begin
      fold_valid_q <= {fold_valid_q[FIN_END-1:0], fold_start};
      tag_valid_o  <= fold_valid_q[FIN_END];
      if (fold_start && s4_info_q.words > 3'd1)
        job_valid_q <= {s4_info_q.words > 3'd3, s4_info_q.words > 3'd2, 1'b1};
      else
        job_valid_q <= job_valid_q >> 1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fold_start) begin
      fold_info_q[0]       <= s4_info_q;
      fold_z_q[0]          <= s4_info_q.words != 3'd0 ? sum1_q : 128'h0;
      q_mem[s4_info_q.pid] <= s4_p_q ^ ek_mem[s4_info_q.pid];
    end
    if (fold_start && s4_info_q.words > 3'd1) begin
      job_s_q <= {sum4_q, sum3_q, sum2_q};
      job_h_q <= {h12_mem[s4_info_q.pid], h8_mem[s4_info_q.pid], h4_mem[s4_info_q.pid]};
    end else if (job_valid_q[1]) begin
      job_s_q <= {128'h0, job_s_q[383:128]};
      job_h_q <= {128'h0, job_h_q[383:128]};
    end
  end

  for (genvar i = 0; i < FIN_END; i++) begin : g_fold
    always_ff @(posedge clk_i) begin
      if (fold_valid_q[i]) fold_info_q[i+1] <= fold_info_q[i];
    end
    if (i < FOLD_FIRST) begin : g_wait
      always_ff @(posedge clk_i) if (fold_valid_q[i]) fold_z_q[i+1] <= fold_z_q[i];
    end else if (i < FOLD_END) begin : g_add
      always_ff @(posedge clk_i) begin
        if (fold_valid_q[i]) begin
          if (fold_info_q[i].words > 3'(i - FOLD_FIRST + 1))
            fold_z_q[i+1] <= fold_z_q[i] ^ {reduce_high(fold_p[255:192], fold_p[127:64], fold_p[63:0]),
                                            reduce_low(fold_p[191:128], fold_p[127:64], fold_p[63:0])};
          else
            fold_z_q[i+1] <= fold_z_q[i];
        end
      end
      always_ff @(posedge clk_i) begin
        if (rst_ni && fold_valid_q[i] && fold_info_q[i].words > 3'(i - FOLD_FIRST + 1)) begin
          a_folded: assert (fold_p_valid) else $error("gcm_ghash: a folded product is missing");
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (fold_valid_q[FOLD_END-1]) begin
      unique case (fold_info_q[FOLD_END-1].k1)
        2'd0:    fin_h_q <= h1_mem[fold_info_q[FOLD_END-1].pid];
        2'd1:    fin_h_q <= h2_mem[fold_info_q[FOLD_END-1].pid];
        2'd2:    fin_h_q <= h3_mem[fold_info_q[FOLD_END-1].pid];
        default: fin_h_q <= h4_mem[fold_info_q[FOLD_END-1].pid];
      endcase
    end
    if (fold_valid_q[FIN_END]) begin
      logic [127:0] y;
      tag_pid_o <= fold_info_q[FIN_END].pid;
      y = q_mem[fold_info_q[FIN_END].pid];
      if (fin_p_valid) y = y ^ {reduce_high(fin_p[255:192], fin_p[127:64], fin_p[63:0]),
                                reduce_low(fin_p[191:128], fin_p[127:64], fin_p[63:0])};
      tag_o <= {swap8(y[63:0]), swap8(y[127:64])};
    end
  end

  // The schedule's claims.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_job_free: assert (!(fold_start && s4_info_q.words > 3'd1) || !job_valid_q[1])
        else $error("gcm_ghash: a packet's fold overtook the fold before it");
      a_fed: assert (!s4_valid_q || s4_info_q.last || !s4_info_q.later
                     || !(sum_new_q && sum_turn_q == s4_info_q.turn || feed1_valid_q && feed1_turn_q == s4_info_q.turn
                          || feed2_valid_q && feed2_turn_q == s4_info_q.turn))
        else $error("gcm_ghash: a sum is wanted before it has been carried on");
      a_final: assert (!fold_valid_q[FIN_END] || fin_p_valid == (fold_info_q[FIN_END].words != 3'd0))
        else $error("gcm_ghash: the final product is missing");
    end
  end
endmodule
