#include "limits.h"

void copy(double *restrict to, const double *restrict from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = from[i];
}

void triad(double *restrict to, const double *restrict a, const double *restrict b, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = a[i] + 3.0 * b[i];
}

/* 8 independent sums of LANES floats: rounds · 8 · LANES additions. */
float additions(size_t rounds) {
  vector sum[8] = {0}, term = {0};
  term += 1e-9f;
  for (size_t r = 0; r < rounds; r++) {
    for (int k = 0; k < 8; k++) sum[k] += term;
    __asm__ volatile("" : "+x"(term)); /* or the compiler multiplies */
  }
  vector all = sum[0];
  for (int k = 1; k < 8; k++) all += sum[k];
  float total = 0;
  for (int i = 0; i < LANES; i++) total += all[i];
  return total;
}
