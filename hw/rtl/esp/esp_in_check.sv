// SPDX-License-Identifier: BSD-2-Clause
// Looks at decrypted words as they pass: the inner IPv4 header in the first, padding and next header at the end. One
// verdict a packet, four cycles after its last word. It never stalls.
//
// Padding must be 1, 2, 3, ... (RFC 4303 section 2.4) but its length is known only behind it. So each word keeps the
// length of the run of bytes that grow by one and ends with the byte before last but two; at the end the run that leads up
// to the pad length must be as long as it says.
module esp_in_check
  import culvert_pkg::*;
  import dp_pkg::*;
  import esp_pkg::*;
(
    input  logic         clk_i,
    input  logic         rst_ni,
    input  logic         valid_i,
    input  logic         sop_i,
    input  logic         last_i,
    input  logic [511:0] data_i,
    input  logic         auth_ok_i,  // with the last word
    input  in_flight_t   flight_i,   // constant over the packet
    output logic         valid_o,
    output in_verdict_t  verdict_o
);
  localparam int unsigned FAR = 64 + 320;  // bytes before the end at which no padding can be

  // A: the word. rem counts the plaintext bytes from this word on.
  logic             a_valid_q, a_sop_q, a_last_q, a_auth_q;
  logic [511:0]     a_data_q;
  logic [LEN_W-1:0] a_rem_q, rem_q;
  in_flight_t       a_flight_q, b_flight_q;
  // B: runs and trailer bytes
  logic             b_valid_q, b_sop_q, b_last_q, b_auth_q, b_trail_q;
  logic [5:0]       b_end_q;     // index of the last pad byte in {word, two bytes before it}
  logic [63:0]      b_inc_q;     // byte i is one more than the byte before it
  logic [15:0]      before_q;    // last two bytes of the word before
  logic [7:0]       b_pad_q, b_len_q, b_next_q;
  ip_t              b_ip_q;
  // C: run length, verdict
  logic [1:0]       inc_before_q;
  logic [8:0]       tail_q;      // run that ends with byte 61 of the word before
  logic             c_valid_q, trail_ok_q;
  logic [7:0]       trail_len_q, trail_next_q;
  in_verdict_t      c_q;

  assign valid_o   = c_valid_q;
  assign verdict_o = c_q;

  wire logic [LEN_W-1:0] rem = sop_i ? flight_i.plain_len : rem_q;
  wire logic             a_trail = a_rem_q != '0 && a_rem_q <= LEN_W'(64);
  wire logic [527:0]     ext = {a_data_q, before_q};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {a_valid_q, b_valid_q, c_valid_q} <= '0;
    else begin
      a_valid_q <= valid_i;
      b_valid_q <= a_valid_q;
      c_valid_q <= b_valid_q && b_last_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      a_sop_q    <= sop_i;
      a_last_q   <= last_i;
      a_auth_q   <= auth_ok_i;
      a_data_q   <= data_i;
      a_rem_q    <= rem;
      a_flight_q <= flight_i;
      rem_q      <= rem > LEN_W'(64) ? rem - LEN_W'(64) : '0;
    end
    if (a_valid_q) begin
      b_sop_q    <= a_sop_q;
      b_last_q   <= a_last_q;
      b_auth_q   <= a_auth_q;
      b_flight_q <= a_flight_q;
      before_q   <= a_data_q[511:496];
      b_trail_q  <= a_trail;
      b_end_q    <= a_rem_q[5:0] - 6'd1;
      if (a_trail) begin
        b_pad_q  <= ext[8*(32'(a_rem_q)-1)+:8];
        b_len_q  <= ext[8*32'(a_rem_q)+:8];
        b_next_q <= ext[8*(32'(a_rem_q)+1)+:8];
      end
      if (a_rem_q > LEN_W'(FAR)) b_inc_q <= '0;
      else for (int unsigned i = 0; i < 64; i++) b_inc_q[i] <= ext[8*(i+2)+:8] == 8'(ext[8*(i+1)+:8] + 8'd1);
      if (a_sop_q) b_ip_q <= parse_ip(a_data_q[191:0], a_flight_q.plain_len - LEN_W'(2));
    end
  end

  // The run that ends at `at`: bit 0 and 1 are the last two bytes of the word before.
  logic [63:0] breaks;
  logic [5:0]  at, top;
  logic [8:0]  run;
  logic        run_all, trail_ok;
  logic [7:0]  pad_len, next;
  always_comb begin
    at      = b_trail_q ? b_end_q : 6'd63;
    breaks  = ~{b_inc_q[61:0], inc_before_q & {2{!b_sop_q}}} & (64'hffff_ffff_ffff_ffff >> (6'd63 - at));
    run_all = breaks == '0;
    top     = '0;
    if (b_valid_q && !run_all) for (int unsigned i = 0; i < 64; i++) if (breaks[i]) top = 6'(i);
    run = run_all ? 9'(at) + 9'd1 + (b_sop_q ? 9'd0 : tail_q) : 9'(at) - 9'(top);
    trail_ok = (b_len_q == '0 || (b_pad_q == b_len_q && run + 9'd1 >= 9'(b_len_q)))
             && LEN_W'(b_len_q) + LEN_W'(2) <= b_flight_q.plain_len;
    pad_len = b_trail_q ? b_len_q : trail_len_q;
    next    = b_trail_q ? b_next_q : trail_next_q;
  end

  wire logic [LEN_W-1:0] room = b_flight_q.plain_len - LEN_W'(2) - LEN_W'(pad_len);  // for the inner packet

  always_ff @(posedge clk_i) begin
    if (b_valid_q) begin
      inc_before_q <= b_inc_q[63:62];
      tail_q       <= run > 9'd255 ? 9'd255 : run;
      if (b_trail_q) begin
        trail_ok_q   <= trail_ok;
        trail_len_q  <= b_len_q;
        trail_next_q <= b_next_q;
      end
      if (b_last_q) begin
        c_q <= '{sa: b_flight_q.sa, epoch: b_flight_q.epoch, seq: b_flight_q.seq, words: b_flight_q.words, auth_ok: b_auth_q,
                 pad_ok: (b_trail_q ? trail_ok : trail_ok_q) && (next == 8'd4 || next == 8'd59),
                 dummy: next == 8'd59,
                 inner_ok: !b_ip_q.bad && LEN_W'(b_ip_q.total) <= room && b_ip_q.total[15:LEN_W] == '0 && (b_ip_q.options || b_ip_q.sum_ok),
                 inner_len: LEN_W'(b_ip_q.total), src: b_ip_q.src, dst: b_ip_q.dst};
      end
    end
  end
endmodule
