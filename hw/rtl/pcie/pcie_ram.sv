// SPDX-License-Identifier: BSD-2-Clause
// Memory of 32-bit words with two ports: A writes bytes, B reads or writes words. Read data one cycle later.
module pcie_ram #(
    parameter int unsigned WORDS = 1024
) (
    input  logic                     clk_i,
    input  logic                     a_we_i,
    input  logic [$clog2(WORDS)-1:0] a_addr_i,
    input  logic [              3:0] a_be_i,
    input  logic [             31:0] a_wdata_i,
    input  logic                     b_req_i,
    input  logic                     b_we_i,
    input  logic [$clog2(WORDS)-1:0] b_addr_i,
    input  logic [             31:0] b_wdata_i,
    output logic [             31:0] b_rdata_o
);
  logic [3:0][7:0] mem[WORDS];
  logic [31:0] b_rdata_q;
  assign b_rdata_o = b_rdata_q;

  // Both ports write in one block, so that the memory has one writer; A, the later statement, wins on the same word.
  always_ff @(posedge clk_i) begin
    if (b_req_i) begin
      if (b_we_i) mem[b_addr_i] <= b_wdata_i;
      else b_rdata_q <= mem[b_addr_i];
    end
    if (a_we_i) for (int b = 0; b < 4; b++) if (a_be_i[b]) mem[a_addr_i][b] <= a_wdata_i[8*b+:8];
  end
endmodule
