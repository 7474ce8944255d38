/* Colours a layer that a host program holds: the part of the plug-in that knows nothing of GIMP.
 *
 * A layer_filter is a model, found in the library or in a file, that colours pixels in place as
 * settings say. Errors are libcolorize's: a status, and one sentence for the user.
 */
#ifndef COLORIZE_LAYER_H
#define COLORIZE_LAYER_H

#include <colorize.h>

#include "colorize_library.h"

/* What the user can choose. Zeroes are the defaults. */
typedef struct layer_settings {
  const char *model_file; /* NULL or "": the model inside the library */
  float temperature;      /* 0, or 0.01 to 10 */
  uint32_t network_size;  /* 0, or the side in pixels at which the network sees the picture */
} layer_settings;

/* An open model. Zeroes are a filter that is not open yet. */
typedef struct layer_filter {
  const colorize_library *library;
  colorize_model *model;
  char *model_file; /* what is open */
} layer_filter;

/* Loads the library and opens a model, unless it is open already. After an error the filter is
 * closed. */
colorize_status layer_filter_open(layer_filter *filter, const char *model_file,
                                  colorize_error *error);

/* Closes the model. */
void layer_filter_close(layer_filter *filter);

/* Colours `image`, which has a format with colours, in place. An error or a cancel leaves its
 * pixels undefined. */
colorize_status layer_filter_run(const layer_filter *filter, const layer_settings *settings,
                                 const colorize_image *image, colorize_progress progress,
                                 void *user_data, colorize_error *error);

/* Shrinks an RGBA8 picture in place: each square of `factor` pixels becomes one, of their mean.
 * What is left over at the right and lower edges, less than a square, is cut off. `factor` is at
 * most the shorter side. */
void layer_shrink(colorize_image *image, uint32_t factor);

#endif
