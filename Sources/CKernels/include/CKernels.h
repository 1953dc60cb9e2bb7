/* The kernels as tables of functions, one for each number type; which instruction set they were compiled for is
 * chosen once, at the first use: the best the CPU has, or what METAMAE_ISA says (baseline, avx2, avx512).
 * What each computes stands in kernels.inc. */
#ifndef CKERNELS_H
#define CKERNELS_H
#include <stdint.h>

/* Where the rows of an attention lie. Heads stand side by side in a row, `width` numbers each; ldq, ldkv and ldo are
 * the strides from row to row of queries, of keys and values, and of outputs. A sample has `tokens` rows of keys and
 * values, and query rows starts[s] ..< starts[s + 1] (NULL: as many as tokens). Shares lie sample by sample, head by
 * head, [query rows, ldp] each; ldp is a multiple of 16 and at least `tokens`. */
struct ck_attention {
  long samples, tokens, heads, width;
  const int32_t *_Nullable starts;
  long ldq, ldkv, ldo, ldp;
};

#define F(RESULT, NAME) RESULT (*_Nonnull NAME)
#define IN const REAL *_Nonnull
#define IO REAL *_Nonnull
#define MAYBE const REAL *_Nullable
#define MAYBE_OUT REAL *_Nullable
#define INDEX const int32_t *_Nonnull
#define GEOMETRY const struct ck_attention *_Nonnull

#define CK_TABLE(STRUCT)                                                                                     \
  struct STRUCT {                                                                                            \
    F(void, layernorm)(long rows, long d, IN x, IN gamma, IN beta, REAL eps, IO xhat, IO r, IO y);           \
    F(void, layernorm_again)(long rows, long d, IN xhat, IN gamma, MAYBE beta, IO y);                          \
    F(void, layernorm_backward)(long rows, long d, IN dy, IN xhat, IN r, IN gamma, IO dx);                   \
    F(void, layernorm_accumulate)(long rows, long d, IN dy, IN xhat, IO dgamma, IO dbeta);                   \
    F(void, layernorm_tangent)(long rows, long d, IN xt, IN xhat, IN r, IN gamma, IO xhatt, IO rho, IO yt);  \
    F(void, layernorm_backward_tangent)(long rows, long d, IN dy, IN dyt, IN xhat, IN xhatt, IN r, IN rho,   \
                                        IN gamma, IO dxt, IO dgamma, IO dbeta);                              \
    F(void, gelu)(long rows, long d, IO h, IN bias, IO a);                                                   \
    F(void, gelu_backward)(long n, IN h, IN da, IO dh, MAYBE_OUT a);                                             \
    F(void, gelu_tangent)(long n, IN h, IN ht, IO at);                                                       \
    F(void, gelu_backward_tangent)(long n, IN h, IN ht, IN da, IO dat, IO a, IO at, IO dh);                  \
    F(void, softmax)(long rows, long n, long ld, REAL scale, IO s);                                          \
    F(void, softmax_backward)(long rows, long n, long ld, REAL scale, IN p, IO dp);                          \
    F(void, softmax_tangent)(long rows, long n, long ld, REAL scale, IN p, IO st);                           \
    F(void, softmax_backward_tangent)(long rows, long n, long ld, REAL scale, IN p, IN pt, IO dp, IO dpt);   \
    F(double, squared_error)(long rows, long width, INDEX index, IN t, REAL coefficient, IO p);              \
    F(double, cross_entropy)(long rows, long classes, INDEX index, INDEX target, REAL coefficient,           \
                             IO logits, MAYBE_OUT shares);                                                       \
    F(void, cross_entropy_tangent)(long rows, long classes, IN shares, REAL coefficient, IO lt);             \
    F(void, add_bias)(long rows, long d, IN bias, IO y);                                                     \
    F(void, add_branch)(long rows, long d, IN y, IN bias, IO x);                                             \
    F(void, column_sums)(long rows, long d, IN x, IO sums);                                                  \
    F(void, indexed_sums)(long rows, long d, INDEX index, IN x, IO sums);                                    \
    F(void, assemble)(long rows, long d, INDEX index, IN src, MAYBE absent, IO dst);                         \
    F(void, axpy)(long n, REAL a, IN x, IO y);                                                               \
    F(void, scale)(long n, REAL a, IO x);                                                                    \
    F(double, dot)(long n, IN x, IN y);                                                                      \
    F(void, gather)(long rows, long d, INDEX index, IN src, IO dst);                                         \
    F(void, scatter_add)(long rows, long d, INDEX index, IN src, IO dst);                                    \
    F(void, gather_reordered)(long rows, long d, INDEX index, INDEX order, IN src, IO dst);                  \
    F(void, dropout)(long n, uint32_t key, uint32_t threshold, REAL scale, IO x);                            \
    F(void, batchnorm)(long rows, long d, IN x, IN gamma, IN beta, REAL eps, IO xhat, IO r, IO mean,         \
                       IO variance, IO y);                                                                   \
    F(void, batchnorm_backward)(long rows, long d, IN xhat, IN r, IN gamma, IO dy, IO dgamma, IO dbeta);     \
    F(void, adamw)(long n, REAL rate, REAL decay, REAL beta1, REAL beta2, REAL eps, REAL correction1,        \
                   REAL correction2, IN g, IO m, IO v, IO p);                                                \
    F(void, patchify_f32)(long channels, long height, long width, long p, long q,                            \
                          const void *_Nonnull stored, IN scale, IN shift, IO tokens);                       \
    F(void, patchify_f64)(long channels, long height, long width, long p, long q,                            \
                          const void *_Nonnull stored, IN scale, IN shift, IO tokens);                       \
    F(void, patchify_u8)(long channels, long height, long width, long p, long q,                             \
                         const void *_Nonnull stored, IN scale, IN shift, IO tokens);                        \
    F(void, patchify_u16)(long channels, long height, long width, long p, long q,                            \
                          const void *_Nonnull stored, IN scale, IN shift, IO tokens);                       \
    F(long, product_workspace)(long flip_a, long m, long n, long depth);                                                         \
    F(void, product)(long flip_a, long flip_b, long m, long n, long depth, IN a, long lda, IN b, long ldb,   \
                     REAL beta, IO c, long ldc, IO workspace);                                               \
    F(void, pack)(long flip_b, long n, long depth, IN b, long ldb, IO panels);                               \
    F(void, product_packed)(long m, long n, long depth, IN a, long lda, IN panels, REAL beta, IO c,          \
                            long ldc, IO workspace);                                                         \
    F(long, attention_workspace)(GEOMETRY g);                                                                \
    F(void, attention)(GEOMETRY g, IN q, IN k, IN v, MAYBE_OUT p, IO o, IO workspace);                       \
    F(void, attention_backward)(GEOMETRY g, IN q, IN k, IN v, MAYBE p, IN dout, IO dq, IO dk, IO dv,         \
                                IO workspace);                                                               \
    F(void, attention_tangent)(GEOMETRY g, IN q, IN k, IN v, IN qt, IN kt, IN vt, IN p, IO pt, IO ot,        \
                               IO workspace);                                                                \
    F(void, attention_backward_tangent)(GEOMETRY g, IN q, IN k, IN v, IN qt, IN kt, IN vt, IN p, IN pt,      \
                                        IN dout, IN doutt, IO dqt, IO dkt, IO dvt, IO workspace);            \
  }

#define REAL float
CK_TABLE(ck_f32);
#undef REAL
#define REAL double
CK_TABLE(ck_f64);
#undef REAL
#undef CK_TABLE
#undef F
#undef IN
#undef IO
#undef MAYBE
#undef MAYBE_OUT
#undef INDEX
#undef GEOMETRY

/* Runs body(0) ... body(count - 1) side by side and waits for all. While another thread is in here, or where no thread
 * can be had, one after the other: the result is the same. The body is a Swift closure as Swift itself passes one, code
 * and captured values: made into a block or a function pointer it would cost an allocation a call. */
typedef __attribute__((swiftcall)) void (*ck_lane_body)(long lane, __attribute__((swift_context)) void *_Nullable);
__attribute__((swiftcall)) void ck_in_lanes(long count, ck_lane_body _Nonnull body, void *_Nullable captured);

const struct ck_f32 *_Nonnull ck_float(void);
const struct ck_f64 *_Nonnull ck_double(void);
/* The kernels for float whose products round their operands to bfloat16; NULL where the CPU, or METAMAE_ISA, has no
 * instruction for it. */
const struct ck_f32 *_Nullable ck_float_bf16(void);
/* The most rows of a left operand that `product_packed` takes at once: its workspace holds as many times `depth`. */
#define CK_TILE_ROWS 12

/* "baseline", "avx2" or "avx512"; NULL when METAMAE_ISA names none of them or one that this CPU lacks. */
const char *_Nullable ck_instruction_set(void);

/* Runs `rounds` rounds of independent fused multiply-adds on registers, in the widest form this CPU has: what a core
 * can do at the most, for comparison; and how many floating-point operations that is. */
float ck_multiply_add_rounds(long rounds);
double ck_multiply_add_operations(long rounds);

#endif
