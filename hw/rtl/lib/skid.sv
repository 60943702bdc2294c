// SPDX-License-Identifier: BSD-2-Clause
// Register slice that cuts valid, data and ready: two registers, latency 1 cycle, one item a cycle, no bubble when
// ready_i comes and goes.
module skid #(
    parameter type T = logic
) (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic valid_i,
    output logic ready_o,
    input  T     data_i,
    output logic valid_o,
    input  logic ready_i,
    output T     data_o
);
  logic valid_q, spare_valid_q;
  T     data_q, spare_q;

  assign ready_o = !spare_valid_q;
  assign valid_o = valid_q;
  assign data_o  = data_q;

  wire logic push = valid_i && !spare_valid_q;
  wire logic free = !valid_q || ready_i;  // the output register can take an item

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q       <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (free) begin
      valid_q       <= spare_valid_q || push;
      spare_valid_q <= 1'b0;
    end else if (push) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (free && spare_valid_q) data_q <= spare_q;
    else if (free && push) data_q <= data_i;
    if (!free && push) spare_q <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && spare_valid_q) begin
      a_spare_behind_full: assert (valid_q);
    end
  end
endmodule
