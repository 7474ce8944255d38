/* Colors a layer that a host program holds: the part of the plug-in that knows nothing of GIMP.
 *
 * A layer_filter is a model, found in the library or in a file, that colors pixels in place as
 * settings say. Errors are libcolorize's: a status, and one sentence for the user.
 */
#ifndef COLORIZE_LAYER_H
#define COLORIZE_LAYER_H

#include <colorize.h>
#include <stdbool.h>

#include "colorize_library.h"

/* What the user can choose. Zeroes are the defaults; the numbers are those of colorize_options. */
typedef struct layer_settings {
  const char *model_file;         /* NULL or "": the model inside the library */
  colorize_style style;           /* temperature and saturation, where those are 0 */
  float temperature;              /* 0, or 0.01 to 10 */
  float saturation;               /* 0, or 0.01 to 10 */
  colorize_upsampling upsampling; /* whether colors end at edges */
  uint32_t variant;               /* 0: the most likely coloring; 1 to 4: others */
  uint32_t network_size;          /* 0, or the side at which the network sees the picture */
} layer_settings;

/* An open model. Zeroes are a filter that is not open yet. */
typedef struct layer_filter {
  const colorize_library *library;
  colorize_model *model;
  char *model_file; /* what is open */
  bool takes_hints;
} layer_filter;

/* Colors that the user has given, for a picture of some size. Zeroes are none. */
typedef struct layer_hints {
  float *ab;     /* [height, width, 2]: a and b of CIE Lab */
  uint8_t *mask; /* [height, width]: 1 where there is a hint */
  size_t count;  /* how many there are */
} layer_hints;

/* Loads the library and opens a model, unless it is open already. After an error it is closed. */
colorize_status layer_filter_open(layer_filter *filter, const char *model_file,
                                  colorize_error *error);

/* Closes the model. */
void layer_filter_close(layer_filter *filter);

/* Takes hints for a picture of width x height from strokes: RGBA8 pixels, of which those that are
 * half opaque or more are colors. The strokes' upper left pixel lies on the picture's pixel (x,
 * y), before both are shrunk by `factor`; of several on one pixel the last counts. */
colorize_status layer_hints_take(layer_hints *hints, const layer_filter *filter,
                                 const colorize_image *strokes, int32_t x, int32_t y,
                                 uint32_t factor, uint32_t width, uint32_t height,
                                 colorize_error *error);

/* Frees them; there are none then. */
void layer_hints_free(layer_hints *hints);

/* Colors `image`, which has a format with colors, in place. `hints` are for a picture of its
 * size. An error or a cancel leaves its pixels undefined. */
colorize_status layer_filter_run(const layer_filter *filter, const layer_settings *settings,
                                 const layer_hints *hints, const colorize_image *image,
                                 colorize_progress progress, void *user_data,
                                 colorize_error *error);

/* Shrinks an RGBA8 picture in place: each square of `factor` pixels becomes one, of their mean.
 * What is left over at the right and lower edges, less than a square, is cut off. `factor` is at
 * most the shorter side. */
void layer_shrink(colorize_image *image, uint32_t factor);

#endif
