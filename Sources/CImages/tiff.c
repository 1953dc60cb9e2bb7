/* The one door to libtiff. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "CImages.h"

typedef struct {
  TIFF *tiff;
  const uint8_t *bytes;
  size_t count, next;
  uint16_t planes;
} decoder;

static _Thread_local char last_problem[200];

static void keep(const char *module, const char *format, va_list list) {
  (void)module;
  vsnprintf(last_problem, sizeof last_problem, format, list);
}

static tmsize_t take(thandle_t handle, void *target, tmsize_t count) {
  decoder *d = (decoder *)handle;
  if (count < 0 || d->next > d->count) return 0;
  size_t left = d->count - d->next;
  size_t given = (size_t)count < left ? (size_t)count : left;
  memcpy(target, d->bytes + d->next, given);
  d->next += given;
  return (tmsize_t)given;
}

static tmsize_t refuse(thandle_t handle, void *bytes, tmsize_t count) {
  (void)handle;
  (void)bytes;
  (void)count;
  return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
  decoder *d = (decoder *)handle;
  uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->next : d->count;
  d->next = (size_t)(from + offset);
  return d->next;
}

static int done(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t size(thandle_t handle) { return ((decoder *)handle)->count; }

static int map(thandle_t handle, void **base, toff_t *count) {
  decoder *d = (decoder *)handle;
  *base = (void *)d->bytes;
  *count = d->count;
  return 1;
}

static void unmap(thandle_t handle, void *base, toff_t count) {
  (void)handle;
  (void)base;
  (void)count;
}

static int complain(const decoder *d, ci_image *image, const char *why) {
  image->offset = d->next < d->count ? d->next : d->count;
  snprintf(image->problem, sizeof image->problem, "%s", *last_problem ? last_problem : why);
  return -1;
}

void *ci_tiff_open(const uint8_t *bytes, size_t count, ci_image *image) {
  memset(image, 0, sizeof *image);
  last_problem[0] = 0;
  TIFFSetErrorHandler(keep);
  TIFFSetWarningHandler(NULL);
  decoder *d = calloc(1, sizeof *d);
  if (!d) {
    snprintf(image->problem, sizeof image->problem, "no memory");
    return NULL;
  }
  d->bytes = bytes;
  d->count = count;
  d->tiff = TIFFClientOpen("image", "r", (thandle_t)d, take, refuse, seek, done, size, map, unmap);
  if (!d->tiff) {
    complain(d, image, "it is no TIFF");
    free(d);
    return NULL;
  }
  uint16_t bits = 0, samples = 0, format = 0, planes = 0, packing = 0;
  TIFFGetField(d->tiff, TIFFTAG_IMAGEWIDTH, &image->width);
  TIFFGetField(d->tiff, TIFFTAG_IMAGELENGTH, &image->height);
  TIFFGetFieldDefaulted(d->tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(d->tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  TIFFGetFieldDefaulted(d->tiff, TIFFTAG_SAMPLEFORMAT, &format);
  TIFFGetFieldDefaulted(d->tiff, TIFFTAG_PLANARCONFIG, &planes);
  TIFFGetFieldDefaulted(d->tiff, TIFFTAG_COMPRESSION, &packing);
  int plain = packing == COMPRESSION_NONE || packing == COMPRESSION_LZW || packing == COMPRESSION_PACKBITS ||
              packing == COMPRESSION_ADOBE_DEFLATE || packing == COMPRESSION_DEFLATE;
  last_problem[0] = 0;
  const char *why = !plain ? "its compression is none of none, LZW, deflate and PackBits"
                    : TIFFIsTiled(d->tiff) ? "it is tiled; strips are read"
                    : format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID ? "its samples are not unsigned integers"
                    : planes != PLANARCONFIG_CONTIG && planes != PLANARCONFIG_SEPARATE ? "its planes are unknown"
                    : bits != 8 && bits != 16 ? "its samples do not have 8 or 16 bits"
                                                                                   : NULL;
  if (why) {
    complain(d, image, why);
    ci_tiff_close(d);
    return NULL;
  }
  image->channels = samples;
  image->bits = bits;
  image->packed = (uint64_t)image->width * image->height * samples * (bits / 8);
  d->planes = planes;
  return d;
}

/* One strip at a time; a strip's size follows from width and rows, which the caller has checked. */
int ci_tiff_read(void *tiff, void *pixels, ci_image *image) {
  decoder *d = tiff;
  size_t width = image->bits / 8, samples = image->channels;
  int split = d->planes == PLANARCONFIG_SEPARATE && samples > 1;
  size_t row = (size_t)image->width * width * (split ? 1 : samples);
  uint32_t per = 0;
  TIFFGetFieldDefaulted(d->tiff, TIFFTAG_ROWSPERSTRIP, &per);
  if (per == 0 || per > image->height) per = image->height;
  last_problem[0] = 0;
  if ((size_t)TIFFScanlineSize(d->tiff) != row) return complain(d, image, "its rows have another length than its sizes say");
  uint8_t *strip = split ? malloc(row * per) : NULL;
  if (split && !strip) return complain(d, image, "no memory");
  for (size_t plane = 0; plane < (split ? samples : 1); plane++) {
    for (uint32_t y = 0; y < image->height; y += per) {
      uint32_t rows = image->height - y < per ? image->height - y : per;
      uint8_t *target = split ? strip : (uint8_t *)pixels + row * y;
      tmsize_t wanted = (tmsize_t)(row * rows);
      if (TIFFReadEncodedStrip(d->tiff, TIFFComputeStrip(d->tiff, y, (uint16_t)plane), target, wanted) != wanted) {
        free(strip);
        return complain(d, image, "a strip is shorter than its rows");
      }
      if (!split) continue;
      for (size_t i = 0; i < (size_t)rows * image->width; i++)
        memcpy((uint8_t *)pixels + (((size_t)y * image->width + i) * samples + plane) * width, strip + i * width, width);
    }
  }
  free(strip);
  return 0;
}

void ci_tiff_close(void *tiff) {
  decoder *d = tiff;
  TIFFClose(d->tiff);
  free(d);
}
