/* limits JOB …: get ready, then for every line of input do the job once and print "seconds check". */
#define _POSIX_C_SOURCE 200809L
#include "limits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t T, n;
static float *I, *to;
static double *a, *b, *c;
static Mlp net;
static int32_t classes, samples, *counts;
static float *x;
static int32_t *whole_x;

static void *room(size_t bytes) {
  void *at = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!at) exit(3);
  return at;
}

static void *taken(FILE *file, size_t count, size_t size) {
  void *at = room(count * size);
  if (fread(at, size, count, file) != count) exit(4);
  return at;
}

/* The order in which benchmarks.bench_speed.limits writes a network and its samples. */
static void read_mlp(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fread(&net.layers, 4, 1, file) != 1 || net.layers > DEEPEST) exit(4);
  memcpy(net.width, taken(file, net.layers + 1, 4), 4 * (net.layers + 1));
  for (int l = 0; l < net.layers; l++) {
    size_t out = net.width[l + 1], all = out * net.width[l];
    net.weight[l] = taken(file, all, 4), net.bias[l] = taken(file, out, 4), net.theta[l] = taken(file, out, 4);
    net.whole_weight[l] = taken(file, all, 2);
    net.whole_bias[l] = taken(file, out, 4), net.whole_theta[l] = taken(file, out, 4);
  }
  classes = *(int32_t *)taken(file, 1, 4), samples = *(int32_t *)taken(file, 1, 4);
  x = taken(file, (size_t)samples * net.width[0], 4), whole_x = taken(file, (size_t)samples * net.width[0], 4);
  counts = room((size_t)samples * net.width[net.layers] * 4);
  fclose(file);
}

static double total(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += values[i];
  return sum;
}

static double bytes_of(const int8_t *values) {
  double sum = 0;
  for (size_t i = 0; i < T * n; i++) sum += values[i];
  return sum;
}

/* A number that depends on every count of the classes, as `answered` in benchmarks/bench_speed/ours.py. */
static double answered(void) {
  double sum = 0;
  for (int b = 0; b < samples; b++)
    for (int c = 0; c < classes; c++)
      sum += counts[(size_t)b * net.width[net.layers] + c] * (double)(1 + ((size_t)b * classes + c) % 97);
  return sum;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const char *job = argv[1];
  int is_mlp = !strncmp(job, "mlp", 3);
  T = strtoull(argv[2], 0, 10);
  if (is_mlp) read_mlp(argv[3]);
  else n = strtoull(argv[3], 0, 10);
  if (!strncmp(job, "if", 2)) {
    size_t count = strcmp(job, "if_constant") ? T * n : n;
    I = room(count * 4), to = room(T * n * 4);
    for (size_t i = 0; i < count; i++) I[i] = (float)(7 * (i % 17) % 17) / 16;
    memset(to, 0, T * n * 4);
  } else if (!is_mlp) {
    a = room(8 * n), b = room(8 * n), c = room(8 * n);
    for (size_t i = 0; i < n; i++) a[i] = i, b[i] = i, c[i] = 0;
  }
  for (char line[16]; fgets(line, sizeof line, stdin);) {
    struct timespec begun, ended;
    double check = 0;
    int8_t *fresh = 0;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    if (!strcmp(job, "copy")) copy(c, a, n);
    else if (!strcmp(job, "triad")) triad(c, a, b, n);
    else if (!strcmp(job, "additions")) check = additions(n);
    else if (!strcmp(job, "if_floats")) if_floats(I, to, T, n, 0);
    else if (!strcmp(job, "if_bytes")) if_bytes(I, (int8_t *)to, T, n, 0);
    else if (!strcmp(job, "if_fresh")) if_bytes(I, fresh = room(T * n), T, n, 0);
    else if (!strcmp(job, "if_bits")) if_bits(I, (uint8_t *)to, T, n, 0);
    else if (!strcmp(job, "if_constant")) if_constant(I, to, T, n, 0.5f);
    else if (!strcmp(job, "mlp_floats")) mlp_floats(&net, x, samples, (int)T, counts);
    else if (!strcmp(job, "mlp_whole")) mlp_whole(&net, whole_x, samples, (int)T, counts);
    else return 2;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    if (!strcmp(job, "if_floats")) check = total(to, T * n);
    if (!strcmp(job, "if_bytes")) check = bytes_of((int8_t *)to);
    if (fresh) check = bytes_of(fresh);
    if (!strcmp(job, "if_constant")) check = total(to, n);
    if (is_mlp) check = answered();
    free(fresh);
    printf("%.9f %.17g\n", ended.tv_sec - begun.tv_sec + 1e-9 * (ended.tv_nsec - begun.tv_nsec), check);
    fflush(stdout);
  }
}
