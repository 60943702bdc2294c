// SPDX-License-Identifier: BSD-2-Clause
// Packet memory with its reader. The owner writes words at addresses of its choice and describes packets in their order
// in memory; the reader sends the first `len` bytes of each as a stream, or skips it. One word a cycle, no bubble between
// packets; a skipped packet costs one cycle whatever its size. Latency 3 cycles from descriptor to first word.
// valid_o and the word are registers; ready_i reaches only enables.
module pkt_mem
  import culvert_pkg::*;
#(
    parameter type         META    = logic,  // travels with every word of the packet
    parameter int unsigned WORDS   = 256,    // storage; a power of two
    parameter int unsigned PACKETS = 64      // descriptors; a power of two
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     we_i,
    input  logic [$clog2(WORDS)-1:0] waddr_i,
    input  logic [DATA_W-1:0]        wdata_i,
    output logic [$clog2(WORDS):0]   rptr_o,        // words behind it are free; one bit more than the address
    input  logic                     desc_valid_i,
    output logic                     desc_ready_o,
    input  logic                     desc_drop_i,   // skip the packet
    input  logic [LEN_W-1:0]         desc_len_i,    // bytes to send, at least 1 unless dropped
    input  logic [LEN_W-7:0]         desc_words_i,  // words that the packet occupies
    input  META                      desc_meta_i,
    output logic                     valid_o,
    input  logic                     ready_i,
    output word_t                    word_o,
    output logic [LEN_W-1:0]         len_o,
    output META                      meta_o
);
  localparam int unsigned AW = $clog2(WORDS);
  if ((WORDS & (WORDS - 1)) != 0) begin : g_words
    $error("pkt_mem: WORDS must be a power of two");
  end

  typedef struct packed {
    logic             drop;
    logic [LEN_W-1:0] len;
    logic [LEN_W-7:0] words;
    META              meta;
  } desc_t;

  desc_t desc;
  logic  desc_valid, desc_pop;
  fifo #(.T(desc_t), .DEPTH(PACKETS)) u_desc (
      .clk_i, .rst_ni, .valid_i(desc_valid_i), .ready_o(desc_ready_o),
      .data_i('{drop: desc_drop_i, len: desc_len_i, words: desc_words_i, meta: desc_meta_i}),
      .valid_o(desc_valid), .ready_i(desc_pop), .data_o(desc)
  );

  logic [DATA_W-1:0] mem_q [WORDS];
  logic [AW:0]       rptr_q;    // next word
  logic [AW:0]       next_q;    // first word of the next packet, while active
  logic              active_q;  // inside a packet
  logic [LEN_W-1:0]  remain_q;  // bytes left of it
  logic              valid_q;
  word_t             word_q;
  logic [LEN_W-1:0]  len_q;
  META               meta_q;

  wire logic             free = !valid_q || ready_i;
  wire logic             skip = !active_q && desc_valid && desc.drop;
  wire logic             send = free && (active_q || (desc_valid && !desc.drop));
  wire logic [LEN_W-1:0] remain = active_q ? remain_q : desc.len;
  wire logic             last = remain <= LEN_W'(WORD_BYTES);
  wire logic [AW:0]      after = active_q ? next_q : rptr_q + (AW+1)'(desc.words);

  assign desc_pop = skip || (send && !active_q);
  assign rptr_o   = rptr_q;
  assign valid_o  = valid_q;
  assign word_o   = word_q;
  assign len_o    = len_q;
  assign meta_o   = meta_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rptr_q   <= '0;
      active_q <= 1'b0;
      valid_q  <= 1'b0;
    end else begin
      if (skip || (send && last)) rptr_q <= after;
      else if (send) rptr_q <= rptr_q + 1'b1;
      if (send) active_q <= !last;
      if (free) valid_q <= send;
    end
  end

  always_ff @(posedge clk_i) begin
    if (we_i) mem_q[waddr_i] <= wdata_i;
    if (send) begin
      word_q.sop   <= !active_q;
      word_q.last  <= last;
      word_q.empty <= last ? EMPTY_W'(LEN_W'(WORD_BYTES) - remain) : '0;
      word_q.data  <= mem_q[rptr_q[AW-1:0]];
      remain_q     <= remain - LEN_W'(WORD_BYTES);
      if (!active_q) begin
        next_q <= after;
        len_q  <= desc.len;
        meta_q <= desc.meta;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && send && !active_q) begin
      a_length: assert (desc.len != '0 && 32'(desc.len) <= 32'(desc.words) * WORD_BYTES) else $error("pkt_mem: descriptor longer than its words");
    end
  end
endmodule
