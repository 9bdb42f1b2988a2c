// The other end of a board's serial line, at the simulator's speed: Python wakes once for many bytes.
//
// `given` and `taken` are rings of 256 bytes, byte n at place n mod 256. Bytes from `sent` up to `posted`, which Python moves on, go to
// the board; those that come from it are counted by `received`. `broken` is set for good when a byte has no stop bit. A bit takes
// `cycles`.

module serial (
    input clk, rst,
    input [7:0] cycles,
    input [2047:0] given,
    input [31:0] posted,
    output reg [31:0] sent,
    output reg [2047:0] taken,
    output reg [31:0] received,
    output reg broken
);
    reg rx;
    wire tx;
    board board (.clk(clk), .rst(rst), .rx(rx), .tx(tx), .alive(), .error());

    reg [7:0] out_timer, in_timer, in_bits;
    reg [8:0] out_bits;
    reg [3:0] out_left, in_left;  // bits behind this one; bits still to come

    always @(posedge clk)
        if (rst) begin
            rx <= 1; sent <= 0; out_timer <= 0; out_left <= 0;
        end else if (out_timer != 0)
            out_timer <= out_timer - 1;
        else if (out_left != 0) begin
            {out_bits, rx} <= {1'b1, out_bits};
            out_left <= out_left - 1;
            out_timer <= cycles - 1;
        end else if (sent != posted) begin
            out_bits <= {1'b1, given[8 * sent[7:0] +: 8]};
            rx <= 0;
            sent <= sent + 1;
            out_left <= 9;
            out_timer <= cycles - 1;
        end

    always @(posedge clk)
        if (rst) begin
            received <= 0; taken <= 0; broken <= 0; in_left <= 0; in_timer <= 0;
        end else if (in_left == 0) begin
            in_timer <= cycles + cycles / 2 - 2;  // the middle of bit 0
            if (!tx) in_left <= 9;
        end else if (in_timer != 0)
            in_timer <= in_timer - 1;
        else begin
            in_timer <= cycles - 1;
            in_left <= in_left - 1;
            in_bits <= {tx, in_bits[7:1]};
            if (in_left == 1) begin
                broken <= broken | !tx;
                taken[8 * received[7:0] +: 8] <= in_bits;
                received <= received + 1;
            end
        end
endmodule
