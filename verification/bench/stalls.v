// Counts, for each channel of a machine's AXI ports, the cycles in which it was held up or late.
// Beside or bound into module `gemm`; cocotb would take a third of a millisecond a cycle for the same.
module stall_monitor (
    input clk, input rst,
    input m_axi_awvalid, input m_axi_awready, input m_axi_wvalid, input m_axi_wready, input m_axi_wlast,
    input m_axi_bvalid, input m_axi_bready, input m_axi_arvalid, input m_axi_arready,
    input m_axi_rvalid, input m_axi_rready, input m_axi_rlast,
    input s_axil_awvalid, input s_axil_awready, input s_axil_wvalid, input s_axil_wready,
    input s_axil_bvalid, input s_axil_bready, input s_axil_arvalid, input s_axil_arready,
    input s_axil_rvalid, input s_axil_rready
);
    // A channel is held while it is valid and not ready. Memory's b and r are late instead: while a
    // response or a word is due and not valid.
    reg [31:0] memory_aw /*verilator public_flat_rd*/ = 0;
    reg [31:0] memory_w /*verilator public_flat_rd*/ = 0;
    reg [31:0] memory_b /*verilator public_flat_rd*/ = 0;
    reg [31:0] memory_ar /*verilator public_flat_rd*/ = 0;
    reg [31:0] memory_r /*verilator public_flat_rd*/ = 0;
    reg [31:0] registers_aw /*verilator public_flat_rd*/ = 0;
    reg [31:0] registers_w /*verilator public_flat_rd*/ = 0;
    reg [31:0] registers_b /*verilator public_flat_rd*/ = 0;
    reg [31:0] registers_ar /*verilator public_flat_rd*/ = 0;
    reg [31:0] registers_r /*verilator public_flat_rd*/ = 0;
    reg [31:0] due_b = 0, due_r = 0;
    always @(posedge clk) begin
        memory_aw <= memory_aw + (m_axi_awvalid && !m_axi_awready);
        memory_w <= memory_w + (m_axi_wvalid && !m_axi_wready);
        memory_ar <= memory_ar + (m_axi_arvalid && !m_axi_arready);
        memory_b <= memory_b + (due_b != 0 && !m_axi_bvalid);
        memory_r <= memory_r + (due_r != 0 && !m_axi_rvalid);
        registers_aw <= registers_aw + (s_axil_awvalid && !s_axil_awready);
        registers_w <= registers_w + (s_axil_wvalid && !s_axil_wready);
        registers_b <= registers_b + (s_axil_bvalid && !s_axil_bready);
        registers_ar <= registers_ar + (s_axil_arvalid && !s_axil_arready);
        registers_r <= registers_r + (s_axil_rvalid && !s_axil_rready);
        due_b <= due_b + (m_axi_wvalid && m_axi_wready && m_axi_wlast) - (m_axi_bvalid && m_axi_bready);
        due_r <= due_r + (m_axi_arvalid && m_axi_arready)
            - (m_axi_rvalid && m_axi_rready && m_axi_rlast);
        if (rst) begin
            due_b <= 0;
            due_r <= 0;
        end
    end
endmodule
