/* The kernels for baseline CPUs. */
#include "CKernels.h"
#include <math.h>
#define VARIANT baseline
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#include "variant.h"
