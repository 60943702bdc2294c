// SPDX-License-Identifier: BSD-2-Clause
// Types and constants that every block of the card shares.
//
// A stream is valid/ready with a word_t a cycle. Rules, checked on every instance by stream_check:
//   - once valid is raised, it and the word stay until ready
//   - the first word of a packet has sop, the last has last; no word between two packets
//   - every word but the last carries WORD_BYTES bytes; `empty` counts the unused bytes of the last word
// Byte 0 of the packet is data[7:0] of its first word (AXI4-Stream order).
package culvert_pkg;
  localparam int unsigned DATA_W     = board_pkg::DATA_W;
  localparam int unsigned WORD_BYTES = DATA_W / 8;
  localparam int unsigned EMPTY_W    = $clog2(WORD_BYTES);

  localparam int unsigned LEN_W = 14;  // packet length in bytes, up to 9,216 + headers
  localparam int unsigned SA_W  = $clog2(board_pkg::SA_COUNT);
  localparam int unsigned ADJ_W = $clog2(board_pkg::ADJ_COUNT);
  localparam int unsigned VRF_W = 8;

  typedef struct packed {
    logic               sop;
    logic               last;
    logic [EMPTY_W-1:0] empty;  // unused bytes of the last word; 0 in all others
    logic [ DATA_W-1:0] data;
  } word_t;

  localparam int unsigned TUNNEL_W = $clog2(board_pkg::TUNNEL_COUNT);

  // A packet on its way to the host; valid with every word of it.
  typedef struct packed {
    logic [LEN_W-1:0]    len;        // bytes
    logic [1:0]          port;       // 0 outside, 1 inside, 2 decrypted (the packet starts with its IP header)
    logic [7:0]          reason;     // dp_regs_pkg::REASON_*
    logic [TUNNEL_W-1:0] tunnel;     // of the inbound SA or of the route, 0 if none
    logic                decrypted;  // an inbound SA decrypted it
    logic [SA_W-1:0]     sa;         // that SA
  } to_host_t;

  // A packet from the host; valid with every word of it.
  typedef struct packed {
    logic [LEN_W-1:0]    len;     // bytes
    logic [1:0]          dest;    // 0 outside port, 1 inside port, 2 encrypt (the packet starts with its IP header)
    logic [TUNNEL_W-1:0] tunnel;  // tunnel to encrypt with
  } from_host_t;

  // Swap the byte order of a 128-bit value (network order block <-> stream lane order).
  function automatic logic [127:0] swap16(input logic [127:0] x);
    return {x[7:0], x[15:8], x[23:16], x[31:24], x[39:32], x[47:40], x[55:48], x[63:56],
            x[71:64], x[79:72], x[87:80], x[95:88], x[103:96], x[111:104], x[119:112], x[127:120]};
  endfunction
endpackage
