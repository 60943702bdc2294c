// SPDX-License-Identifier: BSD-2-Clause
// DMA read engine: commands become memory reads with a tag each; what completes, in any order between tags, is put
// together in a buffer of WORDS words and given out command by command, whole and in order. A command of which a read
// failed (error completion, poisoned or wrong completion, time-out, no bus mastering) gives one word with out_err_o.
//
// Commands start at a multiple of 64 bytes. So every read does, and as a completer splits at multiples of 64 only
// (2.3.1.1: its read completion boundary), every payload beat is a word of the buffer: nothing needs shifting.
// A read ends at a multiple of min(maximum read request size, CHUNK_BYTES), hence within its 4 KiB page.
//
// Tags: 8 bits, 5 of index and 3 of generation. The generation of a tag changes when it was given up, so that a late
// completion meets no newer request: it is counted as unexpected. The time-out is the engine's: nothing issued and
// nothing completed for TIMEOUT cycles ends every read that is under way.
// Latency: command to read 2 cycles, last completion to first word 3. One word a cycle, one read request a cycle.
module pcie_dma_rd
  import pcie_pkg::*;
  import culvert_pkg::*;
#(
    parameter int unsigned TIMEOUT     = 65536,  // cycles
    parameter int unsigned WORDS       = 256,    // of the buffer
    parameter int unsigned CHUNK_BYTES = 512     // largest read, at least 128
) (
    input logic        clk_i,
    input logic        rst_ni,
    input logic        bus_master_i,
    input logic [ 2:0] max_read_req_i,  // 128 << n bytes
    input logic [15:0] requester_id_i,

    input  logic             cmd_valid_i,
    input  logic [     63:0] cmd_addr_i,
    input  logic [LEN_W-1:0] cmd_len_i,    // bytes
    input  logic             cmd_user_i,   // given back with the words
    output logic             cmd_ready_o,
    output logic             idle_o,       // no command is under way

    output logic         rd_valid_o,  // memory reads
    output logic [127:0] rd_hdr_o,
    input  logic         rd_ready_i,

    input logic         cpl_valid_i,  // completions
    input logic         cpl_sop_i,
    input logic [ 95:0] cpl_hdr_i,
    input logic [511:0] cpl_data_i,
    input logic         cpl_cut_i,

    output logic  out_valid_o,
    output logic  out_user_o,
    output logic  out_err_o,
    output word_t out_word_o,
    input  logic  out_ready_i,

    output logic [5:0] failed_o,     // reads that failed, in this cycle
    output logic       unexpected_o  // pulse: a completion that nobody waits for, or that does not fit its request
);
  localparam int unsigned TAGS = 32;
  localparam int unsigned CMDS = 8;
  localparam int unsigned PTR_W = $clog2(WORDS);
  localparam int unsigned REM_W = $clog2(CHUNK_BYTES) + 1;
  if (WORDS < 256 || 2 ** PTR_W != WORDS) $error("pcie_dma_rd: the buffer must hold a whole command of 2^LEN_W bytes");
  if (CHUNK_BYTES < 128 || CHUNK_BYTES > 4096) $error("pcie_dma_rd: CHUNK_BYTES is out of range");

  // Commands, in order of acceptance.
  logic [2:0] wr_q, rd_q;  // next to accept, next to give out
  logic [3:0] cmds_q;      // between them
  logic [PTR_W:0] words_q[CMDS];
  logic [CMDS-1:0] user_q, err_q, open_q;  // open: not all reads are issued
  logic [7:0] issued_q[CMDS], ended_q[CMDS];
  logic [EMPTY_W-1:0] empty_q[CMDS];  // unused bytes of the last word

  // The command being issued.
  logic is_busy_q, is_last;
  logic [2:0] is_cmd_q;
  logic [63:0] is_addr_q;
  logic [LEN_W-1:0] is_len_q;
  logic [12:0] limit, chunk;
  logic issue;

  // Tags.
  logic [TAGS-1:0] busy_q;
  logic [2:0] gen_q[TAGS];
  logic [2:0] tcmd_q[TAGS];
  logic [PTR_W-1:0] tptr_q[TAGS];
  logic [REM_W-1:0] trem_q[TAGS];
  logic [TAGS-1:0] ta6_q;  // address bit 6 of what comes next
  logic [4:0] next_tag_q;
  logic [$clog2(TIMEOUT+1)-1:0] timer_q;
  logic timeout;

  // Buffer.
  logic [511:0] mem[WORDS];
  logic [PTR_W-1:0] alloc_q, drain_q;
  logic [PTR_W:0] used_q;
  logic [PTR_W:0] need, freed;

  logic accept, head_done, out_load, out_valid_q, pop;
  logic rd_valid_q;
  logic [127:0] rd_hdr_q;

  assign rd_valid_o  = rd_valid_q;
  assign rd_hdr_o    = rd_hdr_q;
  assign idle_o      = cmds_q == '0 && !out_valid_q;
  assign out_valid_o = out_valid_q;

  // ---- accept and issue
  always_comb begin
    need        = (PTR_W + 1)'((32'(cmd_len_i) + 32'd63) >> 6);
    cmd_ready_o = !is_busy_q && !cmds_q[3] && 32'(used_q) + 32'(need) <= WORDS;
    accept      = cmd_valid_i && cmd_ready_o;

    limit       = '0;
    chunk       = '0;
    if (is_busy_q) begin
      limit = 13'd128 << max_read_req_i;
      if (limit > 13'(CHUNK_BYTES)) limit = 13'(CHUNK_BYTES);
      chunk = limit - (is_addr_q[12:0] & (limit - 13'd1));
      if (LEN_W'(chunk) >= is_len_q) chunk = 13'(is_len_q);
    end
    is_last = LEN_W'(chunk) == is_len_q;
    issue   = is_busy_q && bus_master_i && !busy_q[next_tag_q] && (!rd_valid_q || rd_ready_i) && !timeout;
  end

  // ---- completions: decode of the first beat
  logic [4:0] c_tag, b_tag_q, b_tag;
  logic c_match, c_good, c_final, c_start, c_fail, b_on_q, b_final_q, b_beat, b_end, b_fail;
  logic [10:0] c_dws;
  logic [12:0] c_bytes;
  logic [PTR_W-1:0] b_ptr_q, b_ptr;
  logic [6:0] b_left_q;  // beats from the next one on
  logic beat_last;
  always_comb begin
    {c_match, c_good, c_final, c_start, c_fail, b_beat, b_end, b_fail, beat_last} = '0;
    c_tag   = cpl_hdr_i[76:72];
    c_dws   = '0;
    c_bytes = '0;
    b_tag   = '0;
    b_ptr   = '0;
    if (cpl_valid_i) begin
      c_match = busy_q[c_tag] && gen_q[c_tag] == cpl_hdr_i[79:77] && cpl_hdr_i[95:80] == requester_id_i &&
                cpl_hdr_i[28:24] == TYPE_CPL;
      c_dws   = tlp_dws(cpl_hdr_i[31:0]);
      c_bytes = {c_dws, 2'b00};
      c_final = c_bytes >= 13'(trem_q[c_tag]);
      c_good  = cpl_hdr_i[30] && !cpl_hdr_i[14] && cpl_hdr_i[47:45] == STATUS_SC &&
                cpl_hdr_i[43:32] == 12'(trem_q[c_tag]) && cpl_hdr_i[70:64] == {ta6_q[c_tag], 6'd0} &&
                (c_final ? 32'(c_dws) == (32'(trem_q[c_tag]) + 32'd3) >> 2 : c_dws[3:0] == 4'd0);
      c_start = cpl_sop_i && c_match && !timeout;
      c_fail  = c_start && !c_good;
      b_beat  = (cpl_sop_i ? c_start && c_good : b_on_q) && !timeout;
      b_tag   = cpl_sop_i ? c_tag : b_tag_q;
      b_ptr   = cpl_sop_i ? tptr_q[c_tag] : b_ptr_q;
      beat_last = cpl_sop_i ? c_dws <= 11'd16 : b_left_q == 7'd1;
      b_fail  = b_beat && cpl_cut_i;
      b_end   = b_beat && !cpl_cut_i && beat_last && (cpl_sop_i ? c_final : b_final_q);
    end
  end
  assign timeout      = 32'(timer_q) == TIMEOUT;
  // A status other than successful is a failed read; anything else that does not fit is the completer's mistake too.
  assign unexpected_o = cpl_valid_i && cpl_sop_i &&
                        (!c_match || (!c_good && !(cpl_hdr_i[47:45] != STATUS_SC && !cpl_hdr_i[30])));
  assign failed_o     = timeout ? 6'($countones(busy_q)) : 6'(c_fail) + 6'(b_fail) +
                        6'(is_busy_q && !bus_master_i);

  always_ff @(posedge clk_i)
    if (b_beat) mem[b_ptr] <= cpl_data_i;

  // ---- state of tags and commands
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q       <= '0;
      rd_q       <= '0;
      cmds_q     <= '0;
      is_busy_q  <= 1'b0;
      busy_q     <= '0;
      next_tag_q <= '0;
      timer_q    <= '0;
      alloc_q    <= '0;
      used_q     <= '0;
      b_on_q     <= 1'b0;
      rd_valid_q <= 1'b0;
      open_q     <= '0;
      for (int t = 0; t < TAGS; t++) gen_q[t] <= '0;
    end else begin
      if (accept || pop) cmds_q <= cmds_q + 4'(accept) - 4'(pop);
      if (accept || out_load) used_q <= used_q + (accept ? need : '0) - freed;
      if (pop) rd_q <= rd_q + 3'd1;
      if (accept) begin
        wr_q           <= wr_q + 3'd1;
        words_q[wr_q]  <= need;
        user_q[wr_q]   <= cmd_user_i;
        err_q[wr_q]    <= 1'b0;
        open_q[wr_q]   <= 1'b1;
        issued_q[wr_q] <= '0;
        ended_q[wr_q]  <= '0;
        is_busy_q      <= 1'b1;
        is_cmd_q       <= wr_q;
        is_addr_q      <= cmd_addr_i;
        is_len_q       <= cmd_len_i;
        empty_q[wr_q]  <= -cmd_len_i[EMPTY_W-1:0];
      end

      if (rd_ready_i) rd_valid_q <= 1'b0;
      if (issue) begin
        rd_valid_q           <= 1'b1;
        rd_hdr_q <= {
          mem_address(is_addr_q),
          mem_header(1'b0, is_addr_q[63:32] != 32'd0, chunk, requester_id_i, {gen_q[next_tag_q], next_tag_q})
        };
        busy_q[next_tag_q]   <= 1'b1;
        tcmd_q[next_tag_q]   <= is_cmd_q;
        tptr_q[next_tag_q]   <= alloc_q;
        trem_q[next_tag_q]   <= REM_W'(chunk);
        ta6_q[next_tag_q]    <= is_addr_q[6];
        next_tag_q           <= next_tag_q + 5'd1;
        alloc_q              <= alloc_q + PTR_W'((chunk + 13'd63) >> 6);
        issued_q[is_cmd_q]   <= issued_q[is_cmd_q] + 8'd1;
        is_addr_q            <= is_addr_q + 64'(chunk);
        is_len_q             <= is_len_q - LEN_W'(chunk);
        if (is_last) begin
          is_busy_q        <= 1'b0;
          open_q[is_cmd_q] <= 1'b0;
        end
      end else if (is_busy_q && !bus_master_i) begin
        is_busy_q        <= 1'b0;
        open_q[is_cmd_q] <= 1'b0;
        err_q[is_cmd_q]  <= 1'b1;
        alloc_q          <= alloc_q + PTR_W'((32'(is_len_q) + 32'd63) >> 6);
      end

      if (cpl_valid_i) begin
        b_on_q <= b_beat && !beat_last && !b_fail;
        if (b_beat) begin
          b_tag_q  <= b_tag;
          b_ptr_q  <= b_ptr + PTR_W'(1);
          b_left_q <= cpl_sop_i ? 7'((c_dws - 11'd1) >> 4) : b_left_q - 7'd1;
          if (cpl_sop_i) begin
            b_final_q     <= c_final;
            trem_q[c_tag] <= trem_q[c_tag] - REM_W'(c_bytes);
            tptr_q[c_tag] <= tptr_q[c_tag] + PTR_W'(c_dws >> 4);
            ta6_q[c_tag]  <= ta6_q[c_tag] ^ c_dws[4];
          end
        end
        if (c_fail || b_fail || b_end) begin
          busy_q[b_tag]          <= 1'b0;
          ended_q[tcmd_q[b_tag]] <= ended_q[tcmd_q[b_tag]] + 8'd1;
        end
        if (c_fail || b_fail) begin
          err_q[tcmd_q[b_tag]] <= 1'b1;
          gen_q[b_tag]         <= gen_q[b_tag] + 3'd1;
        end
      end

      if (busy_q != '0) timer_q <= (issue || cpl_valid_i || timeout) ? '0 : timer_q + 1'b1;
      else if (timer_q != '0) timer_q <= '0;
      if (timeout) begin
        busy_q <= '0;
        b_on_q <= 1'b0;
        for (int t = 0; t < TAGS; t++) if (busy_q[t]) gen_q[t] <= gen_q[t] + 3'd1;
        for (int c = 0; c < CMDS; c++) begin
          if (ended_q[c] != issued_q[c]) err_q[c] <= 1'b1;
          ended_q[c] <= issued_q[c];
        end
      end
    end
  end

  // ---- give out
  logic [PTR_W:0] out_left_q;  // words of the command after the one in the register
  logic out_user_q, out_err_q;
  logic [EMPTY_W-1:0] out_empty_q;  // of the command's last word
  logic out_last;                   // the word to be loaded is the last
  word_t out_word_q;
  assign out_user_o = out_user_q;
  assign out_err_o  = out_err_q;
  assign out_word_o = out_word_q;
  always_comb begin
    head_done = cmds_q != '0 && !open_q[rd_q] && issued_q[rd_q] == ended_q[rd_q];
    out_load  = (!out_valid_q || out_ready_i) && ((out_valid_q && out_left_q != '0) || head_done);
    // The command leaves the list with its first word, its room in the buffer is free again word by word.
    pop       = out_load && !(out_valid_q && out_left_q != '0);
    out_last  = pop ? err_q[rd_q] || words_q[rd_q] == (PTR_W + 1)'(1) : out_left_q == (PTR_W + 1)'(1);
    freed     = !out_load ? '0 : pop && err_q[rd_q] ? words_q[rd_q] : (PTR_W + 1)'(1);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_q <= 1'b0;
      out_left_q  <= '0;
      drain_q     <= '0;
    end else begin
      if (out_ready_i && !out_load) out_valid_q <= 1'b0;
      if (out_load) begin
        out_valid_q <= 1'b1;
        out_word_q  <= '{
            sop: pop,
            last: out_last,
            empty: !out_last ? '0 : pop ? empty_q[rd_q] : out_empty_q,
            data: mem[drain_q]
        };
        if (pop) begin
          out_user_q <= user_q[rd_q];
          out_empty_q <= empty_q[rd_q];
          out_err_q  <= err_q[rd_q];
          out_left_q <= err_q[rd_q] ? '0 : words_q[rd_q] - 1'b1;
          drain_q    <= drain_q + (err_q[rd_q] ? PTR_W'(words_q[rd_q]) : PTR_W'(1));
        end else begin
          out_left_q <= out_left_q - 1'b1;
          drain_q    <= drain_q + PTR_W'(1);
        end
      end
    end
  end
endmodule
