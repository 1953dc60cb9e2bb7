/* libjpeg-turbo, libpng and libtiff on bytes in memory. The libraries leave by longjmp or print where they meet
 * damage; here each function returns 0, or -1 with what was wrong. A header's sizes are reported before anything is
 * allocated by them: open, check, read, close. */
#ifndef CIMAGES_H
#define CIMAGES_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t width, height;
  uint32_t channels; /* of what read gives: samples a pixel, interleaved */
  uint32_t bits;     /* a sample: 8 or 16 */
  uint64_t packed;   /* bytes of all rows as stored before compression; 0 when not known */
  uint64_t offset;   /* how far into the bytes reading came */
  char problem[200];
} ci_image;

/* JPEG: channels 1 grey, 3 RGB, 4 CMYK as stored (Adobe's are inverted). Accurate integer inverse DCT ("islow"),
 * triangular chroma upsampling. Data that ends early is an error, damage within is not: what Pillow does. */
void *ci_jpeg_open(const uint8_t *bytes, size_t count, ci_image *image);
int ci_jpeg_read(void *jpeg, uint8_t *pixels, ci_image *image);
void ci_jpeg_close(void *jpeg);

/* PNG: always 3 channels of 8 bits; palettes are looked up, grey repeated, alpha dropped, of 16 bits the upper 8 kept. */
void *ci_png_open(const uint8_t *bytes, size_t count, ci_image *image);
int ci_png_read(void *png, uint8_t *pixels, ci_image *image);
void ci_png_close(void *png);

/* TIFF: unsigned samples of 8 or 16 bits in the machine's byte order, interleaved whatever the file's planes. */
void *ci_tiff_open(const uint8_t *bytes, size_t count, ci_image *image);
int ci_tiff_read(void *tiff, void *pixels, ci_image *image);
void ci_tiff_close(void *tiff);
#endif
