/* Which variant runs: the CPU's best, or METAMAE_ISA's. */
#include "CKernels.h"
#include <stdlib.h>
#include <string.h>

extern const struct ck_f32 table_baseline_f32;
extern const struct ck_f64 table_baseline_f64;
#ifdef __x86_64__
extern const struct ck_f32 table_avx2_f32, table_avx512_f32, table_bf16_f32;
extern const struct ck_f64 table_avx2_f64, table_avx512_f64;
#endif

static int has_avx2(void) {
#ifdef __x86_64__
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
  return 0;
#endif
}

static int has_avx512(void) {
#ifdef __x86_64__
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return 0;
#endif
}

const char *ck_instruction_set(void) {
  const char *wanted = getenv("METAMAE_ISA");
  if (!wanted || !*wanted) return has_avx512() ? "avx512" : has_avx2() ? "avx2" : "baseline";
  if (!strcmp(wanted, "baseline")) return "baseline";
  if (!strcmp(wanted, "avx2")) return has_avx2() ? "avx2" : NULL;
  if (!strcmp(wanted, "avx512")) return has_avx512() ? "avx512" : NULL;
  return NULL;
}

const struct ck_f32 *ck_float(void) {
#ifdef __x86_64__
  const char *name = ck_instruction_set();
  if (name && !strcmp(name, "avx512")) return &table_avx512_f32;
  if (name && !strcmp(name, "avx2")) return &table_avx2_f32;
#endif
  return &table_baseline_f32;
}

const struct ck_f32 *ck_float_bf16(void) {
#ifdef __x86_64__
  const char *name = ck_instruction_set();
  if (name && !strcmp(name, "avx512") && __builtin_cpu_supports("avx512bf16")) return &table_bf16_f32;
#endif
  return NULL;
}

const struct ck_f64 *ck_double(void) {
#ifdef __x86_64__
  const char *name = ck_instruction_set();
  if (name && !strcmp(name, "avx512")) return &table_avx512_f64;
  if (name && !strcmp(name, "avx2")) return &table_avx2_f64;
#endif
  return &table_baseline_f64;
}
