/* A pool of threads that run one closure side by side. Started at the first call, one thread a lane beyond the caller's;
 * between calls they sleep on a futex after a short spin. A call takes no memory once the threads run. */
#define _GNU_SOURCE
#include "CKernels.h"
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_LANES 256
#define SPINS 400

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
static pid_t owner;
static long threads;          /* running beside the caller */
static long lanes;            /* of the current call */
static ck_lane_body body;     /* of the current call, and what it captured: on the caller's stack */
static void *captured;
static uint32_t round_number; /* counts calls: the word the threads wait on */
static uint32_t unfinished;   /* threads still at work: the word the caller waits on */

static void relax(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

/* Returns once *word is no longer `old`. */
static void wait_while(uint32_t *word, uint32_t old) {
  for (int i = 0; i < SPINS; i++) {
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != old) return;
    relax();
  }
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old)
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}

static void wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, MOST_LANES, NULL, NULL, 0); }

static void run_share(long first) {
  for (long lane = first; lane < lanes; lane += threads + 1) body(lane, captured);
}

static void *serve(void *number) {
  long own = (long)number;
  uint32_t seen = 0;
  for (;;) {
    wait_while(&round_number, seen);
    seen++;
    run_share(own);
    if (__atomic_sub_fetch(&unfinished, 1, __ATOMIC_ACQ_REL) == 0) wake(&unfinished);
  }
  return NULL;
}

/* Threads are started with all signals blocked: those are the caller's to answer. */
static void start(long wanted) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (threads = 0; threads < wanted;) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(threads + 1))) break; /* fewer threads: the same result */
    pthread_detach(thread);
    threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

__attribute__((swiftcall)) void ck_in_lanes(long count, ck_lane_body work, void *context) {
  if (count <= 1 || pthread_mutex_trylock(&busy)) {
    for (long lane = 0; lane < count; lane++) work(lane, context);
    return;
  }
  if (owner != getpid()) { /* the first call, or the first after a fork: threads do not survive one */
    owner = getpid();
    round_number = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    start((cores < MOST_LANES ? cores : MOST_LANES) - 1);
  }
  lanes = count;
  body = work;
  captured = context;
  __atomic_store_n(&unfinished, (uint32_t)threads, __ATOMIC_RELEASE);
  __atomic_add_fetch(&round_number, 1, __ATOMIC_RELEASE);
  if (threads) wake(&round_number);
  run_share(0);
  for (uint32_t left; (left = __atomic_load_n(&unfinished, __ATOMIC_ACQUIRE));) wait_while(&unfinished, left);
  pthread_mutex_unlock(&busy);
}
