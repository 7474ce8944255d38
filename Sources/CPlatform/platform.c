#define _GNU_SOURCE
#include "platform.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
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

int platform_has_avx512_bf16(void) {
  return platform_has_avx512() && __builtin_cpu_supports("avx512bf16");
}

int platform_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

int platform_has_avx512(void) { return 0; }
int platform_has_avx512_bf16(void) { return 0; }
int platform_has_avx2(void) { return 0; }

#endif

/* The processors that the calling thread may run on, and the bytes of the set, which the system wants as large as its
 * own: more than cpu_set_t has, where there are more than 1024. NULL if they cannot be known; CPU_FREE ends it. */
static cpu_set_t *processors(size_t *bytes) {
  for (int count = CPU_SETSIZE; count <= 1 << 20; count *= 2) {
    cpu_set_t *set = CPU_ALLOC(count);
    if (set == NULL) return NULL;
    *bytes = CPU_ALLOC_SIZE(count);
    if (sched_getaffinity(0, *bytes, set) == 0) return set;
    CPU_FREE(set);
    if (errno != EINVAL) return NULL;
  }
  return NULL;
}

int platform_processors(void) {
  size_t bytes;
  cpu_set_t *set = processors(&bytes);
  if (set == NULL) return 1;
  int count = CPU_COUNT_S(bytes, set);
  CPU_FREE(set);
  return count > 0 ? count : 1;
}

/* Lets the calling thread run on the first of these processors only. */
static void run_on_the_first(const cpu_set_t *set, size_t bytes) {
  cpu_set_t *one = CPU_ALLOC(8 * bytes);
  if (one == NULL) return;
  size_t first = 0;
  while (first + 1 < 8 * bytes && !CPU_ISSET_S(first, bytes, set)) first++;
  CPU_ZERO_S(bytes, one);
  CPU_SET_S(first, bytes, one);
  sched_setaffinity(0, bytes, one);
  CPU_FREE(one);
}

void *platform_load_on_one_processor(const char *name) {
  sigset_t signals, all_signals;
  sigfillset(&all_signals);
  pthread_sigmask(SIG_SETMASK, &all_signals, &signals);
  size_t bytes;
  cpu_set_t *set = processors(&bytes);
  if (set != NULL) run_on_the_first(set, bytes);
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (set != NULL) {
    sched_setaffinity(0, bytes, set);
    CPU_FREE(set);
  }
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

int platform_disable_cancellation(void) {
  int state;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  return state;
}

void platform_restore_cancellation(int state) {
  int disabled;
  pthread_setcancelstate(state, &disabled);
}

size_t platform_stack_overhead(void) {
  /* glibc's own, which those who start threads in other languages ask too; it counts the smallest stack as well. */
  size_t (*least)(const pthread_attr_t *) =
      (size_t (*)(const pthread_attr_t *))dlsym(RTLD_DEFAULT, "__pthread_get_minstack");
  pthread_attr_t attributes;
  if (least == NULL || pthread_attr_init(&attributes) != 0) return 0;
  size_t bytes = least(&attributes);
  pthread_attr_destroy(&attributes);
  return bytes;
}

int platform_load(const int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }

void platform_increment(int *number) { __atomic_add_fetch(number, 1, __ATOMIC_ACQ_REL); }

int platform_take(int *number) { return __atomic_exchange_n(number, 1, __ATOMIC_ACQUIRE) == 0; }

void platform_release(int *number) { __atomic_store_n(number, 0, __ATOMIC_RELEASE); }

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
