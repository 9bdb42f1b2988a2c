// A driver of a machine in C11: probe, post, wait, abort, and a list of GEMMs through the queue.
// docs/programming.md explains each step. bus_read and bus_write belong to the platform, see driver.h.

#include <stddef.h>
#include <string.h>

#include "driver.h"

// Offsets instead of a pointer to insitu_t: that is packed, so a compiler may split an access into
// bytes, and a doorbell would ring four times.
#define REG(name) ((uint32_t)offsetof(insitu_t, name))
#define GET(value, field) (((value) & INSITU__##field##_bm) >> INSITU__##field##_bp)
#define PUT(value, field) (((uint32_t)(value) << INSITU__##field##_bp) & INSITU__##field##_bm)

// 0, or -1 if there is no core, or one that this driver does not know.
int insitu_probe(struct insitu *core)
{
    if (bus_read(REG(id)) != INSITU__ID__VALUE_reset)
        return -1;
    if (GET(bus_read(REG(version)), VERSION__MAJOR) != INSITU__VERSION__MAJOR_reset)
        return -1;
    uint32_t can = bus_read(REG(capabilities));
    core->queue = GET(can, CAPABILITIES__QUEUE);
    core->word = 1u << GET(can, CAPABILITIES__WORD_LOG2);
    core->max_k = bus_read(REG(max_k));
    core->a_bits = GET(can, CAPABILITIES__A_BITS);
    core->b_bits = GET(can, CAPABILITIES__B_BITS);
    uint32_t profile = bus_read(REG(profile));
    core->a_unsigned = (int)GET(profile, PROFILE__A_UNSIGNED);
    core->b_unsigned = (int)GET(profile, PROFILE__B_UNSIGNED);
    return 0;
}

// 0, or -1 if the queue is full. Memory must hold what the core is to read before this is called.
int insitu_post(const struct insitu *core, const struct insitu_gemm *job, uint16_t tag)
{
    // Asked before, since not every interconnect hands the doorbell's error response on.
    if (GET(bus_read(REG(status)), STATUS__WAITING) >= core->queue)
        return -1;

    insitu__descriptor_t d;
    uint32_t words[sizeof d / 4];
    memset(&d, 0, sizeof d);
    d.flags = PUT(1, DESCRIPTOR__FLAGS__VERSION) | PUT(1, DESCRIPTOR__FLAGS__LOAD_B)
            | PUT(!job->a_unsigned, DESCRIPTOR__FLAGS__A_SIGNED)
            | PUT(!job->b_unsigned, DESCRIPTOR__FLAGS__B_SIGNED)
            | PUT(job->a_transposed != 0, DESCRIPTOR__FLAGS__A_TRANSPOSED)
            | PUT(job->b_transposed != 0, DESCRIPTOR__FLAGS__B_TRANSPOSED)
            | PUT(job->bias != 0, DESCRIPTOR__FLAGS__BIAS)
            | PUT(job->requantise != 0, DESCRIPTOR__FLAGS__FORMAT)
            | PUT(job->binary32 != 0, DESCRIPTOR__FLAGS__BINARY32);
    d.m = job->m;
    d.n = job->n;
    d.k = job->k;
    d.a_low = (uint32_t)job->a;
    d.a_high = (uint32_t)(job->a >> 32);
    d.a_stride = job->a_stride;
    d.b_low = (uint32_t)job->b;
    d.b_high = (uint32_t)(job->b >> 32);
    d.b_stride = job->b_stride;
    d.c_low = (uint32_t)job->c;
    d.c_high = (uint32_t)(job->c >> 32);
    d.c_stride = job->c_stride;
    d.bias_low = (uint32_t)job->bias;
    d.bias_high = (uint32_t)(job->bias >> 32);
    if (job->requantise) {
        uint32_t scale;
        memcpy(&scale, &job->scale, sizeof scale);
        d.scale = scale;
        d.clamp = PUT(job->zero, DESCRIPTOR__CLAMP__ZERO) | PUT(job->low, DESCRIPTOR__CLAMP__LOW)
                | PUT(job->high, DESCRIPTOR__CLAMP__HIGH);
    }
    memcpy(words, &d, sizeof d);
    for (uint32_t n = 0; n < sizeof d / 4; n++)
        bus_write(REG(descriptor) + 4 * n, words[n]);
    bus_write(REG(doorbell), tag);
    return 0;
}

// Counter n of the oldest completion; only between seeing it valid and dropping it.
uint64_t insitu_counter(unsigned n)
{
    uint64_t low = bus_read(REG(counters) + 8 * n);
    return low | (uint64_t)bus_read(REG(counters) + 8 * n + 4) << 32;
}

// Take the oldest completion: its status, or -1 if there is none yet.
int insitu_take(uint16_t *tag, uint64_t *cycles)
{
    uint32_t done = bus_read(REG(completion));
    if (!GET(done, COMPLETION__VALID))
        return -1;
    *tag = (uint16_t)GET(done, COMPLETION__TAG);
    *cycles = insitu_counter(0);
    bus_write(REG(completion_pop), 1);
    return (int)GET(done, COMPLETION__STATUS);
}

// End all that was posted. Each of them still completes, and must be taken.
void insitu_abort(void)
{
    bus_write(REG(control), PUT(1, CONTROL__ABORT));
}

// A list of GEMMs, in order, as many at once as the queue takes. The first status that is not ok
// ends it: what was posted is aborted, and nothing is under way any more when this returns.
int insitu_run(const struct insitu *core, const struct insitu_gemm *jobs, unsigned count,
               uint64_t *cycles)
{
    unsigned posted = 0, taken = 0;
    int result = INSITU_OK;

    while (taken < (result == INSITU_OK ? count : posted)) {
        uint16_t tag;
        while (result == INSITU_OK && posted < count
               && insitu_post(core, &jobs[posted], (uint16_t)posted) == 0)
            posted++;
        int status = insitu_take(&tag, &cycles[taken]);
        if (status < 0)
            continue; // or sleep until the interrupt
        taken++;
        if (status != INSITU_OK && result == INSITU_OK) {
            result = status;
            insitu_abort();
        }
    }
    return result;
}

// A program as insitu.program.c writes it: descriptors as they are, each of which may read what the
// one before wrote. Memory must hold the program's image and its inputs. The first status that is not
// ok ends it.
int insitu_program(const uint32_t (*descriptors)[INSITU_WORDS], unsigned count, uint64_t *cycles)
{
    for (unsigned done = 0; done < count; done++) {
        uint16_t tag;
        int status;
        for (uint32_t n = 0; n < INSITU_WORDS; n++)
            bus_write(REG(descriptor) + 4 * n, descriptors[done][n]);
        bus_write(REG(doorbell), done & 0xffff);
        while ((status = insitu_take(&tag, &cycles[done])) < 0)
            ; // or sleep until the interrupt
        if (status != INSITU_OK)
            return status;
    }
    return INSITU_OK;
}
