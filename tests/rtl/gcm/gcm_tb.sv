// SPDX-License-Identifier: BSD-2-Clause
// Bench top: both engines and the key preparation side by side, ports flat for the C harness.
module gcm_tb (
    input  logic          clk_i,
    input  logic          rst_ni,
    // encrypting
    input  logic          e_valid_i,
    output logic          e_ready_o,
    input  logic [520:0]  e_word_i,   // gcm_word_t: sop, last, bytes, data
    input  logic [1509:0] e_ctx_i,    // gcm_ctx_t
    input  logic [31:0]   e_user_i,
    output logic          e_valid_o,
    input  logic          e_ready_i,
    output logic [520:0]  e_word_o,
    output logic [31:0]   e_user_o,
    output logic          e_ok_o,
    // decrypting
    input  logic          d_valid_i,
    output logic          d_ready_o,
    input  logic [520:0]  d_word_i,   // gcm_word_t: sop, last, bytes, data
    input  logic [1509:0] d_ctx_i,
    input  logic [31:0]   d_user_i,
    output logic          d_valid_o,
    input  logic          d_ready_i,
    output logic [520:0]  d_word_o,
    output logic [31:0]   d_user_o,
    output logic          d_ok_o,
    // key preparation
    input  logic          k_start_i,
    input  logic          k_key256_i,
    input  logic [255:0]  k_key_i,
    input  logic          k_wipe_i,
    output logic          k_busy_o,
    output logic          k_done_o,
    output logic [1023:0] k_hpow_o
);
  gcm_engine #(.ENCRYPT(1'b1)) u_encrypt (
      .clk_i, .rst_ni, .in_valid_i(e_valid_i), .in_ready_o(e_ready_o), .in_word_i(e_word_i), .in_ctx_i(e_ctx_i),
      .in_user_i(e_user_i), .out_valid_o(e_valid_o), .out_ready_i(e_ready_i), .out_word_o(e_word_o), .out_user_o(e_user_o),
      .auth_ok_o(e_ok_o)
  );
  gcm_engine #(.ENCRYPT(1'b0)) u_decrypt (
      .clk_i, .rst_ni, .in_valid_i(d_valid_i), .in_ready_o(d_ready_o), .in_word_i(d_word_i), .in_ctx_i(d_ctx_i),
      .in_user_i(d_user_i), .out_valid_o(d_valid_o), .out_ready_i(d_ready_i), .out_word_o(d_word_o), .out_user_o(d_user_o),
      .auth_ok_o(d_ok_o)
  );
  gcm_keyprep u_keyprep (
      .clk_i, .rst_ni, .start_i(k_start_i), .key256_i(k_key256_i), .key_i(k_key_i), .wipe_i(k_wipe_i), .busy_o(k_busy_o),
      .done_o(k_done_o), .hpow_o(k_hpow_o)
  );
endmodule
