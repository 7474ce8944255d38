/* colorize_layer.h says what this is for. */
#include "colorize_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static colorize_status out_of_memory(colorize_error *error) {
  error->status = COLORIZE_OUT_OF_MEMORY;
  snprintf(error->message, sizeof error->message, "there is not enough memory");
  return error->status;
}

/* Puts the name of the model in front of a message, which need not say whose fault it is. */
static void name_model(const char *model_file, colorize_error *error) {
  const char *slash = strrchr(model_file, '/');
  colorize_error plain = *error;
  snprintf(error->message, sizeof error->message, "the model %.50s: %.180s",
           slash == NULL ? model_file : slash + 1, plain.message);
}

colorize_status layer_filter_open(layer_filter *filter, const char *model_file,
                                  colorize_error *error) {
  if (model_file == NULL) model_file = "";
  if (filter->model != NULL && strcmp(filter->model_file, model_file) == 0) return COLORIZE_OK;
  layer_filter_close(filter);
  filter->library = colorize_library_load(error);
  if (filter->library == NULL) return error->status;
  size_t size = strlen(model_file) + 1;
  filter->model_file = malloc(size);
  if (filter->model_file == NULL) return out_of_memory(error);
  memcpy(filter->model_file, model_file, size);
  colorize_status status =
      *model_file == 0 ? filter->library->model_open_default(&filter->model, error)
                       : filter->library->model_open(model_file, NULL, &filter->model, error);
  if (status != COLORIZE_OK) {
    if (*model_file != 0) name_model(model_file, error);
    layer_filter_close(filter);
  }
  return status;
}

void layer_filter_close(layer_filter *filter) {
  if (filter->model != NULL) filter->library->model_close(filter->model);
  free(filter->model_file);
  *filter = (layer_filter){0};
}

colorize_status layer_filter_run(const layer_filter *filter, const layer_settings *settings,
                                 const colorize_image *image, colorize_progress progress,
                                 void *user_data, colorize_error *error) {
  colorize_options options = {.struct_size = sizeof options};
  options.temperature = settings->temperature;
  options.network_size = settings->network_size;
  options.progress = progress;
  options.user_data = user_data;
  return filter->library->run(filter->model, image, image, &options, error);
}

void layer_shrink(colorize_image *image, uint32_t factor) {
  uint32_t width = image->width / factor;
  uint32_t height = image->height / factor;
  uint32_t count = factor * factor;
  uint8_t *pixels = image->pixels;
  uint8_t *target = pixels; /* never ahead of what is still to be read */
  for (uint32_t y = 0; y < height; y++) {
    for (uint32_t x = 0; x < width; x++) {
      uint32_t sums[4] = {0};
      for (uint32_t row = y * factor; row < (y + 1) * factor; row++) {
        const uint8_t *source = pixels + row * image->row_bytes + (size_t)4 * x * factor;
        for (uint32_t i = 0; i < 4 * factor; i++) sums[i % 4] += source[i];
      }
      for (uint32_t channel = 0; channel < 4; channel++)
        *target++ = (uint8_t)((sums[channel] + count / 2) / count);
    }
  }
  image->width = width;
  image->height = height;
  image->row_bytes = (size_t)4 * width;
}
