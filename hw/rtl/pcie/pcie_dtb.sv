// SPDX-License-Identifier: BSD-2-Clause
// The flattened device tree in ROM, as the host reads it: word n is bytes 4n to 4n + 3, byte 4n lowest. 0 after its end.
module pcie_dtb #(
    parameter DTB_MEM = "",            // file for $readmemh, a word a line; without one the ROM is 0
    parameter int unsigned BYTES = 4
) (
    input  logic        clk_i,
    input  logic        req_i,
    input  logic [13:2] addr_i,
    output logic [31:0] rdata_o  // in the next cycle
);
  localparam int unsigned WORDS = (BYTES + 3) / 4;
  if (BYTES == 0 || BYTES > bar0_regs_pkg::DTB_BYTES) $error("pcie_dtb: the device tree does not fit its window");

  logic [31:0] rom[WORDS];
  logic [31:0] rdata_q;
  assign rdata_o = rdata_q;
  initial begin
    if (DTB_MEM != "") $readmemh(DTB_MEM, rom);
    else for (int w = 0; w < WORDS; w++) rom[w] = '0;
  end
  always_ff @(posedge clk_i) if (req_i) rdata_q <= 32'(addr_i) < WORDS ? rom[addr_i[$clog2(WORDS)+1:2]] : '0;
endmodule
