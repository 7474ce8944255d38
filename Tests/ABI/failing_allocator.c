/* Preloaded by `run` for memory.c: lets a chosen request for memory fail. The library asks for what
 * grows with a picture, a model or a file by posix_memalign, and by mmap where it is large; a refusal
 * of that must be a status. What is mapped is counted, since mallinfo2 knows nothing of it. */
#define _GNU_SOURCE
#include "failing_allocator.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

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

/* The C library maps for itself by another name: who calls this one is the library, or a test. */
static atomic_size_t mapped;
static const size_t large = 1 << 20;

/* What OpenBLAS maps, and keeps, when more of its products than ever before run at the same time: which request that is
 * depends on the moment, and where it is refused OpenBLAS asks again. */
static const size_t of_openblas = 128 << 20;

static bool counts(size_t size) { return size >= large && size != of_openblas; }

size_t mapped_bytes(void) { return mapped; }

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  static void *(*next)(void *, size_t, int, int, int, off_t);
  if (next == NULL) next = (__typeof__(next))dlsym(RTLD_NEXT, "mmap");
  bool is_ours = (flags & MAP_ANONYMOUS) != 0 && counts(size);
  if (is_ours && requests++ == refused) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void *result = next(address, size, protection, flags, file, offset);
  if (is_ours && result != MAP_FAILED) mapped += size;
  return result;
}

int munmap(void *address, size_t size) {
  static int (*next)(void *, size_t);
  if (next == NULL) next = (__typeof__(next))dlsym(RTLD_NEXT, "munmap");
  if (counts(size)) mapped -= size;
  return next(address, size);
}
