// A bench in C++ for gemm.v: the example driver makes products on the RTL, and every byte of memory is checked.
//
// It is written to be taken apart: Memory is an AXI4 slave, Bench has the clock, reset and an AXI4-Lite master, and bus_read and bus_write
// at the end are all that driver.c needs. Ports are as wide as Verilator's header says, so any configuration fits. run.py builds it; then
//
//     ./bench M N K [per cent of stalled cycles] [seed]
//
// Exit status: 0 if all was right, 1 if not, 2 if the machine cannot do what was asked. The host must be little-endian.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "Vgemm.h"
#include "driver.h"
#include "verilated.h"

#define FIELD(value, field) (((value) & INSITU__##field##_bm) >> INSITU__##field##_bp)

namespace {

constexpr uint64_t BASE = 0x80000000; // of the memory
constexpr unsigned LATENCY = 40;      // cycles from an address to its first word
constexpr size_t BURSTS = 8;          // that the memory takes each way
constexpr int OKAY = 0, SLVERR = 2, INCR = 1;

std::mt19937 drawn;

struct Burst {
    uint64_t address, due;
    unsigned beats; // left
    int response;
};

// Handshakes of one cycle.
struct Taken {
    bool ar, r, aw, w, b;
};

// The slave at m_axi: two queues of bursts, answered in order. A rule that is broken is told of, and counted.
class Memory {
  public:
    explicit Memory(size_t size) : bytes(size) {}

    std::vector<uint8_t> bytes;
    unsigned stall = 0; // per cent
    unsigned broken = 0;

    // After a rising edge: what the ports give until the next. What was offered and not taken stays.
    void drive(Vgemm &top, const Taken &taken, uint64_t now) {
        top.m_axi_arready = reads.size() < BURSTS && go();
        top.m_axi_awready = writes.size() < BURSTS && go();
        top.m_axi_wready = !writes.empty() && go();
        if (!top.m_axi_rvalid || taken.r) {
            top.m_axi_rvalid = !reads.empty() && reads.front().due <= now && go();
            if (top.m_axi_rvalid) {
                const uint8_t *found = place(reads.front().address, sizeof top.m_axi_rdata);
                if (found) std::memcpy(&top.m_axi_rdata, found, sizeof top.m_axi_rdata);
                top.m_axi_rresp = found ? OKAY : SLVERR;
                top.m_axi_rlast = reads.front().beats == 1;
            }
        }
        if (!top.m_axi_bvalid || taken.b) {
            top.m_axi_bvalid = !answers.empty() && answers.front().due <= now && go();
            if (top.m_axi_bvalid) top.m_axi_bresp = answers.front().response;
        }
    }

    // Before a rising edge: what is taken at it.
    void take(const Vgemm &top, const Taken &taken, uint64_t now) {
        constexpr unsigned word = sizeof top.m_axi_wdata;
        if (taken.ar) reads.push_back(burst(top.m_axi_araddr, top.m_axi_arlen, top.m_axi_arsize, top.m_axi_arburst, word, now));
        if (taken.aw) writes.push_back(burst(top.m_axi_awaddr, top.m_axi_awlen, top.m_axi_awsize, top.m_axi_awburst, word, now));
        if (taken.r) next(reads, word);
        if (taken.w) {
            Burst &now_written = writes.front();
            uint8_t data[word];
            std::memcpy(data, &top.m_axi_wdata, word);
            uint8_t *at = place(now_written.address, word);
            if (!at) now_written.response = SLVERR;
            for (unsigned n = 0; at && n < word; n++)
                if (uint64_t(top.m_axi_wstrb) >> n & 1) at[n] = data[n];
            if (bool(top.m_axi_wlast) != (now_written.beats == 1)) wrong("wlast at another beat than the last", now_written.address);
            const Burst answer = {now_written.address, now + LATENCY, 0, now_written.response};
            if (next(writes, word)) answers.push_back(answer);
        }
        if (taken.b) answers.pop_front();
    }

  private:
    std::deque<Burst> reads, writes, answers; // each due in the cycle from which it may be answered

    bool go() { return !stall || drawn() % 100 >= stall; }

    uint8_t *place(uint64_t address, unsigned size) {
        return address >= BASE && address - BASE + size <= bytes.size() ? &bytes[address - BASE] : nullptr;
    }

    void wrong(const char *what, uint64_t address) {
        if (!broken++) std::printf("bus: %s, at %#llx\n", what, static_cast<unsigned long long>(address));
    }

    Burst burst(uint64_t address, unsigned length, unsigned size, unsigned kind, unsigned word, uint64_t now) {
        const uint64_t last = address + (length + 1) * word - 1;
        if (kind != INCR || 1u << size != word || address % word) wrong("a burst that is not of whole words", address);
        if (address >> 12 != last >> 12) wrong("a burst across 4 KiB", address);
        return {address, now + LATENCY, length + 1, OKAY};
    }

    // One beat of the oldest burst is done; was it the last?
    static bool next(std::deque<Burst> &bursts, unsigned word) {
        bursts.front().address += word;
        if (--bursts.front().beats) return false;
        bursts.pop_front();
        return true;
    }
};

class Bench {
  public:
    VerilatedContext context;
    Vgemm top{&context};
    Memory memory{0};
    uint64_t now = 0, limit = 10000;

    void reset() {
        top.rst = 1;
        for (int n = 0; n < 4; n++) cycle();
        top.rst = 0;
    }

    uint32_t read(uint32_t offset) {
        top.s_axil_araddr = offset;
        top.s_axil_arvalid = top.s_axil_rready = 1;
        for (bool answered = false; !answered;) {
            settle();
            const bool asked = top.s_axil_arvalid && top.s_axil_arready;
            const uint32_t data = top.s_axil_rdata;
            answered = top.s_axil_rvalid;
            if (answered && top.s_axil_rresp != OKAY) fail("an error response to a read of a register", offset);
            edge();
            if (asked) top.s_axil_arvalid = 0;
            if (answered) return top.s_axil_rready = 0, data;
        }
        return 0;
    }

    void write(uint32_t offset, uint32_t value) {
        top.s_axil_awaddr = offset;
        top.s_axil_wdata = value;
        top.s_axil_wstrb = 15;
        top.s_axil_awvalid = top.s_axil_wvalid = top.s_axil_bready = 1;
        for (bool answered = false; !answered;) {
            settle();
            const bool asked = top.s_axil_awvalid && top.s_axil_awready, given = top.s_axil_wvalid && top.s_axil_wready;
            answered = top.s_axil_bvalid;
            if (answered && top.s_axil_bresp != OKAY) fail("an error response to a write of a register", offset);
            edge();
            if (asked) top.s_axil_awvalid = 0;
            if (given) top.s_axil_wvalid = 0;
        }
        top.s_axil_bready = 0;
    }

  private:
    [[noreturn]] void fail(const char *what, uint32_t value) {
        std::printf("FAILED: %s (%#x), cycle %llu\n", what, value, static_cast<unsigned long long>(now));
        std::exit(1);
    }

    void cycle() { settle(), edge(); }

    void settle() {
        top.clk = 0;
        top.eval();
    }

    void edge() {
        const Taken taken = {top.m_axi_arvalid && top.m_axi_arready, top.m_axi_rvalid && top.m_axi_rready,
                             top.m_axi_awvalid && top.m_axi_awready, top.m_axi_wvalid && top.m_axi_wready,
                             top.m_axi_bvalid && top.m_axi_bready};
        memory.take(top, taken, now);
        top.clk = 1;
        top.eval();
        memory.drive(top, taken, now);
        if (++now > limit) fail("no end within the cycles that this should take", unsigned(limit));
    }
};

Bench bench;

// A matrix of rows in memory, elements of `bits` packed without gaps, every row at a bus word.
struct Matrix {
    uint64_t address;
    uint32_t rows, cols, stride;
    unsigned bits;

    // The byte and the bit in it.
    uint8_t *at(std::vector<uint8_t> &bytes, uint32_t row, uint32_t col) const {
        return &bytes[address - BASE + uint64_t(row) * stride + uint64_t(col) * bits / 8];
    }

    void put(std::vector<uint8_t> &bytes, uint32_t row, uint32_t col, int64_t value) const {
        uint8_t *place = at(bytes, row, col);
        if (bits < 8) {
            const unsigned shift = col * bits % 8, mask = ((1u << bits) - 1) << shift;
            *place = uint8_t((*place & ~mask) | (unsigned(value) << shift & mask));
        } else {
            std::memcpy(place, &value, bits / 8);
        }
    }
};

// Where the next matrix goes, and room for it.
Matrix placed(uint64_t &end, uint32_t word, uint32_t rows, uint32_t cols, unsigned bits) {
    const uint32_t stride = uint32_t(((uint64_t(cols) * bits + 7) / 8 + word - 1) / word * word);
    const Matrix found = {end, rows, cols, stride, bits};
    end += uint64_t(rows) * stride + 64; // a gap, in which nothing may be written
    return found;
}

int64_t value_of(unsigned bits, bool is_signed) {
    const int64_t value = drawn() & ((1u << bits) - 1);
    return is_signed && value >> (bits - 1) ? value - (int64_t(1) << bits) : value;
}

int64_t wrapped(int64_t sum, unsigned bits) {
    return int64_t(uint64_t(sum) << (64 - bits)) >> (64 - bits);
}

uint32_t number(const char *text, const char *what, long least, long most) {
    char *end;
    const long value = std::strtol(text, &end, 10);
    if (*end || end == text || value < least || value > most) {
        std::printf("%s: must be from %ld to %ld, not %s\n", what, least, most, text);
        std::exit(2);
    }
    return uint32_t(value);
}

} // namespace

uint32_t bus_read(uint32_t offset) { return bench.read(offset); }
void bus_write(uint32_t offset, uint32_t value) { bench.write(offset, value); }

int main(int argc, char **argv) {
    const auto given = [&](int n, const char *what, long least, long most, uint32_t usual) {
        return argc > n ? number(argv[n], what, least, most) : usual;
    };
    const uint32_t m = given(1, "M", 1, 4096, 13), n = given(2, "N", 1, 4096, 10), k = given(3, "K", 1, 65536, 21);
    bench.memory.stall = given(4, "stalls", 0, 95, 20);
    drawn.seed(given(5, "seed", 0, 1L << 30, 1));

    bench.reset();
    insitu core;
    if (insitu_probe(&core)) return std::printf("FAILED: no core that this driver knows\n"), 1;
    if (core.word != sizeof bench.top.m_axi_rdata) return std::printf("FAILED: the core tells of another bus word than it has\n"), 1;
    if (k > core.max_k) return std::printf("K: must be at most %u on this machine, not %u\n", core.max_k, k), 2;
    const uint32_t sum_bits = bus_read(offsetof(insitu_t, sums)) ? FIELD(bus_read(offsetof(insitu_t, sums)), SUMS__BITS) : 32;

    // Two jobs on the same A and B, both in the queue at once: sums with a bias as int32, and int8.
    uint64_t end = BASE;
    const Matrix a = placed(end, core.word, m, k, core.a_bits), b = placed(end, core.word, k, n, core.b_bits);
    const Matrix bias = placed(end, core.word, 1, n, 32), sums = placed(end, core.word, m, n, 32), bytes = placed(end, core.word, m, n, 8);
    insitu_gemm jobs[2] = {};
    jobs[0].m = m, jobs[0].n = n, jobs[0].k = k;
    jobs[0].a = a.address, jobs[0].a_stride = a.stride, jobs[0].a_unsigned = core.a_unsigned;
    jobs[0].b = b.address, jobs[0].b_stride = b.stride, jobs[0].b_unsigned = core.b_unsigned;
    jobs[0].c = sums.address, jobs[0].c_stride = sums.stride, jobs[0].bias = bias.address;
    jobs[1] = jobs[0];
    jobs[1].c = bytes.address, jobs[1].c_stride = bytes.stride, jobs[1].requantise = 1;
    // Of few bits, so that its product with a sum is exact in a double.
    const double spread = std::sqrt(double(k)) * std::exp2(int(core.a_bits + core.b_bits) - 8);
    jobs[1].scale = float(std::exp2(std::floor(std::log2(32 / spread))) * 1.25);
    jobs[1].zero = -3, jobs[1].low = -100, jobs[1].high = 100;

    // Memory before, and how it must be after.
    std::vector<uint8_t> &memory = bench.memory.bytes;
    memory.resize((end - BASE + 4095) / 4096 * 4096);
    for (uint8_t &byte : memory) byte = uint8_t(drawn());
    std::vector<int64_t> x(size_t(m) * k), y(size_t(k) * n), z(n);
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t t = 0; t < k; t++) a.put(memory, i, t, x[size_t(i) * k + t] = value_of(core.a_bits, !core.a_unsigned));
    for (uint32_t t = 0; t < k; t++)
        for (uint32_t j = 0; j < n; j++) b.put(memory, t, j, y[size_t(t) * n + j] = value_of(core.b_bits, !core.b_unsigned));
    for (uint32_t j = 0; j < n; j++) bias.put(memory, 0, j, z[j] = int64_t(drawn() % 2001) - 1000);
    std::vector<uint8_t> expected = memory;
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t j = 0; j < n; j++) {
            int64_t sum = z[j];
            for (uint32_t t = 0; t < k; t++) sum += x[size_t(i) * k + t] * y[size_t(t) * n + j];
            sum = wrapped(sum, sum_bits);
            sums.put(expected, i, j, sum);
            const double scaled = jobs[1].zero + std::nearbyint(double(sum) * jobs[1].scale); // halves to even
            bytes.put(expected, i, j, int64_t(std::fmin(std::fmax(scaled, jobs[1].low), jobs[1].high)));
        }

    uint64_t cycles[2] = {};
    bench.limit = bench.now + 100000 + 400 * (uint64_t(m) + 1) * (n + 1) * (k + 1);
    const int status = insitu_run(&core, jobs, 2, cycles);
    if (status) return std::printf("FAILED: status %d\n", status), 1;
    std::printf("%u x %u x %u, bus of %u bits, %u %% stalls: int32 in %llu cycles, int8 in %llu\n", m, n, k, 8 * core.word,
                bench.memory.stall, static_cast<unsigned long long>(cycles[0]), static_cast<unsigned long long>(cycles[1]));

    size_t wrong = 0;
    for (size_t at = 0; at < memory.size(); at++)
        if (memory[at] != expected[at] && !wrong++)
            std::printf("first wrong byte at %#llx: %u, must be %u\n", static_cast<unsigned long long>(BASE + at), memory[at], expected[at]);
    if (wrong || bench.memory.broken) return std::printf("FAILED: %zu wrong bytes, %u broken rules\n", wrong, bench.memory.broken), 1;
    std::printf("every byte as expected\n");
    return 0;
}
