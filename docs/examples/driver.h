// What driver.c offers. Statuses are those of the completion register; docs/programming.md explains them.

#ifndef INSITU_DRIVER_H
#define INSITU_DRIVER_H

#include <stdint.h>

#include "insitu.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { INSITU_OK = 0, INSITU_BAD_SHAPE, INSITU_MISALIGNED, INSITU_UNSUPPORTED, INSITU_BAD_SCALE,
       INSITU_BUS_ERROR, INSITU_NOT_RESIDENT, INSITU_ABORTED };

enum { INSITU_WORDS = sizeof(insitu__descriptor_t) / 4 };

// One GEMM, of signed elements if nothing else is said. Strides are in bytes, of rows as they are stored.
struct insitu_gemm {
    uint32_t m, n, k;
    uint64_t a, b, c, bias;            // addresses; bias 0: none
    uint32_t a_stride, b_stride, c_stride;
    int a_transposed, b_transposed;    // A stored K x M, B stored N x K
    int requantise;                    // C is int8: scale, zero, low, high; otherwise int32
    float scale;
    int zero, low, high;
    int a_unsigned, b_unsigned;        // as the core must have them, see below
    int binary32;                      // round by way of binary32, as onnxruntime does
};

struct insitu {
    uint32_t queue;                    // descriptors that can wait
    uint32_t word;                     // bytes; bases and strides are multiples of it
    uint32_t max_k;
    uint32_t a_bits, b_bits;           // of an element
    int a_unsigned, b_unsigned;        // 1: elements must be unsigned; 0: they may be signed
};

// Of the platform: one aligned 32-bit access each, uncached, in program order, at an offset from the
// core's first register.
extern uint32_t bus_read(uint32_t offset);
extern void bus_write(uint32_t offset, uint32_t value);

// Each is described in driver.c.
int insitu_probe(struct insitu *core);
int insitu_post(const struct insitu *core, const struct insitu_gemm *job, uint16_t tag);
uint64_t insitu_counter(unsigned n);
int insitu_take(uint16_t *tag, uint64_t *cycles);
void insitu_abort(void);
int insitu_run(const struct insitu *core, const struct insitu_gemm *jobs, unsigned count,
               uint64_t *cycles);
int insitu_program(const uint32_t (*descriptors)[INSITU_WORDS], unsigned count, uint64_t *cycles);

#ifdef __cplusplus
}
#endif

#endif
