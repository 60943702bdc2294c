// SPDX-License-Identifier: BSD-2-Clause
// The endpoint with its structs taken apart, for the C bench.
module pcie_tb
  import culvert_pkg::*;
#(
    parameter DTB_MEM = ""
) (
    input logic clk_i,
    input logic rst_ni,

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

    input  logic         th_valid_i,
    input  logic         th_sop_i,
    input  logic         th_last_i,
    input  logic [  5:0] th_empty_i,
    input  logic [511:0] th_data_i,
    input  logic [ 13:0] th_len_i,
    input  logic [  1:0] th_port_i,
    input  logic [  7:0] th_reason_i,
    input  logic [TUNNEL_W-1:0] th_tunnel_i,
    input  logic         th_decrypted_i,
    input  logic [SA_W-1:0] th_sa_i,
    output logic         th_ready_o,
    output logic         fh_valid_o,
    output logic         fh_sop_o,
    output logic         fh_last_o,
    output logic [  5:0] fh_empty_o,
    output logic [511:0] fh_data_o,
    output logic [ 13:0] fh_len_o,
    output logic [  1:0] fh_dest_o,
    output logic [ 15:0] fh_tunnel_o,
    input  logic         fh_ready_i,
    output logic         dropped_o,

    input  logic        reg_req_i,
    input  logic        reg_we_i,
    input  logic [15:0] reg_addr_i,
    input  logic [31:0] reg_wdata_i,
    output logic        reg_ack_o,
    output logic [31:0] reg_rdata_o,
    output logic        reg_err_o,
    output logic        irq_doorbell_o,
    output logic        irq_evq_room_o,

    output logic       card_reset_o,
    input  logic       boot_done_i,
    input  logic [1:0] boot_error_i,
    input  logic       wdt_reset_i
);
  word_t to_host, from_host;
  to_host_t to_meta;
  from_host_t from_meta;
  assign to_host     = '{sop: th_sop_i, last: th_last_i, empty: th_empty_i, data: th_data_i};
  assign to_meta     = '{
          len: th_len_i,
          port: th_port_i,
          reason: th_reason_i,
          tunnel: th_tunnel_i,
          decrypted: th_decrypted_i,
          sa: th_sa_i
      };
  assign fh_sop_o    = from_host.sop;
  assign fh_last_o   = from_host.last;
  assign fh_empty_o  = from_host.empty;
  assign fh_data_o   = from_host.data;
  assign fh_len_o    = from_meta.len;
  assign fh_dest_o   = from_meta.dest;
  assign fh_tunnel_o = 16'(from_meta.tunnel);

  pcie #(
      .DTB_MEM(DTB_MEM)
  ) u_pcie (
      .to_host_valid_i  (th_valid_i),
      .to_host_word_i   (to_host),
      .to_host_meta_i   (to_meta),
      .to_host_ready_o  (th_ready_o),
      .from_host_valid_o(fh_valid_o),
      .from_host_word_o (from_host),
      .from_host_meta_o (from_meta),
      .from_host_ready_i(fh_ready_i),
      .host_rx_dropped_o(dropped_o),
      .*
  );
endmodule
