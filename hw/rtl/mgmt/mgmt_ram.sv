// SPDX-License-Identifier: BSD-2-Clause
// Dual-port RAM, 32 bits wide, read data in the next cycle. Port A reads; port B reads or writes bytes.
module mgmt_ram #(
    parameter int unsigned WORDS = 32768
) (
    input  logic                     clk_i,
    input  logic                     a_req_i,
    input  logic [$clog2(WORDS)-1:0] a_addr_i,   // word address
    output logic [             31:0] a_rdata_o,
    input  logic                     b_req_i,
    input  logic [$clog2(WORDS)-1:0] b_addr_i,
    input  logic [              3:0] b_we_i,     // byte lanes to write; 0: read
    input  logic [             31:0] b_wdata_i,
    output logic [             31:0] b_rdata_o
);
  logic [31:0] mem_q[WORDS];

  always_ff @(posedge clk_i) if (a_req_i) a_rdata_o <= mem_q[a_addr_i];
  always_ff @(posedge clk_i)
    if (b_req_i) begin
      if (b_we_i == 0) b_rdata_o <= mem_q[b_addr_i];
      if (b_we_i[0]) mem_q[b_addr_i][7:0] <= b_wdata_i[7:0];
      if (b_we_i[1]) mem_q[b_addr_i][15:8] <= b_wdata_i[15:8];
      if (b_we_i[2]) mem_q[b_addr_i][23:16] <= b_wdata_i[23:16];
      if (b_we_i[3]) mem_q[b_addr_i][31:24] <= b_wdata_i[31:24];
    end
endmodule
