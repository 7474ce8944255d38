/* Stands for colorize_library.c and the allocator: with them one call of the filter's layer part fails. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "colorize_library.h"

/* Which call fails, from 0 on, and how many there have been. */
long failing_call = -1;
long calls;

static bool fails(void) { return calls++ == failing_call; }

/* colorize_layer.c is compiled with these in the place of malloc and calloc. */
void *refusing_malloc(size_t size) { return fails() ? NULL : malloc(size); }
void *refusing_calloc(size_t count, size_t size) { return fails() ? NULL : calloc(count, size); }

static colorize_library library;

static colorize_status refuse(colorize_error *error) {
  error->status = COLORIZE_OUT_OF_MEMORY;
  strcpy(error->message, "refused");
  return error->status;
}

static colorize_status model_open_default(colorize_model **model, colorize_error *error) {
  return fails() ? refuse(error) : library.model_open_default(model, error);
}

static colorize_status model_open(const char *path, const colorize_model_options *options, colorize_model **model,
                                  colorize_error *error) {
  return fails() ? refuse(error) : library.model_open(path, options, model, error);
}

static colorize_status run(const colorize_model *model, const colorize_image *in, const colorize_image *out,
                           const colorize_options *options, colorize_error *error) {
  return fails() ? refuse(error) : library.run(model, in, out, options, error);
}

static colorize_status rgb_to_lab(const float *rgb, float *lab, size_t count, colorize_error *error) {
  return fails() ? refuse(error) : library.rgb_to_lab(rgb, lab, count, error);
}

const colorize_library *colorize_library_load(colorize_error *error) {
  static colorize_library refusing;
  if (fails()) {
    refuse(error);
    return NULL;
  }
  void *handle = dlopen(REAL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) abort();
#define FIND(name) *(void **)&library.name = dlsym(handle, "colorize_" #name);
  COLORIZE_LIBRARY_FUNCTIONS(FIND)
  refusing = library;
  refusing.model_open_default = model_open_default;
  refusing.model_open = model_open;
  refusing.run = run;
  refusing.rgb_to_lab = rgb_to_lab;
  return &refusing;
}
