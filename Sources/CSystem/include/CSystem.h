/* What Glibc's Swift overlay leaves out: fork, futex, pidfd, parent-death signals, stop signals, terminal size.
 * Each function returns what its system call returns, errors as errno values; nothing here retries or prints. */
#ifndef CSYSTEM_H
#define CSYSTEM_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "LoaderLayout.h"

/* ---- processes ---- */

/* Flushes stdio and forks. The child dies when the forking thread's process dies (SIGKILL), ignores SIGINT
 * (^C reaches the whole group; the trainer decides) and takes SIGTERM's default. Returns as fork does. */
pid_t cs_fork_child(void);
int cs_pidfd_open(pid_t pid);
/* 1 exited (*status its code), 2 killed by a signal (*status its number), 0 not ended; -1 error. */
int cs_reap(pid_t pid, int block, int *status);

/* Starts a program in a process group of its own, which ^C does not reach, without input; its output and messages go
 * to the given descriptors. It is killed when the calling thread's process dies. -1: errno. */
pid_t cs_spawn(const char *path, char *const *arguments, int output, int messages);

/* ---- shared memory and futexes ---- */

void *cs_shared_alloc(size_t bytes); /* anonymous, shared with children; NULL on failure, errno set */
int cs_futex_wait(uint32_t *word, uint32_t old, int64_t nanoseconds); /* < 0: for ever; 0 or errno */
int cs_futex_wake(uint32_t *word, int waiters);
static inline uint32_t cs_load(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static inline uint32_t cs_swap(uint32_t *p, uint32_t v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
static inline uint32_t cs_add(uint32_t *p, uint32_t v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
static inline uint64_t cs_load64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static inline void cs_store64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
/* Stores v where old is still there: 1; else 0. */
static inline int cs_exchange64(uint64_t *p, uint64_t old, uint64_t v) {
  return __atomic_compare_exchange_n(p, &old, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline uint64_t cs_add64(uint64_t *p, uint64_t v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }

/* ---- stopping ---- */

/* SIGINT, SIGTERM and SIGUSR1 raise a flag; a second one leaves at once with 130. No SA_RESTART: waits return EINTR. */
int cs_stop_install(void);
int cs_stop_requested(void);

/* ---- file systems ---- */

int64_t cs_file_system(const char *path); /* the kernel's number of the kind; -1 error */
/* Has the kernel begin to write a file's dirty pages out, and does not wait. A hint: nothing is durable by it. */
void cs_begin_writing_out(int descriptor);

/* ---- terminal ---- */

int cs_terminal_columns(int descriptor); /* 80 when unknown */
#endif
