// SPDX-License-Identifier: BSD-2-Clause
// Powers of H = E(K, 0) for gcm_engine, made when an SA is installed. Iterative: one AES round a cycle, one bit of a product
// a cycle. start_i while !busy_o takes the key; done_o is high for one cycle with hpow_o, which then stays until the next
// start. About 2,100 cycles. Key and round keys are wiped before done_o; hpow_o is a secret too and is the consumer's to keep.
module gcm_keyprep
  import gcm_pkg::*;
(
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         start_i,
    input  logic         key256_i,
    input  logic [255:0] key_i,     // byte 0 in [7:0]; a 128-bit key in [127:0]
    input  logic         wipe_i,    // forget hpow_o as well
    output logic         busy_o,
    output logic         done_o,
    output gcm_hpow_t    hpow_o
);
  typedef enum logic [2:0] {IDLE, ROUNDS, HASHKEY, MULTIPLY, STORE, DONE} state_e;

  state_e       state_d, state_q;
  logic         key256_q;
  logic [255:0] key_q;      // [127:0] round key before this round; AES-256: [255:128] the one for this round
  logic [127:0] blk_q;      // AES state, then the accumulator of the product
  logic [3:0]   round_q;
  logic [7:0]   rcon_q;
  logic [127:0] h_q;        // H, reflected
  logic [127:0] x_q;        // H^n / x being made into the next power
  logic [127:0] v_q;        // shifted operand
  logic [127:0] m_q;        // operand whose bits are consumed, from x^0
  logic [6:0]   bit_q;
  logic [3:0]   power_q;    // power in x_q less one

  logic last_round;

  // One column of MixColumns, byte 0 in [7:0].
  function automatic logic [31:0] mix(input logic [31:0] a);
    logic [31:0] x;
    x = 32'(xtime8({32'h0, a}));
    return x ^ {x[7:0], x[31:8]} ^ {a[7:0], a[31:8]} ^ {a[15:0], a[31:16]} ^ {a[23:0], a[31:24]};
  endfunction

  function automatic logic [31:0] sub4(input logic [31:0] a);
    return {SBOX[a[31:24]], SBOX[a[23:16]], SBOX[a[15:8]], SBOX[a[7:0]]};
  endfunction

  assign last_round = round_q == (key256_q ? 4'd14 : 4'd10);

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      IDLE:     if (start_i) state_d = ROUNDS;
      ROUNDS:   if (last_round) state_d = HASHKEY;
      HASHKEY:  state_d = STORE;
      MULTIPLY: if (bit_q == 7'd127) state_d = STORE;
      STORE:    state_d = power_q == 4'd15 ? DONE : MULTIPLY;
      DONE:     state_d = IDLE;
      default:  state_d = IDLE;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      done_o  <= 1'b0;
      key_q   <= '0;
      blk_q   <= '0;
      h_q     <= '0;
      x_q     <= '0;
      v_q     <= '0;
      m_q     <= '0;
      hpow_o  <= '0;
    end else begin
      state_q <= state_d;
      done_o  <= state_q == DONE;
      if (wipe_i && !busy_o) hpow_o <= '0;
      unique case (state_q)
        IDLE: if (start_i) begin
          key256_q <= key256_i;
          key_q    <= key_i;
          blk_q    <= key_i[127:0];  // the block of zeros with the first round key added
          round_q  <= 4'd1;
          rcon_q   <= 8'h01;
          power_q  <= 4'd0;
        end
        ROUNDS: begin
          logic [31:0] s0, s1, s2, s3, c0, c1, c2, c3, w, t, k0, k1, k2, k3;
          // SubBytes and ShiftRows
          s0 = sub4(blk_q[31:0]);
          s1 = sub4(blk_q[63:32]);
          s2 = sub4(blk_q[95:64]);
          s3 = sub4(blk_q[127:96]);
          c0 = {s3[31:24], s2[23:16], s1[15:8], s0[7:0]};
          c1 = {s0[31:24], s3[23:16], s2[15:8], s1[7:0]};
          c2 = {s1[31:24], s0[23:16], s3[15:8], s2[7:0]};
          c3 = {s2[31:24], s1[23:16], s0[15:8], s3[7:0]};
          // AES-128: key_q holds the last round key, this round's is made. AES-256: this round's is in the upper half, the
          // one after it is made from both.
          w  = key256_q ? key_q[255:224] : key_q[127:96];
          t  = key256_q && !round_q[0] ? sub4(w) : sub4({w[7:0], w[31:8]}) ^ {24'h0, rcon_q};
          k0 = key_q[31:0] ^ t;
          k1 = key_q[63:32] ^ k0;
          k2 = key_q[95:64] ^ k1;
          k3 = key_q[127:96] ^ k2;
          blk_q <= (key256_q ? key_q[255:128] : {k3, k2, k1, k0})
                   ^ (last_round ? {c3, c2, c1, c0} : {mix(c3), mix(c2), mix(c1), mix(c0)});
          key_q <= key256_q ? {k3, k2, k1, k0, key_q[255:128]} : {128'h0, k3, k2, k1, k0};
          if (!key256_q || round_q[0]) rcon_q <= 8'(xtime8({56'h0, rcon_q}));
          round_q <= round_q + 4'd1;
        end
        HASHKEY: begin
          logic [127:0] h;
          h     = {swap8(blk_q[63:0]), swap8(blk_q[127:64])};
          key_q <= '0;
          h_q   <= h;
          x_q   <= h[127] ? {h[126:0] ^ {7'h61, 120'h0}, 1'b1} : {h[126:0], 1'b0};  // over x
        end
        STORE: begin
          unique case (power_q)
            4'd0:    hpow_o.h1  <= x_q;
            4'd1:    hpow_o.h2  <= x_q;
            4'd2:    hpow_o.h3  <= x_q;
            4'd3:    hpow_o.h4  <= x_q;
            4'd4:    hpow_o.h5  <= x_q;
            4'd7:    hpow_o.h8  <= x_q;
            4'd11:   hpow_o.h12 <= x_q;
            4'd15:   hpow_o.h16 <= x_q;
            default: ;
          endcase
          power_q <= power_q + 4'd1;
          blk_q   <= '0;
          v_q     <= x_q;
          m_q     <= h_q;
          bit_q   <= 7'd0;
        end
        MULTIPLY: begin
          if (m_q[127]) blk_q <= blk_q ^ v_q;
          x_q   <= m_q[127] ? blk_q ^ v_q : blk_q;
          v_q   <= {1'b0, v_q[127:1]} ^ (v_q[0] ? {8'he1, 120'h0} : 128'h0)  /* times x */;
          m_q   <= m_q << 1;
          bit_q <= bit_q + 7'd1;
        end
        DONE: begin
          blk_q <= '0;
          h_q   <= '0;
          x_q   <= '0;
          v_q   <= '0;
          m_q   <= '0;
        end
        default: ;
      endcase
    end
  end

  assign busy_o = state_q != IDLE;

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_state: assert (state_q <= DONE) else $error("gcm_keyprep: illegal state");
      a_wiped: assert (!done_o || (key_q == '0 && blk_q == '0 && h_q == '0 && x_q == '0 && v_q == '0 && m_q == '0))
        else $error("gcm_keyprep: key material left behind");
    end
  end
endmodule
