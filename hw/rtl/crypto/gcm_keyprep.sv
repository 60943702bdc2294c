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

  // One byte column of MixColumns, byte 0 in [7:0].
  function automatic logic [31:0] mix(input logic [31:0] a);
    logic [31:0] x;
    x = 32'(xtime8({32'h0, a}));
    return x ^ {x[7:0], x[31:8]} ^ {a[7:0], a[31:8]} ^ {a[15:0], a[31:16]} ^ {a[23:0], a[31:24]};
  endfunction

  function automatic logic [31:0] sub4(input logic [31:0] a);
    return {SBOX[a[31:24]], SBOX[a[23:16]], SBOX[a[15:8]], SBOX[a[7:0]]};
  endfunction

  function automatic logic [127:0] shift_rows(input logic [127:0] s);
    logic [127:0] r;
    for (int c = 0; c < 4; c++) for (int i = 0; i < 4; i++) r[32*c+8*i+:8] = s[32*((c+i)%4)+8*i+:8];
    return r;
  endfunction

  // Next four words of the key schedule: chained on `base`, from the transformed last word.
  function automatic logic [127:0] chain(input logic [127:0] base, input logic [31:0] t);
    logic [31:0] w0, w1, w2, w3;
    w0 = base[31:0] ^ t;
    w1 = base[63:32] ^ w0;
    w2 = base[95:64] ^ w1;
    w3 = base[127:96] ^ w2;
    return {w3, w2, w1, w0};
  endfunction

  // Multiplication by x in the reflected domain, and its inverse.
  function automatic logic [127:0] times_x(input logic [127:0] a);
    return {1'b0, a[127:1]} ^ (a[0] ? {8'he1, 120'h0} : 128'h0);
  endfunction
  function automatic logic [127:0] over_x(input logic [127:0] a);
    return a[127] ? {a[126:0] ^ {7'h61, 120'h0}, 1'b1} : {a[126:0], 1'b0};
  endfunction

  logic         last_round;
  logic [127:0] sub, round_key;
  logic [31:0]  kt;
  assign last_round = round_q == (key256_q ? 4'd14 : 4'd10);
  assign sub        = shift_rows({sub4(blk_q[127:96]), sub4(blk_q[95:64]), sub4(blk_q[63:32]), sub4(blk_q[31:0])});

  // Key step. AES-128: key_q holds the last round key, the new one is made. AES-256: this round's key is ready in the
  // upper half, the one after the next is made from both halves.
  always_comb begin
    logic [31:0] w;
    w = key256_q ? key_q[255:224] : key_q[127:96];
    if (key256_q && !round_q[0]) kt = sub4(w);
    else                         kt = sub4({w[7:0], w[31:8]}) ^ {24'h0, rcon_q};
    round_key = key256_q ? key_q[255:128] : chain(key_q[127:0], kt);
  end

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
          blk_q <= round_key ^ (last_round ? sub
                                : {mix(sub[127:96]), mix(sub[95:64]), mix(sub[63:32]), mix(sub[31:0])});
          key_q <= key256_q ? {chain(key_q[127:0], kt), key_q[255:128]} : {128'h0, round_key};
          if (!key256_q || round_q[0]) rcon_q <= 8'(xtime8({56'h0, rcon_q}));
          round_q <= round_q + 4'd1;
        end
        HASHKEY: begin
          key_q <= '0;
          h_q   <= swap16(blk_q);
          x_q   <= over_x(swap16(blk_q));
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
          v_q   <= times_x(v_q);
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
