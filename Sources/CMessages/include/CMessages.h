/* What the ranks of a run tell each other, by MPI (its handles are macros that only C can read). Numbers are double where
 * `wide`, else float. An error ends all ranks, as MPI's standard handler does. */
#ifndef CMESSAGES_H
#define CMESSAGES_H

/* Joins the ranks that were launched together; collective. */
void cm_start(int *rank, int *count);
/* Leaves them; collective. */
void cm_end(void);
/* x [n] becomes the sum over the ranks, the same bytes on all: added up at one of them. */
void cm_sum(void *x, long n, int wide);
/* Rank k has written counts[k] numbers from starts[k] on; now all have all. */
void cm_gather(void *x, const int *counts, const int *starts, int wide);
/* The largest of the ranks' values. */
int cm_largest(int value);

#endif
