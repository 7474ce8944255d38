#define _GNU_SOURCE
#include "platform.h"

#include <dlfcn.h>
#include <time.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#if defined(__x86_64__)

int platform_has_avx512(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}

int platform_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

int platform_has_avx512(void) { return 0; }
int platform_has_avx2(void) { return 0; }

#endif

int platform_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

void *platform_load_on_one_processor(const char *name) {
  sigset_t signals, all_signals;
  sigfillset(&all_signals);
  pthread_sigmask(SIG_SETMASK, &all_signals, &signals);
  cpu_set_t processors, one;
  int known = sched_getaffinity(0, sizeof processors, &processors) == 0;
  if (known) {
    int first = 0;
    while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &processors)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (known) sched_setaffinity(0, sizeof processors, &processors);
  pthread_sigmask(SIG_SETMASK, &signals, NULL);
  return library;
}

void platform_enter_default_floating_point(fenv_t *saved) {
  fegetenv(saved);
  fesetenv(FE_DFL_ENV);
}

const char *platform_error_text(int number) {
  const char *text = strerrordesc_np(number); /* glibc 2.32 and later */
  return text ? text : "unknown error";
}

int platform_load(const int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }

void platform_increment(int *number) { __atomic_add_fetch(number, 1, __ATOMIC_ACQ_REL); }

static long long nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void platform_wait_busily(const int *number, int known) {
  const long long end = nanoseconds() + 100000;
  do {
    for (int i = 0; i < 32; i++) {
      if (platform_load(number) != known) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (nanoseconds() < end);
}
