/* What Swift cannot say of its own process. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>

/* What it was started with, as C's main is given it: the program's name first, NULL last. */
int process_argument_count(void);
char *const *process_arguments(void);

/* Writes what was printed and is not written yet. False: some of it could not be; errno says why, or is 0. */
bool process_flush_output(void);

#endif
