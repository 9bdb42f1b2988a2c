// Software on an AXI-Lite slave, called once a cycle by the Verilog of native.py; Python says what to access by ctypes, and when it is
// done it finds the answer here. Several accesses of each kind may be under way. Channels can be held up. Breaking a rule is a fault.

#include <deque>

#include "channel.h"

namespace {

enum Channel { AW, W, B, AR, R };

constexpr unsigned BETWEEN = 8;  // cycles from one read to the next of a register that is polled

struct Access {
    unsigned address, data, strobes;
    std::uint64_t tries;  // more reads while the top bit is not set
};

struct Side {
    std::deque<Access> waiting, under_way;
    std::vector<std::uint64_t> answers;  // response above the data, of each access in order
};

struct Software {
    Stalls stalls[5];
    unsigned depth = 4;
    Side writes, reads;
    std::string fault;

    std::deque<Access> addresses, words;  // of writes under way that have not been taken
    bool awvalid = false, wvalid = false, arvalid = false, bready = false, rready = false;
    std::uint64_t now = 0, again = 0;  // a poll's next read
    bool asking = false;               // the last of `reads.under_way` has yet to be taken
    Offered b, r;

    void blame(const char *what) {
        if (fault.empty()) fault = what;
    }

    void reset() {
        for (auto *side : {&writes, &reads}) side->waiting.clear(), side->under_way.clear();
        addresses.clear(), words.clear();
        awvalid = wvalid = arvalid = bready = rready = asking = false;
        again = 0;
        b.reset(), r.reset();
    }

    void written(unsigned code) {
        // Neither of what it answers may still be on its way.
        if (addresses.size() >= writes.under_way.size() || words.size() >= writes.under_way.size()) return blame("response to no write");
        writes.under_way.pop_front();
        writes.answers.push_back(static_cast<std::uint64_t>(code) << 32);
    }

    void read(unsigned code, unsigned data) {
        if (reads.under_way.size() <= asking) return blame("data of no read");
        Access &access = reads.under_way.front();
        if (access.tries && !(data >> 31)) {
            access.tries--;
            again = now + BETWEEN;
            return;
        }
        reads.under_way.pop_front();
        reads.answers.push_back(static_cast<std::uint64_t>(code) << 32 | data);
    }

    void start() {
        if (!writes.waiting.empty() && writes.under_way.size() < depth) {
            addresses.push_back(writes.waiting.front());
            words.push_back(writes.waiting.front());
            writes.under_way.push_back(writes.waiting.front());
            writes.waiting.pop_front();
        }
        if (asking || again) return;
        // A poll is alone.
        if (!reads.waiting.empty() && reads.under_way.size() < depth && (reads.under_way.empty() || !reads.under_way.front().tries) &&
            (reads.under_way.empty() || !reads.waiting.front().tries)) {
            reads.under_way.push_back(reads.waiting.front());
            reads.waiting.pop_front();
            asking = true;
        }
    }
} software;

}  // namespace

extern "C" {

// At an edge, with the values before it. `*flags`: awvalid, wvalid, bready, arvalid, rready, fault, and the strobes from bit 8 on.
// `*written`, `*fetched`: accesses answered so far.
void software_cycle(
    unsigned rst, unsigned awready, unsigned wready, unsigned bresp, unsigned bvalid, unsigned arready, unsigned rdata, unsigned rresp,
    unsigned rvalid, unsigned *flags, unsigned *awaddr, unsigned *wdata, unsigned *araddr, unsigned *written, unsigned *fetched) {
    Software &s = software;
    s.now++;
    bool held[5];
    for (int n = 0; n < 5; n++) held[n] = s.stalls[n].next();
    if (rst) {
        s.reset();
    } else {
        if (!s.b.keeps(bvalid, s.bready, {bresp})) s.blame("response that did not stay");
        if (!s.r.keeps(rvalid, s.rready, {rdata, rresp})) s.blame("register that did not stay");
        if (s.awvalid && awready) s.addresses.pop_front(), s.awvalid = false;
        if (s.wvalid && wready) s.words.pop_front(), s.wvalid = false;
        if (s.arvalid && arready) s.asking = s.arvalid = false;
        if (bvalid && s.bready) s.written(bresp);
        if (rvalid && s.rready) s.read(rresp, rdata);
        if (s.again && s.now >= s.again) s.again = 0, s.asking = true;
        s.start();
        if (!s.awvalid && !s.addresses.empty() && !held[AW]) s.awvalid = true;
        if (!s.wvalid && !s.words.empty() && !held[W]) s.wvalid = true;
        if (!s.arvalid && s.asking && !held[AR]) s.arvalid = true;
        s.bready = !held[B];
        s.rready = !held[R];
    }
    *flags = s.awvalid | s.wvalid << 1 | s.bready << 2 | s.arvalid << 3 | s.rready << 4 | !s.fault.empty() << 5;
    if (s.awvalid) *awaddr = s.addresses.front().address;
    if (s.wvalid) *wdata = s.words.front().data, *flags |= s.words.front().strobes << 8;
    if (s.arvalid) *araddr = s.reads.under_way.back().address;
    *written = s.writes.answers.size();
    *fetched = s.reads.answers.size();
}

// As at first.
void software_begin() { software = Software(); }

// Both return which answer it will be: the first one is 1.
std::uint64_t software_write(unsigned address, unsigned data, unsigned strobes) {
    Side &side = software.writes;
    side.waiting.push_back({address, data, strobes, 0});
    return side.answers.size() + side.under_way.size() + side.waiting.size();
}

std::uint64_t software_read(unsigned address, std::uint64_t tries) {
    Side &side = software.reads;
    side.waiting.push_back({address, 0, 0, tries});
    return side.answers.size() + side.under_way.size() + side.waiting.size();
}

// Response above 32 bits of data; the access must have been answered.
std::uint64_t software_answer(unsigned write, std::uint64_t number) {
    return (write ? software.writes : software.reads).answers.at(number - 1);
}

void software_stall(unsigned channel, const char *kind, std::uint64_t seed) { software.stalls[channel].set(kind, seed); }

void software_depth(unsigned depth) { software.depth = depth; }

const char *software_fault() { return software.fault.c_str(); }

}  // extern "C"
