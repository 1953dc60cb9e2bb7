/* The one door to libjpeg-turbo. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "CImages.h"

enum { MOST_SCANS = 500 }; /* a file of more scans is made to take for ever */

typedef struct {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  struct jpeg_source_mgr source;
  jmp_buf out;
  size_t count;
  char problem[JMSG_LENGTH_MAX];
} decoder;

static void fail(j_common_ptr info) {
  decoder *d = info->client_data;
  info->err->format_message(info, d->problem);
  longjmp(d->out, 1);
}

static void ignore(j_common_ptr info, int level) {
  (void)level;
  (void)info;
}

static void stop(decoder *d, const char *why) {
  snprintf(d->problem, sizeof d->problem, "%s", why);
  longjmp(d->out, 1);
}

static void begin(j_decompress_ptr info) { (void)info; }

static boolean ran_out(j_decompress_ptr info) {
  stop(info->client_data, "the data end early");
  return FALSE;
}

static void skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if ((size_t)count > info->src->bytes_in_buffer) stop(info->client_data, "the data end early");
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= (size_t)count;
}

static void watch(j_common_ptr info) {
  if (((j_decompress_ptr)info)->input_scan_number > MOST_SCANS) stop(info->client_data, "it has more than 500 scans");
}

static void say(decoder *d, ci_image *image) {
  image->offset = d->count - d->source.bytes_in_buffer;
  snprintf(image->problem, sizeof image->problem, "%s", d->problem);
}

void *ci_jpeg_open(const uint8_t *bytes, size_t count, ci_image *image) {
  memset(image, 0, sizeof *image);
  decoder *d = calloc(1, sizeof *d);
  if (!d) {
    snprintf(image->problem, sizeof image->problem, "no memory");
    return NULL;
  }
  d->info.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = fail;
  d->errors.emit_message = ignore;
  d->info.client_data = d;
  d->count = count;
  if (setjmp(d->out)) {
    say(d, image);
    ci_jpeg_close(d);
    return NULL;
  }
  jpeg_create_decompress(&d->info);
  d->info.client_data = d;
  d->progress.progress_monitor = watch;
  d->info.progress = &d->progress;
  d->source = (struct jpeg_source_mgr){bytes, count, begin, ran_out, skip, jpeg_resync_to_restart, begin};
  d->info.src = &d->source;
  if (jpeg_read_header(&d->info, TRUE) != JPEG_HEADER_OK) stop(d, "it holds no image");
  switch (d->info.jpeg_color_space) {
  case JCS_GRAYSCALE: d->info.out_color_space = JCS_GRAYSCALE; break;
  case JCS_CMYK:
  case JCS_YCCK: d->info.out_color_space = JCS_CMYK; break;
  default: d->info.out_color_space = JCS_RGB;
  }
  d->info.dct_method = JDCT_ISLOW;
  d->info.do_fancy_upsampling = TRUE;
  jpeg_calc_output_dimensions(&d->info);
  image->width = d->info.output_width;
  image->height = d->info.output_height;
  image->channels = (uint32_t)d->info.out_color_components;
  image->bits = 8;
  return d;
}

int ci_jpeg_read(void *jpeg, uint8_t *pixels, ci_image *image) {
  decoder *d = jpeg;
  if (setjmp(d->out)) {
    say(d, image);
    return -1;
  }
  jpeg_start_decompress(&d->info);
  size_t row = (size_t)image->width * image->channels;
  while (d->info.output_scanline < d->info.output_height) {
    JSAMPROW target = pixels + row * d->info.output_scanline;
    if (jpeg_read_scanlines(&d->info, &target, 1) != 1) stop(d, "the data end early");
  }
  return 0;
}

void ci_jpeg_close(void *jpeg) {
  decoder *d = jpeg;
  jpeg_destroy_decompress(&d->info);
  free(d);
}
