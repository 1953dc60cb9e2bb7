#include <cblas.h>
#include <stddef.h>
/* LAPACK's symmetric eigenvalues, which OpenBLAS carries but declares nowhere in this build; the last two are the
 * lengths of the two strings, as Fortran passes them. */
void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info, size_t, size_t);
