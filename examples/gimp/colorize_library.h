/* Finds libcolorize when it is needed, instead of being linked with it.
 *
 * A host starts a plug-in to ask what it can do. One that is linked with a library that is not
 * there is stopped by the dynamic loader before its first line: the host drops it without a word to
 * the user, who looks in vain for the menu entry. Loaded by dlopen, a missing library is an error
 * like any other, with a message that says what to do.
 */
#ifndef COLORIZE_LIBRARY_H
#define COLORIZE_LIBRARY_H

#include <colorize.h>

/* What is used of the library, without the prefix "colorize_". */
#define COLORIZE_LIBRARY_FUNCTIONS(FUNCTION) \
  FUNCTION(version)                          \
  FUNCTION(model_open_default)               \
  FUNCTION(model_open)                       \
  FUNCTION(model_info)                       \
  FUNCTION(model_close)                      \
  FUNCTION(run)                              \
  FUNCTION(rgb_to_lab)

#define COLORIZE_LIBRARY_POINTER(name) __typeof__(colorize_##name) *name;

/* The library's functions, of the types that colorize.h declares. */
typedef struct colorize_library {
  COLORIZE_LIBRARY_FUNCTIONS(COLORIZE_LIBRARY_POINTER)
} colorize_library;

/* Loads the library the first time. NULL, with a message in `error`, if it is not there or older
 * than the colorize.h that this was compiled with. Not for several threads at once. */
const colorize_library *colorize_library_load(colorize_error *error);

#endif
