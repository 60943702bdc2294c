// SPDX-License-Identifier: BSD-2-Clause
// Types and constants of the PCIe endpoint. Section numbers are of the PCI Express Base Specification 3.0.
//
// A TLP travels as beats of 512 payload bits. Its header comes with every beat: header DW n is hdr[32n+31:32n], an
// integer with the fields where the specification's figures have them (so DW 0 is Fmt 31:29, Type 28:24, ...,
// Length 9:0; 2.2.1). Payload DW 0 is data[31:0] of the first beat, its lowest address in data[7:0]. A TLP of n payload
// DWs has ceil(n / 16) beats, one without payload has one. ECRC is the hard block's: no digest is seen here.
package pcie_pkg;
  import culvert_pkg::*;

  // Fmt and Type, header DW 0 [31:24] (2.2.1).
  localparam logic [7:0] MRD3 = 8'h00;
  localparam logic [7:0] MRD4 = 8'h20;
  localparam logic [7:0] MWR3 = 8'h40;
  localparam logic [7:0] MWR4 = 8'h60;
  localparam logic [7:0] CPL = 8'h0a;
  localparam logic [7:0] CPLD = 8'h4a;
  localparam logic [7:0] CPL_LK = 8'h0b;

  localparam logic [4:0] TYPE_MEM = 5'b00000;
  localparam logic [4:0] TYPE_MEM_LK = 5'b00001;
  localparam logic [4:0] TYPE_IO = 5'b00010;
  localparam logic [4:0] TYPE_CPL = 5'b01010;
  localparam logic [4:0] TYPE_CPL_LK = 5'b01011;

  localparam logic [2:0] STATUS_SC = 3'b000;  // successful completion (2.2.9)
  localparam logic [2:0] STATUS_UR = 3'b001;  // unsupported request

  localparam int unsigned CARD_ID = 32'h43565254;
  localparam int unsigned BAR0_VERSION = 32'h0001_0000;
  localparam int unsigned MBOX_ID = 32'h4d424f58;
  localparam int unsigned MBOX_VERSION = 32'h0001_0000;

  localparam int unsigned VECTORS = 4;  // MSI-X

  // What the host has written of a queue, but for its base.
  typedef struct packed {
    logic [3:0] size_log2;
    logic [3:0] slot_log2;
    logic       enable;
  } queue_cfg_t;

  // Clients of the DMA write engine, by falling priority.
  localparam int unsigned WR_MSIX = 0;
  localparam int unsigned WR_EVQ = 1;
  localparam int unsigned WR_WB = 2;
  localparam int unsigned WR_RX_HDR = 3;
  localparam int unsigned WR_RX_DATA = 4;
  localparam int unsigned WR_CLIENTS = 5;

  // Length field, 0 meaning 1,024 (2.2.2).
  function automatic logic [10:0] tlp_dws(input logic [31:0] dw0);
    return {dw0[9:0] == 10'd0, dw0[9:0]};
  endfunction

  // Offset of the first enabled byte of a DW.
  function automatic logic [1:0] be_first(input logic [3:0] be);
    return be[0] ? 2'd0 : be[1] ? 2'd1 : be[2] ? 2'd2 : be[3] ? 2'd3 : 2'd0;
  endfunction

  // Bytes of a DW after the last enabled one.
  function automatic logic [1:0] be_after(input logic [3:0] be);
    return be[3] ? 2'd0 : be[2] ? 2'd1 : be[1] ? 2'd2 : 2'd3;
  endfunction

  // Enables of the first n bytes of a DW; n = 0 means all four.
  function automatic logic [3:0] be_head(input logic [1:0] n);
    unique case (n)
      2'd1: return 4'b0001;
      2'd2: return 4'b0011;
      2'd3: return 4'b0111;
      default: return 4'b1111;
    endcase
  endfunction

  // Header DWs 1 and 0 of a memory request of `bytes` bytes from a DW-aligned address (2.2.7).
  function automatic logic [63:0] mem_header(input logic write, input logic wide, input logic [12:0] bytes,
                                             input logic [15:0] requester, input logic [7:0] tag);
    logic [10:0] dws;
    logic [3:0] first_be, last_be;
    dws      = 11'((bytes + 13'd3) >> 2);
    first_be = dws == 11'd1 ? be_head(bytes[1:0]) : 4'hf;
    last_be  = dws == 11'd1 ? 4'h0 : be_head(bytes[1:0]);
    return {requester, tag, last_be, first_be, 1'b0, write, wide, 19'd0, dws[9:0]};
  endfunction

  // Header DWs 3 and 2: above 4 GiB the address has two.
  function automatic logic [63:0] mem_address(input logic [63:0] addr);
    return addr[63:32] != 32'd0 ? {addr[31:0], addr[63:32]} : addr;
  endfunction

  // Address of the slot that number `count` uses: 2^size slots of 2^log2 bytes from base.
  function automatic logic [63:0] slot_addr(input logic [63:0] base, input logic [3:0] size, input logic [31:0] count,
                                            input logic [3:0] log2);
    logic [31:0] index;
    index = count & ((32'd1 << size) - 32'd1);
    return base + ({32'd0, index} << log2);
  endfunction

  // Bytes of `old` replaced where enabled.
  function automatic logic [31:0] merge(input logic [31:0] old, input logic [31:0] data, input logic [3:0] be);
    return {be[3] ? data[31:24] : old[31:24], be[2] ? data[23:16] : old[23:16],
            be[1] ? data[15:8] : old[15:8], be[0] ? data[7:0] : old[7:0]};
  endfunction
endpackage
