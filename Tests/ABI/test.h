/* What the ABI tests share. A test is a function; test.c runs each in a process of its own, so that
 * a crash, an abort or a hang is the failure of one test and says where it was. */
#ifndef TEST_H
#define TEST_H

#include <colorize.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test {
  const char *name;
  void (*run)(void);
} test;

/* What a program tests; the last one has no name. */
extern const test tests[];

/* Ends the test, as failed, unless `condition` holds. */
#define CHECK(condition) CHECK_THAT(condition, "%s", #condition)

/* The same with a text of its own, as for printf. */
#define CHECK_THAT(condition, ...)                           \
  do {                                                       \
    if (!(condition)) fail(__FILE__, __LINE__, __VA_ARGS__); \
  } while (0)

/* Checks that a call of the library that takes a colorize_error gives this status, that the error
 * holds it too, and that its message, empty on success, contains `word` otherwise. */
#define CHECK_CALL(expected, word, call)                                   \
  do {                                                                     \
    colorize_error error;                                                  \
    poison(&error, sizeof error);                                          \
    colorize_status status = call;                                         \
    check_call(__FILE__, __LINE__, #call, expected, word, status, &error); \
  } while (0)

/* The call succeeds. */
#define CHECK_OK(call) CHECK_CALL(COLORIZE_OK, "", call)

void fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

void check_call(const char *file, int line, const char *call, colorize_status expected,
                const char *word, colorize_status status, const colorize_error *error);

/* Where a test with many cases is; printed if the test dies. */
void at(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fills memory with bytes that are neither zero nor a sensible number. */
void poison(void *memory, size_t size);

/* The model inside the library, for the rest of the test. */
colorize_model *default_model(void);

/* Options whose every field is the default, with a small network where that is enough. */
colorize_options small_options(void);

/* A gray picture of 8 bits without two rows alike; free() it. */
uint8_t *picture(size_t width, size_t height);

/* An image with dense rows. */
colorize_image image(void *pixels, uint32_t width, uint32_t height, colorize_format format);

size_t bytes_per_pixel(colorize_format format);

/* Memory of which byte `size` and the byte before the first cannot be touched: of the two, the one
 * at whose border it lies exactly. Never freed. */
typedef enum border { AT_END, AT_START } border;
void *fenced(size_t size, border border);

/* Makes fenced memory read-only. */
void make_read_only(void *memory, size_t size);

/* The bytes of a file; free() them. */
uint8_t *read_file(const char *path, size_t *size);

/* The environment variable, which must be there. */
const char *variable(const char *name);

#endif
