// SPDX-License-Identifier: BSD-2-Clause
// Entry of the engine: holds one word, counts words that include the ICV, takes a credit for each.
// Latency 1 cycle (decrypting: and until the next word of the packet is seen), a word a cycle. ready depends on registers
// only; the engine behind takes whatever is emitted.
//   - encrypting, a packet whose last word has no room for 16 more bytes gets one word more, made here; the input waits for it
//   - decrypting, a word leaves when it is the last one or when the next has come: an ICV of which the last word holds
//     less than 16 bytes began in the word before
module gcm_front
  import gcm_pkg::*;
#(
    parameter bit  ENCRYPT = 1'b1,
    parameter type USER_T  = logic [31:0]
) (
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    output logic         ready_o,
    input  gcm_word_t    word_i,
    input  gcm_ctx_t     ctx_i,
    input  USER_T        user_i,
    input  logic         credit_i,  // a word may be emitted
    output logic         emit_o,
    output slot_meta_t   meta_o,
    output logic [511:0] data_o,
    output gcm_ctx_t     ctx_o,
    output USER_T        user_o
);
  logic             hold_valid_q;
  gcm_word_t        hold_q;
  gcm_ctx_t         ctx_q;
  USER_T            user_q;
  logic             extra_q;  // the word to be emitted is the one that the ICV needs
  logic [7:0]       widx_q;   // number of the next word emitted, unless it starts a packet
  logic [PID_W-1:0] pid_q;    // packet of the next word emitted
  logic             need_extra, leave;

  assign need_extra = ENCRYPT && hold_q.last && hold_q.bytes > 7'd48;
  assign leave      = credit_i && !(need_extra && !extra_q);
  assign ready_o    = !hold_valid_q || leave;
  assign emit_o     = hold_valid_q && credit_i && (ENCRYPT || hold_q.last || valid_i);
  assign data_o     = hold_q.data;
  assign ctx_o      = ctx_q;
  assign user_o     = user_q;

  always_comb begin
    meta_o.sop    = hold_q.sop && !extra_q;
    meta_o.last   = hold_q.last && (!need_extra || extra_q);
    meta_o.runt   = 1'b0;
    meta_o.pbytes = 7'd64;
    meta_o.tbytes = 7'd64;
    meta_o.widx   = meta_o.sop ? 8'd0 : widx_q;
    meta_o.pid    = pid_q;
    if (ENCRYPT) begin
      if (extra_q) begin
        meta_o.pbytes = 7'd0;
        meta_o.tbytes = hold_q.bytes - 7'd48;
      end else if (hold_q.last) begin
        meta_o.pbytes = hold_q.bytes;
        meta_o.tbytes = need_extra ? 7'd64 : hold_q.bytes + 7'd16;
      end
    end else begin
      if (hold_q.last) begin
        meta_o.runt   = hold_q.sop && hold_q.bytes <= 7'd16;
        meta_o.pbytes = hold_q.bytes > 7'd16 ? hold_q.bytes - 7'd16 : 7'd0;
        meta_o.tbytes = hold_q.bytes;
      end else if (word_i.last && word_i.bytes < 7'd16) begin
        meta_o.pbytes = 7'd48 + word_i.bytes;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      hold_valid_q <= 1'b0;
      extra_q      <= 1'b0;
      widx_q       <= '0;
      pid_q        <= '0;
    end else begin
      if (valid_i && ready_o)                   hold_valid_q <= 1'b1;
      else if (emit_o && !(need_extra && !extra_q)) hold_valid_q <= 1'b0;
      if (emit_o) begin
        extra_q <= need_extra && !extra_q;
        widx_q  <= meta_o.widx + 8'd1;
        if (meta_o.last) pid_q <= pid_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) begin
      hold_q <= word_i;
      ctx_q  <= ctx_i;
      user_q <= user_i;
    end
  end

  // What the sender owes.
  logic open_q;  // inside a packet
  always_ff @(posedge clk_i) begin
    if (!rst_ni) open_q <= 1'b0;
    else if (valid_i && ready_o) open_q <= !word_i.last;
  end
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i && ready_o) begin
      a_sop: assert (word_i.sop == !open_q) else $error("gcm_front: sop must mark exactly the first word of a packet");
      a_full: assert (word_i.last || word_i.bytes == 7'd64) else $error("gcm_front: only the last word may be short");
      a_bytes: assert (word_i.bytes >= 7'd1 && word_i.bytes <= 7'd64) else $error("gcm_front: bytes must be 1 to 64");
      a_aad: assert (ctx_i.aad_bytes <= 5'd16) else $error("gcm_front: at most 16 bytes of AAD");
    end
    if (rst_ni && emit_o) begin
      a_long: assert (meta_o.sop || widx_q != 8'd0) else $error("gcm_front: packet of more than 256 words");
    end
  end
endmodule
