/* process.c: the arguments, and whether what was printed has arrived.
 *
 * C, because Swift's CommandLine reads /proc/self/cmdline, which a sandbox may not have, and else
 * looks below `environ`, which a library that sets a variable has moved; the GNU C library hands a
 * program's constructors what it hands main. And because `stdout` is a variable, which Swift takes
 * for one that anybody may change.
 */
#include "include/process.h"

#include <errno.h>
#include <stdio.h>

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
