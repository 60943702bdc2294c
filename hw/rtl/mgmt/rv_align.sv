// SPDX-License-Identifier: BSD-2-Clause
// Places a store's data on the byte lanes and takes a load's data from them. Combinational.
module rv_align (
    input  logic [ 2:0] size_i,        // funct3: bits 1:0 log2 of the bytes, bit 2 zero-extends
    input  logic [ 1:0] addr_i,
    output logic        misaligned_o,
    output logic [ 3:0] be_o,
    input  logic [31:0] store_i,
    output logic [31:0] wdata_o,
    input  logic [31:0] rdata_i,
    output logic [31:0] load_o
);
  always_comb begin
    unique case (size_i[1:0])
      2'b00: begin
        misaligned_o = 1'b0;
        be_o         = 4'b0001 << addr_i;
        wdata_o      = {4{store_i[7:0]}};
      end
      2'b01: begin
        misaligned_o = addr_i[0];
        be_o         = addr_i[1] ? 4'b1100 : 4'b0011;
        wdata_o      = {2{store_i[15:0]}};
      end
      default: begin
        misaligned_o = addr_i != 0;
        be_o         = 4'b1111;
        wdata_o      = store_i;
      end
    endcase
  end

  logic [15:0] shifted;
  assign shifted = 16'(rdata_i >> {addr_i, 3'b0});
  always_comb begin
    unique case (size_i)
      3'b000:  load_o = {{24{shifted[7]}}, shifted[7:0]};
      3'b001:  load_o = {{16{shifted[15]}}, shifted[15:0]};
      3'b100:  load_o = {24'b0, shifted[7:0]};
      3'b101:  load_o = {16'b0, shifted[15:0]};
      default: load_o = rdata_i;
    endcase
  end
endmodule
