/* What the processor and the C library offer only through C: instruction set detection (a compiler
 * builtin), the default floating-point environment and the processor mask (macros), and a function
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

/* Keeps the thread's floating-point environment (rounding, flush to zero, traps, flags) in `saved`
 * and sets the default one; fesetenv puts it back. */
void platform_enter_default_floating_point(fenv_t *saved);

/* What an error number of the C library means, in English; never NULL. strerror is not made for
 * several threads. */
const char *platform_error_text(int number);

#endif
