// Behavioural model of the ECP5 multiplier MULT18X18D: 18 by 18 bits to 36.
//
// Modelled: signedness by SIGNEDA and SIGNEDB, and the input, pipeline and output registers, each
// present where its clock is not "NONE". Clock CLK0 with enable CE0 only; resets must be 0; operands
// come from fabric (SOURCEA = SOURCEB = 0). Anything else stops the simulation.
module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
    P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    parameter REG_INPUTA_CLK = "NONE";
    parameter REG_INPUTB_CLK = "NONE";
    parameter REG_PIPELINE_CLK = "NONE";
    parameter REG_OUTPUT_CLK = "NONE";
    parameter GSR = "ENABLED";

    initial
        if ((REG_INPUTA_CLK != "NONE" && REG_INPUTA_CLK != "CLK0")
            || (REG_INPUTB_CLK != "NONE" && REG_INPUTB_CLK != "CLK0")
            || (REG_PIPELINE_CLK != "NONE" && REG_PIPELINE_CLK != "CLK0")
            || (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0")
            || GSR != "DISABLED") begin
            $display("MULT18X18D: parameter not modelled");
            $finish;
        end

    // One more bit than the operand has: the sign, or 0 for an unsigned one.
    wire signed [18:0] a_in =
        {A17 & SIGNEDA, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1,
        A0};
    wire signed [18:0] b_in =
        {B17 & SIGNEDB, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1,
        B0};
    reg signed [18:0] a_reg, b_reg;
    wire signed [18:0] a = REG_INPUTA_CLK == "NONE" ? a_in : a_reg;
    wire signed [18:0] b = REG_INPUTB_CLK == "NONE" ? b_in : b_reg;
    wire signed [37:0] product = a * b;
    reg [35:0] pipe_reg, out_reg;
    wire [35:0] pipe = REG_PIPELINE_CLK == "NONE" ? product[35:0] : pipe_reg;

    always @(posedge CLK0)
        if (CE0) begin
            a_reg <= a_in;
            b_reg <= b_in;
            pipe_reg <= product[35:0];
            out_reg <= pipe;
        end

    assign
        {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
        P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0}
        = REG_OUTPUT_CLK == "NONE" ? pipe : out_reg;
endmodule
