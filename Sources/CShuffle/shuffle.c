/* The samples' memory is written once here and read much later by another process: long stretches are streamed past the
 * caches, which saves fetching the lines first. */
#include "CShuffle.h"
#include <stdint.h>
#include <string.h>

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16 load(const uint8_t *p) {
  bytes16 v;
  memcpy(&v, p, 16);
  return v;
}

static inline void store(uint8_t *p, bytes16 v) { memcpy(p, &v, 16); }
static inline void stream(uint8_t *p, bytes16 v) { __builtin_nontemporal_store(v, (bytes16 *)p); }
static inline int aligned(const void *p, size_t to) { return ((uintptr_t)p & (to - 1)) == 0; }

/* From how many numbers on a stretch is streamed. */
enum { LONG = 4096 };

/* Interleaving of single bytes, of pairs and of quads; low and high halves. */
#define LOW1(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH1(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
#define HIGH2(a, b) __builtin_shufflevector(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
#define LOW4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
#define HIGH4(a, b) __builtin_shufflevector(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
#define LOW8(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define HIGH8(a, b) __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)

static inline void sixteen2(const uint8_t *p, size_t s, uint8_t *to) {
  bytes16 a = load(p), b = load(p + s);
  store(to, LOW1(a, b));
  store(to + 16, HIGH1(a, b));
}

static inline void sixteen4(const uint8_t *p, size_t s, uint8_t *to) {
  bytes16 a = load(p), b = load(p + s), c = load(p + 2 * s), d = load(p + 3 * s);
  bytes16 l0 = LOW1(a, b), h0 = HIGH1(a, b), l1 = LOW1(c, d), h1 = HIGH1(c, d);
  store(to, LOW2(l0, l1));
  store(to + 16, HIGH2(l0, l1));
  store(to + 32, LOW2(h0, h1));
  store(to + 48, HIGH2(h0, h1));
}

#ifdef __x86_64__
#include <immintrin.h>

/* As many numbers as come in thirty-twos, streamed to a target on a 32-byte border. Returns how many. */
__attribute__((target("avx2"))) static size_t streamed4(const uint8_t *p, size_t s, uint8_t *to, size_t count) {
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i a = _mm256_loadu_si256((const void *)(p + i)), b = _mm256_loadu_si256((const void *)(p + s + i));
    __m256i c = _mm256_loadu_si256((const void *)(p + 2 * s + i)), d = _mm256_loadu_si256((const void *)(p + 3 * s + i));
    __m256i l0 = _mm256_unpacklo_epi8(a, b), h0 = _mm256_unpackhi_epi8(a, b);
    __m256i l1 = _mm256_unpacklo_epi8(c, d), h1 = _mm256_unpackhi_epi8(c, d);
    __m256i q0 = _mm256_unpacklo_epi16(l0, l1), q1 = _mm256_unpackhi_epi16(l0, l1);
    __m256i q2 = _mm256_unpacklo_epi16(h0, h1), q3 = _mm256_unpackhi_epi16(h0, h1);
    __m256i *out = (__m256i *)(to + 4 * i);
    _mm256_stream_si256(out, _mm256_permute2x128_si256(q0, q1, 0x20));
    _mm256_stream_si256(out + 1, _mm256_permute2x128_si256(q2, q3, 0x20));
    _mm256_stream_si256(out + 2, _mm256_permute2x128_si256(q0, q1, 0x31));
    _mm256_stream_si256(out + 3, _mm256_permute2x128_si256(q2, q3, 0x31));
  }
  _mm_sfence();
  return i;
}

static int streams(const uint8_t *to, size_t count) {
  return count >= LONG && aligned(to, 32) && __builtin_cpu_supports("avx2");
}
#else
static size_t streamed4(const uint8_t *p, size_t s, uint8_t *to, size_t count) {
  (void)p, (void)s, (void)to, (void)count;
  return 0;
}
static int streams(const uint8_t *to, size_t count) {
  (void)to, (void)count;
  return 0;
}
#endif

static void one(int width, const uint8_t *p, size_t s, uint8_t *to, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (int b = 0; b < width; b++) to[i * width + b] = p[b * s + i];
}

void csh_unshuffle(int width, const void *planes, size_t stride, void *target, size_t count) {
  const uint8_t *p = planes;
  uint8_t *to = target;
  if (width == 1) {
    memcpy(to, p, count);
    return;
  }
  if (count < 16 || (width != 2 && width != 4)) {
    one(width, p, stride, to, count);
    return;
  }
  size_t i = 0;
  if (width == 4) {
    if (streams(to, count)) i = streamed4(p, stride, to, count);
    for (; i + 16 <= count; i += 16) sixteen4(p + i, stride, to + 4 * i);
    /* The rest with an overlap: the same bytes twice. */
    if (i < count) sixteen4(p + count - 16, stride, to + 4 * (count - 16));
  } else {
    for (; i + 16 <= count; i += 16) sixteen2(p + i, stride, to + 2 * i);
    if (i < count) sixteen2(p + count - 16, stride, to + 2 * (count - 16));
  }
}

/* Every second byte of two vectors, from the first or from the second on. */
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

void csh_shuffle(int width, const void *numbers, size_t count, void *planes) {
  const uint8_t *from = numbers;
  uint8_t *to = planes;
  size_t i = 0;
  if (width == 2)
    for (; i + 16 <= count; i += 16) {
      bytes16 a = load(from + 2 * i), b = load(from + 2 * i + 16);
      store(to + i, EVEN(a, b));
      store(to + count + i, ODD(a, b));
    }
  else if (width == 4)
    for (; i + 16 <= count; i += 16) {
      const uint8_t *p = from + 4 * i;
      bytes16 a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48);
      bytes16 e0 = EVEN(a, b), o0 = ODD(a, b), e1 = EVEN(c, d), o1 = ODD(c, d);
      store(to + i, EVEN(e0, e1));
      store(to + count + i, EVEN(o0, o1));
      store(to + 2 * count + i, ODD(e0, e1));
      store(to + 3 * count + i, ODD(o0, o1));
    }
  for (; i < count; i++)
    for (int b = 0; b < width; b++) to[b * count + i] = from[i * width + b];
}

/* Four rows of four numbers, turned, to a target on 16-byte borders. */
static inline void four(const uint8_t *from, size_t row, uint8_t *to, size_t column) {
  bytes16 a = load(from), b = load(from + row), c = load(from + 2 * row), d = load(from + 3 * row);
  bytes16 l0 = LOW4(a, b), h0 = HIGH4(a, b), l1 = LOW4(c, d), h1 = HIGH4(c, d);
  stream(to, LOW8(l0, l1));
  stream(to + column, HIGH8(l0, l1));
  stream(to + 2 * column, LOW8(h0, h1));
  stream(to + 3 * column, HIGH8(h0, h1));
}

static void turn(const uint8_t *from, size_t first, size_t last, size_t columns, uint8_t *to, size_t column) {
  for (size_t r = first; r < last; r++)
    for (size_t c = 0; c < columns; c++) memcpy(to + c * column + 4 * r, from + 4 * (r * columns + c), 4);
}

void csh_transpose4(const void *source, size_t rows, size_t columns, void *target, size_t stride) {
  const uint8_t *from = source;
  uint8_t *to = target;
  size_t row = 4 * columns, column = 4 * stride, r = 0;
  if (column % 16 == 0 && aligned(to, 4)) {
    /* Up to a border, then sixteen rows at a time: a line of each column of the target. */
    while (r < rows && !aligned(to + 4 * r, 16)) r++;
    turn(from, 0, r, columns, to, column);
    for (; r + 16 <= rows; r += 16) {
      size_t c = 0;
      for (; c + 4 <= columns; c += 4)
        for (size_t k = 0; k < 16; k += 4)
          four(from + (r + k) * row + 4 * c, row, to + c * column + 4 * (r + k), column);
      for (; c < columns; c++)
        for (size_t k = 0; k < 16; k++) memcpy(to + c * column + 4 * (r + k), from + (r + k) * row + 4 * c, 4);
    }
#ifdef __x86_64__
    _mm_sfence();
#endif
  }
  turn(from, r, rows, columns, to, column);
}
