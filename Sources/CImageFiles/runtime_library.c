/* runtime_library.c: finds a library and its functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime_library.h"
#include "toolbox.h"

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static void load(runtime_library *library) {
  void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
  library->is_loaded = handle != NULL;
  unsigned char *place = library->functions;
  for (size_t i = 0; library->is_loaded && library->names[i] != NULL; i++) {
    void *const address = dlsym(handle, library->names[i]);
    memcpy(place + i * sizeof address, &address, sizeof address);
    library->is_loaded = address != NULL;
  }
  if (library->is_loaded) return;
  const char *error = dlerror();
  snprintf(library->reason, sizeof library->reason, "%s", error != NULL ? error : library->file);
}

bool runtime_library_load(runtime_library *library, const char *format, const char *needed,
                          const char *package, char *message) {
  pthread_mutex_lock(&loading);
  if (!library->is_tried) load(library);
  library->is_tried = true;
  pthread_mutex_unlock(&loading);
  if (!library->is_loaded)
    image_say(message, "is a %s file, and these need %s (Debian: apt-get install %s): %s", format,
              needed, package, library->reason);
  return library->is_loaded;
}

void runtime_library_say_absent(const char *format, const char *needed, char *message) {
  image_say(message, "is a %s file, and this libcolorize was built where %s was missing", format,
            needed);
}
