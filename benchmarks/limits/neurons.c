#include "limits.h"

#define AT_ONCE 8 /* steps that a membrane stays in its register for */

static inline void stream(float *to, vector x) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)x);
#elif defined(__AVX__)
  union { vector all; __m256 half[2]; } parts = {x};
  _mm256_stream_ps(to, parts.half[0]);
  _mm256_stream_ps(to + 8, parts.half[1]);
#else
  *(vector *)to = x;
#endif
}

static inline vector ones_of(mask s) { return (vector)(s & (mask)((vector){0} + 1.0f)); }

static inline vector load(const float *from) {
  vector x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}

/* Runs of neurons whose membranes the first cache holds, AT_ONCE steps a pass: T is a multiple of it. WRITE puts the
   spikes `s` of LANES neurons at `at` of step · n + neuron. */
#define RUN 4096
#define IF(NAME, TYPE, WRITE)                                                                                          \
  void NAME(const float *I, TYPE *to, size_t T, size_t n, float v0) {                                                  \
    static float v[RUN] __attribute__((aligned(64)));                                                                  \
    for (size_t start = 0; start < n; start += RUN) {                                                                  \
      size_t width = n - start < RUN ? n - start : RUN;                                                                \
      for (size_t i = 0; i < width; i++) v[i] = v0;                                                                    \
      for (size_t t = 0; t < T; t += AT_ONCE)                                                                          \
        for (size_t i = 0; i < width; i += LANES) {                                                                    \
          vector u = load(v + i);                                                                                      \
          for (size_t k = 0; k < AT_ONCE; k++) {                                                                       \
            size_t at = (t + k) * n + start + i;                                                                       \
            u += load(I + at);                                                                                         \
            mask s = u >= 1.0f;                                                                                        \
            u -= ones_of(s);                                                                                           \
            WRITE;                                                                                                     \
          }                                                                                                            \
          *(vector *)(v + i) = u;                                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
  }

IF(if_floats, float, stream(to + at, ones_of(s)))
IF(if_bytes, int8_t, bytes one = __builtin_convertvector(-s, bytes); __builtin_memcpy(to + at, &one, sizeof one))
IF(if_bits, uint8_t, uint16_t word = packed(s); __builtin_memcpy(to + at / 8, &word, sizeof word))

void if_constant(const float *I, float *counts, size_t T, size_t n, float v0) {
  for (size_t i = 0; i + 4 * LANES <= n; i += 4 * LANES) { /* four at once hide the additions' latency */
    vector c[4], u[4], count[4] = {0};
    for (int k = 0; k < 4; k++) c[k] = load(I + i + k * LANES), u[k] = (vector){0} + v0;
    for (size_t t = 0; t < T; t++)
      for (int k = 0; k < 4; k++) {
        u[k] += c[k];
        vector s = ones_of(u[k] >= 1.0f);
        u[k] -= s;
        count[k] += s;
      }
    for (int k = 0; k < 4; k++) __builtin_memcpy(counts + i + k * LANES, &count[k], sizeof count[k]);
  }
}
