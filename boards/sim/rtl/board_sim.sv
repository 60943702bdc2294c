// SPDX-License-Identifier: BSD-2-Clause
// The simulated board: the card with its ports flattened for the C testbench.
module board_sim
  import culvert_pkg::*;
#(
    parameter DTB_MEM = "board_dtb.mem"
) (
    input logic clk_i,
    input logic rst_ni,

    input  logic                rx0_valid_i,
    input  logic                rx0_sop_i,
    input  logic                rx0_last_i,
    input  logic [ EMPTY_W-1:0] rx0_empty_i,
    input  logic [  DATA_W-1:0] rx0_data_i,
    input  logic                rx1_valid_i,
    input  logic                rx1_sop_i,
    input  logic                rx1_last_i,
    input  logic [ EMPTY_W-1:0] rx1_empty_i,
    input  logic [  DATA_W-1:0] rx1_data_i,
    output logic                tx0_valid_o,
    output logic                tx0_sop_o,
    output logic                tx0_last_o,
    output logic [ EMPTY_W-1:0] tx0_empty_o,
    output logic [  DATA_W-1:0] tx0_data_o,
    input  logic                tx0_ready_i,
    output logic                tx1_valid_o,
    output logic                tx1_sop_o,
    output logic                tx1_last_o,
    output logic [ EMPTY_W-1:0] tx1_empty_o,
    output logic [  DATA_W-1:0] tx1_data_o,
    input  logic                tx1_ready_i,
    input  logic [         1:0] link_i,

    input  logic         rx_tlp_valid_i,
    input  logic [127:0] rx_tlp_hdr_i,
    input  logic [511:0] rx_tlp_data_i,
    input  logic         rx_tlp_sop_i,
    input  logic         rx_tlp_last_i,
    output logic         rx_tlp_ready_o,
    output logic         tx_tlp_valid_o,
    output logic [127:0] tx_tlp_hdr_o,
    output logic [511:0] tx_tlp_data_o,
    output logic         tx_tlp_sop_o,
    output logic         tx_tlp_last_o,
    input  logic         tx_tlp_ready_i,
    input  logic [ 15:0] cfg_requester_id_i,
    input  logic [  2:0] cfg_max_payload_i,
    input  logic [  2:0] cfg_max_read_req_i,
    input  logic         cfg_bus_master_i,
    input  logic         cfg_msix_enable_i,
    input  logic         cfg_msix_mask_i,

    output logic        flash_req_o,
    output logic [23:0] flash_addr_o,
    input  logic        flash_ack_i,
    input  logic [31:0] flash_data_i,
    output logic        uart_valid_o,
    output logic [ 7:0] uart_data_o,
    output logic        core_sleep_o,
    output logic        retire_valid_o,
    output logic [31:0] retire_pc_o
);
  word_t rx0_word, rx1_word, tx0_word, tx1_word;

  assign rx0_word = '{sop: rx0_sop_i, last: rx0_last_i, empty: rx0_empty_i, data: rx0_data_i};
  assign rx1_word = '{sop: rx1_sop_i, last: rx1_last_i, empty: rx1_empty_i, data: rx1_data_i};
  assign {tx0_sop_o, tx0_last_o, tx0_empty_o, tx0_data_o} = tx0_word;
  assign {tx1_sop_o, tx1_last_o, tx1_empty_o, tx1_data_o} = tx1_word;

  card #(
      .DTB_MEM(DTB_MEM)
  ) u_card (
      .clk_i,
      .rst_ni,
      .rx0_valid_i,
      .rx0_word_i(rx0_word),
      .rx1_valid_i,
      .rx1_word_i(rx1_word),
      .tx0_valid_o,
      .tx0_word_o(tx0_word),
      .tx0_ready_i,
      .tx1_valid_o,
      .tx1_word_o(tx1_word),
      .tx1_ready_i,
      .link_i,
      .rx_tlp_valid_i,
      .rx_tlp_hdr_i,
      .rx_tlp_data_i,
      .rx_tlp_sop_i,
      .rx_tlp_last_i,
      .rx_tlp_ready_o,
      .tx_tlp_valid_o,
      .tx_tlp_hdr_o,
      .tx_tlp_data_o,
      .tx_tlp_sop_o,
      .tx_tlp_last_o,
      .tx_tlp_ready_i,
      .cfg_requester_id_i,
      .cfg_max_payload_i,
      .cfg_max_read_req_i,
      .cfg_bus_master_i,
      .cfg_msix_enable_i,
      .cfg_msix_mask_i,
      .flash_req_o,
      .flash_addr_o,
      .flash_ack_i,
      .flash_data_i,
      .uart_valid_o,
      .uart_data_o,
      .core_sleep_o,
      .retire_valid_o,
      .retire_pc_o
  );
endmodule
