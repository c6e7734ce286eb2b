/* What one core does with the same work in C: the yardstick of benchmarks.bench_speed.

   Nothing here checks its arguments or handles what spikeport handles (leaks, hard reset, several spikes, infinities);
   it is as fast as C in plain vectors was found to be, and gives the same spikes. */
#ifndef LIMITS_H
#define LIMITS_H
#include <stddef.h>
#include <stdint.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#define LANES 16
typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int8_t bytes __attribute__((vector_size(LANES)));
typedef int32_t mask __attribute__((vector_size(4 * LANES)));

/* One bit for each comparison that held. */
static inline uint16_t packed(mask s) {
#if defined(__AVX512DQ__)
  return (uint16_t)_mm512_movepi32_mask((__m512i)s);
#elif defined(__AVX__)
  union { mask all; __m256 half[2]; } parts = {s};
  return (uint16_t)(_mm256_movemask_ps(parts.half[0]) | _mm256_movemask_ps(parts.half[1]) << 8);
#else
  uint16_t bits = 0;
  for (int i = 0; i < LANES; i++) bits |= (uint16_t)((s[i] & 1) << i);
  return bits;
#endif
}

/* memory.c: GiB of arrays read and written; additions in registers, no memory */
void copy(double *to, const double *from, size_t n);
void triad(double *to, const double *a, const double *b, size_t n);
float additions(size_t rounds);

/* neurons.c: v += I; s = v >= 1; v -= s, for n neurons (a multiple of LANES), T steps; v starts at v0 */
void if_floats(const float *I, float *spikes, size_t T, size_t n, float v0);
void if_bytes(const float *I, int8_t *spikes, size_t T, size_t n, float v0);
void if_bits(const float *I, uint8_t *bits, size_t T, size_t n, float v0);
void if_constant(const float *I, float *counts, size_t T, size_t n, float v0);

/* mlp.c: linear layers of IF neurons, one sample after the other, the input a constant current */
#define DEEPEST 8
typedef struct {
  int32_t layers, width[DEEPEST + 1];
  float *weight[DEEPEST], *bias[DEEPEST], *theta[DEEPEST]; /* weight[l][input][output] */
  int16_t *whole_weight[DEEPEST]; /* of 8 bits, so that a sum of 256 of them needs no more than 16 */
  int32_t *whole_bias[DEEPEST], *whole_theta[DEEPEST];
} Mlp;
void mlp_floats(const Mlp *net, const float *x, int samples, int T, int32_t *counts);
void mlp_whole(const Mlp *net, const int32_t *x, int samples, int T, int32_t *counts);
#endif
