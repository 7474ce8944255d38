/* colorize_library.h says what this is for. */
#include "colorize_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifndef COLORIZE_LIBRARY_FOLDER
#error "COLORIZE_LIBRARY_FOLDER must name the folder of libcolorize, see the Makefile"
#endif

#define STRING_OF(number) #number
#define STRING(macro) STRING_OF(macro)
#define SONAME "libcolorize.so." STRING(COLORIZE_VERSION_MAJOR)

static const colorize_library *fail(colorize_error *error, colorize_status status,
                                    const char *format, const char *detail) {
  error->status = status;
  snprintf(error->message, sizeof error->message, format, detail);
  return NULL;
}

/* Stores the address of a function. A pointer to a function is as large as one to an object, by
 * POSIX. */
static bool find(void *handle, const char *name, void *pointer) {
  void *address = dlsym(handle, name);
  memcpy(pointer, &address, sizeof address);
  return address != NULL;
}

const colorize_library *colorize_library_load(colorize_error *error) {
  static colorize_library library;
  static bool loaded;
  if (loaded) return &library;

  /* First as the dynamic loader finds it (LD_LIBRARY_PATH, ldconfig), then where it was installed
   * when the plug-in was built: after `make install` into a folder that the loader does not know.
   */
  void *handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) handle = dlopen(COLORIZE_LIBRARY_FOLDER "/" SONAME, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    const char *reason = dlerror();
    return fail(error, COLORIZE_CANNOT_READ_FILE,
                "libcolorize is not installed, or not where the dynamic loader looks (run `sudo "
                "ldconfig` after "
                "installing it): %.120s",
                reason == NULL ? "" : reason);
  }
  const char *missing = NULL;
#define FIND(name) \
  if (!find(handle, "colorize_" #name, &library.name)) missing = "colorize_" #name;
  COLORIZE_LIBRARY_FUNCTIONS(FIND)
  if (missing != NULL) {
    return fail(error, COLORIZE_CANNOT_READ_FILE,
                "the libcolorize that was found is older than this plug-in: it has no %s", missing);
  }
  loaded = true;
  return &library;
}
