/* Preloaded by `run` for memory.c: lets a chosen request for memory fail. The library asks for what
 * grows with a picture, a model or a file by posix_memalign; a refusal of that must be a status. */
#define _GNU_SOURCE
#include "failing_allocator.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

static atomic_long requests;
static atomic_long refused = -1;

void refuse_request(long number) {
  requests = 0;
  refused = number;
}

long number_of_requests(void) { return requests; }

int posix_memalign(void **result, size_t alignment, size_t size) {
  static int (*next)(void **, size_t, size_t);
  if (next == NULL) next = (__typeof__(next))dlsym(RTLD_NEXT, "posix_memalign");
  if (alignment == 64 && requests++ == refused) return ENOMEM;
  return next(result, alignment, size);
}
