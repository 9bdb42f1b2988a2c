// Behavioural model of the iCE40 UltraPlus single-port RAM SB_SPRAM256KA: 16,384 words of 16 bits.
//
// Modelled: reading and writing by nibbles. What a write leaves at the output is undefined: here the
// word as it was turned around, so that nobody leans on it. Sleep, standby and power-off stop the
// simulation.
module SB_SPRAM256KA (
    input [13:0] ADDRESS,
    input [15:0] DATAIN,
    input [3:0] MASKWREN,
    input WREN, CHIPSELECT, CLOCK, STANDBY, SLEEP, POWEROFF,
    output reg [15:0] DATAOUT
);
    reg [15:0] words [0:16383];
    wire [15:0] mask = {{4{MASKWREN[3]}}, {4{MASKWREN[2]}}, {4{MASKWREN[1]}}, {4{MASKWREN[0]}}};

    always @(posedge CLOCK) begin
        if (STANDBY || SLEEP || !POWEROFF) begin
            $display("SB_SPRAM256KA: mode not modelled");
            $finish;
        end
        if (CHIPSELECT) begin
            if (WREN)
                words[ADDRESS] <= (words[ADDRESS] & ~mask) | (DATAIN & mask);
            DATAOUT <= WREN ? ~words[ADDRESS] : words[ADDRESS];
        end
    end
endmodule
