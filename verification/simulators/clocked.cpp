// Clock and reset of a module that needs nobody else: cycles at Verilator's own speed, without Python or VPI.
//
// The module has inputs clk, rst and save, outputs done, now and broken, as tb_machine_run.py uses them. Three cycles in reset, cycles until
// `done`, two hundred more, in which whatever is still under way would show, two with `save`. ended.txt says how many and what `broken` is.
// Exit status 1 if there is no end within +budget=N cycles. Twice a second progress.txt says how many were run.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

int main(int argc, char **argv) {
    const auto context = std::make_unique<VerilatedContext>();
    context->commandArgs(argc, argv);
    const char *given = context->commandArgsPlusMatch("budget=");
    const unsigned long long budget = *given ? std::strtoull(given + 8, nullptr, 10) : 0;
    const auto top = std::make_unique<Vtop>(context.get(), "");
    const auto cycles = [&](int count) {
        while (count-- && !context->gotFinish()) {
            top->clk = 1;
            top->eval();
            context->timeInc(1);
            top->clk = 0;
            top->eval();
            context->timeInc(1);
        }
    };
    top->clk = 0;
    top->save = 0;
    top->rst = 1;
    top->eval();
    cycles(3);
    top->rst = 0;
    unsigned long long run = 0;
    auto told = std::chrono::steady_clock::now();
    for (; !top->done && run < budget && !context->gotFinish(); run++) {
        cycles(1);
        if (run % 4096) continue;
        const auto time = std::chrono::steady_clock::now();
        if (time - told < std::chrono::milliseconds(500)) continue;
        told = time;
        if (std::FILE *progress = std::fopen("progress.txt", "w")) {
            std::fprintf(progress, "%llu\n", run);
            std::fclose(progress);
        }
    }
    std::remove("progress.txt");
    if (!top->done) {
        std::fprintf(stderr, "no end in %llu cycles\n", run);
        return 1;
    }
    const unsigned long long now = top->now;
    cycles(200);
    top->save = 1;
    cycles(2);
    std::FILE *ended = std::fopen("ended.txt", "w");
    if (!ended) return 1;
    std::fprintf(ended, "cycles=%llu broken=%u\n", now, static_cast<unsigned>(top->broken));
    const bool failed = std::fclose(ended) != 0;
    top->final();
    return failed || context->errorCount() > 0 ? 1 : 0;
}
