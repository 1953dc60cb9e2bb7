/* The loader's processes: what Swift cannot say about signals and descriptors (LoaderLayout.h). */
#define _GNU_SOURCE
#include "CSystem.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Copies at most size - 1 bytes and never cuts a UTF-8 character in two. */
static void copy_text(char *to, size_t size, const char *from) {
  size_t n = strlen(from);
  if (n >= size) {
    n = size - 1;
    while (n > 0 && ((unsigned char)from[n] & 0xC0) == 0x80) n--;
  }
  memcpy(to, from, n);
  to[n] = 0;
}

void cs_failure_write(cs_failure *to, int32_t kind, const char *place, const char *problem, const char *remedy) {
  to->kind = kind;
  copy_text(to->place, sizeof to->place, place);
  copy_text(to->problem, sizeof to->problem, problem);
  copy_text(to->remedy, sizeof to->remedy, remedy);
  cs_swap(&to->ready, 1);
}

static void supervisor_signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGCHLD);
  sigaddset(set, SIGUSR1);
}

void cs_supervisor_enter(void) {
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  sigset_t set;
  supervisor_signals(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
  syscall(SYS_close_range, 3u, ~0u, 0u);
}

void cs_supervisor_wait(int64_t nanoseconds) {
  sigset_t set;
  supervisor_signals(&set);
  struct timespec t = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  sigtimedwait(&set, NULL, &t);
}

void cs_worker_enter(void) {
  static const int deadly[] = {SIGBUS, SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGQUIT, SIGUSR1, SIGPIPE};
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  struct rlimit no_core = {0, 0}, files;
  setrlimit(RLIMIT_CORE, &no_core);
  /* A descriptor for each open shard: all that may be had. */
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

static int64_t jump_at, jump_by;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t cs_monotonic(void) {
  int64_t t = now();
  return jump_at && t >= jump_at ? t + jump_by : t;
}

void cs_monotonic_jump(int64_t after, int64_t by) {
  jump_at = now() + after;
  jump_by = by;
}

const char *cs_signal_name(int number) {
  static char text[32];
  const char *name = sigabbrev_np(number);
  if (name)
    snprintf(text, sizeof text, "SIG%s", name);
  else
    snprintf(text, sizeof text, "signal %d", number);
  return text;
}

int cs_readable(int descriptor) {
  struct pollfd p = {.fd = descriptor, .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}
