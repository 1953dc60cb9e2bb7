/* The kernels for avx512 CPUs. */
#include "CKernels.h"
#include <math.h>
#ifdef __x86_64__
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define VARIANT avx512
#define VECTOR_BYTES 64
#define TILE_ROWS 12
#include "variant.h"
#pragma clang attribute pop
#endif
