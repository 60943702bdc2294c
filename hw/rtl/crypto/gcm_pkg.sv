// SPDX-License-Identifier: BSD-2-Clause
// Types and arithmetic of the AES-GCM engine (NIST SP 800-38D, FIPS 197).
//
// Functions take and return at most 64 bits: the same gates, and a simulation that is many times faster (128-bit loops are slow,
// and wide arguments cost their clearing in every cycle, used or not).
package gcm_pkg;

  // Powers of H, each as (H^n / x) in the reflected domain: byte 0 of the block in [127:120], so that the most
  // significant bit is the coefficient of x^0. The division by x saves the one-bit shift of every product.
  // Made by gcm_keyprep, read by gcm_ghash, nobody else interprets it.
  typedef struct packed {
    logic [127:0] h16;
    logic [127:0] h12;
    logic [127:0] h8;
    logic [127:0] h5;
    logic [127:0] h4;
    logic [127:0] h3;
    logic [127:0] h2;
    logic [127:0] h1;
  } gcm_hpow_t;

  // One word of a packet; byte 0 in data[7:0].
  typedef struct packed {
    logic         sop;
    logic         last;
    logic [6:0]   bytes;  // valid bytes: 64 in all but the last word
    logic [511:0] data;
  } gcm_word_t;

  // What a packet is processed with; constant and valid with each of its words.
  typedef struct packed {
    logic         key256;
    logic [255:0] key;        // byte 0 in [7:0]; a 128-bit key in [127:0]
    logic [95:0]  nonce;      // byte 0 in [7:0]
    logic [4:0]   aad_bytes;  // 0 to 16
    logic [127:0] aad;        // byte 0 in [7:0], unused bytes zero
    gcm_hpow_t    hpow;
  } gcm_ctx_t;

  /* verilator lint_off UNUSEDPARAM */  // gcm_keyprep alone uses only a part of the package
  localparam int unsigned DEPTH = 64;  // words in flight in an engine: more than its latency
  localparam int unsigned PID_W = 6;   // number of a packet in flight
  /* verilator lint_on UNUSEDPARAM */

  // One word inside an engine, counted in words that include the ICV.
  typedef struct packed {
    logic             sop;
    logic             last;
    logic             runt;    // too short to hold an ICV and a byte: never authentic
    logic [6:0]       pbytes;  // payload bytes; the ICV, or its beginning, follows them
    logic [6:0]       tbytes;  // payload and ICV bytes
    logic [7:0]       widx;    // number of the word in its packet
    logic [PID_W-1:0] pid;
  } slot_meta_t;

  localparam logic [7:0] SBOX [256] = '{
    8'h63, 8'h7c, 8'h77, 8'h7b, 8'hf2, 8'h6b, 8'h6f, 8'hc5, 8'h30, 8'h01, 8'h67, 8'h2b, 8'hfe, 8'hd7, 8'hab, 8'h76,
    8'hca, 8'h82, 8'hc9, 8'h7d, 8'hfa, 8'h59, 8'h47, 8'hf0, 8'had, 8'hd4, 8'ha2, 8'haf, 8'h9c, 8'ha4, 8'h72, 8'hc0,
    8'hb7, 8'hfd, 8'h93, 8'h26, 8'h36, 8'h3f, 8'hf7, 8'hcc, 8'h34, 8'ha5, 8'he5, 8'hf1, 8'h71, 8'hd8, 8'h31, 8'h15,
    8'h04, 8'hc7, 8'h23, 8'hc3, 8'h18, 8'h96, 8'h05, 8'h9a, 8'h07, 8'h12, 8'h80, 8'he2, 8'heb, 8'h27, 8'hb2, 8'h75,
    8'h09, 8'h83, 8'h2c, 8'h1a, 8'h1b, 8'h6e, 8'h5a, 8'ha0, 8'h52, 8'h3b, 8'hd6, 8'hb3, 8'h29, 8'he3, 8'h2f, 8'h84,
    8'h53, 8'hd1, 8'h00, 8'hed, 8'h20, 8'hfc, 8'hb1, 8'h5b, 8'h6a, 8'hcb, 8'hbe, 8'h39, 8'h4a, 8'h4c, 8'h58, 8'hcf,
    8'hd0, 8'hef, 8'haa, 8'hfb, 8'h43, 8'h4d, 8'h33, 8'h85, 8'h45, 8'hf9, 8'h02, 8'h7f, 8'h50, 8'h3c, 8'h9f, 8'ha8,
    8'h51, 8'ha3, 8'h40, 8'h8f, 8'h92, 8'h9d, 8'h38, 8'hf5, 8'hbc, 8'hb6, 8'hda, 8'h21, 8'h10, 8'hff, 8'hf3, 8'hd2,
    8'hcd, 8'h0c, 8'h13, 8'hec, 8'h5f, 8'h97, 8'h44, 8'h17, 8'hc4, 8'ha7, 8'h7e, 8'h3d, 8'h64, 8'h5d, 8'h19, 8'h73,
    8'h60, 8'h81, 8'h4f, 8'hdc, 8'h22, 8'h2a, 8'h90, 8'h88, 8'h46, 8'hee, 8'hb8, 8'h14, 8'hde, 8'h5e, 8'h0b, 8'hdb,
    8'he0, 8'h32, 8'h3a, 8'h0a, 8'h49, 8'h06, 8'h24, 8'h5c, 8'hc2, 8'hd3, 8'hac, 8'h62, 8'h91, 8'h95, 8'he4, 8'h79,
    8'he7, 8'hc8, 8'h37, 8'h6d, 8'h8d, 8'hd5, 8'h4e, 8'ha9, 8'h6c, 8'h56, 8'hf4, 8'hea, 8'h65, 8'h7a, 8'hae, 8'h08,
    8'hba, 8'h78, 8'h25, 8'h2e, 8'h1c, 8'ha6, 8'hb4, 8'hc6, 8'he8, 8'hdd, 8'h74, 8'h1f, 8'h4b, 8'hbd, 8'h8b, 8'h8a,
    8'h70, 8'h3e, 8'hb5, 8'h66, 8'h48, 8'h03, 8'hf6, 8'h0e, 8'h61, 8'h35, 8'h57, 8'hb9, 8'h86, 8'hc1, 8'h1d, 8'h9e,
    8'he1, 8'hf8, 8'h98, 8'h11, 8'h69, 8'hd9, 8'h8e, 8'h94, 8'h9b, 8'h1e, 8'h87, 8'he9, 8'hce, 8'h55, 8'h28, 8'hdf,
    8'h8c, 8'ha1, 8'h89, 8'h0d, 8'hbf, 8'he6, 8'h42, 8'h68, 8'h41, 8'h99, 8'h2d, 8'h0f, 8'hb0, 8'h54, 8'hbb, 8'h16
  };

  // Swap the bytes of a 64-bit half block.
  function automatic logic [63:0] swap8(input logic [63:0] x);
    return {x[7:0], x[15:8], x[23:16], x[31:24], x[39:32], x[47:40], x[55:48], x[63:56]};
  endfunction

  // SubBytes of eight bytes.
  function automatic logic [63:0] sub8(input logic [63:0] x);
    return {SBOX[x[63:56]], SBOX[x[55:48]], SBOX[x[47:40]], SBOX[x[39:32]],
            SBOX[x[31:24]], SBOX[x[23:16]], SBOX[x[15:8]],  SBOX[x[7:0]]};
  endfunction

  // Eight multiplications by x in GF(2^8).
  function automatic logic [63:0] xtime8(input logic [63:0] x);
    logic [63:0] c;
    c = (x >> 7) & 64'h0101_0101_0101_0101;
    return ((x & 64'h7f7f_7f7f_7f7f_7f7f) << 1) ^ c ^ (c << 1) ^ (c << 3) ^ (c << 4);
  endfunction

  // Row r (0 to 3) of a block of which w0 to w3 are the columns, row 0 lowest in each.
  function automatic logic [31:0] row(input int unsigned r, input logic [31:0] w0, input logic [31:0] w1,
                                      input logic [31:0] w2, input logic [31:0] w3);
    return {w3[8*r+:8], w2[8*r+:8], w1[8*r+:8], w0[8*r+:8]};
  endfunction

  // Bytes of 64-bit chunk i (0 to 7) of a word that lie below byte n of the word.
  function automatic logic [63:0] below(input logic [3:0] i, input logic [6:0] n);
    if (n[6:3] > i) return 64'hffff_ffff_ffff_ffff;
    if (n[6:3] < i) return 64'h0;
    unique case (n[2:0])
      3'd0: return 64'h0;
      3'd1: return 64'hff;
      3'd2: return 64'hffff;
      3'd3: return 64'hff_ffff;
      3'd4: return 64'hffff_ffff;
      3'd5: return 64'hff_ffff_ffff;
      3'd6: return 64'hffff_ffff_ffff;
      default: return 64'hff_ffff_ffff_ffff;
    endcase
  endfunction

  // Carry-less product of two 32-bit polynomials.
  function automatic logic [63:0] clmul32(input logic [31:0] a, input logic [31:0] b);
    logic [63:0] r, x;
    r = 64'h0;
    x = {32'h0, a};
    for (int i = 0; i < 32; i++) r = r ^ ((x << i) & {64{b[i]}});
    return r;
  endfunction

  // Recombination of three products of Karatsuba (low, high, of the sums): the halves of their 128-bit product.
  function automatic logic [63:0] klow(input logic [63:0] l, input logic [63:0] h, input logic [63:0] m);
    return l ^ ((l ^ h ^ m) << 32);
  endfunction
  function automatic logic [63:0] khigh(input logic [63:0] l, input logic [63:0] h, input logic [63:0] m);
    return h ^ ((l ^ h ^ m) >> 32);
  endfunction

  // Reduction of a 256-bit product, x3 its most significant quarter, of reflected operands, one of them divided by x:
  // the halves of the result.
  function automatic logic [63:0] fold1(input logic [63:0] x1, input logic [63:0] x0);
    return x1 ^ (x0 << 63) ^ (x0 << 62) ^ (x0 << 57);
  endfunction
  function automatic logic [63:0] reduce_high(input logic [63:0] x3, input logic [63:0] x1, input logic [63:0] x0);
    logic [63:0] d;
    d = fold1(x1, x0);
    return x3 ^ d ^ (d >> 1) ^ (d >> 2) ^ (d >> 7);
  endfunction
  function automatic logic [63:0] reduce_low(input logic [63:0] x2, input logic [63:0] x1, input logic [63:0] x0);
    logic [63:0] d;
    d = fold1(x1, x0);
    return x2 ^ x0 ^ (x0 >> 1) ^ (d << 63) ^ (x0 >> 2) ^ (d << 62) ^ (x0 >> 7) ^ (d << 57);
  endfunction
endpackage
