// What SB_SPRAM256KA does, for power's simulation: no mode but the working one; a write leaves the output as it is.
module SB_SPRAM256KA (
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF,
    output reg [15:0] DATAOUT
);
    reg [15:0] words [0:16383];
    integer n;

    always @(posedge CLOCK)
        if (CHIPSELECT) begin
            if (WREN) begin
                for (n = 0; n < 16; n = n + 1)
                    if (MASKWREN[n / 4]) words[ADDRESS][n] <= DATAIN[n];
            end else
                DATAOUT <= words[ADDRESS];
        end
endmodule
