// Behavioural model of the iCE40 UltraPlus DSP SB_MAC16 as a multiplier: one 16 by 16 or two 8 by 8.
//
// Modelled: registered inputs A and B, the registers after the partial products, and either the
// register of the whole product (16 by 16) or, with two 8 by 8, the output registers after an adder
// whose other input is C or D. Holds, resets, loads and subtraction must be off. Other settings stop
// the simulation.
module SB_MAC16 (
    input CLK, CE,
    input [15:0] C, A, B, D,
    input AHOLD, BHOLD, CHOLD, DHOLD,
    input IRSTTOP, IRSTBOT, ORSTTOP, ORSTBOT,
    input OLOADTOP, OLOADBOT, ADDSUBTOP, ADDSUBBOT, OHOLDTOP, OHOLDBOT,
    input CI, ACCUMCI, SIGNEXTIN,
    output [31:0] O,
    output CO, ACCUMCO, SIGNEXTOUT
);
    parameter [0:0] A_REG = 0;
    parameter [0:0] B_REG = 0;
    parameter [0:0] C_REG = 0;
    parameter [0:0] D_REG = 0;
    parameter [0:0] TOP_8x8_MULT_REG = 0;
    parameter [0:0] BOT_8x8_MULT_REG = 0;
    parameter [0:0] PIPELINE_16x16_MULT_REG1 = 0;
    parameter [0:0] PIPELINE_16x16_MULT_REG2 = 0;
    parameter [1:0] TOPOUTPUT_SELECT = 0;
    parameter [1:0] TOPADDSUB_LOWERINPUT = 0;
    parameter [0:0] TOPADDSUB_UPPERINPUT = 0;
    parameter [1:0] BOTOUTPUT_SELECT = 0;
    parameter [1:0] BOTADDSUB_LOWERINPUT = 0;
    parameter [0:0] BOTADDSUB_UPPERINPUT = 0;
    parameter [0:0] MODE_8x8 = 0;
    parameter [0:0] A_SIGNED = 0;
    parameter [0:0] B_SIGNED = 0;

    wire registers = A_REG && B_REG && !C_REG && !D_REG && TOP_8x8_MULT_REG && BOT_8x8_MULT_REG;
    wire two_products = MODE_8x8 && TOPOUTPUT_SELECT == 1 && BOTOUTPUT_SELECT == 1
        && TOPADDSUB_LOWERINPUT == 1 && BOTADDSUB_LOWERINPUT == 1
        && TOPADDSUB_UPPERINPUT && BOTADDSUB_UPPERINPUT;
    wire one_product = !MODE_8x8 && TOPOUTPUT_SELECT == 3 && BOTOUTPUT_SELECT == 3
        && PIPELINE_16x16_MULT_REG1 && PIPELINE_16x16_MULT_REG2;
    initial
        if (!registers || !(two_products || one_product)) begin
            $display("SB_MAC16: parameters not modelled");
            $finish;
        end

    // Each operand with one more bit: its sign, or 0.
    reg [15:0] a, b;
    wire signed [8:0] a_high = {A_SIGNED & a[15], a[15:8]};
    wire signed [8:0] b_high = {B_SIGNED & b[15], b[15:8]};
    wire signed [8:0] a_low = {A_SIGNED & MODE_8x8 & a[7], a[7:0]};
    wire signed [8:0] b_low = {B_SIGNED & MODE_8x8 & b[7], b[7:0]};
    reg signed [17:0] high_high, high_low, low_high, low_low;
    wire [31:0] whole = {high_high[15:0], 16'd0} + {{6{high_low[17]}}, high_low, 8'd0}
        + {{6{low_high[17]}}, low_high, 8'd0} + {{14{low_low[17]}}, low_low};
    reg [15:0] top, bottom;
    reg [31:0] product;

    always @(posedge CLK)
        if (CE) begin
            a <= A;
            b <= B;
            high_high <= a_high * b_high;
            high_low <= a_high * b_low;
            low_high <= a_low * b_high;
            low_low <= a_low * b_low;
            product <= whole;
            top <= high_high[15:0] + C;
            bottom <= low_low[15:0] + D;
        end

    assign O = MODE_8x8 ? {top, bottom} : product;
    assign {CO, ACCUMCO, SIGNEXTOUT} = 3'b000;
endmodule
