/* What the processor and the C library offer only through C: instruction set detection (a compiler
 * builtin), the default floating-point environment and the processor mask (macros), and functions
 * of the GNU C library that its module for Swift leaves out.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <fenv.h>

/* 1 if this processor and its operating system run code compiled for AVX-512 (F, VL, DQ) and FMA. */
int platform_has_avx512(void);

/* 1 if they run code compiled for AVX2 and FMA. */
int platform_has_avx2(void);

/* The number of processors that the calling thread may run on; at least 1. */
int platform_processors(void);

/* dlopen(name, RTLD_NOW | RTLD_LOCAL), during which the calling thread may run on one processor only
 * and takes no signals; both are put back. A library that starts a thread for every processor when it
 * is loaded thus starts none, or, where the mask cannot be set, threads that leave the host's signals
 * to the host. */
void *platform_load_on_one_processor(const char *name);

/* Keeps the thread's floating-point environment (rounding, flush to zero, traps, flags) in `saved`
 * and sets the default one; fesetenv puts it back. */
void platform_enter_default_floating_point(fenv_t *saved);

/* A number that threads look at without a lock. */
int platform_load(const int *number);
void platform_increment(int *number);

/* Returns as soon as *number is not `known`, and after some 100 microseconds at the latest. */
void platform_wait_busily(const int *number, int known);

/* What an error number of the C library means, in English; never NULL. strerror is not made for
 * several threads. */
const char *platform_error_text(int number);

#endif
