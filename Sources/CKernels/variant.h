/* Compiles table.inc for float and double under the current instruction set: VARIANT names it, VECTOR_BYTES is the size
 * of its registers, TILE_ROWS how many rows of a product stay in them; with PAIRED products are made of bfloat16. */
#define PASTE_(a, b, c) a##_##b##_##c
#define PASTE(a, b, c) PASTE_(a, b, c)

/* exp, relative error below 2e-7 (Cephes' polynomial); a NaN passes on. */
static inline __attribute__((always_inline)) float PASTE(exponential, VARIANT, f)(float x) {
#pragma clang fp reassociate(off) contract(fast)
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.0f ? 88.0f : x;
  union { float f; uint32_t u; } n = {.f = x * 1.44269504088896341f + 12582912.0f}, y;
  float k = n.f - 12582912.0f;
  float r = x - k * 0.693359375f;
  r = r + k * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  y.f = p * r * r + r + 1.0f;
  y.u += n.u << 23;
  return y.f;
}

/* The normal distribution: cdf by Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7), pdf. */
static inline __attribute__((always_inline)) void PASTE(gauss, VARIANT, f)(float x, float *cdf, float *pdf) {
  float e = PASTE(exponential, VARIANT, f)(-0.5f * x * x);
  float z = (x < 0 ? -x : x) * 0.70710678118654752f;
  float t = 1.0f / (1.0f + 0.3275911f * z);
  float q = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  float tail = 0.5f * q * e;
  *cdf = x < 0 ? tail : 1.0f - tail;
  *pdf = 0.39894228040143268f * e;
}

static inline __attribute__((always_inline)) void PASTE(gauss, VARIANT, d)(double x, double *cdf, double *pdf) {
  *cdf = 0.5 * erfc(-x * 0.70710678118654752440);
  *pdf = 0.39894228040143267794 * exp(-0.5 * x * x);
}

#define REAL float
#define LANE_COUNT (VECTOR_BYTES / 4)
#define TABLE ck_f32
#define NAME(x) PASTE(x, VARIANT, f32)
#define EXP PASTE(exponential, VARIANT, f)
#define GAUSS PASTE(gauss, VARIANT, f)
#define SQRT __builtin_sqrtf
#define LOG logf
#include "table.inc"
#undef REAL
#undef LANE_COUNT
#undef TABLE
#undef NAME
#undef EXP
#undef GAUSS
#undef SQRT
#undef LOG

/* Only float has products in bfloat16. */
#ifndef PAIRED
#define REAL double
#define LANE_COUNT (VECTOR_BYTES / 8)
#define TABLE ck_f64
#define NAME(x) PASTE(x, VARIANT, f64)
#define EXP exp
#define GAUSS PASTE(gauss, VARIANT, d)
#define SQRT __builtin_sqrt
#define LOG log
#include "table.inc"
#endif
