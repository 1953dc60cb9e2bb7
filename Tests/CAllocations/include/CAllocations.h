/* Counts the memory allocations of the whole process: the test program's own malloc stands before the C library's. */
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

/* Starts counting from zero. */
void allocations_start(void);
/* Stops, and gives the number since the start; -1 where a sanitizer has taken malloc's place. */
long allocations_stop(void);

/* One allocation, given back. */
void allocations_touch(void);

#endif
