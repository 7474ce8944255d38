/* Preloaded by tests: lets one call of the C library fail, of those that the program and the libraries that it reads
 * and writes pictures with make.
 *
 *   FAULT=KIND:NUMBER    the kind of call, and which of them fails, from 0 on; -1: none
 *   FAULT_COUNT=FILE     how many of each kind there have been, written as they come: 8 bytes each, in the order below
 *   FAULT_CODE=FILE      two hexadecimal numbers a line: offsets in the program between which its C code lies
 *
 * Or, by a program that is linked with it: see faults.h.
 *
 * What Swift takes for its small objects is not refused: docs/ABI.md says why. So requests of malloc, calloc and realloc
 * count only if they come from the picture libraries, or from the program's C code. */
#define _GNU_SOURCE
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[FAULT_KINDS] = {"open", "read", "write", "close", "rename", "stat",
                                               "seek", "thread", "aligned", "map", "malloc"};

static _Atomic long own_counts[FAULT_KINDS];
static _Atomic long *counts = own_counts;
static atomic_int failing_kind = -1;
static atomic_long failing_number = -1;

enum { MOST_RANGES = 4096 };
static struct {
  uintptr_t start, end;
} ranges[MOST_RANGES];
static int range_count;
static uintptr_t program_base;

void fault_set(fault_kind kind, long number) {
  failing_kind = -1;
  for (int i = 0; i < FAULT_KINDS; i++) counts[i] = 0;
  failing_number = number;
  failing_kind = (int)kind;
}

long fault_count(fault_kind kind) { return counts[kind]; }

static bool fails(fault_kind kind) {
  return counts[kind]++ == failing_number && failing_kind == (int)kind;
}

#define NEXT(name)                                          \
  static __typeof__(&name) next;                            \
  if (next == NULL) next = (__typeof__(next))dlsym(RTLD_NEXT, #name)

/* ---- Whose calls count ----------------------------------------------------------------------- */

static int find_base(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size, (void)data;
  /* The program comes first. */
  program_base = info->dlpi_addr;
  return 1;
}

static int add_segments(struct dl_phdr_info *info, size_t size, void *data) {
  find_base(info, size, data);
  for (int i = 0; i < info->dlpi_phnum && range_count < MOST_RANGES; i++) {
    ranges[range_count].start = info->dlpi_phdr[i].p_vaddr;
    ranges[range_count++].end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
  }
  return 1;
}

void fault_take_program(void) { dl_iterate_phdr(add_segments, NULL); }

/* The program's C code or a picture library; NULL: neither. */
static const char *whose(const void *caller) {
  static const char *const libraries[] = {"libpng", "libjpeg", "libtiff", "libz."};
  if (range_count > 0) {
    const uintptr_t place = (uintptr_t)caller - program_base;
    for (int i = 0; i < range_count; i++)
      if (place >= ranges[i].start && place < ranges[i].end) return "the program";
  }
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == NULL) return NULL;
  const char *name = strrchr(info.dli_fname, '/');
  name = name == NULL ? info.dli_fname : name + 1;
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
    if (strncmp(name, libraries[i], strlen(libraries[i])) == 0) return libraries[i];
  return NULL;
}

__attribute__((constructor)) static void start(void) {
  const char *code = getenv("FAULT_CODE"), *count = getenv("FAULT_COUNT"), *fault = getenv("FAULT");
  if (code != NULL) {
    dl_iterate_phdr(find_base, NULL);
    FILE *file = fopen(code, "r");
    unsigned long first, end;
    while (file != NULL && range_count < MOST_RANGES && fscanf(file, "%lx %lx", &first, &end) == 2) {
      ranges[range_count].start = first;
      ranges[range_count++].end = end;
    }
    if (file != NULL) fclose(file);
  }
  if (count != NULL) {
    const int file = open(count, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *memory = MAP_FAILED;
    if (file >= 0 && ftruncate(file, sizeof own_counts) == 0)
      memory = mmap(NULL, sizeof own_counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0) close(file);
    if (memory != MAP_FAILED) counts = memory;
  }
  if (fault == NULL) return;
  const char *colon = strchr(fault, ':');
  for (int kind = 0; colon != NULL && kind < FAULT_KINDS; kind++)
    if (strncmp(fault, names[kind], (size_t)(colon - fault)) == 0)
      fault_set((fault_kind)kind, atol(colon + 1));
}

/* ---- Files ----------------------------------------------------------------------------------- */

#define WITH_MODE(name, flags)              \
  mode_t mode = 0;                          \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list arguments;                      \
    va_start(arguments, flags);             \
    mode = va_arg(arguments, mode_t);       \
    va_end(arguments);                      \
  }

/* What the kernel shows of itself is not a file that could be damaged, and whoever reads it does without. */
static bool is_of_the_system(const char *path) {
  return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0;
}

int open(const char *path, int flags, ...) {
  NEXT(open);
  WITH_MODE(open, flags)
  if (!is_of_the_system(path) && fails(FAULT_OPEN)) {
    errno = EMFILE;
    return -1;
  }
  return next(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  NEXT(openat);
  WITH_MODE(openat, flags)
  if (!is_of_the_system(path) && fails(FAULT_OPEN)) {
    errno = EMFILE;
    return -1;
  }
  return next(folder, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) {
  NEXT(fopen);
  if (!is_of_the_system(path) && fails(FAULT_OPEN)) {
    errno = EMFILE;
    return NULL;
  }
  return next(path, mode);
}

FILE *fdopen(int file, const char *mode) {
  NEXT(fdopen);
  if (fails(FAULT_OPEN)) {
    errno = ENOMEM;
    return NULL;
  }
  return next(file, mode);
}

FILE *fmemopen(void *bytes, size_t size, const char *mode) {
  NEXT(fmemopen);
  if (fails(FAULT_OPEN)) {
    errno = ENOMEM;
    return NULL;
  }
  return next(bytes, size, mode);
}

FILE *tmpfile(void) {
  NEXT(tmpfile);
  if (fails(FAULT_OPEN)) {
    errno = EMFILE;
    return NULL;
  }
  return next();
}

/* A stream in memory has no descriptor, and no disk that could fail. */
static bool is_file(FILE *file) { return fileno(file) >= 0; }

/* As glibc marks it: ferror sees it. */
static void mark(FILE *file) { file->_flags |= 0x20; }

ssize_t read(int file, void *bytes, size_t size) {
  NEXT(read);
  if (fails(FAULT_READ)) {
    errno = EIO;
    return -1;
  }
  return next(file, bytes, size);
}

ssize_t pread(int file, void *bytes, size_t size, off_t offset) {
  NEXT(pread);
  if (fails(FAULT_READ)) {
    errno = EIO;
    return -1;
  }
  return next(file, bytes, size, offset);
}

size_t fread(void *bytes, size_t size, size_t count, FILE *file) {
  NEXT(fread);
  if (is_file(file) && fails(FAULT_READ)) {
    errno = EIO;
    mark(file);
    return 0;
  }
  return next(bytes, size, count, file);
}

ssize_t write(int file, const void *bytes, size_t size) {
  NEXT(write);
  if (file > 2 && fails(FAULT_WRITE)) {
    errno = ENOSPC;
    return -1;
  }
  return next(file, bytes, size);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  NEXT(pwrite);
  if (fails(FAULT_WRITE)) {
    errno = ENOSPC;
    return -1;
  }
  return next(file, bytes, size, offset);
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
  NEXT(fwrite);
  if (file != stdout && file != stderr && is_file(file) && fails(FAULT_WRITE)) {
    errno = ENOSPC;
    mark(file);
    return 0;
  }
  return next(bytes, size, count, file);
}

int fflush(FILE *file) {
  NEXT(fflush);
  if (file != NULL && file != stdout && file != stderr && fails(FAULT_WRITE)) {
    errno = ENOSPC;
    mark(file);
    return EOF;
  }
  return next(file);
}

int fsync(int file) {
  NEXT(fsync);
  if (fails(FAULT_WRITE)) {
    errno = EIO;
    return -1;
  }
  return next(file);
}

int ftruncate(int file, off_t size) {
  NEXT(ftruncate);
  if (fails(FAULT_WRITE)) {
    errno = ENOSPC;
    return -1;
  }
  return next(file, size);
}

/* The file is closed all the same, as the system does it. */
int fclose(FILE *file) {
  NEXT(fclose);
  const bool is_refused = file != stdout && file != stderr && fails(FAULT_CLOSE);
  const int result = next(file);
  if (!is_refused) return result;
  errno = ENOSPC;
  return EOF;
}

int close(int file) {
  NEXT(close);
  const bool is_refused = file > 2 && fails(FAULT_CLOSE);
  const int result = next(file);
  if (!is_refused) return result;
  errno = EIO;
  return -1;
}

int rename(const char *from, const char *to) {
  NEXT(rename);
  if (fails(FAULT_RENAME)) {
    errno = EACCES;
    return -1;
  }
  return next(from, to);
}

int link(const char *from, const char *to) {
  NEXT(link);
  if (fails(FAULT_RENAME)) {
    errno = EPERM;
    return -1;
  }
  return next(from, to);
}

int fstat(int file, struct stat *status) {
  NEXT(fstat);
  if (fails(FAULT_STAT)) {
    errno = EIO;
    return -1;
  }
  return next(file, status);
}

int fchmod(int file, mode_t mode) {
  NEXT(fchmod);
  if (fails(FAULT_STAT)) {
    errno = EPERM;
    return -1;
  }
  return next(file, mode);
}

off_t lseek(int file, off_t offset, int from) {
  NEXT(lseek);
  if (fails(FAULT_SEEK)) {
    errno = ESPIPE;
    return -1;
  }
  return next(file, offset, from);
}

/* A stream seeks by writing first what it holds, or by reading. */
int fseeko(FILE *file, off_t offset, int from) {
  NEXT(fseeko);
  if (is_file(file) && fails(FAULT_SEEK)) {
    errno = EIO;
    mark(file);
    return -1;
  }
  return next(file, offset, from);
}

int fseek(FILE *file, long offset, int from) {
  NEXT(fseek);
  if (is_file(file) && fails(FAULT_SEEK)) {
    errno = EIO;
    mark(file);
    return -1;
  }
  return next(file, offset, from);
}

/* ---- Threads and memory ---------------------------------------------------------------------- */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
  NEXT(pthread_create);
  return fails(FAULT_THREAD) ? EAGAIN : next(thread, attributes, run, argument);
}

/* What the library and the command take for what grows: Swift's own requests are of 16 bytes. */
int posix_memalign(void **result, size_t alignment, size_t size) {
  NEXT(posix_memalign);
  return alignment == 64 && fails(FAULT_ALIGNED) ? ENOMEM : next(result, alignment, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  NEXT(mmap);
  if (size >= 1 << 20 && (flags & MAP_ANONYMOUS) != 0 && fails(FAULT_MAP)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return next(address, size, protection, flags, file, offset);
}

/* glibc's own names, so that nobody has to be looked up who would ask for memory. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

/* libtiff 4.5.0 does not live through the refusal of its small requests (TIFFSetupFields and more): CImageFiles
 * makes sure that there is memory for them. */
enum { small_of_libtiff = 64 << 10 };

static bool refuses_memory(const void *caller, size_t size) {
  if (failing_kind < 0 && counts == own_counts) return false;
  const char *library = whose(caller);
  if (library == NULL || (strcmp(library, "libtiff") == 0 && size < small_of_libtiff)) return false;
  if (!fails(FAULT_MALLOC)) return false;
  errno = ENOMEM;
  return true;
}

void *malloc(size_t size) {
  return refuses_memory(__builtin_return_address(0), size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return refuses_memory(__builtin_return_address(0), count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  return refuses_memory(__builtin_return_address(0), size) ? NULL : __libc_realloc(memory, size);
}
