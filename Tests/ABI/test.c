/* Runs tests, each in a process of its own, and has what they need to make pictures and memory.
 * Calls nothing of the library: loading.c opens it with dlopen. */
#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A test that takes longer hangs. */
enum { SECONDS = 600 };

/* Shared with the process of a test: where it is, and why it failed. */
static struct {
  char place[256];
  char failure[1024];
} *report;

void fail(const char *file, int line, const char *format, ...) {
  const char *name = strrchr(file, '/');
  int length =
      snprintf(report->failure, sizeof report->failure, "%s:%d: ", name ? name + 1 : file, line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(report->failure + length, sizeof report->failure - (size_t)length, format, arguments);
  va_end(arguments);
  _exit(EXIT_FAILURE);
}

void at(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(report->place, sizeof report->place, format, arguments);
  va_end(arguments);
}

void poison(void *memory, size_t size) { memset(memory, 0xA5, size); }

colorize_options small_options(void) {
  colorize_options options = {.struct_size = sizeof options, .network_size = 16};
  return options;
}

uint8_t *picture(size_t width, size_t height) {
  uint8_t *pixels = malloc(width * height);
  CHECK(pixels != NULL);
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++)
      pixels[y * width + x] = (uint8_t)(x * 7 + y * 13 + (x * y) / 5 + (x / 9) * 40);
  return pixels;
}

size_t bytes_per_pixel(colorize_format format) {
  static const uint8_t bytes[] = {0, 1, 3, 4, 2, 4, 2, 4, 6, 8, 4, 8, 12, 16};
  return bytes[format];
}

colorize_image image(void *pixels, uint32_t width, uint32_t height, colorize_format format) {
  colorize_image result = {.pixels = pixels,
                           .row_bytes = width * bytes_per_pixel(format),
                           .width = width,
                           .height = height,
                           .format = format};
  return result;
}

void *fenced(size_t size, border border) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t inner = (size + page - 1) / page * page;
  uint8_t *start =
      mmap(NULL, inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(start != MAP_FAILED);
  CHECK(mprotect(start, page, PROT_NONE) == 0);
  CHECK(mprotect(start + page + inner, page, PROT_NONE) == 0);
  return start + page + (border == AT_END ? inner - size : 0);
}

void make_read_only(void *memory, size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uintptr_t start = (uintptr_t)memory / page * page;
  CHECK(mprotect((void *)start, (uintptr_t)memory + size - start, PROT_READ) == 0);
}

uint8_t *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  struct stat status;
  CHECK_THAT(file != NULL && fstat(fileno(file), &status) == 0, "cannot open %s", path);
  *size = (size_t)status.st_size;
  uint8_t *bytes = malloc(*size);
  CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

const char *variable(const char *name) {
  const char *value = getenv(name);
  CHECK_THAT(value != NULL, "the environment has no %s", name);
  return value;
}

/* Runs a test and says how it ended. */
static bool passes(const test *test) {
  memset(report, 0, sizeof *report);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(SECONDS);
    test->run();
    _exit(EXIT_SUCCESS);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    perror("cannot start a process");
    return false;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
    printf("passed %s\n", test->name);
    return true;
  }
  printf("FAILED %s: %s", test->name, report->failure);
  if (WIFSIGNALED(status)) printf("ended by a signal: %s", strsignal(WTERMSIG(status)));
  printf(report->place[0] ? " (at %s)\n" : "%s\n", report->place);
  return false;
}

/* All tests, or those whose names contain the argument. */
int main(int argc, char **argv) {
  report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (report == MAP_FAILED) return EXIT_FAILURE;
  int failures = 0;
  for (const test *test = tests; test->name != NULL; test++)
    if (argc < 2 || strstr(test->name, argv[1]) != NULL) failures += !passes(test);
  return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
