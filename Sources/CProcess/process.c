/* process.c: the arguments, and whether what was printed has arrived.
 *
 * C, because Swift's CommandLine reads /proc/self/cmdline, which a sandbox may not have, and else
 * looks below `environ`, which a library that sets a variable has moved; the GNU C library hands a
 * program's constructors what it hands main. And because `stdout` is a variable, which Swift takes
 * for one that anybody may change.
 */
#define _GNU_SOURCE
#include "include/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

static int count;
static char **start;

__attribute__((constructor)) static void keep(int argc, char **argv) {
  count = argc;
  start = argv;
}

int process_argument_count(void) { return count; }

char *const *process_arguments(void) { return start; }

bool process_flush_output(void) {
  errno = 0;
  return fflush(stdout) == 0 && ferror(stdout) == 0;
}

int process_start(char *const *arguments, int input, int output, int error, pid_t *process) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int status = posix_spawn_file_actions_init(&files);
  if (status != 0) return status;
  status = posix_spawnattr_init(&attributes);
  if (status == 0) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    /* The files have numbers above 2: none is closed by the ones before it. */
    status = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    if (status == 0) status = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    if (status == 0) status = posix_spawn_file_actions_adddup2(&files, error, STDERR_FILENO);
    if (status == 0) status = posix_spawnattr_setsigdefault(&attributes, &all);
    if (status == 0) status = posix_spawnattr_setsigmask(&attributes, &none);
    if (status == 0) status = posix_spawnattr_setpgroup(&attributes, 0);
    if (status == 0)
      status = posix_spawnattr_setflags(
          &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    if (status == 0)
      status = posix_spawnp(process, arguments[0], &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&files);
  return status;
}

int process_pipe(int ends[2], int size) {
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  fcntl(ends[1], F_SETPIPE_SZ, size);
  return 0;
}

int process_scratch_file(void) { return memfd_create("messages", MFD_CLOEXEC); }
