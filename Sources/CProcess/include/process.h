/* What Swift cannot say of its own process. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* What it was started with, as C's main is given it: the program's name first, NULL last. */
int process_argument_count(void);
char *const *process_arguments(void);

/* Writes what was printed and is not written yet. False: some of it could not be; errno says why, or is 0. */
bool process_flush_output(void);

/* Starts a program that is looked for in PATH, in a process group of its own, so that a terminal's Ctrl-C is not its
 * own; with the signals as they are at first, and no files but these as its standard input, output and error. Returns 0,
 * or an error number.
 *   arguments  the program's name first, NULL last */
int process_start(char *const *arguments, int input, int output, int error, pid_t *process);

/* A pipe whose ends no other program inherits, with room for `size` bytes where the system allows it. 0, or an error
 * number. */
int process_pipe(int ends[2], int size);

/* A file that has no name and ends with its last user; -1: there is none, and errno says why. */
int process_scratch_file(void);

#endif
