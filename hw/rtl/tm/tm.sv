// SPDX-License-Identifier: BSD-2-Clause
// The traffic manager's place: packets between the route lookup and encryption, with tunnel and class in their metadata.
// Sequence numbers are allocated behind it, so whatever order it makes never looks like a replay. It passes packets
// through unchanged, one register slice deep.
module tm
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic      clk_i,
    input  logic      rst_ni,
    input  logic      valid_i,
    output logic      ready_o,
    input  tun_word_t data_i,
    output logic      valid_o,
    input  logic      ready_i,
    output tun_word_t data_o
);
  skid #(.T(tun_word_t)) u_slice (.clk_i, .rst_ni, .valid_i, .ready_o, .data_i, .valid_o, .ready_i, .data_o);
endmodule
