/* MATLAB v7.3 struct arrays by libhdf5: a group whose members are datasets of references, one an element. The library
 * leaves through macros that Swift cannot see and prints where it meets damage; here functions return -1. Call from one
 * thread, and from a process that may die: the library trusts much of its file. */
#ifndef CSTRUCTARRAYS_H
#define CSTRUCTARRAYS_H
#include <stdint.h>

enum { CSA_NUMBERS, CSA_TEXT, CSA_EMPTY };

/* NULL when it cannot be opened. */
void *csa_open(const char *path);
void csa_close(void *file);
/* Opens the references of a member, "/data/waferMap"; their number, or -1. `*field` is freed by csa_field_close. */
int64_t csa_field_open(void *file, const char *name, void **field);
void csa_field_close(void *field);
/* What element `row` is and its extents as stored (one or two; MATLAB's are reversed): -1 when it cannot be read. */
int csa_element(void *field, int64_t row, int *kind, uint64_t extents[2]);
/* Its values as bytes (numbers above 255 are clipped) or UTF-16 units; `count` is the product of the extents. */
int csa_bytes(void *field, int64_t row, uint8_t *values, uint64_t count);
int csa_units(void *field, int64_t row, uint16_t *values, uint64_t count);
#endif
