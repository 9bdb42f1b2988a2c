// Software at simulator speed: plays a script of register accesses.
//
// script.hex has lines of 96 bits {operation, a, d}: 1 writes d to register a; 2 waits for cycle d; 3 polls register a until its top
// bit is set; 4 reads register a; 5 polls register a until its low four bits are below d; 0 ends. Each access of 3 to 5, and each
// write, adds a line to played.txt: operation, address, data or response (5: reads that were not below), and the cycle in which it
// was accepted.

module player (
    input clk, rst,
    output reg done,
    output reg [11:0] awaddr, output reg awvalid, input awready,
    output reg [31:0] wdata, output reg wvalid, input wready,
    input [1:0] bresp, input bvalid,
    output reg [11:0] araddr, output reg arvalid, input arready,
    input [31:0] rdata, input rvalid
);
    reg [95:0] line;
    reg [31:0] operation, a, d;
    reg [63:0] now, accepted;
    reg [31:0] tries;
    reg [1:0] state;
    integer script, log;

    initial begin
        script = $fopen("script.hex", "r");
        log = $fopen("played.txt", "w");
    end

    always @(posedge clk)
        if (rst) begin
            done <= 0; now <= 0; state <= 0; awvalid <= 0; wvalid <= 0; arvalid <= 0;
        end else begin
            now <= now + 1;
            if (awvalid && awready) awvalid <= 0;
            if (wvalid && wready) begin wvalid <= 0; accepted <= now; end
            if (arvalid && arready) begin arvalid <= 0; accepted <= now; end
            case (state)
                0: if (!done) begin
                    if ($fscanf(script, "%h", line) != 1) line = 0;
                    {operation, a, d} <= line;
                    state <= line[95:64] == 2 ? 2 : 1;
                    if (line[95:64] == 0) begin
                        done <= 1;
                        state <= 0;
                        $fflush(log);
                    end
                    if (line[95:64] == 1) begin
                        awaddr <= line[43:32]; wdata <= line[31:0]; awvalid <= 1; wvalid <= 1;
                    end
                    tries <= 0;
                    if (line[95:64] >= 3) begin
                        araddr <= line[43:32]; arvalid <= 1;
                    end
                end
                1: if (bvalid || rvalid) begin
                    state <= 0;
                    if (operation == 3 && !rdata[31] || operation == 5 && rdata[3:0] >= d) begin
                        arvalid <= 1;
                        tries <= tries + 1;
                        state <= 1;
                    end else
                        $fwrite(log, "%0d %0h %0h %0d\n", operation, a,
                                bvalid ? {30'b0, bresp} : operation == 5 ? tries : rdata, accepted);
                end
                2: if (now >= d) state <= 0;
            endcase
        end
endmodule
