// SPDX-License-Identifier: BSD-2-Clause
// One AES round of four blocks that share a key, with its step of the key schedule (FIPS 197, 5.1 and 5.2).
// Latency 2 cycles, a word a cycle, no back-pressure. Stage a: SubBytes and ShiftRows; stage b: MixColumns and AddRoundKey.
//
// The state is kept by rows: st[2*r + h] holds row r of blocks 2h and 2h+1, a byte a column, column 0 lowest. So MixColumns
// is eight byte-wise operations on 64-bit words, and a row of the round key is used as it is.
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
    input  logic [63:0] st_i  [8],
    input  logic [31:0] key_i [4],   // rows of the round key before this round's
    input  logic [31:0] old_i [4],   // AES-256: rows of the one before that; into round 1, of the second half key
    output logic        valid_o,
    output logic        key256_o,
    output logic [63:0] st_o  [8],
    output logic [31:0] key_o [4],
    output logic [31:0] old_o [4]
);
  logic        a_valid_q, a_key256_q;
  logic [63:0] a_st_q   [8];
  logic [31:0] a_key_q  [4];  // round key before
  logic [31:0] a_base_q [4];  // what the new round key is chained on
  logic [7:0]  a_t_q    [4];  // SubWord(RotWord(last column)) ^ Rcon, a byte a row

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
      a_key256_q <= key256_i;
      if (pass128_i && !key256_i) begin
        a_st_q <= st_i;
      end else begin
        for (int h = 0; h < 2; h++) begin
          logic [63:0] s1, s2, s3;
          s1 = sub8(st_i[2+h]);
          s2 = sub8(st_i[4+h]);
          s3 = sub8(st_i[6+h]);
          a_st_q[h]   <= sub8(st_i[h]);
          a_st_q[2+h] <= {s1[39:32], s1[63:40], s1[7:0],  s1[31:8]};
          a_st_q[4+h] <= {s2[47:32], s2[63:48], s2[15:0], s2[31:16]};
          a_st_q[6+h] <= {s3[55:32], s3[63:56], s3[23:0], s3[31:24]};
        end
      end
      for (int r = 0; r < 4; r++) begin
        logic [7:0] last_rot, last_own;
        last_rot = key_i[(r+1)&3][31:24];
        last_own = key_i[r][31:24];
        a_key_q[r]  <= key_i[r];
        a_base_q[r] <= key256_i ? old_i[r] : key_i[r];
        a_t_q[r]    <= SBOX[!key256_i || rot256_i ? last_rot : last_own]
                       ^ (r != 0 ? 8'h0 : key256_i ? rcon256_i : rcon128_i);
      end
    end
  end

  // Stage b
  always_ff @(posedge clk_i) begin
    if (a_valid_q) begin
      logic [31:0] rk [4];
      key256_o <= a_key256_q;
      old_o    <= a_key_q;
      for (int r = 0; r < 4; r++) begin
        logic [31:0] x;
        x     = a_base_q[r] ^ (a_base_q[r] << 8);
        rk[r] = first_i && a_key256_q ? a_base_q[r] : x ^ (x << 16) ^ {4{a_t_q[r]}};
      end
      key_o <= rk;
      for (int h = 0; h < 2; h++) begin
        logic [63:0] a0, a1, a2, a3, t;
        a0 = a_st_q[h];
        a1 = a_st_q[2+h];
        a2 = a_st_q[4+h];
        a3 = a_st_q[6+h];
        if (pass128_i && !a_key256_q) begin
          st_o[h]   <= a0;
          st_o[2+h] <= a1;
          st_o[4+h] <= a2;
          st_o[6+h] <= a3;
        end else if (a_key256_q ? final256_i : final128_i) begin
          st_o[h]   <= a0 ^ {2{rk[0]}};
          st_o[2+h] <= a1 ^ {2{rk[1]}};
          st_o[4+h] <= a2 ^ {2{rk[2]}};
          st_o[6+h] <= a3 ^ {2{rk[3]}};
        end else begin
          t = a0 ^ a1 ^ a2 ^ a3;
          st_o[h]   <= a0 ^ t ^ xtime8(a0 ^ a1) ^ {2{rk[0]}};
          st_o[2+h] <= a1 ^ t ^ xtime8(a1 ^ a2) ^ {2{rk[1]}};
          st_o[4+h] <= a2 ^ t ^ xtime8(a2 ^ a3) ^ {2{rk[2]}};
          st_o[6+h] <= a3 ^ t ^ xtime8(a3 ^ a0) ^ {2{rk[3]}};
        end
      end
    end
  end
endmodule
