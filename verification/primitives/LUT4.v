// Behavioural model of the ECP5 look-up table LUT4. Multiplexers rather than an index, so that an
// unknown input that makes no difference makes none here.
module LUT4 (input A, B, C, D, output Z);
    parameter [15:0] INIT = 16'h0000;
    wire [7:0] eight = D ? INIT[15:8] : INIT[7:0];
    wire [3:0] four = C ? eight[7:4] : eight[3:0];
    wire [1:0] two = B ? four[3:2] : four[1:0];
    assign Z = A ? two[1] : two[0];
endmodule
