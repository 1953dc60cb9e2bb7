/* The kernels for baseline CPUs. */
#include "CKernels.h"
#include <math.h>
#define VARIANT baseline
#include "variant.h"
