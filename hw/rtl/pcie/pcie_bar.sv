// SPDX-License-Identifier: BSD-2-Clause
// Completer: memory requests to BAR0 become single-DW accesses of the register bus, reads are answered with completions.
// What is not supported is counted, and answered with "unsupported request" when it waits for an answer (2.3.1).
//
// The hard block passes on only what hits BAR0: address bits above the BAR's 64 KiB are not looked at. Completions are
// cut at multiples of 128 bytes, the read completion boundary of an endpoint (2.3.1.1), which suits every MPS.
// A write takes a cycle a DW. A read of n DWs takes n + 4 cycles a 64-byte piece; one DW: 5 cycles from TLP to TLP.
//
// Register bus: req with we, addr, be, wdata; rdata in the next cycle. It never waits.
module pcie_bar
  import pcie_pkg::*;
(
    input logic        clk_i,
    input logic        rst_ni,
    input logic [15:0] completer_id_i,

    input  logic         req_valid_i,
    input  logic [127:0] req_hdr_i,
    input  logic [511:0] req_data_i,
    input  logic         req_last_i,
    output logic         req_ready_o,

    output logic        reg_req_o,
    output logic        reg_we_o,
    output logic [15:2] reg_addr_o,
    output logic [ 3:0] reg_be_o,
    output logic [31:0] reg_wdata_o,
    input  logic [31:0] reg_rdata_i,

    output logic         cpl_valid_o,
    output logic         cpl_sop_o,
    output logic         cpl_last_o,
    output logic [ 95:0] cpl_hdr_o,
    output logic [511:0] cpl_data_o,
    input  logic         cpl_ready_i,

    output logic error_o  // pulse: a request that is malformed or not supported
);
  typedef enum logic [2:0] {
    IDLE,
    WRITE,   // one DW a cycle
    NEXT,    // the payload goes on in the next beat
    SKIP,    // the payload of a refused request
    READ,    // one DW a cycle
    COLLECT, // the last word of the beat arrives
    SEND,
    REFUSE
  } state_e;
  state_e state_q;

  logic [511:0] wdata_q;
  logic [3:0] first_be_q, last_be_q;
  logic [15:2] addr_q;
  logic [10:0] left_q;  // DWs still to do
  logic first_q, single_q, ended_q, rd_q;
  logic [3:0] idx_q, rd_idx_q;
  logic [12:0] bytes_q;  // of the answer, from here on
  logic [5:0] chunk_q;   // DWs of this completion still to send
  logic sop_q;
  logic cpl_sop_q, cpl_last_q;
  logic [31:0] cpl_dw0_q, cpl_dw1_q, cpl_dw2_q;
  logic [15:0][31:0] rdata_q;

  // Decode of the first beat.
  logic [31:0] dw0, dw1, dwa;
  logic [4:0] kind;
  logic [10:0] dws;
  logic is_mem, is_write, good, posted;
  always_comb begin
    {dw0, dw1, dwa, kind, dws, is_mem, is_write, posted, good} = '0;
    if (req_valid_i) begin
      dw0      = req_hdr_i[31:0];
      dw1      = req_hdr_i[63:32];
      dwa      = dw0[29] ? req_hdr_i[127:96] : req_hdr_i[95:64];
      kind     = dw0[28:24];
      dws      = tlp_dws(dw0);
      is_mem   = kind == TYPE_MEM && !dw0[31];
      is_write = dw0[30];
      posted   = (is_mem && is_write) || kind[4:3] == 2'b10 || dw0[31];
      good     = is_mem && !(is_write && dw0[14]) && 32'(dwa[11:2]) + 32'(dws) <= 1024 &&
                 (dws == 11'd1 ? dw1[7:4] == 4'd0 : dw1[7:4] != 4'd0 && dw1[3:0] != 4'd0);
    end
  end

  logic [3:0] be;
  logic [5:0] chunk;
  always_comb begin
    be          = first_q ? first_be_q : (left_q == 11'd1 && !single_q) ? last_be_q : 4'hf;
    reg_req_o   = state_q == WRITE || state_q == READ;
    reg_we_o    = state_q == WRITE;
    reg_addr_o  = addr_q;
    reg_be_o    = be;
    reg_wdata_o = wdata_q[{idx_q, 5'd0}+:32];
    req_ready_o = state_q == IDLE || state_q == NEXT || state_q == SKIP;
    cpl_valid_o = state_q == SEND;
    chunk       = 6'd32 - {1'b0, addr_q[6:2]};
    if (11'(chunk) > left_q) chunk = 6'(left_q);
    error_o = req_valid_i && state_q == IDLE && !good;
  end

  assign cpl_sop_o  = cpl_sop_q;
  assign cpl_last_o = cpl_last_q;
  assign cpl_hdr_o  = {cpl_dw2_q, cpl_dw1_q, cpl_dw0_q};
  assign cpl_data_o = rdata_q;

  // Bytes of a completion, less those before its first enabled one.
  logic [1:0] lead;
  assign lead = first_q ? be_first(first_be_q) : 2'd0;

  always_ff @(posedge clk_i) begin
    rd_q <= state_q == READ;
    if (state_q == READ) rd_idx_q <= idx_q;
    if (rd_q) rdata_q[rd_idx_q] <= reg_rdata_i;

    unique case (state_q)
      IDLE:
      if (req_valid_i) begin
        first_be_q <= dw1[3:0];
        last_be_q  <= dw1[7:4];
        addr_q     <= dwa[15:2];
        left_q     <= dws;
        single_q   <= dws == 11'd1;
        first_q    <= 1'b1;
        idx_q      <= 4'd0;
        sop_q      <= 1'b1;
        ended_q    <= req_last_i;
        // Enabled bytes from the first to the last (2.3.1.1, table 2-38).
        if (dws == 11'd1 && dw1[3:0] == 4'd0) bytes_q <= 13'd1;
        else if (dws == 11'd1) bytes_q <= 13'd4 - 13'(be_first(dw1[3:0])) - 13'(be_after(dw1[3:0]));
        else bytes_q <= {dws, 2'b00} - 13'(be_first(dw1[3:0])) - 13'(be_after(dw1[7:4]));
        // Answers carry the request's id, tag, traffic class and attributes.
        cpl_dw0_q <= {CPLD, 1'b0, dw0[22:18], 4'd0, dw0[13:12], 12'd0};
        cpl_dw2_q <= {dw1[31:8], 8'd0};
        if (good && is_write) begin
          wdata_q <= req_data_i;
          state_q <= WRITE;
        end else if (good) state_q <= READ;
        else begin
          // The byte count of a refused memory read is the whole, of anything else 4.
          if (!is_mem) bytes_q <= 13'd4;
          cpl_dw0_q[31:24] <= kind == TYPE_MEM_LK ? CPL_LK : CPL;
          if (!req_last_i) state_q <= SKIP;
          else if (!posted) state_q <= REFUSE;
        end
      end

      WRITE: begin
        first_q <= 1'b0;
        addr_q  <= addr_q + 14'd1;
        left_q  <= left_q - 11'd1;
        idx_q   <= idx_q + 4'd1;
        if (left_q == 11'd1) state_q <= IDLE;
        else if (idx_q == 4'd15) state_q <= ended_q ? IDLE : NEXT;
      end

      NEXT:
      if (req_valid_i) begin
        wdata_q <= req_data_i;
        ended_q <= req_last_i;
        state_q <= WRITE;
      end

      SKIP: if (req_valid_i && req_last_i) state_q <= posted ? IDLE : REFUSE;

      READ: begin
        if (idx_q == 4'd0 && sop_q) begin
          chunk_q           <= chunk - 6'd1;
          cpl_dw0_q[9:0] <= 10'(chunk);
          cpl_dw1_q  <= {completer_id_i, STATUS_SC, 1'b0, bytes_q[11:0]};
          cpl_dw2_q[6:0]  <= {addr_q[6:2], lead};
          cpl_sop_q         <= 1'b1;
          bytes_q           <= bytes_q - ({5'd0, chunk, 2'b00} - 13'(lead));
          if (chunk == 6'd1) state_q <= COLLECT;
        end else begin
          chunk_q <= chunk_q - 6'd1;
          if (chunk_q == 6'd1 || idx_q == 4'd15) state_q <= COLLECT;
        end
        first_q <= 1'b0;
        addr_q  <= addr_q + 14'd1;
        left_q  <= left_q - 11'd1;
        idx_q   <= idx_q + 4'd1;
      end

      COLLECT: begin
        cpl_last_q <= chunk_q == 6'd0;
        state_q    <= SEND;
      end

      SEND:
      if (cpl_ready_i) begin
        cpl_sop_q <= 1'b0;
        sop_q     <= chunk_q == 6'd0;
        idx_q     <= 4'd0;
        state_q   <= (chunk_q == 6'd0 && (left_q == 11'd0 || cpl_dw0_q[31:24] != CPLD)) ? IDLE : READ;
      end

      REFUSE: begin
        cpl_sop_q        <= 1'b1;
        cpl_last_q       <= 1'b1;
        cpl_dw1_q <= {completer_id_i, STATUS_UR, 1'b0, bytes_q[11:0]};
        chunk_q          <= 6'd0;
        state_q          <= SEND;
      end
      default: state_q <= IDLE;
    endcase

    if (!rst_ni) state_q <= IDLE;
  end

  always_ff @(posedge clk_i)
    if (rst_ni && state_q == SEND) begin
      a_len : assert (cpl_dw0_q[9:0] <= 10'd32) else $error("pcie_bar: completion is too long");
    end
endmodule
