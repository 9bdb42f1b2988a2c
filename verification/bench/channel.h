// What the benches in C++ have in common: when a channel is held up, and the rule that what is offered stays.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

// An endless pattern of stalls, the kinds of streams.stall_bits and "stop".
class Stalls {
    std::string pattern = "0";
    std::size_t at = 0;
    unsigned percent = 0;
    std::uint64_t state = 0;

public:
    void set(const std::string &kind, std::uint64_t seed) {
        at = 0;
        state = seed;
        pattern = kind == "none" ? "0" : kind == "half" ? "10" : kind == "long" ? "01111111" : kind == "stop" ? "1" : "";
        percent = pattern.empty() ? static_cast<unsigned>(std::stoul(kind)) : 0;
    }

    // Whether this cycle is one; once a cycle.
    bool next() {
        if (!pattern.empty()) return pattern[at++ % pattern.size()] == '1';
        std::uint64_t x = state += 0x9e3779b97f4a7c15u;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 27) * 0x94d049bb133111ebu;
        return (x ^ x >> 31) % 100 < percent;
    }
};

// What somebody else offers on a channel: once valid it stays, and is the same, until it is taken.
class Offered {
    bool waiting = false;
    std::vector<std::uint64_t> before;

public:
    // At an edge: the values before it. False if the rule was broken.
    bool keeps(bool valid, bool ready, std::vector<std::uint64_t> payload) {
        const bool kept = !waiting || (valid && payload == before);
        waiting = valid && !ready;
        before = std::move(payload);
        return kept;
    }

    void reset() { waiting = false; }
};
