// SPDX-License-Identifier: BSD-2-Clause
// Puts the ESP trailer behind each packet (RFC 4303 section 2.4 to 2.6): padding 1, 2, ... to a multiple of four bytes, pad
// length, next header 4 (IPv4). 2 to 5 bytes; when they do not fit into the last word there is one word more. Latency 1.
module esp_trailer
  import culvert_pkg::*;
#(
    parameter type META = logic  // sampled with sop, travels with every word
) (
    input  logic  clk_i,
    input  logic  rst_ni,
    input  logic  valid_i,
    output logic  ready_o,
    input  word_t word_i,
    input  META   meta_i,
    output logic  valid_o,
    input  logic  ready_i,
    output word_t word_o,
    output META   meta_o
);
  logic        spill_q;        // the end of the trailer is still to come
  logic [39:0] spill_data_q;
  logic [2:0]  spill_bytes_q;
  logic        valid_q;
  word_t       word_q;
  META         meta_q;

  wire logic       free = !valid_q || ready_i;
  wire logic       take = free && !spill_q && valid_i;
  wire logic [6:0] bytes = 7'd64 - 7'(word_i.empty);
  wire logic [1:0] pad = 2'd2 - bytes[1:0];
  wire logic [2:0] extra = 3'd2 + 3'(pad);
  wire logic       fits = bytes + 7'(extra) <= 7'd64;

  assign ready_o = free && !spill_q;
  assign valid_o = valid_q;
  assign word_o  = word_q;
  assign meta_o  = meta_q;

  logic [39:0] trailer;
  always_comb begin
    unique case (pad)
      2'd0: trailer = {24'h0, 8'd4, 8'd0};
      2'd1: trailer = {16'h0, 8'd4, 8'd1, 8'd1};
      2'd2: trailer = {8'h0, 8'd4, 8'd2, 8'd2, 8'd1};
      default: trailer = {8'd4, 8'd3, 8'd3, 8'd2, 8'd1};
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      spill_q <= 1'b0;
      valid_q <= 1'b0;
    end else if (free) begin
      valid_q <= spill_q || valid_i;
      spill_q <= take && word_i.last && !fits;
    end
  end

  always_ff @(posedge clk_i) begin
    if (free && spill_q) begin
      word_q.sop   <= 1'b0;
      word_q.last  <= 1'b1;
      word_q.empty <= EMPTY_W'(7'd64 - 7'(spill_bytes_q));
      word_q.data  <= DATA_W'(spill_data_q);
    end
    if (take) begin
      word_q <= word_i;
      if (word_i.sop) meta_q <= meta_i;
      if (word_i.last) begin
        for (int unsigned i = 0; i < 64; i++) if (7'(i) >= bytes) word_q.data[8*i+:8] <= 8'h0;
        for (int unsigned i = 0; i < 64; i++) if (7'(i) >= bytes && 7'(i) < bytes + 7'd5) word_q.data[8*i+:8] <= trailer[8*(3'(7'(i)-bytes))+:8];
        word_q.last   <= fits;
        word_q.empty  <= fits ? EMPTY_W'(7'd64 - (bytes + 7'(extra))) : '0;
        spill_data_q  <= trailer >> {7'd64 - bytes, 3'b000};
        spill_bytes_q <= 3'(bytes + 7'(extra) - 7'd64);
      end
    end
  end
endmodule
