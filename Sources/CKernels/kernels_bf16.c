/* The kernels for CPUs that multiply bfloat16 in pairs and add in float; what is not a product computes in float. */
#include "CKernels.h"
#include <math.h>
#ifdef __x86_64__
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16"))), apply_to = function)
#define VARIANT bf16
#define VECTOR_BYTES 64
#define TILE_ROWS 12
#define PAIRED
#include "variant.h"
#pragma clang attribute pop
#endif
