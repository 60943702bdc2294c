// SPDX-License-Identifier: BSD-2-Clause
// Types that the blocks of the datapath share: parsed headers, table entries, what travels beside a packet.
// Addresses, ports, SPIs and lengths are numbers (first byte on the wire is the most significant); MAC addresses and keys
// are byte strings with byte 0 in [7:0].
package dp_pkg;
  import culvert_pkg::*;
  import gcm_pkg::gcm_hpow_t;

  localparam int unsigned EPOCH_W = 16;  // tells one installation of an SA index from the next; 0 is never given
  localparam int unsigned HEAD_BYTES = 58;  // Ethernet 14, IPv4 20, UDP 8, ESP 8, IV 8: what the first word must hold
  localparam int unsigned BUCKET_W = $clog2(board_pkg::FLOW_COUNT / 2);
  localparam int unsigned FIB_W = $clog2(board_pkg::FIB_COUNT);
  localparam int unsigned WINDOW = board_pkg::REPLAY_WINDOW;
  localparam int unsigned LOCAL_COUNT = board_pkg::LOCAL_COUNT;

  // ---- headers -------------------------------------------------------------------------------------------------
  typedef struct packed {
    logic        bad;       // not version 4, header length below 20, total length below the header's or beyond the frame
    logic        options;   // header longer than 20 bytes
    logic        fragment;
    logic        sum_ok;    // of a header without options
    logic        df;
    logic [7:0]  tos;
    logic [7:0]  ttl;
    logic [7:0]  proto;
    logic [15:0] csum;
    logic [15:0] total;
    logic [31:0] src;
    logic [31:0] dst;
    logic [31:0] ports;     // first four bytes after a header without options
  } ip_t;

  function automatic logic [15:0] be16(input logic [15:0] x);
    return {x[7:0], x[15:8]};
  endfunction
  function automatic logic [31:0] be32(input logic [31:0] x);
    return {x[7:0], x[15:8], x[23:16], x[31:24]};
  endfunction
  function automatic logic [63:0] be64(input logic [63:0] x);
    return {be32(x[31:0]), be32(x[63:32])};
  endfunction

  // One's complement sum of 16-bit words, already added up to 20 bits.
  function automatic logic [15:0] fold(input logic [19:0] x);
    logic [16:0] s;
    s = 17'(x[15:0]) + 17'(x[19:16]);
    return s[15:0] + 16'(s[16]);
  endfunction

  // An IPv4 header and the four bytes behind it, first byte in [7:0]; `avail` bytes are there from its first byte on.
  function automatic ip_t parse_ip(input logic [191:0] h, input logic [LEN_W-1:0] avail);
    ip_t         ip;
    logic [19:0] sum;
    sum = '0;
    for (int unsigned i = 0; i < 10; i++) sum = sum + 20'(be16(h[16*i+:16]));
    ip.total    = be16(h[31:16]);
    ip.bad      = h[7:4] != 4'd4 || h[3:0] < 4'd5 || ip.total < 16'({h[3:0], 2'b00}) || ip.total > 16'(avail);
    ip.options  = h[3:0] != 4'd5;
    ip.fragment = h[53] || {h[52:48], h[63:56]} != '0;
    ip.sum_ok   = fold(sum) == 16'hffff;
    ip.df       = h[54];
    ip.tos      = h[15:8];
    ip.ttl      = h[71:64];
    ip.proto    = h[79:72];
    ip.csum     = be16(h[95:80]);
    ip.src      = be32(h[127:96]);
    ip.dst      = be32(h[159:128]);
    ip.ports    = be32(h[191:160]);
    return ip;
  endfunction

  // ---- routes --------------------------------------------------------------------------------------------------
  typedef enum logic [1:0] {KIND_HOST, KIND_DROP, KIND_TUNNEL, KIND_ADJ} kind_e;  // as FIB_RESULT.KIND
  typedef struct packed {
    kind_e       kind;
    logic [15:0] target;
  } route_t;

  typedef struct packed {
    logic [7:0]  vrf;
    logic [31:0] src;
    logic [31:0] dst;
    logic [31:0] ports;
    logic [7:0]  proto;
  } flow_key_t;

  typedef struct packed {
    logic      valid;
    flow_key_t key;
    route_t    result;
  } flow_entry_t;

  typedef struct packed {
    logic        valid;
    logic [7:0]  vrf;
    logic [31:0] prefix;
    logic [31:0] mask;
    logic [5:0]  len;
    route_t      result;
  } fib_entry_t;

  typedef struct packed {
    logic            valid;
    logic [14:0]     mtu;    // 0: no limit
    logic [SA_W-1:0] sa;
  } tunnel_entry_t;

  typedef struct packed {
    logic        valid;
    logic        port;
    logic [47:0] mac;
  } adj_entry_t;

  // Table writes, broadcast to every copy of a table.
  typedef struct packed {
    logic [2:0]          we;      // way 0, way 1, stash
    logic [BUCKET_W-1:0] slot;
    flow_entry_t         entry;
  } flow_write_t;
  typedef struct packed {
    logic             we;
    logic [FIB_W-1:0] index;
    fib_entry_t       entry;
  } fib_write_t;
  typedef struct packed {
    logic                we;
    logic [TUNNEL_W-1:0] index;
    tunnel_entry_t       entry;
  } tunnel_write_t;
  typedef struct packed {
    logic             we;
    logic [ADJ_W-1:0] index;
    adj_entry_t       entry;
  } adj_write_t;
  typedef struct packed {
    flow_write_t   flow;
    fib_write_t    fib;
    tunnel_write_t tunnel;
    adj_write_t    adj;
  } tables_t;

  // Two hashes of a flow key, one a way. XOR of rotated fields, so that software can place keys with FLOW_HASH.
  function automatic logic [BUCKET_W-1:0] flow_hash(input flow_key_t k, input logic way);
    logic [31:0] m, r;
    if (way) m = {k.src[20:0], k.src[31:21]} ^ {k.dst[4:0], k.dst[31:5]} ^ {k.ports[12:0], k.ports[31:13]} ^ {k.proto, k.vrf, k.vrf, k.proto};
    else     m = k.src ^ {k.dst[18:0], k.dst[31:19]} ^ {k.ports[6:0], k.ports[31:7]} ^ {k.vrf, k.proto, 8'h0, k.proto};
    r = m ^ (m >> 15);
    r = r ^ (r >> (way ? 7 : 9));
    return BUCKET_W'(r ^ (r >> (way ? 11 : 5)));
  endfunction

  // ---- configuration -------------------------------------------------------------------------------------------
  typedef struct packed {
    logic              enable;     // CONTROL.ENABLE and the wipe is over
    logic [1:0]        rx_enable;
    logic [1:0][47:0]  mac;
    logic [1:0][15:0]  mtu;
    logic [LOCAL_COUNT-1:0][31:0] local_addr;
  } config_t;

  // ---- security associations -----------------------------------------------------------------------------------
  // What SA_* registers stage for an installation; both directions read their part.
  typedef struct packed {
    logic [255:0] key;
    logic         key256;
    logic [31:0]  salt;     // byte 0 in [7:0]
    gcm_hpow_t    hpow;
    logic [31:0]  spi;
    logic         esn;
    logic         encap;
    logic         to_host;
    logic         copy_dscp;
    logic         set_df;
    logic [3:0]   window_log2;
    logic [TUNNEL_W-1:0] tunnel;
    logic [31:0]  src;
    logic [31:0]  src_mask;
    logic [31:0]  dst;
    logic [31:0]  dst_mask;
    logic [31:0]  ports;
    logic [ADJ_W-1:0] adj;
    logic [63:0]  seq;
    logic [63:0]  soft_bytes;
    logic [63:0]  hard_bytes;
    logic [63:0]  soft_packets;
    logic [63:0]  hard_packets;
  } sa_stage_t;

  typedef enum logic [1:0] {SA_INSTALL, SA_REMOVE, SA_READ, SA_PATH} sa_op_e;  // as SA_COMMAND.OP
  typedef struct packed {
    logic               valid;  // held until done
    sa_op_e             op;
    logic [SA_W-1:0]    index;
    logic [EPOCH_W-1:0] epoch;  // of an installation
  } sa_cmd_t;

  typedef struct packed {
    logic        valid;
    logic [63:0] packets;
    logic [63:0] bytes;
    logic [63:0] seq;
    logic [31:0] auth_fail;
    logic [31:0] replay;
    logic [31:0] policy;
  } sa_result_t;

  typedef struct packed {
    logic [EPOCH_W-1:0] epoch;
    logic               key256;
    logic [255:0]       key;
    logic [31:0]        salt;
    gcm_hpow_t          hpow;
  } sa_key_t;

  typedef struct packed {
    logic [63:0] soft_bytes;
    logic [63:0] hard_bytes;
    logic [63:0] soft_packets;
    logic [63:0] hard_packets;
  } sa_life_t;

  // A counter against a limit; 0 is no limit.
  function automatic logic reached(input logic [63:0] count, input logic [63:0] limit);
    return limit != '0 && count >= limit;
  endfunction

  typedef struct packed {
    logic            valid;
    logic [3:0]      kind;   // dp_regs_pkg::EVENT_*
    logic [15:0]     index;
    logic            dir;
  } event_t;

  // ---- what travels beside packets -----------------------------------------------------------------------------
  typedef struct packed {  // ESP packet whose SA was found, still with all its headers
    logic               udp;
    logic [31:0]        spi;
    logic [63:0]        seq;    // upper half as inferred, 0 without ESN
    logic               esn;
    logic [63:0]        iv;     // byte 0 in [7:0]
    logic [SA_W-1:0]    sa;
    logic [EPOCH_W-1:0] epoch;
    logic [LEN_W-1:0]   cipher_len;  // ciphertext and ICV
  } esp_meta_t;

  typedef struct packed {  // packet into the forwarder
    logic [LEN_W-1:0]    len;
    logic                to_host;  // decrypted by an SA that wants all at the host
    logic [TUNNEL_W-1:0] tunnel;
    logic [SA_W-1:0]     sa;
  } fwd_meta_t;

  typedef struct packed {  // inner packet on its way to encryption
    logic [LEN_W-1:0]    len;
    logic [TUNNEL_W-1:0] tunnel;
    logic [2:0]          class_id;  // for the traffic manager
    logic [7:0]          tos;
    logic                df;
    logic                hairpin;
  } tun_meta_t;

  typedef struct packed {  // word with its sideband, for arbiters
    tun_meta_t meta;
    word_t     word;
  } tun_word_t;
  typedef struct packed {
    to_host_t meta;
    word_t    word;
  } host_word_t;
endpackage
