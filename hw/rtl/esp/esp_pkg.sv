// SPDX-License-Identifier: BSD-2-Clause
// Types inside the ESP blocks.
package esp_pkg;
  import culvert_pkg::*;
  import dp_pkg::*;

  localparam int unsigned ICV_BYTES = 16;
  localparam int unsigned PLAIN_HEAD = 50;  // Ethernet 14, IPv4 20, ESP 8, IV 8
  localparam int unsigned UDP_HEAD = 58;    // and UDP 8
  localparam int unsigned WORDS_W = LEN_W - 6;

  typedef struct packed {  // inbound SA as the receive side needs it
    logic               valid;
    logic [EPOCH_W-1:0] epoch;
    logic [31:0]        spi;
    logic               esn;
    logic [3:0]         window_log2;
  } in_find_t;

  typedef struct packed {  // inbound selectors
    logic [31:0]         src;
    logic [31:0]         src_mask;
    logic [31:0]         dst;
    logic [31:0]         dst_mask;
    logic [TUNNEL_W-1:0] tunnel;
    logic                to_host;
    logic [3:0]          window_log2;
  } in_policy_t;

  typedef struct packed {  // inbound state: changes with each packet
    logic               valid;
    logic [EPOCH_W-1:0] epoch;
    logic [63:0]        top;     // highest sequence number accepted
    logic [63:0]        packets;
    logic [63:0]        bytes;
    logic [31:0]        auth_fail;
    logic [31:0]        replay;
    logic [31:0]        policy;
    logic               soft_told;    // events already reported
    logic               spent;      // hard lifetime reached
    logic               replay_told;
    logic               auth_told;
    logic [WINDOW-1:0]  seen;    // bit i: top - i was accepted
  } in_state_t;

  typedef struct packed {  // packet inside the inbound engine
    logic [SA_W-1:0]    sa;
    logic [EPOCH_W-1:0] epoch;
    logic [63:0]        seq;
    logic [LEN_W-1:0]   plain_len;
    logic [WORDS_W-1:0] words;
  } in_flight_t;

  typedef struct packed {  // what is known of a decrypted packet at its end
    logic [SA_W-1:0]    sa;
    logic [EPOCH_W-1:0] epoch;
    logic [63:0]        seq;
    logic [WORDS_W-1:0] words;
    logic               auth_ok;
    logic               pad_ok;    // padding and next header (4 or 59)
    logic               dummy;     // next header 59
    logic               inner_ok;  // sane IPv4 header
    logic [LEN_W-1:0]   inner_len;
    logic [31:0]        src;
    logic [31:0]        dst;
  } in_verdict_t;

  typedef struct packed {  // pulses for counters
    logic pass;
    logic unknown_spi;
    logic auth_fail;
    logic replay;
    logic bad_padding;
    logic policy;
    logic lifetime;
  } in_count_t;

  typedef struct packed {  // outbound SA: what an installation and a path change write
    logic [31:0]      src;
    logic [31:0]      dst;
    logic [31:0]      ports;
    logic [ADJ_W-1:0] adj;
    logic             encap;
    logic             copy_dscp;
    logic             set_df;
  } out_path_t;

  typedef struct packed {
    logic [31:0] spi;
    logic        esn;
  } out_ident_t;

  typedef struct packed {
    logic               valid;
    logic [EPOCH_W-1:0] epoch;
    logic [63:0]        seq;
    logic [63:0]        packets;
    logic [63:0]        bytes;
    logic               soft_told;
    logic               spent;      // hard lifetime reached
  } out_state_t;

  typedef struct packed {  // packet on its way into the outbound engine
    logic                  drop;
    logic [LEN_W-1:0]      len;     // inner packet
    logic [31:0]           spi;
    logic [63:0]           seq;
    logic                  esn;
    logic [SA_W-1:0]       sa;
    logic [EPOCH_W-1:0]    epoch;
    logic                  port;
    logic                  udp;
    logic                  hairpin;
    logic [8*UDP_HEAD-1:0] header;  // all that precedes the ciphertext; byte 0 in [7:0]
  } out_packet_t;

  typedef struct packed {
    logic sent;
    logic no_sa;
    logic no_adj;
    logic lifetime;
    logic stale;     // the SA was replaced under the packet
  } out_count_t;

  // Additional authenticated data (RFC 4106 section 5): SPI and sequence number, 8 or 12 bytes.
  function automatic logic [127:0] esp_aad(input logic [31:0] spi, input logic [63:0] seq, input logic esn);
    return esn ? {32'h0, be32(seq[31:0]), be32(seq[63:32]), be32(spi)} : {64'h0, be32(seq[31:0]), be32(spi)};
  endfunction

  // The upper half of an extended sequence number (RFC 4303 appendix A2.2), from the highest one accepted.
  function automatic logic [31:0] esn_high(input logic [63:0] top, input logic [31:0] low, input logic [3:0] window_log2);
    logic [31:0] span, bottom;
    span   = window_log2 == '0 ? 32'(WINDOW - 1) : (32'd1 << window_log2) - 32'd1;
    bottom = top[31:0] - span;
    if (top[31:0] >= span) return low >= bottom ? top[63:32] : top[63:32] + 32'd1;
    return low >= bottom ? top[63:32] - 32'd1 : top[63:32];
  endfunction
endpackage
