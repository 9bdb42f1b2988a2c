// A memory at the other end of an AXI master, called once a cycle by the Verilog of native.py; Python has its bytes and its settings by ctypes.
//
// It takes bursts in order, some of each kind at once, data before their address as well, and answers after a latency; a write is seen
// by reads when its response is sent, and not before, as AXI allows. Every channel can be held up. What is touched outside the windows
// is answered with DECERR and noted; breaking a rule of AXI is a fault.

#include <cstring>
#include <deque>
#include <memory>
#include <unordered_map>

#include "channel.h"

namespace {

enum Channel { AW, W, B, AR, R };

constexpr unsigned OKAY = 0, DECERR = 3;
constexpr std::uint64_t PAGE = 4096;

struct Window {
    std::uint64_t base, rows, row_bytes, stride;

    bool holds(std::uint64_t address, std::uint64_t length) const {
        if (address < base) return false;
        const std::uint64_t row = stride ? (address - base) / stride : 0;
        return row < rows && address - base - row * stride + length <= row_bytes;
    }
};

struct Burst {
    std::uint64_t address;
    unsigned beats;
    std::uint64_t due;
};

struct Beat {
    std::vector<std::uint8_t> data;
    std::uint64_t strobes;
    bool last;
};

struct Response {
    std::vector<std::pair<std::uint64_t, std::uint8_t>> bytes;  // that the burst writes
    std::uint64_t due;
    unsigned code;
};

struct Touched {
    std::uint64_t write, address, length;
};

// Answers on a channel so far, and which of them is to be an error.
struct Answers {
    std::uint64_t count = 0, bad = ~0ull;
    unsigned code = OKAY;
    std::vector<std::uint64_t> ends;

    unsigned turn(unsigned given, bool last) {
        if (last) ends.push_back(count);
        return count++ == bad ? code : given;
    }
};

struct Memory {
    std::unordered_map<std::uint64_t, std::unique_ptr<std::uint8_t[]>> pages;
    Stalls stalls[5];
    Answers answers[2];  // of reads, of writes
    std::vector<Window> windows[2];
    bool anywhere[2] = {true, true};
    std::vector<Touched> broken;
    std::string fault;
    unsigned latency = 0, outstanding = 8;

    std::uint64_t now = 0;
    std::deque<Burst> reads, heads;
    std::deque<Beat> beats;
    std::deque<Response> responses;
    Response writing{{}, 0, OKAY};
    Offered aw, w, ar;
    bool awready = false, wready = false, arready = false, bvalid = false, rvalid = false;
    unsigned bresp = 0, rresp = 0;
    bool rlast = false;
    std::vector<std::uint8_t> rdata;

    std::uint8_t &byte(std::uint64_t address) {
        auto &page = pages[address / PAGE];
        if (!page) {
            page.reset(new std::uint8_t[PAGE]);
            // Nothing that a machine could take for what it looks for.
            std::uint64_t x = address / PAGE * 0x9e3779b97f4a7c15u | 1;
            for (std::uint64_t n = 0; n < PAGE; n++) page[n] = (x = x * 6364136223846793005u + 1442695040888963407u) >> 56;
        }
        return page[address % PAGE];
    }

    bool allowed(bool write, std::uint64_t address, std::uint64_t length) {
        if (anywhere[write]) return true;
        for (const auto &window : windows[write])
            if (window.holds(address, length)) return true;
        broken.push_back({write, address, length});
        return false;
    }

    void blame(const char *what, std::uint64_t where) {
        if (fault.empty()) fault = std::string(what) + " at " + std::to_string(where);
    }

    Burst accepted(std::uint64_t address, unsigned length, unsigned kind, std::uint64_t word) {
        const std::uint64_t bytes = (length + 1ull) * word;
        if (address % word) blame("burst that does not begin at a word", address);
        if (address % PAGE + bytes > PAGE) blame("burst that crosses 4 KiB", address);
        if ((kind & 3) != 1) blame("burst that is not INCR", address);
        if (1u << (kind >> 2) != word) blame("burst of other words than the bus has", address);
        return {address, length + 1, now + latency};
    }

    void reset() {
        reads.clear(), heads.clear(), beats.clear(), responses.clear();
        writing = {{}, 0, OKAY};
        for (auto *offered : {&aw, &w, &ar}) offered->reset();
        awready = wready = arready = bvalid = rvalid = false;
    }

    // A word of the oldest burst whose address is known.
    void write_one(std::uint64_t word) {
        Burst &head = heads.front();
        const Beat &beat = beats.front();
        if (beat.last != (head.beats == 1)) blame("wlast where the address does not say so", head.address);
        for (std::uint64_t n = 0, end; n < word; n = end + 1) {
            end = n;
            while (end < word && beat.strobes >> end & 1) end++;
            if (end > n && !allowed(true, head.address + n, end - n)) writing.code = DECERR;
            for (std::uint64_t k = n; k < end; k++) writing.bytes.emplace_back(head.address + k, beat.data[k]);
        }
        if (beat.last) {
            writing.due = now + latency;
            responses.push_back(std::move(writing));
            writing = {{}, 0, OKAY};
            heads.pop_front();
        } else {
            head.address += word;
            head.beats--;
        }
        beats.pop_front();
    }

    void send_response() {
        Response &response = responses.front();
        bresp = answers[1].turn(response.code, true);
        // Of a burst with a word that was refused nothing is written; an error that was asked for is in the response alone.
        if (response.code == OKAY)
            for (const auto &[address, value] : response.bytes) byte(address) = value;
        bvalid = true;
    }

    void send_word(std::uint64_t word) {
        const Burst &burst = reads.front();
        rlast = burst.beats == 1;
        const bool good = allowed(false, burst.address, word);
        rdata.assign(word, 0xff);
        for (std::uint64_t n = 0; good && n < word; n++) rdata[n] = byte(burst.address + n);
        rresp = answers[0].turn(good ? OKAY : DECERR, rlast);
        rvalid = true;
    }

    void taken(bool bready, bool rready, std::uint64_t word) {
        if (bvalid && bready) {
            responses.pop_front();
            bvalid = false;
        }
        if (rvalid && rready) {
            Burst &burst = reads.front();
            burst.address += word;
            if (!--burst.beats) reads.pop_front();
            rvalid = false;
        }
    }
} memory;

}  // namespace

extern "C" {

// At an edge, with the values before it. `*flags`: awready, wready, arready, bvalid, bresp (2), rvalid, rresp (2), rlast, fault.
void memory_cycle(
    unsigned rst, unsigned bytes, std::uint64_t awaddr, unsigned awlen, unsigned awkind, unsigned awvalid, const std::uint32_t *wdata,
    unsigned wstrb, unsigned wlast, unsigned wvalid, unsigned bready, std::uint64_t araddr, unsigned arlen, unsigned arkind,
    unsigned arvalid, unsigned rready, unsigned *flags, std::uint32_t *rdata) {
    Memory &m = memory;
    m.now++;
    bool held[5];
    for (int n = 0; n < 5; n++) held[n] = m.stalls[n].next();
    if (rst) {
        m.reset();
    } else {
        std::vector<std::uint64_t> word{wstrb, wlast};
        word.insert(word.end(), wdata, wdata + (bytes + 3) / 4);
        if (!m.aw.keeps(awvalid, m.awready, {awaddr, awlen, awkind})) m.blame("write address that did not stay", awaddr);
        if (!m.w.keeps(wvalid, m.wready, std::move(word))) m.blame("data that did not stay", 0);
        if (!m.ar.keeps(arvalid, m.arready, {araddr, arlen, arkind})) m.blame("read address that did not stay", araddr);
        m.taken(bready, rready, bytes);
        if (awvalid && m.awready) m.heads.push_back(m.accepted(awaddr, awlen, awkind, bytes));
        if (arvalid && m.arready) m.reads.push_back(m.accepted(araddr, arlen, arkind, bytes));
        if (wvalid && m.wready) {
            const auto *first = reinterpret_cast<const std::uint8_t *>(wdata);
            m.beats.push_back({{first, first + bytes}, wstrb, wlast != 0});
        }
        if (!m.heads.empty() && !m.beats.empty()) m.write_one(bytes);
        if (!m.bvalid && !m.responses.empty() && m.now > m.responses.front().due && !held[B]) m.send_response();
        if (!m.rvalid && !m.reads.empty() && m.now > m.reads.front().due && !held[R]) m.send_word(bytes);
        m.awready = !held[AW] && m.heads.size() + m.responses.size() < m.outstanding;
        m.wready = !held[W] && m.beats.size() < 4;
        m.arready = !held[AR] && m.reads.size() < m.outstanding;
    }
    *flags = m.awready | m.wready << 1 | m.arready << 2 | m.bvalid << 3 | m.bresp << 4 | m.rvalid << 6 | m.rresp << 7 | m.rlast << 9 |
             !m.fault.empty() << 10;
    if (m.rvalid) std::memcpy(rdata, m.rdata.data(), bytes);
}

// As at first, but for its bytes.
void memory_begin() {
    auto pages = std::move(memory.pages);
    memory = Memory();
    memory.pages = std::move(pages);
}

void memory_write(std::uint64_t address, const std::uint8_t *bytes, std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; n++) memory.byte(address + n) = bytes[n];
}

void memory_read(std::uint64_t address, std::uint8_t *bytes, std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; n++) bytes[n] = memory.byte(address + n);
}

// `windows`: four numbers each, as in Window. `any`: everything is allowed.
void memory_allow(unsigned write, unsigned any, const std::uint64_t *windows, std::uint64_t count) {
    memory.anywhere[write] = any;
    memory.windows[write].clear();
    for (std::uint64_t n = 0; n < count; n++, windows += 4) memory.windows[write].push_back({windows[0], windows[1], windows[2], windows[3]});
}

void memory_stall(unsigned channel, const char *kind, std::uint64_t seed) { memory.stalls[channel].set(kind, seed); }

void memory_pace(unsigned latency, unsigned outstanding) {
    memory.latency = latency;
    memory.outstanding = outstanding;
}

// The next access that was refused, as in Touched; 0 if there is none.
unsigned memory_broken(std::uint64_t *found) {
    if (memory.broken.empty()) return 0;
    std::memcpy(found, &memory.broken.front(), sizeof(Touched));
    memory.broken.erase(memory.broken.begin());
    return 1;
}

const char *memory_fault() { return memory.fault.c_str(); }

// Count answers from 0 again; that with number `bad` has response `code`.
void memory_answers(unsigned write, std::uint64_t bad, unsigned code) {
    memory.answers[write] = {0, bad, code, {}};
}

// How many bursts ended since; their last answers, if there is room for them.
std::uint64_t memory_ends(unsigned write, std::uint64_t *ends, std::uint64_t room) {
    const auto &all = memory.answers[write].ends;
    for (std::uint64_t n = 0; n < all.size() && n < room; n++) ends[n] = all[n];
    return all.size();
}

}  // extern "C"
