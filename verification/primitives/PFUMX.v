// Behavioural model of the ECP5 multiplexer PFUMX after a pair of look-up tables.
module PFUMX (input ALUT, BLUT, C0, output Z);
    assign Z = C0 ? ALUT : BLUT;
endmodule
