/* What the processor and the C library offer only through C: instruction set detection (a compiler
 * builtin), the default floating-point environment and the processor mask (macros), and functions
 * of the GNU C library that its module for Swift leaves out.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <fenv.h>
#include <stddef.h>
#include <stdint.h>

/* 1 if this processor and its operating system run code compiled for AVX-512 (F, VL, DQ) and FMA. */
int platform_has_avx512(void);

/* 1 if they run code compiled for AVX-512 BF16 besides. */
int platform_has_avx512_bf16(void);

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

/* The whole part of a number, from `least` to `most`; of what is not a number, `least`. */
static inline intptr_t platform_whole(double value, intptr_t least, intptr_t most) {
  if (!(value > (double)least)) return least;
  return value < (double)most ? (intptr_t)value : most;
}

/* Keeps the calling thread from being cancelled, and gives its state, which the other one puts back. A thread that
 * is cancelled meanwhile ends at its next cancellation point after that. */
int platform_disable_cancellation(void);
void platform_restore_cancellation(int state);

/* The bytes that a thread's stack takes besides what its functions use: the program's thread-local variables, of which
 * the C library puts each thread's at the end of its stack. */
size_t platform_stack_overhead(void);

/* A number that threads look at without a lock. */
int platform_load(const int *number);
void platform_increment(int *number);

/* Makes a number 1 that is 0, and returns 1; returns 0 if it is not 0. platform_release makes it 0 again. What was done
 * between the two is seen by whoever takes it next. */
int platform_take(int *number);
void platform_release(int *number);

/* Returns as soon as *number is not `known`, and after some 100 microseconds at the latest. */
void platform_wait_busily(const int *number, int known);

/* What an error number of the C library means, in English; never NULL. strerror is not made for
 * several threads. */
const char *platform_error_text(int number);

#endif
