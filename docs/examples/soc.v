// A machine in a design of one's own. `make verilog CONFIG=ws-8x8` writes its module `gemm` to build/verilog/ws-8x8/gemm.v, with
// an ECP5's block RAMs and multipliers; with TARGET=generic it is self-contained, in build/verilog/ws-8x8-generic/gemm.v. Here it stands between a processor's AXI4-Lite port and a memory controller's AXI4 port; an
// interconnect that joins it with other masters goes where the wires of m_axi are.

module soc (
    input clk, input rst,
    output gemm_irq,
    // from the processor: registers of the core, 4 KiB
    input [11:0] cpu_awaddr, input cpu_awvalid, output cpu_awready,
    input [31:0] cpu_wdata, input [3:0] cpu_wstrb, input cpu_wvalid, output cpu_wready,
    output [1:0] cpu_bresp, output cpu_bvalid, input cpu_bready,
    input [11:0] cpu_araddr, input cpu_arvalid, output cpu_arready,
    output [31:0] cpu_rdata, output [1:0] cpu_rresp, output cpu_rvalid, input cpu_rready,
    // to the memory controller
    output [31:0] mem_awaddr, output [7:0] mem_awlen, output [2:0] mem_awsize, output [1:0] mem_awburst,
    output mem_awvalid, input mem_awready,
    output [63:0] mem_wdata, output [7:0] mem_wstrb, output mem_wlast, output mem_wvalid, input mem_wready,
    input [1:0] mem_bresp, input mem_bvalid, output mem_bready,
    output [31:0] mem_araddr, output [7:0] mem_arlen, output [2:0] mem_arsize, output [1:0] mem_arburst,
    output mem_arvalid, input mem_arready,
    input [63:0] mem_rdata, input [1:0] mem_rresp, input mem_rlast, input mem_rvalid, output mem_rready
);
    gemm accelerator (
        .clk(clk), .rst(rst), .irq(gemm_irq),

        .s_axil_awaddr(cpu_awaddr), .s_axil_awprot(3'b000), .s_axil_awvalid(cpu_awvalid), .s_axil_awready(cpu_awready),
        .s_axil_wdata(cpu_wdata), .s_axil_wstrb(cpu_wstrb), .s_axil_wvalid(cpu_wvalid), .s_axil_wready(cpu_wready),
        .s_axil_bresp(cpu_bresp), .s_axil_bvalid(cpu_bvalid), .s_axil_bready(cpu_bready),
        .s_axil_araddr(cpu_araddr), .s_axil_arprot(3'b000), .s_axil_arvalid(cpu_arvalid), .s_axil_arready(cpu_arready),
        .s_axil_rdata(cpu_rdata), .s_axil_rresp(cpu_rresp), .s_axil_rvalid(cpu_rvalid), .s_axil_rready(cpu_rready),

        .m_axi_awid(), .m_axi_awaddr(mem_awaddr), .m_axi_awlen(mem_awlen), .m_axi_awsize(mem_awsize),
        .m_axi_awburst(mem_awburst), .m_axi_awcache(), .m_axi_awprot(), .m_axi_awvalid(mem_awvalid), .m_axi_awready(mem_awready),
        .m_axi_wdata(mem_wdata), .m_axi_wstrb(mem_wstrb), .m_axi_wlast(mem_wlast), .m_axi_wvalid(mem_wvalid),
        .m_axi_wready(mem_wready),
        .m_axi_bid(1'b0), .m_axi_bresp(mem_bresp), .m_axi_bvalid(mem_bvalid), .m_axi_bready(mem_bready),
        .m_axi_arid(), .m_axi_araddr(mem_araddr), .m_axi_arlen(mem_arlen), .m_axi_arsize(mem_arsize),
        .m_axi_arburst(mem_arburst), .m_axi_arcache(), .m_axi_arprot(), .m_axi_arvalid(mem_arvalid), .m_axi_arready(mem_arready),
        .m_axi_rid(1'b0), .m_axi_rdata(mem_rdata), .m_axi_rresp(mem_rresp), .m_axi_rlast(mem_rlast), .m_axi_rvalid(mem_rvalid),
        .m_axi_rready(mem_rready)
    );
endmodule
