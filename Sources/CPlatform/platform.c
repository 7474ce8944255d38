#define _GNU_SOURCE
#include "platform.h"

#include <sched.h>
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

void platform_enter_default_floating_point(fenv_t *saved) {
  fegetenv(saved);
  fesetenv(FE_DFL_ENV);
}

const char *platform_error_text(int number) {
  const char *text = strerrordesc_np(number); /* glibc 2.32 and later */
  return text ? text : "unknown error";
}
