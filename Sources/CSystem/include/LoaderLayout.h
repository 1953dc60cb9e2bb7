/* The loader's shared memory, as all its processes see it: one control block, one cs_worker for each worker, then
 * the slots (their inside is laid out by DataLoading/SlotLayout.swift). One writer for each word; the words that a
 * futex waits on and their sleeper counts have a cache line each. Offsets are fixed by the asserts at the end. */
#ifndef LOADER_LAYOUT_H
#define LOADER_LAYOUT_H
#include <stddef.h>
#include <stdint.h>

/* A Failure (Basics) in shared memory: written once, `ready` last. Texts are UTF-8 and end in a zero byte. */
typedef struct {
  uint32_t ready;
  int32_t kind; /* the exit code */
  char place[1016], problem[1024], remedy[1024];
} cs_failure;

enum { CS_PHASE_START, CS_PHASE_FULL, CS_PHASE_CLAIM, CS_PHASE_READ, CS_PHASE_DECODE, CS_PHASE_PLACE, CS_PHASE_PUBLISH };

/* One worker and its ring: one producer, one consumer, counters that only grow (modulo 2^32). */
typedef struct {
  uint32_t published; /* worker: slots below this are whole */
  uint32_t pad0[15];
  uint32_t published_sleepers; /* how many sleep on `published` */
  uint32_t pad1[15];
  uint32_t released; /* trainer: slots below this may be filled again */
  uint32_t pad2[15];
  uint32_t released_sleepers;
  uint32_t pad3[15];
  uint32_t progress; /* worker: grows with every block prefetched or decoded and slot published */
  uint32_t phase;    /* worker: CS_PHASE_... */
  uint64_t block;    /* worker: the block it reads or prefetches now, or did last */
  uint64_t read_nanoseconds, decode_nanoseconds, place_nanoseconds, full_nanoseconds; /* worker: all lives added */
  uint64_t decoded_bytes; /* worker: uncompressed */
  uint64_t blocks;        /* worker: decoded */
  uint64_t skipped;       /* worker: damaged blocks met and skipped (a block met twice counts twice) */
  uint64_t pad4[7];
  uint32_t pid;           /* supervisor: the worker's process */
  uint32_t life;          /* supervisor: 0 the first, then how often it was replaced */
  uint32_t pad5[14];
  cs_failure failure; /* worker, or the supervisor once the worker has ended */
  cs_failure note;    /* worker: the last damaged block that was skipped */
} cs_worker;

enum { CS_EVENT_SIGNAL, CS_EVENT_EXIT, CS_EVENT_STALLED, CS_EVENT_MEMORY };

/* A worker's end, for the log. */
typedef struct {
  uint32_t worker, cause, code, life; /* code: signal or exit code; life: the life that ended */
  uint64_t slot;                      /* the slot it was to publish next */
} cs_event;

enum { CS_EVENTS = 64 };

typedef struct {
  uint32_t closing; /* trainer: the supervisor is to end everything */
  uint32_t beat;    /* supervisor: grows while it lives */
  uint32_t events;  /* supervisor: how many were written; event i is at i % CS_EVENTS */
  uint32_t pad[13];
  cs_event event[CS_EVENTS];
} cs_control;

_Static_assert(sizeof(cs_failure) == 3072, "cs_failure");
_Static_assert(sizeof(cs_event) == 24, "cs_event");
_Static_assert(offsetof(cs_control, event) == 64, "cs_control.event");
_Static_assert(sizeof(cs_control) == 64 + 24 * 64, "cs_control");
_Static_assert(offsetof(cs_worker, published) == 0, "published");
_Static_assert(offsetof(cs_worker, published_sleepers) == 64, "published_sleepers");
_Static_assert(offsetof(cs_worker, released) == 128, "released");
_Static_assert(offsetof(cs_worker, released_sleepers) == 192, "released_sleepers");
_Static_assert(offsetof(cs_worker, progress) == 256, "progress");
_Static_assert(offsetof(cs_worker, block) == 264, "block");
_Static_assert(offsetof(cs_worker, pid) == 384, "pid");
_Static_assert(offsetof(cs_worker, failure) == 448, "failure");
_Static_assert(sizeof(cs_worker) % 64 == 0, "cs_worker");

void cs_failure_write(cs_failure *to, int32_t kind, const char *place, const char *problem, const char *remedy);
static inline const char *cs_failure_place(const cs_failure *f) { return f->place; }
static inline const char *cs_failure_problem(const cs_failure *f) { return f->problem; }
static inline const char *cs_failure_remedy(const cs_failure *f) { return f->remedy; }
static inline cs_event *cs_event_at(cs_control *c, uint32_t i) { return &c->event[i % CS_EVENTS]; }
static inline uint32_t *cs_word(void *base, size_t offset) { return (uint32_t *)((char *)base + offset); }

/* What a supervisor does first: it takes no part in the terminal's or the system's stop signals (the trainer's end
 * ends it), waits for SIGCHLD and SIGUSR1 by cs_supervisor_wait only, and closes every descriptor above stderr. */
void cs_supervisor_enter(void);
/* Sleeps until a child ends, SIGUSR1 comes or the time is over. */
void cs_supervisor_wait(int64_t nanoseconds);
/* What a worker does first: default actions for what kills (no backtraces from a child), nothing blocked, no core. */
void cs_worker_enter(void);

int64_t cs_monotonic(void);                 /* nanoseconds */
/* For drills: from now + after on, cs_monotonic of this process and those it forks is off by `by` nanoseconds. */
void cs_monotonic_jump(int64_t after, int64_t by);
const char *cs_signal_name(int signal);     /* "SIGKILL" */
int cs_readable(int descriptor);            /* 1: poll says so (a pidfd: the process has ended) */
#endif
