// SPDX-License-Identifier: BSD-2-Clause
// SA commands: an installation makes the powers of H first (about 2,100 cycles); then the command is given to the pipeline
// of its direction, which carries it out between two packets. After reset it walks through all indices and removes
// everything, in both directions; the other tables are wiped at the same pace with wipe_o.
module dp_command
  import culvert_pkg::*;
  import dp_pkg::*;
(
    input  logic       clk_i,
    input  logic       rst_ni,
    input  logic       start_i,    // while neither busy_o nor wiping_o
    input  logic       dir_i,      // 1: outbound
    input  sa_op_e     op_i,
    input  logic [SA_W-1:0] index_i,
    input  logic       key256_i,
    input  logic [255:0] key_i,
    output gcm_pkg::gcm_hpow_t hpow_o,
    output logic       busy_o,
    output logic       finish_o,   // pulse: the stage can be erased
    output logic       wiping_o,
    output logic       wipe_o,     // erase entry wipe_index_o of the other tables
    output logic [15:0] wipe_index_o,
    output sa_cmd_t    cmd_in_o,
    output sa_cmd_t    cmd_out_o,
    input  logic       done_in_i,
    input  logic       done_out_i
);
  localparam int unsigned WIPE_COUNT =
      board_pkg::SA_COUNT > board_pkg::TUNNEL_COUNT
        ? (board_pkg::SA_COUNT > board_pkg::FLOW_COUNT ? board_pkg::SA_COUNT : board_pkg::FLOW_COUNT)
        : (board_pkg::TUNNEL_COUNT > board_pkg::FLOW_COUNT ? board_pkg::TUNNEL_COUNT : board_pkg::FLOW_COUNT);
  typedef enum logic [2:0] {WIPE, WIPE_WAIT, IDLE, KEYPREP, ISSUE, FINISH} state_e;
  state_e             state_q, state_d;
  logic [16:0]        wipe_q;
  logic               dir_q, in_q, out_q;  // commands waiting for their done
  sa_op_e             op_q;
  logic [SA_W-1:0]    index_q;
  logic [EPOCH_W-1:0] epoch_q;
  logic               prep_done, unused_prep_busy;

  gcm_keyprep u_keyprep (
      .clk_i, .rst_ni, .start_i(start_i && op_i == SA_INSTALL), .key256_i, .key_i, .wipe_i(state_q == FINISH),
      .busy_o(unused_prep_busy), .done_o(prep_done), .hpow_o
  );

  assign busy_o       = state_q != IDLE;
  assign finish_o     = state_q == FINISH;
  assign wiping_o     = state_q == WIPE || state_q == WIPE_WAIT;
  assign wipe_o       = state_q == WIPE;
  assign wipe_index_o = wipe_q[15:0];
  assign cmd_in_o     = '{valid: in_q, op: op_q, index: index_q, epoch: epoch_q};
  assign cmd_out_o    = '{valid: out_q, op: op_q, index: index_q, epoch: epoch_q};

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      WIPE:      state_d = WIPE_WAIT;
      WIPE_WAIT: if (!in_q && !out_q) state_d = wipe_q == 17'(WIPE_COUNT) ? IDLE : WIPE;
      IDLE:      if (start_i) state_d = op_i == SA_INSTALL ? KEYPREP : ISSUE;
      KEYPREP:   if (prep_done) state_d = ISSUE;
      ISSUE:     if (!in_q && !out_q) state_d = FINISH;
      FINISH:    state_d = IDLE;
      default:   state_d = IDLE;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= WIPE;
      wipe_q  <= '0;
      in_q    <= 1'b0;
      out_q   <= 1'b0;
      epoch_q <= '0;
    end else begin
      state_q <= state_d;
      if (done_in_i) in_q <= 1'b0;
      if (done_out_i) out_q <= 1'b0;
      unique case (state_q)
        WIPE: begin
          op_q    <= SA_REMOVE;
          index_q <= SA_W'(wipe_q);
          wipe_q  <= wipe_q + 17'd1;
          in_q    <= 1'b1;
          out_q   <= 1'b1;
        end
        IDLE: if (start_i) begin
          dir_q   <= dir_i;
          op_q    <= op_i;
          index_q <= index_i;
          if (op_i == SA_INSTALL) epoch_q <= epoch_q == '1 ? EPOCH_W'(1) : epoch_q + 1'b1;  // never 0: removed entries have it
          else begin
            in_q  <= !dir_i;
            out_q <= dir_i;
          end
        end
        KEYPREP: if (prep_done) begin
          in_q  <= !dir_q;
          out_q <= dir_q;
        end
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_state: assert (state_q <= FINISH) else $error("dp_command: illegal state");
      a_start: assert (!start_i || state_q == IDLE) else $error("dp_command: started while busy");
    end
  end
endmodule
