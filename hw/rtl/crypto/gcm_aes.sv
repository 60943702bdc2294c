// SPDX-License-Identifier: BSD-2-Clause
// AES-CTR key stream of a 512-bit word: four lanes, fully unrolled, the key schedule expanded beside them once for all four.
// Latency 29 cycles (one for the first AddRoundKey, two a round), a word a cycle, every word with its own key and key
// length; AES-128 passes unchanged through the last four rounds. No back-pressure.
module gcm_aes
  import gcm_pkg::*;
(
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    input  logic         key256_i,
    input  logic [255:0] key_i,      // byte 0 in [7:0]
    input  logic [95:0]  nonce_i,    // byte 0 in [7:0]
    input  logic [7:0]   widx_i,     // word of the packet: lane l is counter block 4 * widx + l + 2
    input  logic         tag_i,      // lane tag_lane_i makes E(K, J0), counter 1, instead
    input  logic [1:0]   tag_lane_i,
    output logic         valid_o,
    output logic [511:0] ks_o        // by rows, see gcm_aes_round; gcm_engine turns it into bytes
);
  localparam logic [7:0] RCON [15] = '{8'h00, 8'h01, 8'h02, 8'h04, 8'h08, 8'h10, 8'h20, 8'h40, 8'h80, 8'h1b, 8'h36,
                                      8'h00, 8'h00, 8'h00, 8'h00};

  logic         valid  [15] /*verilator split_var*/;
  logic         key256 [15] /*verilator split_var*/;
  logic [511:0] st     [15] /*verilator split_var*/;
  logic [127:0] key    [15] /*verilator split_var*/;
  logic [127:0] old    [15] /*verilator split_var*/;

  // Counter of lane l.
  function automatic logic [31:0] counter(input int unsigned l, input logic [7:0] widx, input logic tag,
                                          input logic [1:0] tag_lane);
    return tag && tag_lane == 2'(l) ? 32'd1 : {22'h0, widx, 2'b00} + 32'(l + 2);
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid[0] <= 1'b0;
    else         valid[0] <= valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      logic [31:0]  c0, c1, c2, c3;
      logic [127:0] k;
      logic [511:0] s;
      c0 = counter(0, widx_i, tag_i, tag_lane_i);
      c1 = counter(1, widx_i, tag_i, tag_lane_i);
      c2 = counter(2, widx_i, tag_i, tag_lane_i);
      c3 = counter(3, widx_i, tag_i, tag_lane_i);
      k  = {row(3, key_i[31:0], key_i[63:32], key_i[95:64], key_i[127:96]),
            row(2, key_i[31:0], key_i[63:32], key_i[95:64], key_i[127:96]),
            row(1, key_i[31:0], key_i[63:32], key_i[95:64], key_i[127:96]),
            row(0, key_i[31:0], key_i[63:32], key_i[95:64], key_i[127:96])};
      for (int r = 0; r < 4; r++) begin
        logic [23:0] n;
        n = {nonce_i[64+8*r+:8], nonce_i[32+8*r+:8], nonce_i[8*r+:8]};
        s[128*r+:128] = {c3[24-8*r+:8], n, c2[24-8*r+:8], n, c1[24-8*r+:8], n, c0[24-8*r+:8], n} ^ {4{k[32*r+:32]}};
      end
      key256[0] <= key256_i;
      key[0]    <= k;
      old[0]    <= {row(3, key_i[159:128], key_i[191:160], key_i[223:192], key_i[255:224]),
                    row(2, key_i[159:128], key_i[191:160], key_i[223:192], key_i[255:224]),
                    row(1, key_i[159:128], key_i[191:160], key_i[223:192], key_i[255:224]),
                    row(0, key_i[159:128], key_i[191:160], key_i[223:192], key_i[255:224])};
      st[0]     <= s;
    end
  end

  for (genvar i = 1; i <= 14; i++) begin : g_round
    gcm_aes_round u_round (
        .clk_i,
        .rst_ni,
        .first_i   (i == 1),
        .final128_i(i == 10),
        .final256_i(i == 14),
        .pass128_i (i > 10),
        .rot256_i  (i % 2 == 0),
        .rcon128_i (RCON[i]),
        .rcon256_i (i % 2 == 0 ? RCON[i/2] : 8'h00),
        .valid_i   (valid[i-1]),
        .key256_i  (key256[i-1]),
        .st_i      (st[i-1]),
        .key_i     (key[i-1]),
        .old_i     (old[i-1]),
        .valid_o   (valid[i]),
        .key256_o  (key256[i]),
        .st_o      (st[i]),
        .key_o     (key[i]),
        .old_o     (old[i])
    );
  end

  assign valid_o = valid[14];
  assign ks_o    = st[14];
endmodule
