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
    return status;
  }
  colorize_model_description description = {.struct_size = sizeof description};
  filter->library->model_info(filter->model, &description);
  filter->takes_hints = description.takes_hints != 0;
  return COLORIZE_OK;
}

void layer_filter_close(layer_filter *filter) {
  if (filter->model != NULL) filter->library->model_close(filter->model);
  free(filter->model_file);
  *filter = (layer_filter){0};
}

/* The hints of a row of strokes, by way of `colors`, which has room for a row's. */
static colorize_status take_row(layer_hints *hints, const layer_filter *filter,
                                const uint8_t *strokes, int64_t first, int64_t last, int64_t x,
                                uint32_t factor, size_t row, float *colors, colorize_error *error) {
  size_t count = 0;
  for (int64_t i = first; i < last; i++) {
    if (strokes[4 * i + 3] < 128) continue;
    for (int channel = 0; channel < 3; channel++) {
      colors[3 * count + (size_t)channel] = (float)strokes[4 * i + channel] / 255;
    }
    count += 1;
  }
  if (count == 0) return COLORIZE_OK;
  colorize_status status = filter->library->rgb_to_lab(colors, colors, count, error);
  if (status != COLORIZE_OK) return status;
  count = 0;
  for (int64_t i = first; i < last; i++) {
    if (strokes[4 * i + 3] < 128) continue;
    size_t pixel = row + (size_t)((x + i) / factor);
    hints->ab[2 * pixel] = colors[3 * count + 1];
    hints->ab[2 * pixel + 1] = colors[3 * count + 2];
    hints->count += hints->mask[pixel] == 0;
    hints->mask[pixel] = 1;
    count += 1;
  }
  return COLORIZE_OK;
}

colorize_status layer_hints_take(layer_hints *hints, const layer_filter *filter,
                                 const colorize_image *strokes, int32_t x, int32_t y,
                                 uint32_t factor, uint32_t width, uint32_t height,
                                 colorize_error *error) {
  /* What of the strokes lies on the picture. */
  int64_t first_x = x < 0 ? -(int64_t)x : 0;
  int64_t first_y = y < 0 ? -(int64_t)y : 0;
  int64_t last_x = (int64_t)width * factor - x;
  int64_t last_y = (int64_t)height * factor - y;
  if (last_x > (int64_t)strokes->width) last_x = strokes->width;
  if (last_y > (int64_t)strokes->height) last_y = strokes->height;
  *hints = (layer_hints){0};
  if (first_x >= last_x || first_y >= last_y) return COLORIZE_OK;

  colorize_status status = COLORIZE_OK;
  float *colors = malloc((size_t)(last_x - first_x) * 3 * sizeof *colors);
  hints->ab = calloc((size_t)width * height, 2 * sizeof *hints->ab);
  hints->mask = calloc(width, height);
  if (colors == NULL || hints->ab == NULL || hints->mask == NULL) status = out_of_memory(error);
  for (int64_t row = first_y; row < last_y && status == COLORIZE_OK; row++) {
    const uint8_t *pixels = (const uint8_t *)strokes->pixels + (size_t)row * strokes->row_bytes;
    status = take_row(hints, filter, pixels, first_x, last_x, x, factor,
                      (size_t)((y + row) / factor) * width, colors, error);
  }
  free(colors);
  if (status != COLORIZE_OK) layer_hints_free(hints);
  return status;
}

void layer_hints_free(layer_hints *hints) {
  free(hints->ab);
  free(hints->mask);
  *hints = (layer_hints){0};
}

colorize_status layer_filter_run(const layer_filter *filter, const layer_settings *settings,
                                 const layer_hints *hints, const colorize_image *image,
                                 colorize_progress progress, void *user_data,
                                 colorize_error *error) {
  colorize_hint_map map = {.struct_size = sizeof map};
  colorize_options options = {.struct_size = sizeof options};
  options.style = settings->style;
  options.temperature = settings->temperature;
  options.saturation = settings->saturation;
  options.upsampling = settings->upsampling;
  options.variant = settings->variant;
  options.network_size = settings->network_size;
  if (hints->count > 0) {
    map.ab = hints->ab;
    map.ab_row_bytes = (size_t)2 * image->width * sizeof *map.ab;
    map.mask = hints->mask;
    map.mask_row_bytes = image->width;
    options.hint_map = &map;
  }
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
