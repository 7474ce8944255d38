/* A frei0r filter that colors films: for ffmpeg, melt, kdenlive, shotcut and other editors.
 *
 * It is a sequence of colorize.h behind frei0r.h: frames come in their order and colors stay with what they are on. Where
 * the host goes back in time, as an editor does, the sequence begins anew. frei0r has no way to report an error: what goes
 * wrong is said once on standard error, and frames pass through as they are. */
#include <colorize.h>
#include <frei0r.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEMPERATURE, SATURATION, STRENGTH, STEADINESS, MODEL, PARAMETERS };

/* Numbers are 0 to 1 for every host; what they mean is said here. */
static const struct {
  const char *name;
  int type;
  const char *explanation;
  double value;
} parameters[PARAMETERS] = {
    {"temperature", F0R_PARAM_DOUBLE, "of the colors: near 0 vivid and patchy, at 1 even and dull", 0.38},
    {"saturation", F0R_PARAM_DOUBLE, "strength of the network's colors: 0.5 is 1, 1 is twice as strong", 0.5},
    {"strength", F0R_PARAM_DOUBLE, "0 is the frame as it was, 1 the colored one", 1},
    {"steadiness", F0R_PARAM_DOUBLE, "a color is the mean of 1 to 31 frames: 0.5 is 16", 0.5},
    {"model", F0R_PARAM_STRING, "a model file; empty: the built-in model", 0},
};

/* An instance: one film of one size. */
typedef struct filter {
  unsigned width, height;
  double values[PARAMETERS];
  char *path; /* of the model; empty: the built-in one */
  colorize_model *model;
  colorize_sequence *sequence;
  double time;     /* of the last frame */
  bool has_failed; /* with this model and steadiness; it has been said */
} filter;

int f0r_init(void) { return 1; }

void f0r_deinit(void) {}

void f0r_get_plugin_info(f0r_plugin_info_t *info) {
  *info = (f0r_plugin_info_t){.name = "Colorize",
                              .author = "the libcolorize authors",
                              .plugin_type = F0R_PLUGIN_TYPE_FILTER,
                              .color_model = F0R_COLOR_MODEL_RGBA8888,
                              .frei0r_version = FREI0R_MAJOR_VERSION,
                              .major_version = 1,
                              .minor_version = 0,
                              .num_params = PARAMETERS,
                              .explanation = "Colors black-and-white film with a neural network"};
}

void f0r_get_param_info(f0r_param_info_t *info, int index) {
  if (index < 0 || index >= PARAMETERS) return;
  info->name = parameters[index].name;
  info->type = parameters[index].type;
  info->explanation = parameters[index].explanation;
}

f0r_instance_t f0r_construct(unsigned width, unsigned height) {
  filter *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->width = width;
  self->height = height;
  for (int i = 0; i < PARAMETERS; i++) self->values[i] = parameters[i].value;
  return self;
}

static void close_sequence(filter *self) {
  colorize_sequence_close(self->sequence);
  self->sequence = NULL;
  self->has_failed = false;
}

void f0r_destruct(f0r_instance_t instance) {
  filter *self = instance;
  close_sequence(self);
  colorize_model_close(self->model);
  free(self->path);
  free(self);
}

void f0r_set_param_value(f0r_instance_t instance, f0r_param_t param, int index) {
  filter *self = instance;
  if (index < 0 || index >= PARAMETERS) return;
  if (index != MODEL) {
    const double value = *(const double *)param;
    const double kept = value >= 0 ? fmin(value, 1) : 0;
    if (index == STEADINESS && kept != self->values[index]) close_sequence(self);
    self->values[index] = kept;
    return;
  }
  const char *path = *(char *const *)param;
  if (path == NULL) path = "";
  if (strcmp(path, self->path == NULL ? "" : self->path) == 0) return;
  close_sequence(self);
  colorize_model_close(self->model);
  self->model = NULL;
  free(self->path);
  self->path = strdup(path);
}

void f0r_get_param_value(f0r_instance_t instance, f0r_param_t param, int index) {
  static char none[] = "";
  filter *self = instance;
  if (index < 0 || index >= PARAMETERS) return;
  if (index == MODEL)
    *(char **)param = self->path == NULL ? none : self->path;
  else
    *(double *)param = self->values[index];
}

static bool is_ready(filter *self, colorize_error *error) {
  if (self->model == NULL &&
      (self->path != NULL && self->path[0] != 0
           ? colorize_model_open(self->path, NULL, &self->model, error)
           : colorize_model_open_default(&self->model, error)) != COLORIZE_OK)
    return false;
  if (self->sequence != NULL) return true;
  const colorize_sequence_options settings = {.struct_size = sizeof settings,
                                              .steadiness = (float)(1 + 30 * self->values[STEADINESS])};
  return colorize_sequence_open(self->model, self->width, self->height, NULL, &settings, &self->sequence, error) ==
         COLORIZE_OK;
}

static bool color(filter *self, double time, const uint32_t *in, uint32_t *out, colorize_error *error) {
  if (!is_ready(self, error)) return false;
  /* Back in time the host has gone elsewhere. Forwards nothing can be said, since some hosts count seconds and others
   * milliseconds, and ffmpeg 5 gives every frame the same time: there a frame that is unlike the last one is a cut. */
  if (time < self->time && colorize_sequence_reset(self->sequence, error) != COLORIZE_OK) return false;
  self->time = time;
  colorize_image from = {.pixels = (void *)(uintptr_t)in,
                         .row_bytes = 4 * (size_t)self->width,
                         .width = self->width,
                         .height = self->height,
                         .format = COLORIZE_RGBA8};
  colorize_image to = from;
  to.pixels = out;
  const colorize_options options = {.struct_size = sizeof options,
                                    .temperature = (float)fmax(self->values[TEMPERATURE], 0.01),
                                    .saturation = (float)fmax(2 * self->values[SATURATION], 0.01)};
  return colorize_sequence_run(self->sequence, &from, &to, &options, NULL, error) == COLORIZE_OK;
}

void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out) {
  filter *self = instance;
  const size_t bytes = 4 * (size_t)self->width * self->height;
  colorize_error error;
  if (self->has_failed || !color(self, time, in, out, &error)) {
    if (!self->has_failed) fprintf(stderr, "frei0r colorize: %s\n", error.message);
    self->has_failed = true;
    memcpy(out, in, bytes);
    return;
  }
  const unsigned share = (unsigned)lrint(256 * self->values[STRENGTH]);
  if (share == 256) return;
  const uint8_t *was = (const uint8_t *)in;
  uint8_t *now = (uint8_t *)out;
  for (size_t i = 0; i < bytes; i++) now[i] = (uint8_t)((was[i] * (256 - share) + now[i] * share + 128) >> 8);
}
