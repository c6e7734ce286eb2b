#include "limits.h"
#include <string.h>

#define WIDEST 4096
#define TILE 32 /* outputs whose sums stay in registers while the rows of what fired are added */

typedef int32_t whole __attribute__((vector_size(4 * LANES)));
typedef int16_t shorts __attribute__((vector_size(64)));

/* I[0], I[1] = Σ rows[event]: in the order of the contract, in registers of floats or of 16-bit integers. */
static inline void add_floats(const float *rows, size_t width, const int32_t *events, int seen, vector *I) {
  vector a = {0}, b = {0}, c, d;
  for (int e = 0; e < seen; e++) {
    __builtin_memcpy(&c, rows + events[e] * width, sizeof c);
    __builtin_memcpy(&d, rows + events[e] * width + LANES, sizeof d);
    a += c, b += d;
  }
  I[0] = a, I[1] = b;
}

static inline void add_whole(const int16_t *rows, size_t width, const int32_t *events, int seen, whole *I) {
  shorts a = {0}, c;
  for (int e = 0; e < seen; e++) __builtin_memcpy(&c, rows + events[e] * width, sizeof c), a += c;
  int32_t sum[TILE];
  for (int k = 0; k < TILE; k++) sum[k] = a[k];
  __builtin_memcpy(I, sum, sizeof sum);
}

/* One body for both, W the type of a weight, V of currents and membranes, VV a vector of LANES of them:

     I = (sum of the rows of what fired) + b;  v += I;  s = v >= theta;  v -= theta·s

   Rows of `weight` belong to inputs; widths are multiples of TILE. The first layer's current is the same at every step
   and is worked out once. */
#define MLP(NAME, W, V, VV, add, weights, biases, thetas, half)                                                        \
  void NAME(const Mlp *net, const V *x, int samples, int T, int32_t *counts) {                                         \
    static V first[WIDEST] __attribute__((aligned(64))), v[DEEPEST][WIDEST] __attribute__((aligned(64)));              \
    static int32_t events[2][WIDEST];                                                                                  \
    int last = net->layers - 1, classes = net->width[net->layers];                                                     \
    for (int sample = 0; sample < samples; sample++) {                                                                 \
      int32_t *count = counts + (size_t)sample * classes;                                                              \
      memset(count, 0, sizeof *count * classes);                                                                       \
      memset(first, 0, sizeof *first * net->width[1]);                                                                 \
      for (int i = 0; i < net->width[0]; i++) {                                                                        \
        V value = x[(size_t)sample * net->width[0] + i];                                                               \
        const W *row = net->weights[0] + (size_t)i * net->width[1];                                                    \
        if (value)                                                                                                     \
          for (int o = 0; o < net->width[1]; o++) first[o] += row[o] * value;                                          \
      }                                                                                                                \
      for (int l = 0; l <= last; l++)                                                                                  \
        for (int o = 0; o < net->width[l + 1]; o++) v[l][o] = half(net->thetas[l][o]);                                 \
      for (int t = 0; t < T; t++) {                                                                                    \
        int seen = 0;                                                                                                  \
        for (int l = 0; l <= last; l++) {                                                                              \
          int width = net->width[l + 1], fired = 0;                                                                    \
          int32_t *now = events[l & 1], *before = events[!(l & 1)];                                                    \
          for (int o = 0; o < width; o += TILE) {                                                                      \
            VV I[2], *u = (VV *)(v[l] + o);                                                                            \
            const VV *theta = (VV *)(net->thetas[l] + o), *bias = (VV *)(net->biases[l] + o);                          \
            if (l == 0) memcpy(I, first + o, sizeof I);                                                                \
            else add(net->weights[l] + o, width, before, seen, I);                                                     \
            uint32_t word = 0;                                                                                         \
            for (int k = 0; k < 2; k++) {                                                                              \
              VV w = u[k] + (I[k] + bias[k]);                                                                          \
              mask s = w >= theta[k];                                                                                  \
              u[k] = w - (VV)(s & (mask)theta[k]);                                                                     \
              word |= (uint32_t)packed(s) << k * LANES;                                                                \
            }                                                                                                          \
            for (; word; word &= word - 1) now[fired++] = o + __builtin_ctz(word);                                     \
          }                                                                                                            \
          seen = fired;                                                                                                \
        }                                                                                                              \
        for (int e = 0; e < seen; e++) count[events[last & 1][e]]++;                                                   \
      }                                                                                                                \
    }                                                                                                                  \
  }

#define HALF_OF_FLOAT(theta) (0.5f * (theta))
#define HALF_OF_WHOLE(theta) ((theta) / 2)
MLP(mlp_floats, float, float, vector, add_floats, weight, bias, theta, HALF_OF_FLOAT)
MLP(mlp_whole, int16_t, int32_t, whole, add_whole, whole_weight, whole_bias, whole_theta, HALF_OF_WHOLE)
