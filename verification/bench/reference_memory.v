// The reference memory: separate read and write channels, each data word of a burst LATENCY cycles behind its address (a response
// behind its last data word) or one cycle behind the word before it, at most OUTSTANDING bursts per direction, no other stalls.
//
// memory.hex holds its words. permit.hex holds, per word, a bit that allows reading it and, above, one per byte that allows writing
// it; whatever is not allowed is answered with DECERR and counted in `broken`. So are bursts that cross 4 KiB or do not begin at a
// word, and data whose `wlast` is not where the address said. On `save` the words from +first to +last go to saved.hex.

module reference_memory #(
    parameter DATA = 64,
    parameter ADDR = 32,
    parameter WORDS = 1024,
    parameter LATENCY = 40,
    parameter OUTSTANDING = 8
) (
    input clk, rst, save,
    input [ADDR-1:0] awaddr, input [7:0] awlen, input awvalid, output awready,
    input [DATA-1:0] wdata, input [DATA/8-1:0] wstrb, input wlast, input wvalid, output wready,
    output [1:0] bresp, output bvalid, input bready,
    input [ADDR-1:0] araddr, input [7:0] arlen, input arvalid, output arready,
    output [DATA-1:0] rdata, output [1:0] rresp, output rlast, output rvalid, input rready,
    output reg [31:0] broken
);
    localparam BYTES = DATA / 8;
    localparam SHIFT = $clog2(BYTES);

    reg [DATA-1:0] words [0:WORDS-1];
    reg [BYTES:0] permit [0:WORDS-1];
    reg [63:0] now;
    integer first, last;

    initial begin
        $readmemh("memory.hex", words);
        $readmemh("permit.hex", permit);
        if (!$value$plusargs("first=%d", first)) first = 0;
        if (!$value$plusargs("last=%d", last)) last = WORDS - 1;
    end
    always @(posedge clk) begin
        now <= rst ? 0 : now + 1;
        if (save) $writememh("saved.hex", words, first, last);
    end

    // Reads: bursts in order, each with the cycle in which its first word may come.
    reg [ADDR-1:0] r_addr [0:OUTSTANDING-1];
    reg [7:0] r_left [0:OUTSTANDING-1];
    reg [63:0] r_when [0:OUTSTANDING-1];
    reg [31:0] r_head, r_tail, r_count;
    wire [ADDR-1:0] r_word = r_addr[r_head] >> SHIFT;
    wire r_good = r_word < WORDS && permit[r_word][0];
    assign arready = r_count < OUTSTANDING;
    assign rvalid = r_count != 0 && now >= r_when[r_head];
    assign rdata = r_good ? words[r_word] : {DATA{1'b1}};
    assign rresp = r_good ? 2'b00 : 2'b11;
    assign rlast = r_left[r_head] == 0;
    wire r_takes = rvalid && rready;
    wire ar_takes = arvalid && arready;

    // Writes: data belongs to the oldest burst that is not complete.
    reg [ADDR-1:0] w_addr [0:OUTSTANDING-1];
    reg [7:0] w_left [0:OUTSTANDING-1];
    reg [63:0] b_when [0:OUTSTANDING-1];
    reg b_bad [0:OUTSTANDING-1];
    reg [31:0] aw_tail, w_head, b_head, w_count, b_count;
    reg w_bad;
    wire [ADDR-1:0] w_word = w_addr[w_head] >> SHIFT;
    wire w_good = w_word < WORDS && (wstrb & ~permit[w_word][BYTES:1]) == 0;
    assign awready = w_count + b_count < OUTSTANDING;
    assign wready = w_count != 0;
    assign bvalid = b_count != 0 && now >= b_when[b_head];
    assign bresp = b_bad[b_head] ? 2'b11 : 2'b00;
    wire aw_takes = awvalid && awready;
    wire w_takes = wvalid && wready;
    wire b_takes = bvalid && bready;

    function breaks(input [ADDR-1:0] address, input [7:0] len);
        breaks = address % BYTES != 0 || {1'b0, address[11:0]} + ({5'b0, len} + 13'd1) * BYTES > 4096;
    endfunction
    wire ar_bad = ar_takes && breaks(araddr, arlen);
    wire aw_bad = aw_takes && breaks(awaddr, awlen);
    wire last_bad = w_takes && wlast != (w_left[w_head] == 0);

    integer n;
    always @(posedge clk)
        if (rst) begin
            r_head <= 0; r_tail <= 0; r_count <= 0;
            aw_tail <= 0; w_head <= 0; b_head <= 0; w_count <= 0; b_count <= 0; w_bad <= 0;
            broken <= 0;
        end else begin
            if (ar_takes) begin
                r_addr[r_tail] <= araddr;
                r_left[r_tail] <= arlen;
                r_when[r_tail] <= now + LATENCY;
                r_tail <= (r_tail + 1) % OUTSTANDING;
            end
            if (r_takes) begin
                r_addr[r_head] <= r_addr[r_head] + BYTES;
                r_left[r_head] <= r_left[r_head] - 1;
                if (rlast) r_head <= (r_head + 1) % OUTSTANDING;
            end
            r_count <= r_count + ar_takes - (r_takes && rlast);

            if (aw_takes) begin
                w_addr[aw_tail] <= awaddr;
                w_left[aw_tail] <= awlen;
                aw_tail <= (aw_tail + 1) % OUTSTANDING;
            end
            if (w_takes) begin
                w_addr[w_head] <= w_addr[w_head] + BYTES;
                w_left[w_head] <= w_left[w_head] - 1;
                for (n = 0; n < BYTES; n = n + 1)
                    if (wstrb[n] && w_good) words[w_word][8*n +: 8] <= wdata[8*n +: 8];
                w_bad <= wlast ? 0 : w_bad || !w_good;
                if (wlast) begin
                    b_when[w_head] <= now + LATENCY;
                    b_bad[w_head] <= w_bad || !w_good;
                    w_head <= (w_head + 1) % OUTSTANDING;
                end
            end
            if (b_takes) b_head <= (b_head + 1) % OUTSTANDING;
            w_count <= w_count + aw_takes - (w_takes && wlast);
            b_count <= b_count + (w_takes && wlast) - b_takes;
            broken <= broken + (r_takes && !r_good) + (w_takes && !w_good) + ar_bad + aw_bad + last_bad;
        end
endmodule
