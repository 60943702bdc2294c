// SPDX-License-Identifier: BSD-2-Clause
// AES-GCM, one direction, 512 bits a cycle (SP 800-38D; as ESP uses it: RFC 4106). One word a cycle with no bubbles, counted
// in words that include the ICV: ceil((B+16)/64) for B bytes, for every size and order, key and nonce new at every packet.
//   ENCRYPT   in B bytes, out ciphertext and at once the 16 bytes of ICV
//   !ENCRYPT  in ciphertext and ICV, out as many words, `bytes` counting plaintext only; auth_ok_o with the last word. Plaintext
//             leaves before it is known to be good: the consumer must not release it without auth_ok_o
// Bytes of a word beyond `bytes` are zero. Packets of up to 256 words. ctx_i must be valid and constant with all words of
// a packet, user_i with the first.
// Latency 51 cycles from in to out. The pipe does not stall: each word takes a credit for a place in the output FIFO.
// in_ready_o depends on registers only, out_ready_i on enables of the output register and the FIFO's pointers.
module gcm_engine
  import gcm_pkg::*;
#(
    parameter bit  ENCRYPT = 1'b1,
    parameter type USER_T  = logic [31:0]  // opaque, delivered with every word of the packet
) (
    input  logic      clk_i,
    input  logic      rst_ni,
    input  logic      in_valid_i,
    output logic      in_ready_o,
    input  gcm_word_t in_word_i,
    input  gcm_ctx_t  in_ctx_i,
    input  USER_T     in_user_i,
    output logic      out_valid_o,
    input  logic      out_ready_i,
    output gcm_word_t out_word_o,
    output USER_T     out_user_o,
    output logic      auth_ok_o      // !ENCRYPT, with the last word
);
  localparam int unsigned AES_DEPTH = 32;  // words inside the AES pipe: its latency and more
  localparam int unsigned AES_PTR_W = $clog2(AES_DEPTH);

  typedef struct packed {
    slot_meta_t   meta;
    logic [511:0] data;
  } slot_t;

  // Entry and credits
  logic         emit, pop, credit_q;
  logic [6:0]   inflight_q;
  slot_meta_t   meta;
  logic [511:0] data;
  gcm_ctx_t     ctx;
  USER_T        user;

  gcm_front #(.ENCRYPT(ENCRYPT), .USER_T(USER_T)) u_front (
      .clk_i, .rst_ni, .valid_i(in_valid_i), .ready_o(in_ready_o), .word_i(in_word_i), .ctx_i(in_ctx_i), .user_i(in_user_i),
      .credit_i(credit_q), .emit_o(emit), .meta_o(meta), .data_o(data), .ctx_o(ctx), .user_o(user)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      inflight_q <= '0;
      credit_q   <= 1'b1;
    end else if (emit != pop) begin
      inflight_q <= emit ? inflight_q + 7'd1 : inflight_q - 7'd1;
      credit_q   <= !emit || inflight_q != 7'(DEPTH - 1);
    end
  end

  // Key stream, and the words that wait for it
  slot_t                slot_mem [AES_DEPTH];
  logic [AES_PTR_W-1:0] slot_wr_q, slot_rd_q;
  logic                 ks_valid;
  logic [511:0]         ks;

  gcm_aes u_aes (
      .clk_i, .rst_ni, .valid_i(emit), .key256_i(ctx.key256), .key_i(ctx.key), .nonce_i(ctx.nonce), .widx_i(meta.widx),
      .tag_i(meta.last), .tag_lane_i(2'((meta.tbytes - 7'd1) >> 4)), .valid_o(ks_valid), .ks_o(ks)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      slot_wr_q <= '0;
      slot_rd_q <= '0;
    end else begin
      if (emit) slot_wr_q <= slot_wr_q + 1'b1;
      if (ks_valid) slot_rd_q <= slot_rd_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) if (emit) slot_mem[slot_wr_q] <= '{meta: meta, data: data};

  // The word and its key stream meet.
  logic         x_valid_q;
  slot_meta_t   x_meta_q;
  logic [511:0] x_ct_q;       // ciphertext, bytes that are not payload zero
  logic [511:0] x_out_q;      // what leaves, without ICV
  logic [127:0] x_ek_q;       // E(K, J0)
  logic [127:0] x_icv_q;      // bytes of a received ICV, where they stand modulo 16
  logic         x_split_q;    // an ICV begins in this word and ends in the next

  always_ff @(posedge clk_i) begin
    if (!rst_ni) x_valid_q <= 1'b0;
    else         x_valid_q <= ks_valid;
  end

  always_ff @(posedge clk_i) begin
    if (ks_valid) begin
      slot_t        slot;
      logic [127:0] icv;
      logic [511:0] k, out, ct;
      slot = slot_mem[slot_rd_q];
      icv  = !ENCRYPT && !slot.meta.sop && x_split_q ? x_icv_q : 128'h0;
      for (int unsigned i = 0; i < 8; i++) begin
        logic [63:0] d, m;
        d = slot.data[64*i+:64];
        m = below(4'(i), slot.meta.pbytes);
        k[64*i+:64]   = {ks[392+16*i+:8], ks[264+16*i+:8], ks[136+16*i+:8], ks[8+16*i+:8],
                         ks[384+16*i+:8], ks[256+16*i+:8], ks[128+16*i+:8], ks[16*i+:8]};
        out[64*i+:64] = (d ^ k[64*i+:64]) & m;
        ct[64*i+:64]  = ENCRYPT ? (d ^ k[64*i+:64]) & m : d & m;
        if (!ENCRYPT) icv[64*(i%2)+:64] = icv[64*(i%2)+:64] | (d & below(4'(i), slot.meta.tbytes) & ~m);
      end
      unique case (2'((slot.meta.tbytes - 7'd1) >> 4))
        2'd0:    x_ek_q <= k[127:0];
        2'd1:    x_ek_q <= k[255:128];
        2'd2:    x_ek_q <= k[383:256];
        default: x_ek_q <= k[511:384];
      endcase
      x_out_q   <= out;
      x_ct_q    <= ct;
      x_icv_q   <= icv;
      x_split_q <= !slot.meta.last && slot.meta.pbytes != 7'd64;
      x_meta_q  <= slot.meta;
    end
  end

  // Hash and ICV
  logic             h_valid, r_valid_q;
  logic [PID_W-1:0] h_pid, r_pid_q;
  logic [127:0]     h_tag, r_tag_q;
  logic [3:0]       turn_mem [DEPTH];  // bytes of the last word modulo 16

  gcm_ghash u_ghash (
      .clk_i, .rst_ni, .open_i(emit && meta.sop), .open_pid_i(meta.pid), .open_hpow_i(ctx.hpow), .open_aad_i(ctx.aad),
      .open_aad_bytes_i(ctx.aad_bytes), .word_valid_i(x_valid_q), .word_meta_i(x_meta_q), .word_ct_i(x_ct_q),
      .word_ekj0_i(x_ek_q), .tag_valid_o(h_valid), .tag_pid_o(h_pid), .tag_o(h_tag)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) r_valid_q <= 1'b0;
    else         r_valid_q <= h_valid;
  end

  always_ff @(posedge clk_i) begin
    if (x_valid_q && x_meta_q.last) turn_mem[x_meta_q.pid] <= x_meta_q.tbytes[3:0];
    if (h_valid) begin
      logic [127:0] r;
      logic [3:0]   n;
      r = h_tag;
      n = turn_mem[h_pid];
      if (n[3]) r = {r[63:0], r[127:64]};
      if (n[2]) r = {r[95:0], r[127:96]};
      if (n[1]) r = {r[111:0], r[127:112]};
      if (n[0]) r = {r[119:0], r[127:120]};
      r_tag_q <= r;  // turned to where it stands in the last word, modulo 16
      r_pid_q <= h_pid;
    end
  end

  // The ICV received, against it
  logic             c_valid, c_ok;
  logic [PID_W-1:0] c_pid;
  if (ENCRYPT) begin : g_no_check
    assign c_valid = r_valid_q;
    assign c_pid   = r_pid_q;
    assign c_ok    = 1'b0;
  end else begin : g_check
    logic [127:0]     icv_mem  [DEPTH];
    logic             runt_mem [DEPTH];
    logic             c_valid_q, c_ok_q;
    logic [PID_W-1:0] c_pid_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) c_valid_q <= 1'b0;
      else         c_valid_q <= r_valid_q;
    end
    always_ff @(posedge clk_i) begin
      if (x_valid_q && x_meta_q.last) begin
        icv_mem[x_meta_q.pid]  <= x_icv_q;
        runt_mem[x_meta_q.pid] <= x_meta_q.runt;
      end
      if (r_valid_q) begin
        c_ok_q  <= r_tag_q == icv_mem[r_pid_q] && !runt_mem[r_pid_q];
        c_pid_q <= r_pid_q;
      end
    end
    assign c_valid = c_valid_q;
    assign c_pid   = c_pid_q;
    assign c_ok    = c_ok_q;
  end

  gcm_out #(.ENCRYPT(ENCRYPT), .USER_T(USER_T), .AGE(18)) u_out (
      .clk_i, .rst_ni, .open_i(emit && meta.sop), .open_pid_i(meta.pid), .open_user_i(user), .word_valid_i(x_valid_q),
      .word_meta_i(x_meta_q), .word_data_i(x_out_q), .tag_valid_i(c_valid), .tag_pid_i(c_pid), .tag_i(r_tag_q),
      .tag_ok_i(c_ok), .pop_o(pop), .valid_o(out_valid_o), .ready_i(out_ready_i), .word_o(out_word_o),
      .user_o(out_user_o), .auth_ok_o
  );

  if (DEPTH != 64 || PID_W != $clog2(DEPTH)) begin : g_bad_depth
    $error("gcm_engine: credits are counted for a DEPTH of 64");
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_credit: assert (inflight_q <= 7'(DEPTH)) else $error("gcm_engine: more words in flight than places for them");
    end
  end
endmodule
