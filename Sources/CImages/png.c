/* The one door to libpng. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "CImages.h"

typedef struct {
  png_structp png;
  png_infop info;
  const uint8_t *bytes;
  size_t count, next;
  char problem[200];
} decoder;

static void fail(png_structp png, png_const_charp why) {
  decoder *d = png_get_error_ptr(png);
  snprintf(d->problem, sizeof d->problem, "%s", why);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp why) {
  (void)png;
  (void)why;
}

static void take(png_structp png, png_bytep target, size_t count) {
  decoder *d = png_get_io_ptr(png);
  if (count > d->count - d->next) png_error(png, "the data end early");
  memcpy(target, d->bytes + d->next, count);
  d->next += count;
}

static void say(decoder *d, ci_image *image) {
  image->offset = d->next;
  snprintf(image->problem, sizeof image->problem, "%s", d->problem);
}

void *ci_png_open(const uint8_t *bytes, size_t count, ci_image *image) {
  memset(image, 0, sizeof *image);
  decoder *d = calloc(1, sizeof *d);
  if (!d) {
    snprintf(image->problem, sizeof image->problem, "no memory");
    return NULL;
  }
  d->bytes = bytes;
  d->count = count;
  d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, fail, ignore);
  d->info = d->png ? png_create_info_struct(d->png) : NULL;
  if (!d->info) snprintf(d->problem, sizeof d->problem, "no memory");
  if (!d->info || setjmp(png_jmpbuf(d->png))) {
    say(d, image);
    ci_png_close(d);
    return NULL;
  }
  png_set_user_limits(d->png, 1 << 20, 1 << 20);
  png_set_chunk_cache_max(d->png, 128);
  png_set_chunk_malloc_max(d->png, 1 << 22);
  png_set_read_fn(d->png, d, take);
  png_read_info(d->png, d->info);
  image->width = png_get_image_width(d->png, d->info);
  image->height = png_get_image_height(d->png, d->info);
  image->channels = 3;
  image->bits = 8;
  image->packed = (uint64_t)png_get_rowbytes(d->png, d->info) * image->height;
  png_set_expand(d->png);
  png_set_strip_16(d->png);
  png_set_gray_to_rgb(d->png);
  png_set_strip_alpha(d->png);
  png_set_interlace_handling(d->png);
  png_read_update_info(d->png, d->info);
  if (png_get_rowbytes(d->png, d->info) != (size_t)image->width * 3) png_error(d->png, "its rows are not RGB");
  return d;
}

int ci_png_read(void *png, uint8_t *pixels, ci_image *image) {
  decoder *d = png;
  png_bytep *rows = malloc(sizeof *rows * image->height);
  if (!rows) {
    snprintf(image->problem, sizeof image->problem, "no memory");
    return -1;
  }
  for (uint32_t y = 0; y < image->height; y++) rows[y] = pixels + (size_t)y * image->width * 3;
  if (setjmp(png_jmpbuf(d->png))) {
    free(rows);
    say(d, image);
    return -1;
  }
  png_read_image(d->png, rows);
  free(rows);
  return 0;
}

void ci_png_close(void *png) {
  decoder *d = png;
  png_destroy_read_struct(d->png ? &d->png : NULL, d->info ? &d->info : NULL, NULL);
  free(d);
}
