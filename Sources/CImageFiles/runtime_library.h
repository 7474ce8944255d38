/* runtime_library.h: libraries that are loaded when a file first needs them.
 *
 * They are not linked, so that the command runs where they are not installed, and so that what is GPL in them, or in what
 * they bring along, stays out of a wheel that holds the command. A format lists the functions that it calls:
 *
 *   #define FUNCTIONS(EACH) EACH(TIFFClientOpenExt) EACH(TIFFClose)
 *   RUNTIME_LIBRARY(libtiff, "libtiff.so.6", FUNCTIONS);
 *
 * and calls them as libtiff.TIFFClose(...), once runtime_library_load(&libtiff_file, ...) has returned true.
 */
#ifndef RUNTIME_LIBRARY_H
#define RUNTIME_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

typedef struct runtime_library {
  const char *file;         /* what the loader looks for: its soname */
  const char *const *names; /* of the functions; NULL behind the last one */
  void *functions;          /* their addresses, in the same order */
  bool is_tried, is_loaded;
  char reason[256];
} runtime_library;

#define RUNTIME_LIBRARY_POINTER(function) __typeof__(function) *function;
#define RUNTIME_LIBRARY_NAME(function) #function,
#define RUNTIME_LIBRARY(library, soname, FUNCTIONS)                                  \
  static struct {                                                                    \
    FUNCTIONS(RUNTIME_LIBRARY_POINTER)                                               \
  } library;                                                                         \
  static const char *const library##_names[] = {FUNCTIONS(RUNTIME_LIBRARY_NAME) NULL}; \
  static runtime_library library##_file = {                                          \
      .file = soname, .names = library##_names, .functions = &library}

/* Whether a library is there; if not, the message says what `format` needs and which of Debian's packages has it. From any
 * thread. */
bool runtime_library_load(runtime_library *library, const char *format, const char *needed,
                          const char *package, char *message);

/* What a format says whose library was missing when the command was built. */
void runtime_library_say_absent(const char *format, const char *needed, char *message);

#endif
