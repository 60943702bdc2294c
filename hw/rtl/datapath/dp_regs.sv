// SPDX-License-Identifier: BSD-2-Clause
// Register bus of the datapath (hw/regs/dp.regs): settings, table writes, the stage of SA commands, events, counters.
// A request is answered in the next cycle but one and must be held until ack. Writing a table entry that does not exist,
// starting a command while one is under way, and addresses without a register answer with an error and do nothing.
module dp_regs
  import culvert_pkg::*;
  import dp_pkg::*;
  import dp_regs_pkg::*;
(
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        req_i,
    input  logic        we_i,
    input  logic [15:0] addr_i,
    input  logic [31:0] wdata_i,
    output logic        ack_o,
    output logic [31:0] rdata_o,
    output logic        err_o,
    output config_t     config_o,
    output tables_t     tables_o,
    output sa_stage_t   stage_o,
    output sa_cmd_t     cmd_in_o,
    output sa_cmd_t     cmd_out_o,
    input  logic        done_in_i,
    input  logic        done_out_i,
    input  sa_result_t  result_in_i,
    input  sa_result_t  result_out_i,
    input  event_t      event_i,        // head of the event FIFO
    output logic        event_pop_o,
    output logic [5:0]  counter_index_o,
    input  logic [63:0] counter_value_i
);
  localparam logic [31:0] ID_VALUE = 32'h4450_4154;
  localparam logic [31:0] VERSION_VALUE = 32'h0001_0000;

  logic        enable_q;
  logic [1:0][31:0] mac_lo_q;
  logic [1:0][15:0] mac_hi_q, mtu_q;
  logic [1:0]  rx_enable_q;
  logic [LOCAL_COUNT-1:0][31:0] local_q;
  sa_stage_t   stage_q;
  logic        dir_q;          // of the last command
  logic [15:0] tunnel_index_q, adj_index_q;
  logic [31:0] adj_mac_lo_q;
  fib_entry_t  fib_q;
  flow_entry_t flow_q;
  logic [5:0]  counter_index_q;
  logic [31:0] counter_hi_q;
  tables_t     tables_q;
  sa_result_t  result_q;

  // ---- SA commands -----------------------------------------------------------------------------------------------
  logic        busy, finish, wiping, wipe, start;
  logic [15:0] wipe_index;
  gcm_pkg::gcm_hpow_t hpow;
  logic [SA_W-1:0] cmd_index;
  logic            cmd_dir;
  sa_op_e          cmd_op;
  dp_command u_command (
      .clk_i, .rst_ni, .start_i(start), .dir_i(cmd_dir), .op_i(cmd_op), .index_i(cmd_index),
      .key256_i(stage_q.key256), .key_i(stage_q.key), .hpow_o(hpow), .busy_o(busy), .finish_o(finish), .wiping_o(wiping), .wipe_o(wipe),
      .wipe_index_o(wipe_index), .cmd_in_o, .cmd_out_o, .done_in_i, .done_out_i
  );
  always_comb begin
    stage_o      = stage_q;
    stage_o.hpow = hpow;
  end
  assign config_o = '{enable: enable_q && !wiping, rx_enable: rx_enable_q, mac: {mac_hi_q[1], mac_lo_q[1], mac_hi_q[0], mac_lo_q[0]}, mtu: mtu_q,
                      local_addr: local_q};
  assign tables_o = tables_q;
  assign counter_index_o = counter_index_q;

  // ---- the bus: a request is taken into registers, carried out in the next cycle, answered in the one after ---------
  logic        go, we, ack_q, err_q;
  logic [31:0] addr, wdata, rdata_q;
  assign ack_o   = ack_q;
  assign err_o   = err_q;
  assign rdata_o = rdata_q;
  wire logic take = req_i && !go && !ack_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      go    <= 1'b0;
      ack_q <= 1'b0;
    end else begin
      go    <= take;
      ack_q <= go;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      we    <= we_i;
      addr  <= {16'h0, addr_i};
      wdata <= wdata_i;
    end
  end
  wire logic is_key = addr >= SA_KEY && addr < SA_KEY + 32'(SA_KEY_BYTES);
  wire logic is_local = addr >= LOCAL_ADDR && addr < LOCAL_ADDR + 32'(LOCAL_ADDR_BYTES);
  wire logic [4:0] local_index = addr[6:2] - LOCAL_ADDR[6:2];
  wire logic [2:0] key_index = addr[4:2];
  assign cmd_index = wdata[SA_W-1:0];
  assign cmd_dir   = wdata[SA_COMMAND_DIR_LSB];
  assign cmd_op    = sa_op_e'(wdata[SA_COMMAND_OP_LSB+:2]);
  assign start = go && we && addr == SA_COMMAND && !busy && 32'(wdata[15:0]) < board_pkg::SA_COUNT;
  assign event_pop_o = go && !we && addr == EVENT_POP && event_i.valid;

  // Writes
  logic werr;
  always_comb begin
    werr = 1'b0;
    if (go && we) unique case (addr)
      CONTROL, PORT0_MAC_LO, PORT0_MAC_HI, PORT0_MTU, PORT1_MAC_LO, PORT1_MAC_HI, PORT1_MTU, SA_SALT, SA_SPI, SA_FLAGS, SA_TUNNEL, SA_SRC,
      SA_SRC_MASK, SA_DST, SA_DST_MASK, SA_PORTS, SA_ADJ, SA_SEQ_LO, SA_SEQ_HI, SA_SOFT_BYTES_LO, SA_SOFT_BYTES_HI, SA_HARD_BYTES_LO,
      SA_HARD_BYTES_HI, SA_SOFT_PACKETS_LO, SA_SOFT_PACKETS_HI, SA_HARD_PACKETS_LO, SA_HARD_PACKETS_HI, TUNNEL_INDEX, ADJ_INDEX, ADJ_MAC_LO,
      FIB_PREFIX, FIB_META, FIB_RESULT, FLOW_SRC, FLOW_DST, FLOW_PORTS, FLOW_META, FLOW_RESULT, COUNTER_INDEX: ;
      SA_COMMAND: werr = !start;
      TUNNEL_SA:  werr = 32'(tunnel_index_q) >= board_pkg::TUNNEL_COUNT || 32'(wdata[15:0]) >= board_pkg::SA_COUNT || wiping;
      ADJ_WRITE:  werr = 32'(adj_index_q) >= board_pkg::ADJ_COUNT || wiping;
      FIB_WRITE:  werr = 32'(wdata[15:0]) >= board_pkg::FIB_COUNT || wiping;
      FLOW_WRITE: werr = wiping || wdata[17:16] == 2'd3
                      || 32'(wdata[15:0]) >= (wdata[17:16] == 2'd2 ? FLOW_STASH : 32'(board_pkg::FLOW_COUNT / 2));
      default:    werr = !is_key && !(is_local && 32'(local_index) < LOCAL_COUNT);
    endcase
  end

  wire logic write = go && we && !werr;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      enable_q        <= 1'b0;
      mac_lo_q        <= '0;
      mac_hi_q        <= '0;
      rx_enable_q     <= '0;
      mtu_q           <= {16'd1500, 16'd1500};
      local_q         <= '0;
      stage_q         <= '0;
      dir_q           <= 1'b0;
      tunnel_index_q  <= '0;
      adj_index_q     <= '0;
      adj_mac_lo_q    <= '0;
      fib_q           <= '0;
      flow_q          <= '0;
      counter_index_q <= '0;
    end else if (write) begin
      unique case (addr)
        CONTROL:            enable_q <= wdata[0];
        PORT0_MAC_LO:       mac_lo_q[0] <= wdata;
        PORT0_MAC_HI:       {rx_enable_q[0], mac_hi_q[0]} <= {wdata[31], wdata[15:0]};
        PORT0_MTU:          mtu_q[0] <= wdata[15:0];
        PORT1_MAC_LO:       mac_lo_q[1] <= wdata;
        PORT1_MAC_HI:       {rx_enable_q[1], mac_hi_q[1]} <= {wdata[31], wdata[15:0]};
        PORT1_MTU:          mtu_q[1] <= wdata[15:0];
        SA_SALT:            stage_q.salt <= wdata;
        SA_SPI:             stage_q.spi <= wdata;
        SA_FLAGS: begin
          stage_q.key256      <= wdata[SA_FLAGS_KEY256_LSB];
          stage_q.esn         <= wdata[SA_FLAGS_ESN_LSB];
          stage_q.encap       <= wdata[SA_FLAGS_ENCAP_LSB];
          stage_q.to_host     <= wdata[SA_FLAGS_TO_HOST_LSB];
          stage_q.copy_dscp   <= wdata[SA_FLAGS_COPY_DSCP_LSB];
          stage_q.set_df      <= wdata[SA_FLAGS_SET_DF_LSB];
          stage_q.window_log2 <= wdata[SA_FLAGS_WINDOW_LOG2_LSB+:4];
        end
        SA_TUNNEL:          stage_q.tunnel <= TUNNEL_W'(wdata);
        SA_SRC:             stage_q.src <= wdata;
        SA_SRC_MASK:        stage_q.src_mask <= wdata;
        SA_DST:             stage_q.dst <= wdata;
        SA_DST_MASK:        stage_q.dst_mask <= wdata;
        SA_PORTS:           stage_q.ports <= wdata;
        SA_ADJ:             stage_q.adj <= ADJ_W'(wdata);
        SA_SEQ_LO:          stage_q.seq[31:0] <= wdata;
        SA_SEQ_HI:          stage_q.seq[63:32] <= wdata;
        SA_SOFT_BYTES_LO:   stage_q.soft_bytes[31:0] <= wdata;
        SA_SOFT_BYTES_HI:   stage_q.soft_bytes[63:32] <= wdata;
        SA_HARD_BYTES_LO:   stage_q.hard_bytes[31:0] <= wdata;
        SA_HARD_BYTES_HI:   stage_q.hard_bytes[63:32] <= wdata;
        SA_SOFT_PACKETS_LO: stage_q.soft_packets[31:0] <= wdata;
        SA_SOFT_PACKETS_HI: stage_q.soft_packets[63:32] <= wdata;
        SA_HARD_PACKETS_LO: stage_q.hard_packets[31:0] <= wdata;
        SA_HARD_PACKETS_HI: stage_q.hard_packets[63:32] <= wdata;
        SA_COMMAND:         dir_q <= wdata[SA_COMMAND_DIR_LSB];
        TUNNEL_INDEX:       tunnel_index_q <= wdata[15:0];
        ADJ_INDEX:          adj_index_q <= wdata[15:0];
        ADJ_MAC_LO:         adj_mac_lo_q <= wdata;
        FIB_PREFIX:         fib_q.prefix <= wdata;
        FIB_META: begin
          fib_q.vrf  <= wdata[FIB_META_VRF_LSB+:8];
          fib_q.len  <= wdata[FIB_META_LEN_LSB+:6];
          fib_q.mask <= ~(32'hffff_ffff >> wdata[FIB_META_LEN_LSB+:6]);
        end
        FIB_RESULT:         fib_q.result <= '{kind: kind_e'(wdata[17:16]), target: wdata[15:0]};
        FLOW_SRC:           flow_q.key.src <= wdata;
        FLOW_DST:           flow_q.key.dst <= wdata;
        FLOW_PORTS:         flow_q.key.ports <= wdata;
        FLOW_META:          {flow_q.key.vrf, flow_q.key.proto} <= wdata[15:0];
        FLOW_RESULT:        flow_q.result <= '{kind: kind_e'(wdata[17:16]), target: wdata[15:0]};
        COUNTER_INDEX:      counter_index_q <= wdata[5:0];
        default: begin
          if (is_key) stage_q.key[32*key_index+:32] <= wdata;
          else if (is_local) local_q[local_index[$clog2(LOCAL_COUNT)-1:0]] <= wdata;
        end
      endcase
    end
    if (rst_ni && finish) stage_q <= '0;
  end

  // Table writes, and the wipe of all tables
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tables_q <= '0;
    end else if (wipe) begin
      tables_q              <= '0;
      tables_q.flow.we      <= 3'b111;
      tables_q.flow.slot    <= BUCKET_W'(wipe_index);
      tables_q.fib.we       <= 1'b1;
      tables_q.fib.index    <= FIB_W'(wipe_index);
      tables_q.tunnel.we    <= 1'b1;
      tables_q.tunnel.index <= TUNNEL_W'(wipe_index);
      tables_q.adj.we       <= 1'b1;
      tables_q.adj.index    <= ADJ_W'(wipe_index);
    end else if (write) begin
      tables_q.flow.we   <= addr == FLOW_WRITE ? 3'b001 << wdata[17:16] : 3'b000;
      tables_q.fib.we    <= addr == FIB_WRITE;
      tables_q.tunnel.we <= addr == TUNNEL_SA;
      tables_q.adj.we    <= addr == ADJ_WRITE;
      if (addr == FLOW_WRITE) begin
        tables_q.flow.slot        <= BUCKET_W'(wdata[15:0]);
        tables_q.flow.entry       <= wdata[31] ? flow_q : '0;
        tables_q.flow.entry.valid <= wdata[31];
      end
      if (addr == FIB_WRITE) begin
        tables_q.fib.index       <= FIB_W'(wdata[15:0]);
        tables_q.fib.entry       <= wdata[31] ? fib_q : '0;
        tables_q.fib.entry.valid <= wdata[31];
      end
      tables_q.tunnel.index <= TUNNEL_W'(tunnel_index_q);
      tables_q.tunnel.entry <= '{valid: wdata[TUNNEL_SA_VALID_LSB], mtu: wdata[TUNNEL_SA_MTU_LSB+:15], sa: SA_W'(wdata[15:0])};
      tables_q.adj.index    <= ADJ_W'(adj_index_q);
      tables_q.adj.entry    <= '{valid: wdata[31], port: wdata[16], mac: {wdata[15:0], adj_mac_lo_q}};
    end else begin
      tables_q.flow.we   <= '0;
      tables_q.fib.we    <= 1'b0;
      tables_q.tunnel.we <= 1'b0;
      tables_q.adj.we    <= 1'b0;
    end
  end

  // Reads
  always_ff @(posedge clk_i) begin
    if (finish) result_q <= dir_q ? result_out_i : result_in_i;
    if (go) begin
      rdata_q <= '0;
      err_q   <= werr;
      if (!we && addr == COUNTER_LO) counter_hi_q <= counter_value_i[63:32];
    end
    if (go && !we) begin
      unique case (addr)
        ID:              rdata_q <= ID_VALUE;
        VERSION:         rdata_q <= VERSION_VALUE;
        STATUS:          rdata_q <= {29'h0, event_i.valid, wiping, busy};
        CONTROL:         rdata_q <= {31'h0, enable_q};
        PORT0_MAC_LO:    rdata_q <= mac_lo_q[0];
        PORT0_MAC_HI:    rdata_q <= {rx_enable_q[0], 15'h0, mac_hi_q[0]};
        PORT0_MTU:       rdata_q <= {16'h0, mtu_q[0]};
        PORT1_MAC_LO:    rdata_q <= mac_lo_q[1];
        PORT1_MAC_HI:    rdata_q <= {rx_enable_q[1], 15'h0, mac_hi_q[1]};
        PORT1_MTU:       rdata_q <= {16'h0, mtu_q[1]};
        SA_R_PACKETS_LO: rdata_q <= result_q.packets[31:0];
        SA_R_PACKETS_HI: rdata_q <= result_q.packets[63:32];
        SA_R_BYTES_LO:   rdata_q <= result_q.bytes[31:0];
        SA_R_BYTES_HI:   rdata_q <= result_q.bytes[63:32];
        SA_R_SEQ_LO:     rdata_q <= result_q.seq[31:0];
        SA_R_SEQ_HI:     rdata_q <= result_q.seq[63:32];
        SA_R_AUTH_FAIL:  rdata_q <= result_q.auth_fail;
        SA_R_REPLAY:     rdata_q <= result_q.replay;
        SA_R_POLICY:     rdata_q <= result_q.policy;
        SA_R_VALID:      rdata_q <= {31'h0, result_q.valid};
        TUNNEL_INDEX:    rdata_q <= {16'h0, tunnel_index_q};
        ADJ_INDEX:       rdata_q <= {16'h0, adj_index_q};
        ADJ_MAC_LO:      rdata_q <= adj_mac_lo_q;
        FIB_PREFIX:      rdata_q <= fib_q.prefix;
        FIB_META:        rdata_q <= {16'h0, fib_q.vrf, 2'h0, fib_q.len};
        FIB_RESULT:      rdata_q <= {14'h0, fib_q.result};
        FLOW_SRC:        rdata_q <= flow_q.key.src;
        FLOW_DST:        rdata_q <= flow_q.key.dst;
        FLOW_PORTS:      rdata_q <= flow_q.key.ports;
        FLOW_META:       rdata_q <= {16'h0, flow_q.key.vrf, flow_q.key.proto};
        FLOW_RESULT:     rdata_q <= {14'h0, flow_q.result};
        FLOW_HASH:       rdata_q <= {16'(flow_hash(flow_q.key, 1'b1)), 16'(flow_hash(flow_q.key, 1'b0))};
        EVENT_POP:       rdata_q <= event_i.valid ? {1'b1, 10'h0, event_i.dir, event_i.kind, event_i.index} : '0;
        COUNTER_INDEX:   rdata_q <= {26'h0, counter_index_q};
        COUNTER_LO:      rdata_q <= counter_value_i[31:0];
        COUNTER_HI:      rdata_q <= counter_hi_q;
        default:         if (is_local && 32'(local_index) < LOCAL_COUNT) rdata_q <= local_q[local_index[$clog2(LOCAL_COUNT)-1:0]];
                         // the stage and what starts something are write-only: they read as zero
                         else err_q <= !(addr >= SA_KEY && addr <= SA_COMMAND)
                                  && addr != TUNNEL_SA && addr != ADJ_WRITE && addr != FIB_WRITE && addr != FLOW_WRITE;
      endcase
    end
  end
endmodule
