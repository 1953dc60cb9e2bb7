/* The kernels for avx2 CPUs. */
#include "CKernels.h"
#include <math.h>
#ifdef __x86_64__
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define VARIANT avx2
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#include "variant.h"
#pragma clang attribute pop
#endif
