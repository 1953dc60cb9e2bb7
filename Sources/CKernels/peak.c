/* The ceiling: as many independent fused multiply-adds as a core can start, in 256 and in 512 bits. */
#include "CKernels.h"
#include <string.h>

#define CHAINS 12

#define ROUNDS(NAME, TARGET, WIDTH)                                                                          \
  typedef float vector_##NAME __attribute__((vector_size(4 * WIDTH)));                                       \
  TARGET static float NAME(long rounds) {                                                                   \
    vector_##NAME x[CHAINS], a = {0}, b = {0};                                                               \
    for (int i = 0; i < WIDTH; i++) a[i] = 0.999f, b[i] = 1e-3f;                                             \
    for (int c = 0; c < CHAINS; c++) x[c] = b * (float)c;                                                    \
    for (long r = 0; r < rounds; r++) {                                                                      \
      _Pragma("clang fp reassociate(off) contract(fast)") _Pragma("unroll") for (int c = 0; c < CHAINS; c++) \
          x[c] = x[c] * a + b;                                                                               \
      __asm__ volatile("" ::: "memory");                                                                     \
    }                                                                                                        \
    float sum = 0;                                                                                           \
    for (int c = 0; c < CHAINS; c++) sum += x[c][0];                                                         \
    return sum;                                                                                              \
  }

ROUNDS(rounds_baseline, , 4)
#ifdef __x86_64__
ROUNDS(rounds_avx2, __attribute__((target("arch=x86-64-v3"))), 8)
ROUNDS(rounds_avx512, __attribute__((target("arch=x86-64-v4"))), 16)
#endif

float ck_multiply_add_rounds(long rounds) {
#ifdef __x86_64__
  const char *name = ck_instruction_set();
  if (name && !strcmp(name, "avx512")) return rounds_avx512(rounds);
  if (name && !strcmp(name, "avx2")) return rounds_avx2(rounds);
#endif
  return rounds_baseline(rounds);
}

double ck_multiply_add_operations(long rounds) {
  const char *name = ck_instruction_set();
  int width = name && !strcmp(name, "avx512") ? 16 : name && !strcmp(name, "avx2") ? 8 : 4;
  return 2.0 * width * CHAINS * (double)rounds;
}
