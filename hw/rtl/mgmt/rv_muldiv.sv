// SPDX-License-Identifier: BSD-2-Clause
// The M extension. A product is there one cycle after start_i; a quotient or remainder takes one cycle a bit, leading
// zero bytes of the dividend left out: 10, 18, 26 or 34 cycles. done_o is up for one cycle with the result.
module rv_muldiv (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic        start_i,  // not while a division is under way
    input  logic [ 2:0] op_i,     // funct3; stays until done_o
    input  logic [31:0] a_i,
    input  logic [31:0] b_i,
    output logic        done_o,
    output logic [31:0] result_o
);
  logic        busy_q, done_q;
  logic [ 5:0] count_q;
  logic [63:0] prod_q;
  logic [31:0] fix_q;         // what a signed factor's top bit adds wrongly to the upper half
  logic [31:0] quo_q, rem_q, divisor_q;
  logic        neg_quo_q, neg_rem_q;

  logic a_neg, b_neg;  // operands of a signed operation that are negative
  logic b_zero;        // a quotient by zero is all ones, in the bits left out too
  assign b_zero = b_i == 0;
  logic [31:0] a_abs, b_abs;
  always_comb begin
    if (op_i[2]) begin  // div 100, divu 101, rem 110, remu 111
      a_neg = !op_i[0] && a_i[31];
      b_neg = !op_i[0] && b_i[31];
    end else begin      // mul 000, mulh 001, mulhsu 010, mulhu 011
      a_neg = op_i[1:0] != 2'b11 && a_i[31];
      b_neg = !op_i[1] && b_i[31];
    end
    a_abs = a_neg ? -a_i : a_i;
    b_abs = b_neg ? -b_i : b_i;
  end

  // One step: shift the next bit of the dividend into the remainder, subtract if it fits.
  logic [32:0] trial, diff;
  assign trial = {rem_q, quo_q[31]};
  assign diff  = trial - {1'b0, divisor_q};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      if (done_q) done_q <= 1'b0;
      if (start_i && !op_i[2]) begin
        prod_q <= {32'b0, a_i} * {32'b0, b_i};
        fix_q  <= (a_neg ? b_i : '0) + (b_neg ? a_i : '0);
        done_q <= 1'b1;
      end
      if (start_i && op_i[2]) begin
        busy_q    <= 1'b1;
        rem_q     <= '0;
        divisor_q <= b_abs;
        neg_quo_q <= (a_neg ^ b_neg) && !b_zero;
        neg_rem_q <= a_neg;
        if (a_abs[31:24] != 0) begin
          quo_q   <= a_abs;
          count_q <= 6'd31;
        end else if (a_abs[23:16] != 0) begin
          quo_q   <= {a_abs[23:0], {8{b_zero}}};
          count_q <= 6'd23;
        end else if (a_abs[15:8] != 0) begin
          quo_q   <= {a_abs[15:0], {16{b_zero}}};
          count_q <= 6'd15;
        end else begin
          quo_q   <= {a_abs[7:0], {24{b_zero}}};
          count_q <= 6'd7;
        end
      end
      if (busy_q) begin
        rem_q   <= diff[32] ? trial[31:0] : diff[31:0];
        quo_q   <= {quo_q[30:0], !diff[32]};
        count_q <= count_q - 1'b1;
        if (count_q == 0) begin
          busy_q <= 1'b0;
          done_q <= 1'b1;
        end
      end
    end
  end

  assign done_o = done_q;
  always_comb begin
    result_o = '0;
    if (done_q)
      unique case (op_i)
        3'b000:          result_o = prod_q[31:0];
        3'b001, 3'b010,
        3'b011:          result_o = prod_q[63:32] - fix_q;
        3'b100, 3'b101:  result_o = neg_quo_q ? -quo_q : quo_q;
        default:         result_o = neg_rem_q ? -rem_q : rem_q;
      endcase
  end
endmodule
