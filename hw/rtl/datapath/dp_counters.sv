// SPDX-License-Identifier: BSD-2-Clause
// The card's counters, 64 bit each. Four vectors of pulses, because some counters have more than one source; a counter
// of bytes adds a length with its pulse instead of one.
module dp_counters
  import culvert_pkg::*;
  import dp_regs_pkg::*;
(
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic [COUNTER_COUNT-1:0] a_i,
    input  logic [COUNTER_COUNT-1:0] b_i,
    input  logic [COUNTER_COUNT-1:0] c_i,
    input  logic [COUNTER_COUNT-1:0] d_i,
    input  logic [LEN_W-1:0]         rx_bytes_i [2],
    input  logic [LEN_W-1:0]         tx_bytes_i [2],
    input  logic [LEN_W-1:0]         esp_in_bytes_i,
    input  logic [LEN_W-1:0]         esp_out_bytes_i,
    input  logic [5:0]               index_i,
    output logic [63:0]              value_o  // of index_i, one cycle later
);
  logic [COUNTER_COUNT-1:0][63:0] count_q;
  logic [63:0] value_q;
  assign value_o = value_q;

  always_ff @(posedge clk_i) begin
    value_q <= 32'(index_i) < COUNTER_COUNT ? count_q[index_i] : '0;
    if (!rst_ni) begin
      count_q <= '0;
    end else if ((a_i | b_i | c_i | d_i) != '0) begin
      logic [COUNTER_COUNT-1:0][63:0] count;
      count = count_q;
      for (int unsigned i = 0; i < COUNTER_COUNT; i++)
        if (a_i[i] || b_i[i] || c_i[i] || d_i[i]) count[i] = count[i] + 64'(a_i[i]) + 64'(b_i[i]) + 64'(c_i[i]) + 64'(d_i[i]);
      if (a_i[COUNTER_RX0_BYTES]) count[COUNTER_RX0_BYTES] = count_q[COUNTER_RX0_BYTES] + 64'(rx_bytes_i[0]);
      if (a_i[COUNTER_RX1_BYTES]) count[COUNTER_RX1_BYTES] = count_q[COUNTER_RX1_BYTES] + 64'(rx_bytes_i[1]);
      if (a_i[COUNTER_TX0_BYTES]) count[COUNTER_TX0_BYTES] = count_q[COUNTER_TX0_BYTES] + 64'(tx_bytes_i[0]);
      if (a_i[COUNTER_TX1_BYTES]) count[COUNTER_TX1_BYTES] = count_q[COUNTER_TX1_BYTES] + 64'(tx_bytes_i[1]);
      if (a_i[COUNTER_ESP_IN_BYTES]) count[COUNTER_ESP_IN_BYTES] = count_q[COUNTER_ESP_IN_BYTES] + 64'(esp_in_bytes_i);
      if (a_i[COUNTER_ESP_OUT_BYTES]) count[COUNTER_ESP_OUT_BYTES] = count_q[COUNTER_ESP_OUT_BYTES] + 64'(esp_out_bytes_i);
      count_q <= count;
    end
  end
endmodule
