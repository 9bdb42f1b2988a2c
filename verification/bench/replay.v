// Stream source and sink that read and write files: long runs without Python in every cycle.
// One hexadecimal word per line. `stall` is the percentage of cycles on which a word is held back
// (source) or refused (sink), from a seeded generator of their own.

module replay_source #(
    parameter WIDTH = 1,
    parameter NAME = ""
) (
    input clk, rst, start,
    output reg valid,
    input ready,
    output reg [WIDTH-1:0] data,
    output reg done
);
    reg [8*512:1] path;
    reg [31:0] random;
    integer file, found, stall;
    reg pending;

    initial begin
        valid = 0;
        done = 0;
        pending = 0;
        random = 32'h2545F491;
        if (!$value$plusargs({NAME, "_stall=%d"}, stall)) stall = 0;
        if (!$value$plusargs({NAME, "=%s"}, path)) begin
            $display("replay_source: no file for %s", NAME);
            $finish;
        end
        file = $fopen(path, "r");
    end

    always @(posedge clk) begin
        random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
        if (start && !rst && (!valid || ready)) begin
            if (random[15:0] % 100 >= stall && !done) begin
                found = $fscanf(file, "%h\n", data);
                valid <= found == 1;
                done <= found != 1;
            end else
                valid <= 0;
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
    output reg [31:0] words
);
    reg [8*512:1] path;
    reg [31:0] random;
    integer file, stall;

    initial begin
        ready = 0;
        words = 0;
        random = 32'h9E3779B9;
        if (!$value$plusargs({NAME, "_stall=%d"}, stall)) stall = 0;
        if (!$value$plusargs({NAME, "=%s"}, path)) begin
            $display("replay_sink: no file for %s", NAME);
            $finish;
        end
        file = $fopen(path, "w");
    end

    always @(posedge clk) begin
        random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
        ready <= !rst && random[15:0] % 100 >= stall;
        if (valid && ready && !rst) begin
            $fwrite(file, "%h\n", data);
            words <= words + 1;
        end
    end

    final $fclose(file);
endmodule
