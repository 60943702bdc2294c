// SPDX-License-Identifier: BSD-2-Clause
// Exit of the engine: a FIFO of DEPTH words that never overflows (credits are taken at the entry) and the place where an
// ICV is put behind the ciphertext, or compared. A word may leave when it has aged by as many cycles as an ICV takes, so
// packets leave without gaps. Outputs are registered; ready_i reaches only enables.
module gcm_out
  import gcm_pkg::*;
#(
    parameter bit          ENCRYPT = 1'b1,
    parameter type         USER_T  = logic [31:0],
    parameter int unsigned AGE     = 18  // cycles that a word waits; one more than from word_valid_i to tag_valid_i
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             open_i,        // a packet enters the engine: keep its sideband
    input  logic [PID_W-1:0] open_pid_i,
    input  USER_T            open_user_i,
    input  logic             word_valid_i,
    /* verilator lint_off UNUSEDSIGNAL */  // a common type, used in part
    input  slot_meta_t       word_meta_i,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [511:0]     word_data_i,   // bytes that are not payload zero
    input  logic             tag_valid_i,
    input  logic [PID_W-1:0] tag_pid_i,
    input  logic [127:0]     tag_i,         // ENCRYPT: ICV turned so that byte i of it is the one for bytes i mod 16 of a word
    input  logic             tag_ok_i,      // !ENCRYPT: the ICV received is right
    output logic             pop_o,         // a word leaves: its credit is free
    output logic             valid_o,
    input  logic             ready_i,
    output gcm_word_t        word_o,
    output USER_T            user_o,
    output logic             auth_ok_o      // !ENCRYPT, with the last word
);
  localparam int unsigned PTR_W = $clog2(DEPTH);

  typedef struct packed {
    logic       sop;
    logic       last;
    logic [6:0] pbytes;
    logic [6:0] tbytes;
  } tail_t;

  logic [511:0]     data_mem [DEPTH];
  tail_t            tail_mem [DEPTH];
  USER_T            user_mem [DEPTH];
  logic [127:0]     tag_mem  [DEPTH];
  logic             ok_mem   [DEPTH];
  logic [PTR_W-1:0] wr_q, rd_q;
  logic [PID_W-1:0] pid_q;      // packet at the head
  logic [PTR_W:0]   ready_words_q;  // words old enough to leave
  logic [AGE-1:0]   age_q;      // bit i: a word was written i + 1 cycles ago
  logic [PTR_W:0]   tags_q;     // packets whose ICV is there
  logic             pop;
  tail_t            head;

  // An ICV may begin in the word before the last. The last one follows in the next cycle; or it waits for the credit of the
  // first of DEPTH words, and its ICV is there before the other DEPTH - 1 have left (a_tag).
  assign head  = tail_mem[rd_q];
  assign pop   = ready_words_q != '0 && (!valid_o || ready_i);
  assign pop_o = pop;

  always_ff @(posedge clk_i) begin
    if (open_i) user_mem[open_pid_i] <= open_user_i;
    if (word_valid_i) begin
      data_mem[wr_q] <= word_data_i;
      tail_mem[wr_q] <= '{sop: word_meta_i.sop, last: word_meta_i.last, pbytes: word_meta_i.pbytes,
                          tbytes: word_meta_i.tbytes};
    end
    if (tag_valid_i) begin
      if (ENCRYPT) tag_mem[tag_pid_i] <= tag_i;
      ok_mem[tag_pid_i] <= tag_ok_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q          <= '0;
      rd_q          <= '0;
      pid_q         <= '0;
      ready_words_q <= '0;
      tags_q        <= '0;
      age_q         <= '0;
      valid_o       <= 1'b0;
    end else begin
      age_q <= {age_q[AGE-2:0], word_valid_i};
      if (word_valid_i) wr_q <= wr_q + 1'b1;
      if (pop) begin
        rd_q <= rd_q + 1'b1;
        if (head.last) pid_q <= pid_q + 1'b1;
      end
      if (age_q[AGE-1] != pop) ready_words_q <= pop ? ready_words_q - 1'b1 : ready_words_q + 1'b1;
      if (tag_valid_i != (pop && head.last)) tags_q <= tag_valid_i ? tags_q + 1'b1 : tags_q - 1'b1;
      if (pop) valid_o <= 1'b1;
      else if (ready_i) valid_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (pop) begin
      logic [511:0] data;
      data = data_mem[rd_q];
      if (ENCRYPT && head.pbytes != 7'd64) begin
        logic [127:0] tag;
        tag = tag_mem[pid_q];
        for (int unsigned i = 0; i < 8; i++) begin
          logic [63:0] mask;
          mask = below(4'(i), head.tbytes) & ~below(4'(i), head.pbytes);
          data[64*i+:64] = data[64*i+:64] | (tag[64*(i%2)+:64] & mask);
        end
      end
      word_o <= '{sop: head.sop, last: head.last, bytes: ENCRYPT ? head.tbytes : head.pbytes, data: data};
      user_o    <= user_mem[pid_q];
      auth_ok_o <= !ENCRYPT && head.last && ok_mem[pid_q];
    end
  end

  if (AGE < 2) begin : g_bad_age
    $error("gcm_out: AGE must be at least 2");
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_room: assert (ready_words_q <= (PTR_W+1)'(DEPTH)) else $error("gcm_out: more words than there is room for");
      a_tag: assert (!pop || tags_q != '0 || !head.last && (!ENCRYPT || head.pbytes == 7'd64))
        else $error("gcm_out: a word left before its ICV was there");
    end
  end
endmodule
