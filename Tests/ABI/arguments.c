/* What callers may get wrong: NULL, sizes, formats, options, structs of other versions. Every wrong
 * value must give a status and a message that names it, and leave the output as it was. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 20, HEIGHT = 12, SIDE = 32, STRIDE = 4 };

static colorize_model *model;
static uint8_t gray[WIDTH * HEIGHT];
static uint8_t rgb[WIDTH * HEIGHT * 4];
static colorize_image in;
static colorize_image out;
static float lightness[SIDE * SIDE];
static float hints[2 * SIDE * SIDE];
static float mask[SIDE * SIDE];
static float ab[2 * SIDE / STRIDE * SIDE / STRIDE];
static float *probabilities;
static size_t probabilities_size;
static uint32_t bins;

/* Arguments that are right, for each test to make one of them wrong. */
static void set_up(void) {
  model = default_model();
  memset(gray, 100, sizeof gray);
  in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  for (int i = 0; i < SIDE * SIDE; i++) lightness[i] = (float)(i % 101);
  colorize_model_description description = {.struct_size = sizeof description};
  CHECK(colorize_model_info(model, &description) == COLORIZE_OK);
  bins = description.bins;
  CHECK(description.output_stride == STRIDE);
  probabilities_size = sizeof(float) * bins * (SIDE / STRIDE) * (SIDE / STRIDE);
  probabilities = malloc(probabilities_size);
  poison(rgb, sizeof rgb);
  poison(ab, sizeof ab);
  poison(probabilities, probabilities_size);
}

static bool is_poisoned(const void *memory, size_t size) {
  const uint8_t *bytes = memory;
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != 0xA5) return false;
  return true;
}

/* colorize_run refuses `in`, `out` and `options` as they are, and writes nothing. */
static void refuses(const char *word, const colorize_options *options) {
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word, colorize_run(model, &in, &out, options, &error));
  CHECK_THAT(is_poisoned(rgb, sizeof rgb), "%s: something was written", word);
  CHECK(colorize_run(model, &in, &out, options, NULL) == COLORIZE_INVALID_ARGUMENT);
}

static void version_and_names(void) {
  CHECK(colorize_version() == COLORIZE_VERSION_MAJOR * 1000000u + COLORIZE_VERSION_MINOR * 1000u +
                                  COLORIZE_VERSION_PATCH);
  static const char *const names[] = {"COLORIZE_OK",
                                      "COLORIZE_INVALID_ARGUMENT",
                                      "COLORIZE_OUT_OF_MEMORY",
                                      "COLORIZE_CANNOT_READ_FILE",
                                      "COLORIZE_INVALID_MODEL",
                                      "COLORIZE_UNSUPPORTED_MODEL",
                                      "COLORIZE_CANCELLED"};
  for (int32_t i = 0; i < 7; i++) CHECK(strcmp(colorize_status_name(i), names[i]) == 0);
  const int32_t others[] = {7, -1, INT32_MAX, INT32_MIN};
  for (int i = 0; i < 4; i++)
    CHECK(strcmp(colorize_status_name(others[i]), "COLORIZE_UNKNOWN_STATUS") == 0);
}

static void null_pointers(void) {
  set_up();
  enum { BAD = COLORIZE_INVALID_ARGUMENT };
  colorize_model *opened;
  size_t size;
  const char *path = variable("MODEL");
  uint8_t *bytes = read_file(path, &size);

  CHECK_CALL(BAD, "model", colorize_model_open_default(NULL, &error));
  CHECK(colorize_model_open_default(NULL, NULL) == BAD);
  CHECK(colorize_model_open_default(&opened, NULL) == COLORIZE_OK);
  colorize_model_close(opened);

  poison(&opened, sizeof opened);
  CHECK_CALL(BAD, "path", colorize_model_open(NULL, NULL, &opened, &error));
  CHECK(opened == NULL);
  CHECK_CALL(BAD, "model", colorize_model_open(path, NULL, NULL, &error));
  CHECK(colorize_model_open(NULL, NULL, NULL, NULL) == BAD);
  CHECK(colorize_model_open(path, NULL, &opened, NULL) == COLORIZE_OK);
  colorize_model_close(opened);

  poison(&opened, sizeof opened);
  CHECK_CALL(BAD, "bytes", colorize_model_open_memory(NULL, size, NULL, &opened, &error));
  CHECK(opened == NULL);
  CHECK_CALL(BAD, "bytes", colorize_model_open_memory(NULL, 0, NULL, &opened, &error));
  CHECK_CALL(BAD, "model", colorize_model_open_memory(bytes, size, NULL, NULL, &error));
  CHECK_CALL(BAD, "size", colorize_model_open_memory(bytes, SIZE_MAX, NULL, &opened, &error));
  CHECK(opened == NULL);
  CHECK_CALL(COLORIZE_INVALID_MODEL, "0 bytes",
             colorize_model_open_memory(bytes, 0, NULL, &opened, &error));
  CHECK(colorize_model_open_memory(bytes, size, NULL, &opened, NULL) == COLORIZE_OK);
  colorize_model_close(opened);

  colorize_model_description description = {.struct_size = sizeof description};
  CHECK(colorize_model_info(NULL, &description) == BAD);
  CHECK(colorize_model_info(model, NULL) == BAD);
  CHECK(colorize_model_info(NULL, NULL) == BAD);
  colorize_model_close(NULL);
  colorize_options_init(NULL, sizeof(colorize_options));

  CHECK_CALL(BAD, "model", colorize_run(NULL, &in, &out, NULL, &error));
  CHECK_CALL(BAD, "in ", colorize_run(model, NULL, &out, NULL, &error));
  CHECK_CALL(BAD, "out ", colorize_run(model, &in, NULL, NULL, &error));
  CHECK(colorize_run(NULL, NULL, NULL, NULL, NULL) == BAD);
  in.pixels = NULL;
  refuses("in->pixels", NULL);
  in.pixels = gray;
  out.pixels = NULL;
  refuses("out->pixels", NULL);
  out.pixels = rgb;
  CHECK(colorize_run(model, &in, &out, NULL, NULL) == COLORIZE_OK);
  CHECK(!is_poisoned(rgb, WIDTH * HEIGHT * 3));

#define PREDICT(model, lightness, hints, mask, ab) \
  colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, ab, &error)
  CHECK_CALL(BAD, "model", PREDICT(NULL, lightness, NULL, NULL, ab));
  CHECK_CALL(BAD, "lightness", PREDICT(model, NULL, NULL, NULL, ab));
  CHECK_CALL(BAD, "mask", PREDICT(model, lightness, hints, NULL, ab));
  CHECK_CALL(BAD, "hints", PREDICT(model, lightness, NULL, mask, ab));
  CHECK_CALL(BAD, "ab", PREDICT(model, lightness, NULL, NULL, NULL));
  CHECK(is_poisoned(ab, sizeof ab));
  CHECK_OK(PREDICT(model, lightness, NULL, NULL, ab));
  CHECK(colorize_predict(NULL, SIDE, SIDE, NULL, NULL, NULL, NULL, NULL, NULL) == BAD);

#define DISTRIBUTION(model, lightness, hints, mask, probabilities) \
  colorize_distribution(model, SIDE, SIDE, lightness, hints, mask, NULL, probabilities, &error)
  CHECK_CALL(BAD, "model", DISTRIBUTION(NULL, lightness, NULL, NULL, probabilities));
  CHECK_CALL(BAD, "lightness", DISTRIBUTION(model, NULL, NULL, NULL, probabilities));
  CHECK_CALL(BAD, "mask", DISTRIBUTION(model, lightness, hints, NULL, probabilities));
  CHECK_CALL(BAD, "hints", DISTRIBUTION(model, lightness, NULL, mask, probabilities));
  CHECK_CALL(BAD, "probabilities", DISTRIBUTION(model, lightness, NULL, NULL, NULL));
  CHECK_OK(DISTRIBUTION(model, lightness, NULL, NULL, probabilities));
  CHECK(colorize_distribution(NULL, SIDE, SIDE, NULL, NULL, NULL, NULL, NULL, NULL) == BAD);

  float centres[2];
  CHECK_CALL(BAD, "model", colorize_bin_centres(NULL, bins, centres, &error));
  CHECK_CALL(BAD, "centres", colorize_bin_centres(model, bins, NULL, &error));
  CHECK(colorize_bin_centres(NULL, 0, NULL, NULL) == BAD);

  float pixel[3] = {0};
  CHECK_CALL(BAD, "rgb", colorize_rgb_to_lab(NULL, pixel, 1, &error));
  CHECK_CALL(BAD, "lab", colorize_rgb_to_lab(pixel, NULL, 1, &error));
  CHECK_CALL(BAD, "lab", colorize_lab_to_rgb(NULL, pixel, 1, 0, &error));
  CHECK_CALL(BAD, "rgb", colorize_lab_to_rgb(pixel, NULL, 1, 0, &error));
  CHECK_OK(colorize_rgb_to_lab(NULL, NULL, 0, &error));
  CHECK_OK(colorize_lab_to_rgb(NULL, NULL, 0, 0, &error));
  CHECK(colorize_rgb_to_lab(NULL, NULL, 1, NULL) == BAD);
  CHECK(colorize_lab_to_rgb(NULL, NULL, 1, 1, NULL) == BAD);
}

static void images(void) {
  set_up();
  const uint32_t sides[] = {0, 1048577, UINT32_MAX};
  for (int i = 0; i < 3; i++) {
    in.width = sides[i];
    refuses("in->width", NULL);
    in.width = WIDTH;
    in.height = sides[i];
    refuses("in->height", NULL);
    in.height = HEIGHT;
    out.width = sides[i];
    refuses("out->width", NULL);
    out.width = WIDTH;
    out.height = sides[i];
    refuses("out->height", NULL);
    out.height = HEIGHT;
  }
  const size_t strides[] = {0, WIDTH - 1, SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1};
  for (int i = 0; i < 5; i++) {
    in.row_bytes = strides[i];
    refuses("in->row_bytes", NULL);
    in.row_bytes = WIDTH;
    out.row_bytes = strides[i];
    refuses("out->row_bytes", NULL);
    out.row_bytes = 3 * WIDTH;
  }
  out.row_bytes = 3 * WIDTH - 1;
  refuses("out->row_bytes", NULL);
  out.row_bytes = 3 * WIDTH;

  const colorize_format formats[] = {0, 14, -1, INT32_MIN, INT32_MAX};
  for (int i = 0; i < 5; i++) {
    in.format = formats[i];
    refuses("in->format", NULL);
    in.format = COLORIZE_GRAY8;
    out.format = formats[i];
    refuses("out->format", NULL);
    out.format = COLORIZE_RGB8;
  }
  for (int i = 0; i < 3; i++) {
    in.reserved[i] = 1;
    refuses("in->reserved", NULL);
    in.reserved[i] = 0;
    out.reserved[i] = 1u << 31;
    refuses("out->reserved", NULL);
    out.reserved[i] = 0;
  }
  out.width = WIDTH - 1;
  refuses("19x12", NULL);
  out.width = WIDTH;
  out.height = HEIGHT - 1;
  refuses("20x11", NULL);
  out.height = HEIGHT;
  out.format = COLORIZE_GRAY8;
  refuses("no color", NULL);
  out.format = COLORIZE_RGB8;

  /* Rows whose last one ends just past what a number can hold. */
  in.height = out.height = 4;
  in.row_bytes = out.row_bytes = SIZE_MAX / 2 / 3;
  refuses("in->row_bytes", NULL);

  /* A stride has no meaning where there is only one row. */
  in.height = out.height = 1;
  in.row_bytes = out.row_bytes = SIZE_MAX / 4;
  CHECK_OK(colorize_run(model, &in, &out, NULL, &error));
}

static void options_of_run(void) {
  set_up();
  colorize_options options = {.struct_size = sizeof options};
  const uint32_t sizes[] = {1, 15, 17, 24, 2064, 4096, UINT32_MAX, UINT32_MAX - 15};
  for (int i = 0; i < 8; i++) {
    options.network_size = sizes[i];
    refuses("network_size", &options);
  }
  options.network_size = 0;
  const float temperatures[] = {NAN, -NAN, INFINITY, -INFINITY, -1, 0.001f, 0.0099f, 10.1f, 1e-40f};
  for (int i = 0; i < 9; i++) {
    options.temperature = temperatures[i];
    refuses("temperature", &options);
  }
  options.temperature = 0;
  const uint32_t threads[] = {257, UINT32_MAX, 1u << 31};
  for (int i = 0; i < 3; i++) {
    options.threads = threads[i];
    refuses("threads", &options);
  }
  options.threads = 0;
  const colorize_preset presets[] = {2, 7, -1, INT32_MIN, INT32_MAX};
  for (int i = 0; i < 5; i++) {
    options.preset = presets[i];
    refuses("preset", &options);
  }
  options.preset = COLORIZE_PRESET_REFERENCE;
  options.network_size = 16;
  options.temperature = 0.01f;
  options.threads = 256;
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  options.network_size = 32;
  options.temperature = 10;
  options.threads = 1;
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
}

/* The two functions that run the network alone refuse what is in the static variables. */
static void network_refuses(const char *word, uint32_t width, uint32_t height, const float *hints,
                            const float *mask, const colorize_options *options) {
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word,
             colorize_predict(model, width, height, lightness, hints, mask, options, ab, &error));
  CHECK_THAT(is_poisoned(ab, sizeof ab), "%s: something was written", word);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word,
             colorize_distribution(model, width, height, lightness, hints, mask, options,
                                   probabilities, &error));
  CHECK_THAT(is_poisoned(probabilities, probabilities_size), "%s: something was written", word);
}

static void inputs_of_the_network(void) {
  set_up();
  const uint32_t sizes[] = {0, 1, 8, 15, 17, 31, 33, 2049, 2064, UINT32_MAX, UINT32_MAX - 15};
  for (int i = 0; i < 11; i++) {
    network_refuses("width", sizes[i], SIDE, NULL, NULL, NULL);
    network_refuses("height", SIDE, sizes[i], NULL, NULL, NULL);
  }
  const int last = SIDE * SIDE - 1;
  const float not_finite[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    lightness[last] = not_finite[i];
    network_refuses("lightness[1023]", SIDE, SIDE, NULL, NULL, NULL);
    lightness[last] = 50;
  }
  for (int i = 0; i < 3; i++) {
    mask[last] = not_finite[i];
    network_refuses("mask[1023]", SIDE, SIDE, hints, mask, NULL);
  }
  mask[last] = 1;
  const float colors[] = {128.1f, -128.1f, NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 5; i++) {
    hints[last] = colors[i];
    network_refuses("hints[1023]", SIDE, SIDE, hints, mask, NULL);
    hints[last] = -128;
    hints[2 * last + 1] = colors[i];
    network_refuses("hints[2047]", SIDE, SIDE, hints, mask, NULL);
    hints[2 * last + 1] = 128;
  }
  colorize_options options = {.struct_size = sizeof options, .temperature = NAN};
  network_refuses("temperature", SIDE, SIDE, NULL, NULL, &options);
  options.temperature = 0;
  options.threads = 257;
  network_refuses("threads", SIDE, SIDE, NULL, NULL, &options);

  /* The network looks at all of its input, as PyTorch's does: at a hint, at a mask, and at a color
   * under a mask of 0. */
  float expected[sizeof ab / sizeof *ab];
  CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, expected, &error));
  float *inputs[] = {&mask[last], &hints[last], &hints[0], &hints[SIDE * SIDE]};
  for (int i = 0; i < 4; i++) {
    float before = *inputs[i];
    *inputs[i] = before == 0 ? 100 : 0;
    CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, ab, &error));
    CHECK_THAT(memcmp(ab, expected, sizeof ab) != 0, "input %d", i);
    *inputs[i] = before;
  }
  mask[last] = -0.5f;
  CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, ab, &error));

  /* Lightness far outside of 0 to 100 is nonsense, but no reason to crash. */
  for (int i = 0; i <= last; i++) lightness[i] = i % 2 ? 1e30f : -1e30f;
  CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, NULL, ab, &error));
  CHECK_OK(
      colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, NULL, probabilities, &error));
  /* Nor are sums that overflow, which is said. */
  for (int i = 0; i <= last; i++) lightness[i] = i % 2 ? 3e38f : -3e38f;
  memcpy(expected, ab, sizeof ab);
  colorize_status status =
      colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, NULL, ab, NULL);
  CHECK(status == COLORIZE_OK || status == COLORIZE_INVALID_MODEL);
  CHECK(status == COLORIZE_OK || memcmp(ab, expected, sizeof ab) == 0);
}

static void bins_of_the_distribution(void) {
  set_up();
  const int pixels = (SIDE / STRIDE) * (SIDE / STRIDE);
  CHECK_OK(
      colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, NULL, probabilities, &error));
  for (int pixel = 0; pixel < pixels; pixel++) {
    double sum = 0;
    for (uint32_t bin = 0; bin < bins; bin++) {
      float probability = probabilities[bin * (size_t)pixels + (size_t)pixel];
      CHECK(probability >= 0 && probability <= 1);
      sum += probability;
    }
    /* 313 numbers, each rounded to 24 bits. */
    CHECK_THAT(fabs(sum - 1) < 1e-5, "the probabilities of a pixel sum to %.9g", sum);
  }
  float *centres = calloc(bins, 2 * sizeof *centres);
  poison(centres, bins * 2 * sizeof *centres);
  const uint32_t wrong[] = {0, bins - 1, bins + 1, UINT32_MAX};
  for (int i = 0; i < 4; i++) {
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "bins",
               colorize_bin_centres(model, wrong[i], centres, &error));
    CHECK(is_poisoned(centres, bins * 2 * sizeof *centres));
  }
  CHECK_OK(colorize_bin_centres(model, bins, centres, &error));
  for (uint32_t i = 0; i < 2 * bins; i++) {
    CHECK(centres[i] >= -110 && centres[i] <= 110);
    CHECK(centres[i] == 10 * roundf(centres[i] / 10));
  }
}

static void colors(void) {
  enum { COUNT = 1001 };
  float rgb[3 * COUNT], lab[3 * COUNT], again[3 * COUNT];
  for (int i = 0; i < 3 * COUNT; i++) rgb[i] = (float)((i * 37) % 256) / 255;
  CHECK_OK(colorize_rgb_to_lab(rgb, lab, COUNT, &error));
  CHECK_OK(colorize_lab_to_rgb(lab, again, COUNT, 0, &error));
  for (int i = 0; i < 3 * COUNT; i++) /* The header's bound for each way. */
    CHECK_THAT(fabsf(again[i] - rgb[i]) < 2e-4f, "there and back, %d: %g", i, again[i] - rgb[i]);

  /* In place, and any count: nothing after the last pixel is touched. */
  for (int count = 1; count <= 17; count++) {
    memcpy(again, rgb, sizeof again);
    CHECK_OK(colorize_rgb_to_lab(again, again, (size_t)count, &error));
    CHECK(memcmp(again, lab, sizeof(float) * 3 * (size_t)count) == 0);
    CHECK(memcmp(again + 3 * count, rgb + 3 * count,
                 sizeof rgb - sizeof(float) * 3 * (size_t)count) == 0);
    float *fence = fenced(sizeof(float) * 3 * (size_t)count, AT_END);
    memcpy(fence, lab, sizeof(float) * 3 * (size_t)count);
    CHECK_OK(colorize_lab_to_rgb(fence, fence, (size_t)count, 1, &error));
  }

  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "count", colorize_rgb_to_lab(rgb, lab, SIZE_MAX, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "count",
             colorize_lab_to_rgb(lab, rgb, SIZE_MAX / 12, 0, &error));

  /* Clipping: a color outside of sRGB. */
  float outside[3] = {50, 120, -120}, kept[3], clipped[3];
  CHECK_OK(colorize_lab_to_rgb(outside, kept, 1, 0, &error));
  CHECK_OK(colorize_lab_to_rgb(outside, clipped, 1, 1, &error));
  CHECK(kept[1] < 0 && clipped[1] == 0 && kept[2] > 1 && clipped[2] == 1);

  /* Numbers that are none: no crash, and the next pixel is right. */
  const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-45f, -1e-45f, 1e20f};
  for (int i = 0; i < 8; i++) {
    for (int clip = 0; clip < 2; clip++) {
      float pixels[6] = {odd[i], odd[(i + 1) % 8], odd[(i + 3) % 8], rgb[0], rgb[1], rgb[2]};
      CHECK_OK(colorize_rgb_to_lab(pixels, pixels, 2, &error));
      CHECK(memcmp(pixels + 3, lab, 3 * sizeof(float)) == 0);
      memcpy(pixels, (float[3]){odd[i], odd[(i + 1) % 8], odd[(i + 3) % 8]}, 3 * sizeof(float));
      CHECK_OK(colorize_lab_to_rgb(pixels, pixels, 2, clip, &error));
      CHECK(fabsf(pixels[3] - rgb[0]) < 2e-4f);
    }
  }
}

/* ---- Structs of other versions --------------------------------------------------------------- */

/* A copy of the first `size` bytes of a struct, right before memory that cannot be read. */
static void *shortened(const void *structure, size_t size) {
  void *copy = fenced(size, AT_END);
  memcpy(copy, structure, size);
  memcpy(copy, &size, sizeof size);
  return copy;
}

/* A copy of a struct with `size` bytes in all, zero after those of the struct. */
static uint8_t *lengthened(const void *structure, size_t known, size_t size) {
  uint8_t *copy = fenced(size, AT_END);
  memcpy(copy, structure, known);
  memcpy(copy, &size, sizeof size);
  return copy;
}

static const size_t absurd[] = {0, 1, 7, 4097, 1u << 20, SIZE_MAX / 2 + 1, SIZE_MAX};
enum { ABSURD = sizeof absurd / sizeof *absurd };

static void versions_of_options(void) {
  set_up();
  uint8_t with_defaults[WIDTH * HEIGHT * 3], expected[WIDTH * HEIGHT * 3];
  colorize_options options = {.struct_size = sizeof options, .network_size = 16};
  CHECK_OK(colorize_run(model, &in, &out, NULL, &error));
  memcpy(with_defaults, rgb, sizeof with_defaults);
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  memcpy(expected, rgb, sizeof expected);
  CHECK(memcmp(expected, with_defaults, sizeof expected) != 0);

  /* Every version that could have been: up to the end of each field. */
  options.threads = 1;
  options.temperature = 0.38f;
  const size_t ends[] = {
      offsetof(colorize_options, preset),      offsetof(colorize_options, network_size),
      offsetof(colorize_options, temperature), offsetof(colorize_options, threads),
      offsetof(colorize_options, progress),    offsetof(colorize_options, user_data)};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    const colorize_options *older = shortened(&options, ends[i]);
    CHECK_OK(colorize_run(model, &in, &out, older, &error));
    bool has_network_size = ends[i] >= offsetof(colorize_options, temperature);
    CHECK(memcmp(rgb, has_network_size ? expected : with_defaults, sizeof expected) == 0);
  }
  for (size_t more = 1; more <= 64; more++) {
    size_t size = sizeof options + more;
    uint8_t *newer = lengthened(&options, sizeof options, size);
    CHECK_OK(colorize_run(model, &in, &out, (const colorize_options *)(void *)newer, &error));
    CHECK(memcmp(rgb, expected, sizeof expected) == 0);
    newer[size - 1] = 1;
    poison(rgb, sizeof rgb);
    refuses("options", (const colorize_options *)(void *)newer);
  }
  uint8_t *newest = lengthened(&options, sizeof options, 4096);
  CHECK_OK(colorize_run(model, &in, &out, (const colorize_options *)(void *)newest, &error));
  poison(rgb, sizeof rgb);
  for (int i = 0; i < ABSURD; i++) {
    options.struct_size = absurd[i];
    refuses("options->struct_size", &options);
    network_refuses("options->struct_size", SIDE, SIDE, NULL, NULL, &options);
  }
}

static void initialised_options(void) {
  const size_t sizes[] = {8, 16, sizeof(colorize_options), 200, 4096};
  for (int i = 0; i < 5; i++) {
    uint8_t *bytes = fenced(sizes[i] + 64, AT_END);
    poison(bytes, sizes[i] + 64);
    colorize_options_init((colorize_options *)(void *)bytes, sizes[i]);
    CHECK(memcmp(bytes, &sizes[i], sizeof sizes[i]) == 0);
    for (size_t j = sizeof(size_t); j < sizes[i]; j++) CHECK(bytes[j] == 0);
    CHECK(is_poisoned(bytes + sizes[i], 64));
  }
  colorize_options options;
  for (int i = 0; i < ABSURD; i++) {
    poison(&options, sizeof options);
    colorize_options_init(&options, absurd[i]);
    CHECK(is_poisoned(&options, sizeof options));
  }
}

static void versions_of_model_options(void) {
  size_t size;
  uint8_t *bytes = read_file(variable("MODEL"), &size);
  colorize_model_options options = {.struct_size = sizeof options,
                                    .plain_softmax_temperature = 0.5f};
  colorize_model_description description;
#define OPEN(options)                                                           \
  do {                                                                          \
    CHECK_OK(colorize_model_open_memory(bytes, size, options, &model, &error)); \
    description.struct_size = sizeof description;                               \
    CHECK(colorize_model_info(model, &description) == COLORIZE_OK);             \
    colorize_model_close(model);                                                \
  } while (0)
  OPEN(NULL);
  float of_the_file = description.plain_softmax_temperature;
  CHECK(of_the_file >= 0.01f && of_the_file <= 100 && of_the_file != 0.5f);
  OPEN(&options);
  CHECK(description.plain_softmax_temperature == 0.5f);
  OPEN((const colorize_model_options *)shortened(&options, sizeof(size_t)));
  CHECK(description.plain_softmax_temperature == of_the_file);
  uint8_t *newer = lengthened(&options, sizeof options, sizeof options + 8);
  OPEN((const colorize_model_options *)(void *)newer);
  CHECK(description.plain_softmax_temperature == 0.5f);

#define REFUSE(word, options)                                                     \
  do {                                                                            \
    poison(&model, sizeof model);                                                 \
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word,                                   \
               colorize_model_open_memory(bytes, size, options, &model, &error)); \
    CHECK(model == NULL);                                                         \
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word,                                   \
               colorize_model_open(variable("MODEL"), options, &model, &error));  \
  } while (0)
  newer[sizeof options + 7] = 1;
  REFUSE("options", (const colorize_model_options *)(void *)newer);
  const colorize_mask_convention conventions[] = {-1, 3, 1 << 30};
  for (int i = 0; i < 3; i++) {
    options.mask_convention = conventions[i];
    REFUSE("mask_convention", &options);
  }
  options.mask_convention = 0;
  const colorize_precision precisions[] = {-1, 3, 1 << 30};
  for (int i = 0; i < 3; i++) {
    options.precision = precisions[i];
    REFUSE("precision", &options);
  }
  options.precision = COLORIZE_PRECISION_FLOAT32;
  options.reserved = 1;
  REFUSE("reserved", &options);
  options.reserved = 0;
  for (int i = 0; i < ABSURD; i++) {
    options.struct_size = absurd[i];
    REFUSE("options->struct_size", &options);
  }
  options.struct_size = sizeof options;
  const float temperatures[] = {NAN, INFINITY, -INFINITY, -1, 0.009f, 101, 1e-40f};
  for (int i = 0; i < 7; i++) {
    options.plain_softmax_temperature = temperatures[i];
    REFUSE("plain_softmax_temperature", &options);
  }
}

static void versions_of_description(void) {
  set_up();
  colorize_model_description all = {.struct_size = sizeof all};
  CHECK(colorize_model_info(model, &all) == COLORIZE_OK);
  CHECK(strcmp(all.architecture, "lite") == 0);
  CHECK(all.parameters > 1000000 && all.bins == 313 && all.takes_hints == 1);
  CHECK(all.network_size_multiple == 16 && all.default_network_size % 16 == 0);
  CHECK(all.network_size_rounding == 16 && all.distribution_stride == 4);
  CHECK(all.mask_convention == COLORIZE_MASK_ZERO_ONE && all.reserved == 0);
  for (size_t size = sizeof(size_t); size <= sizeof all + 64; size += 4) {
    uint8_t bytes[sizeof all + 128];
    poison(bytes, sizeof bytes);
    memcpy(bytes, &size, sizeof size);
    CHECK(colorize_model_info(model, (colorize_model_description *)(void *)bytes) == COLORIZE_OK);
    all.struct_size = size;
    size_t written = size < sizeof all ? size : sizeof all;
    /* Bytes between and after the fields say nothing. */
    size_t end = offsetof(colorize_model_description, gemm_core) + sizeof(char *);
    CHECK(memcmp(bytes, &all, written < end ? written : end) == 0);
    /* What this version does not know is zero; what is behind the struct is left alone. */
    for (size_t i = sizeof all; i < size; i++) CHECK(bytes[i] == 0);
    size_t touched = size > sizeof all ? size : written;
    CHECK(is_poisoned(bytes + touched, sizeof bytes - touched));
  }
  for (int i = 0; i < ABSURD; i++) {
    poison(&all, sizeof all);
    all.struct_size = absurd[i];
    CHECK(colorize_model_info(model, &all) == COLORIZE_INVALID_ARGUMENT);
    CHECK(is_poisoned((uint8_t *)&all + sizeof(size_t), sizeof all - sizeof(size_t)));
  }
}

/* ---- The environment ------------------------------------------------------------------------- */

static void instruction_sets(void) {
  colorize_model_description description = {.struct_size = sizeof description};
  const char *const names[] = {"baseline", "avx2", "avx512"};
  int opened = 0;
  for (int i = 0; i < 3; i++) {
    setenv("COLORIZE_ISA", names[i], 1);
    colorize_error error;
    if (colorize_model_open_default(&model, &error) != COLORIZE_OK) {
      CHECK(error.status == COLORIZE_INVALID_ARGUMENT && strstr(error.message, names[i]) != NULL);
      continue;
    }
    CHECK(colorize_model_info(model, &description) == COLORIZE_OK);
    CHECK(strcmp(description.instruction_set, names[i]) == 0);
    colorize_model_close(model);
    opened++;
  }
  CHECK(opened >= 1);
  char long_name[5000];
  memset(long_name, 'x', sizeof long_name);
  long_name[sizeof long_name - 1] = 0;
  const char *const wrong[] = {"", "AVX512", "sse", "avx512 ", "\xff\xfe", long_name};
  for (int i = 0; i < 6; i++) {
    setenv("COLORIZE_ISA", wrong[i], 1);
    poison(&model, sizeof model);
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "COLORIZE_ISA",
               colorize_model_open_default(&model, &error));
    CHECK(model == NULL);
  }
}

const test tests[] = {
    {"version and names of statuses", version_and_names},
    {"every function with every NULL", null_pointers},
    {"images that cannot be", images},
    {"options out of range", options_of_run},
    {"inputs of the network out of range", inputs_of_the_network},
    {"the distribution sums to 1, and the bins have centres", bins_of_the_distribution},
    {"colors: in place, any count, odd numbers", colors},
    {"colorize_options of older and newer versions", versions_of_options},
    {"colorize_options_init writes what it is told", initialised_options},
    {"colorize_model_options of older and newer versions", versions_of_model_options},
    {"colorize_model_description of older and newer versions", versions_of_description},
    {"COLORIZE_ISA by its three names, and no other", instruction_sets},
    {NULL, NULL},
};
