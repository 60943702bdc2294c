// SPDX-License-Identifier: BSD-2-Clause
// The mailbox as the management core sees it (hw/regs/mbox.regs). A request is held until ack_o; two cycles an access.
// Addresses without a register read 0 and give an error. A post while EVQ_BUSY or EVQ_FULL is not sent and changes nothing.
module pcie_mbox
  import pcie_pkg::*;
  import mbox_regs_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic reset_i,  // card reset

    input  logic        reg_req_i,
    input  logic        reg_we_i,
    input  logic [15:0] reg_addr_i,
    input  logic [31:0] reg_wdata_i,
    output logic        reg_ack_o,
    output logic [31:0] reg_rdata_o,
    output logic        reg_err_o,
    output logic        irq_doorbell_o,
    output logic        irq_evq_room_o,

    input  logic [ 15:0] cmd_tail_i,
    output logic [ 15:0] cmd_head_o,
    output logic [ 31:0] fw_abi_o,
    output logic [ 31:0] fw_version_o,
    output logic         fw_ready_o,
    output logic         fw_panic_o,
    output logic         evq_post_o,
    output logic [479:0] evq_data_o,
    input  logic         evq_busy_i,
    input  logic         evq_full_i,

    input logic        ring_we_i,      // command ring: the host's writes
    input logic [11:2] ring_addr_i,
    input logic [ 3:0] ring_be_i,
    input logic [31:0] ring_wdata_i,
    input logic        clear_i,        // and its clearing
    input logic [ 9:0] clear_addr_i,

    input  logic        panic_req_i,   // panic record: the host's reads
    input  logic [ 7:2] panic_addr_i,
    output logic [31:0] panic_rdata_o  // in the next cycle
);
  logic [15:0] cmd_head_q;
  logic [31:0] fw_abi_q, fw_version_q;
  logic ready_q, panic_q;
  logic [31:0] evq_q[15];
  logic [31:0] panic_mem[64];
  logic [31:0] panic_rdata_q, rdata_q, ring_rdata;
  logic ack_q, err_q, ring_q, start, in_ring, in_panic, in_evq;

  assign cmd_head_o     = cmd_head_q;
  assign fw_abi_o       = fw_abi_q;
  assign fw_version_o   = fw_version_q;
  assign fw_ready_o     = ready_q;
  assign fw_panic_o     = panic_q;
  assign panic_rdata_o  = panic_rdata_q;
  assign irq_doorbell_o = cmd_head_q != cmd_tail_i;
  assign irq_evq_room_o = !evq_busy_i && !evq_full_i;
  assign reg_ack_o      = ack_q;
  assign reg_err_o      = err_q;
  assign reg_rdata_o    = ring_q ? ring_rdata : rdata_q;

  always_comb begin
    start      = reg_req_i && !ack_q && !reset_i;
    in_ring    = reg_addr_i[15:12] == CMD_RING[15:12];
    in_panic   = reg_addr_i[15:8] == PANIC_RECORD[15:8];
    in_evq     = reg_addr_i[15:6] == EVQ_DATA[15:6] && reg_addr_i[5:2] != 4'd15;
    evq_post_o = start && reg_we_i && reg_addr_i[15:2] == EVQ_POST[15:2];
  end
  for (genvar w = 0; w < 15; w++) begin : g_evq
    assign evq_data_o[32*w+:32] = evq_q[w];
  end

  pcie_ram #(
      .WORDS(CMD_RING_BYTES / 4)
  ) u_ring (
      .clk_i,
      .a_we_i   (ring_we_i && !reset_i),
      .a_addr_i (ring_addr_i),
      .a_be_i   (ring_be_i),
      .a_wdata_i(ring_wdata_i),
      .b_req_i  (clear_i || (start && in_ring)),
      .b_we_i   (clear_i || reg_we_i),
      .b_addr_i (clear_i ? clear_addr_i : reg_addr_i[11:2]),
      .b_wdata_i(clear_i ? 32'd0 : reg_wdata_i),
      .b_rdata_o(ring_rdata)
  );

  always_ff @(posedge clk_i) begin
    if (panic_req_i) panic_rdata_q <= panic_mem[panic_addr_i];
    if (!rst_ni || reset_i) begin
      ack_q        <= 1'b0;
      cmd_head_q   <= '0;
      fw_abi_q     <= '0;
      fw_version_q <= '0;
      ready_q      <= 1'b0;
      panic_q      <= 1'b0;
    end else begin
      ack_q <= start;
      if (start) begin
        ring_q  <= in_ring;
        err_q   <= 1'b0;
        rdata_q <= '0;
        unique case (1'b1)
          in_ring: ;
          in_panic:
          if (reg_we_i) panic_mem[reg_addr_i[7:2]] <= reg_wdata_i;
          else rdata_q <= panic_mem[reg_addr_i[7:2]];
          in_evq:
          if (reg_we_i) evq_q[reg_addr_i[5:2]] <= reg_wdata_i;
          else rdata_q <= evq_q[reg_addr_i[5:2]];
          default:
          case ({16'd0, reg_addr_i[15:2], 2'd0})
            ID: rdata_q <= MBOX_ID;
            VERSION: rdata_q <= MBOX_VERSION;
            STATUS: rdata_q <= {29'd0, evq_full_i, evq_busy_i, irq_doorbell_o};
            CMD_TAIL: rdata_q <= {16'd0, cmd_tail_i};
            CMD_HEAD: begin
              rdata_q <= {16'd0, cmd_head_q};
              if (reg_we_i) cmd_head_q <= reg_wdata_i[15:0];
            end
            FW_ABI: begin
              rdata_q <= fw_abi_q;
              if (reg_we_i) fw_abi_q <= reg_wdata_i;
            end
            FW_VERSION: begin
              rdata_q <= fw_version_q;
              if (reg_we_i) fw_version_q <= reg_wdata_i;
            end
            FW_STATE: begin
              rdata_q <= {30'd0, panic_q, ready_q};
              if (reg_we_i) {panic_q, ready_q} <= reg_wdata_i[1:0];
            end
            EVQ_POST: ;
            default: err_q <= 1'b1;
          endcase
        endcase
      end
    end
  end

  always_ff @(posedge clk_i)
    if (rst_ni && reg_ack_o) begin
      a_held : assert (reg_req_i || reset_i) else $error("pcie_mbox: a request was not held until its answer");
    end
endmodule
