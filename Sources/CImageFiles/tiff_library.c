/* tiff_library.c: finds libtiff and its functions. */
#define _GNU_SOURCE
#define TIFF_LIBRARY_IS_LOADED_HERE
#include <dlfcn.h>
#include <pthread.h>

#include "tiff_library.h"
#include "toolbox.h"

/* The first with TIFFOpenOptions (libtiff 4.5), by which a file has its own limits and messages. */
static const char library_name[] = "libtiff.so.6";

struct tiff_library tiff_library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_loaded;
static char reason[IMAGE_FILE_MESSAGE_SIZE / 2];

static void load(void) {
  void *handle = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  is_loaded = handle != NULL;
#define FIND(name)                                                            \
  if (is_loaded) {                                                            \
    *(void **)&tiff_library.name##_function = dlsym(handle, #name);           \
    is_loaded = tiff_library.name##_function != NULL;                         \
  }
  TIFF_LIBRARY_FUNCTIONS(FIND)
#undef FIND
  if (is_loaded) return;
  const char *error = dlerror();
  snprintf(reason, sizeof reason, "%s", error != NULL ? error : library_name);
}

bool tiff_library_load(char *message) {
  pthread_once(&once, load);
  if (!is_loaded)
    image_say(message,
              "is a TIFF file, and these need libtiff 4.5 or later (Debian: apt-get install libtiff6): %s",
              reason);
  return is_loaded;
}
