#include "CMessages.h"
#include <mpi.h>

/* Numbers in one message: counts are int. */
#define MOST (1L << 28)

void cm_start(int *rank, int *count) {
  int provided;
  MPI_Init_thread(0, 0, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, count);
}

void cm_end(void) { MPI_Finalize(); }

void cm_sum(void *x, long n, int wide) {
  MPI_Datatype type = wide ? MPI_DOUBLE : MPI_FLOAT;
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (long start = 0; start < n; start += MOST) {
    int own = (int)(n - start < MOST ? n - start : MOST);
    char *part = (char *)x + start * (wide ? 8 : 4);
    MPI_Reduce(rank == 0 ? MPI_IN_PLACE : part, part, own, type, MPI_SUM, 0, MPI_COMM_WORLD);
    MPI_Bcast(part, own, type, 0, MPI_COMM_WORLD);
  }
}

void cm_gather(void *x, const int *counts, const int *starts, int wide) {
  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, x, counts, starts, wide ? MPI_DOUBLE : MPI_FLOAT,
                 MPI_COMM_WORLD);
}

int cm_largest(int value) {
  int largest;
  MPI_Allreduce(&value, &largest, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return largest;
}
