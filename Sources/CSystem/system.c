#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t cs_fork_child(void) {
  fflush(NULL);
  pid_t parent = getpid(), p = fork();
  if (p == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(70);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
  }
  return p;
}

pid_t cs_spawn(const char *path, char *const *arguments, int output, int messages) {
  fflush(NULL);
  pid_t parent = getpid(), p = fork();
  if (p != 0) return p;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(70);
  setpgid(0, 0);
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(messages, 2) < 0) _exit(70);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  execv(path, arguments);
  _exit(127);
}

int cs_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int cs_reap(pid_t pid, int block, int *status) {
  int s = 0;
  pid_t r;
  do {
    r = waitpid(pid, &s, block ? 0 : WNOHANG);
  } while (r < 0 && errno == EINTR);
  if (r < 0) return -1;
  if (r == 0) return 0;
  if (WIFEXITED(s)) {
    *status = WEXITSTATUS(s);
    return 1;
  }
  *status = WIFSIGNALED(s) ? WTERMSIG(s) : 0;
  return 2;
}

void *cs_shared_alloc(size_t bytes) {
  void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

int cs_futex_wait(uint32_t *word, uint32_t old, int64_t nanoseconds) {
  struct timespec t = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return syscall(SYS_futex, word, FUTEX_WAIT, old, nanoseconds < 0 ? NULL : &t, NULL, 0) == 0 ? 0 : errno;
}

int cs_futex_wake(uint32_t *word, int waiters) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, waiters, NULL, NULL, 0);
}

static volatile sig_atomic_t stops;

static void on_stop(int s) {
  (void)s;
  if (++stops > 1) _exit(130);
}

int cs_stop_install(void) {
  struct sigaction a = {.sa_handler = on_stop};
  sigemptyset(&a.sa_mask);
  return sigaction(SIGINT, &a, NULL) | sigaction(SIGTERM, &a, NULL) | sigaction(SIGUSR1, &a, NULL);
}

int cs_stop_requested(void) { return stops; }

int64_t cs_file_system(const char *path) {
  struct statfs s;
  return statfs(path, &s) == 0 ? (int64_t)(uint32_t)s.f_type : -1;
}

void cs_begin_writing_out(int descriptor) { (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE); }

int cs_terminal_columns(int descriptor) {
  struct winsize w;
  return ioctl(descriptor, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}
