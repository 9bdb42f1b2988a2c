/* verilator lint_off WIDTHEXPAND */  // widths follow from parameters
/* verilator lint_off WIDTHTRUNC */
// Behavioural model of the ECP5 carry cell CCU2C: two LUTs with a carry chain through them.
//
// Per half: S = lut(A, B, C, D) ^ carry in, and the carry passes where the LUT is 1; else it is what
// the LUT gives for (A, B) alone, with C = D = 0. INJECT1_x = "YES" cuts the carry off.
module CCU2C (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    parameter [15:0] INIT0 = 16'h0000;
    parameter [15:0] INIT1 = 16'h0000;
    parameter INJECT1_0 = "YES";
    parameter INJECT1_1 = "YES";

    wire lut0, lut1, pair0, pair1;
    LUT4 #(.INIT(INIT0)) four_0(.A(A0), .B(B0), .C(C0), .D(D0), .Z(lut0));
    LUT4 #(.INIT(INIT1)) four_1(.A(A1), .B(B1), .C(C1), .D(D1), .Z(lut1));
    LUT4 #(.INIT(INIT0)) two_0(.A(A0), .B(B0), .C(1'b0), .D(1'b0), .Z(pair0));
    LUT4 #(.INIT(INIT1)) two_1(.A(A1), .B(B1), .C(1'b0), .D(1'b0), .Z(pair1));
    wire half0 = INJECT1_0 == "YES" ? 1'b0 : pair0;
    wire half1 = INJECT1_1 == "YES" ? 1'b0 : pair1;
    wire carry = lut0 ? CIN : half0;

    assign S0 = lut0 ^ (INJECT1_0 == "YES" ? 1'b0 : CIN);
    assign S1 = lut1 ^ (INJECT1_1 == "YES" ? 1'b0 : carry);
    assign COUT = lut1 ? carry : half1;
endmodule
