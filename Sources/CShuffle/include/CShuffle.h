/* Regrouping of bytes on the way from a sample to a block and back: plain loops that Swift would check and not
 * vectorise. Nothing here allocates; sources and targets do not overlap and need no alignment. */
#ifndef CSHUFFLE_H
#define CSHUFFLE_H
#include <stddef.h>

/* Numbers of `width` bytes (1, 2, 4 or 8) whose bytes lie apart: byte b of number i is at planes[b * stride + i].
 * Writes `count` whole numbers to `to`. */
void csh_unshuffle(int width, const void *planes, size_t stride, void *to, size_t count);

/* The inverse: byte b of number i goes to planes[b * count + i]. */
void csh_shuffle(int width, const void *numbers, size_t count, void *planes);

/* rows x columns of 4-byte numbers, row-major, to columns x rows: number (r, c) goes to to[c * stride + r]. */
void csh_transpose4(const void *from, size_t rows, size_t columns, void *to, size_t stride);
#endif
