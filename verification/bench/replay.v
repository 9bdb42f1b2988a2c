// Stream source and sink that read and write files: long runs without Python in every cycle.
//
// A file is NAME.hex in the directory of the run, one hexadecimal word per line. `stall` is the percentage of cycles in which the next
// word is held back (source) or refused (sink), from a generator of the module's own.

module replay_source #(
    parameter WIDTH = 1,
    parameter NAME = ""
) (
    input clk, rst,
    output reg valid,
    input ready,
    output reg [WIDTH-1:0] data,
    output reg [31:0] words
);
    reg [WIDTH-1:0] line;
    reg [31:0] random;
    reg ended;
    integer file, stall;

    initial begin
        valid = 0;
        words = 0;
        ended = 0;
        random = 32'h2545F491;
        if (!$value$plusargs("input_stall=%d", stall)) stall = 0;
        file = $fopen({NAME, ".hex"}, "r");
    end

    always @(posedge clk) begin
        random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
        if (valid && ready) words <= words + 1;
        if (!rst && (!valid || ready)) begin
            valid <= 0;
            if (!ended && random[15:0] % 100 >= stall) begin
                if ($fscanf(file, "%h", line) == 1) begin
                    data <= line;
                    valid <= 1;
                end else
                    ended = 1;
            end
        end
    end
endmodule

module replay_sink #(
    parameter WIDTH = 1,
    parameter NAME = ""
) (
    input clk, rst,
    input valid,
    output reg ready,
    input [WIDTH-1:0] data,
    output reg [31:0] words,
    output reg done
);
    reg [31:0] random;
    integer file, stall, expected;

    initial begin
        ready = 0;
        words = 0;
        done = 0;
        random = 32'h1E3779B9;
        if (!$value$plusargs("output_stall=%d", stall)) stall = 0;
        if (!$value$plusargs("expected=%d", expected)) $finish;
        file = $fopen({NAME, ".hex"}, "w");
    end

    always @(posedge clk) begin
        random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
        ready <= !rst && random[15:0] % 100 >= stall;
        if (valid && ready) begin
            $fwrite(file, "%h\n", data);
            words <= words + 1;
            if (words + 1 == expected) begin
                $fclose(file);
                done <= 1;
            end
        end
    end
endmodule
