// SPDX-License-Identifier: BSD-2-Clause
// One AES round of four blocks that share a key, with its step of the key schedule (FIPS 197, 5.1 and 5.2).
// Latency 2 cycles, a word a cycle, no back-pressure.
// Stage a: SubBytes and ShiftRows; stage b: MixColumns and AddRoundKey.
//
// The state is kept by rows: 64-bit part 2*r + h holds row r of blocks 2h and 2h+1, a byte a column, column 0 lowest.
// So MixColumns is eight byte-wise operations on 64-bit words, and a row of the round key is used as it is.
// What differs from round to round comes in by constant ports, not by parameters: one compiled body serves all of them.
module gcm_aes_round
  import gcm_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        first_i,     // constant: round 1, where AES-256 takes its second half key as it is
    input  logic        final128_i,  // constant: last round of AES-128
    input  logic        final256_i,  // constant: last round of AES-256
    input  logic        pass128_i,   // constant: a round after the last one of AES-128
    input  logic        rot256_i,    // constant: even rounds rotate in the key schedule of AES-256
    input  logic [7:0]  rcon128_i,   // constant
    input  logic [7:0]  rcon256_i,   // constant
    input  logic        valid_i,
    input  logic        key256_i,
    input  logic [511:0] st_i,
    input  logic [127:0] key_i,      // rows, row 0 lowest, of the round key before this round's
    input  logic [127:0] old_i,      // AES-256: rows of the one before that; into round 1, of the second half key
    output logic        valid_o,
    output logic        key256_o,
    output logic [511:0] st_o,
    output logic [127:0] key_o,
    output logic [127:0] old_o
);
  logic        a_valid_q, a_key256_q;
  logic [511:0] a_st_q;
  logic [127:0] a_key_q;   // round key before
  logic [127:0] a_base_q;  // what the new round key is chained on
  logic [31:0]  a_t_q;     // SubWord(RotWord(last column)) ^ Rcon, a byte a row

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      a_valid_q <= 1'b0;
      valid_o   <= 1'b0;
    end else begin
      a_valid_q <= valid_i;
      valid_o   <= a_valid_q;
    end
  end

  // Stage a
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      logic [31:0] w;
      a_key256_q <= key256_i;
      if (pass128_i && !key256_i) begin
        a_st_q <= st_i;
      end else begin
        logic [63:0] s2, s3, s4, s5, s6, s7;
        s2 = sub8(st_i[191:128]);
        s3 = sub8(st_i[255:192]);
        s4 = sub8(st_i[319:256]);
        s5 = sub8(st_i[383:320]);
        s6 = sub8(st_i[447:384]);
        s7 = sub8(st_i[511:448]);
        a_st_q <= {s7[55:32], s7[63:56], s7[23:0], s7[31:24], s6[55:32], s6[63:56], s6[23:0], s6[31:24],
                   s5[47:32], s5[63:48], s5[15:0], s5[31:16], s4[47:32], s4[63:48], s4[15:0], s4[31:16],
                   s3[39:32], s3[63:40], s3[7:0],  s3[31:8],  s2[39:32], s2[63:40], s2[7:0],  s2[31:8],
                   sub8(st_i[127:64]), sub8(st_i[63:0])};
      end
      // the last column, turned by a row or not
      w = !key256_i || rot256_i ? {key_i[31:24], key_i[127:120], key_i[95:88], key_i[63:56]}
                                : {key_i[127:120], key_i[95:88], key_i[63:56], key_i[31:24]};
      a_t_q    <= {SBOX[w[31:24]], SBOX[w[23:16]], SBOX[w[15:8]], SBOX[w[7:0]] ^ (key256_i ? rcon256_i : rcon128_i)};
      a_key_q  <= key_i;
      a_base_q <= key256_i ? old_i : key_i;
    end
  end

  // A row of the new round key: each column is added to those before it.
  function automatic logic [31:0] chain(input logic [31:0] base, input logic [7:0] t);
    logic [31:0] x;
    x = base ^ (base << 8);
    return x ^ (x << 16) ^ {4{t}};
  endfunction

  // Stage b
  always_ff @(posedge clk_i) begin
    if (a_valid_q) begin
      logic [31:0] k0, k1, k2, k3;
      logic [63:0] m [8];
      key256_o <= a_key256_q;
      old_o    <= a_key_q;
      if (first_i && a_key256_q) {k3, k2, k1, k0} = a_base_q;
      else begin
        k0 = chain(a_base_q[31:0],   a_t_q[7:0]);
        k1 = chain(a_base_q[63:32],  a_t_q[15:8]);
        k2 = chain(a_base_q[95:64],  a_t_q[23:16]);
        k3 = chain(a_base_q[127:96], a_t_q[31:24]);
      end
      key_o <= {k3, k2, k1, k0};
      if (pass128_i && !a_key256_q) begin
        st_o <= a_st_q;
      end else if (a_key256_q ? final256_i : final128_i) begin
        st_o <= a_st_q ^ {{4{k3}}, {4{k2}}, {4{k1}}, {4{k0}}};
      end else begin
        for (int h = 0; h < 2; h++) begin
          logic [63:0] a0, a1, a2, a3, t;
          a0     = a_st_q[64*h+:64];
          a1     = a_st_q[128+64*h+:64];
          a2     = a_st_q[256+64*h+:64];
          a3     = a_st_q[384+64*h+:64];
          t      = a0 ^ a1 ^ a2 ^ a3;
          m[h]   = a0 ^ t ^ xtime8(a0 ^ a1) ^ {2{k0}};
          m[2+h] = a1 ^ t ^ xtime8(a1 ^ a2) ^ {2{k1}};
          m[4+h] = a2 ^ t ^ xtime8(a2 ^ a3) ^ {2{k2}};
          m[6+h] = a3 ^ t ^ xtime8(a3 ^ a0) ^ {2{k3}};
        end
        st_o <= {m[7], m[6], m[5], m[4], m[3], m[2], m[1], m[0]};
      end
    end
  end
endmodule
