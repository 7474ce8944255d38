/* A model's life and its errors, for valgrind: every function once as it should be called, and some
 * calls that are refused. Prints what is wrong; what valgrind thinks is its own affair. */
#include <colorize.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 21, HEIGHT = 17, SIDE = 16, BINS = 313, OUTPUTS = SIDE / 4 * SIDE / 4 };

static int failures;

static void expect(colorize_status expected, colorize_status status, const char *what) {
  if (status == expected) return;
  printf("%s: %s\n", what, colorize_status_name(status));
  failures++;
}

static int32_t stop_at_the_third(void *calls, float fraction) {
  (void)fraction;
  return ++*(int *)calls == 3;
}

static colorize_image image(void *pixels, size_t bytes, colorize_format format) {
  colorize_image result = {.pixels = pixels,
                           .row_bytes = WIDTH * bytes,
                           .width = WIDTH,
                           .height = HEIGHT,
                           .format = format};
  return result;
}

/* Runs a model in exact amounts of memory from malloc, so that a byte too many is seen. */
static void use(colorize_model *model) {
  static const colorize_format formats[] = {COLORIZE_GRAY8, COLORIZE_RGB8, COLORIZE_RGBA8};
  colorize_options options = {.struct_size = sizeof options, .network_size = SIDE, .threads = 2};
  for (int from = 0; from < 3; from++)
    for (int to = 1; to < 3; to++) {
      size_t bytes = from == 0 ? 1 : from == 1 ? 3 : 4, output_bytes = to == 1 ? 3 : 4;
      colorize_image in = image(malloc(WIDTH * HEIGHT * bytes), bytes, formats[from]);
      colorize_image out = image(malloc(WIDTH * HEIGHT * output_bytes), output_bytes, formats[to]);
      unsigned sum = 0;
      for (size_t i = 0; i < WIDTH * HEIGHT * bytes; i++)
        ((uint8_t *)in.pixels)[i] = (uint8_t)(i * 31);
      expect(COLORIZE_OK, colorize_run(model, &in, &out, &options, NULL), "colorize_run");
      /* Depends on every byte: one that was not written is seen here. */
      for (size_t i = 0; i < WIDTH * HEIGHT * output_bytes; i++) sum += ((uint8_t *)out.pixels)[i];
      if (sum == 0) printf("black\n");
      int calls = 0;
      options.progress = stop_at_the_third;
      options.user_data = &calls;
      expect(COLORIZE_CANCELLED, colorize_run(model, &in, &out, &options, NULL), "cancel");
      options.progress = NULL;
      free(in.pixels);
      free(out.pixels);
    }

  float *lightness = malloc(SIDE * SIDE * sizeof(float));
  float *mask = malloc(SIDE * SIDE * sizeof(float));
  float *hints = calloc(2 * SIDE * SIDE, sizeof(float));
  float *ab = malloc(2 * OUTPUTS * sizeof(float));
  float *probabilities = malloc(BINS * OUTPUTS * sizeof(float));
  float *centres = malloc(2 * BINS * sizeof(float));
  colorize_error error;
  for (int i = 0; i < SIDE * SIDE; i++) {
    lightness[i] = (float)(i % 101);
    mask[i] = i == 77;
  }
  hints[77] = 30;
  hints[SIDE * SIDE + 77] = -30;
  expect(COLORIZE_OK, colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, ab, &error),
         "colorize_predict");
  expect(
      COLORIZE_OK,
      colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, NULL, probabilities, &error),
      "colorize_distribution");
  expect(COLORIZE_OK, colorize_bin_centres(model, BINS, centres, &error), "colorize_bin_centres");
  float sum = 0;
  for (int i = 0; i < 2 * OUTPUTS; i++) sum += ab[i];
  for (int i = 0; i < BINS * OUTPUTS; i++) sum += probabilities[i];
  for (int i = 0; i < 2 * BINS; i++) sum += centres[i];
  if (sum == 0) printf("zero\n");
  expect(COLORIZE_OK, colorize_rgb_to_lab(centres, centres, 2 * BINS / 3, &error), "rgb_to_lab");
  expect(COLORIZE_OK, colorize_lab_to_rgb(centres, centres, 2 * BINS / 3, 1, &error), "lab_to_rgb");
  expect(COLORIZE_INVALID_ARGUMENT,
         colorize_predict(model, 17, SIDE, lightness, NULL, NULL, NULL, ab, &error),
         "a width of 17");
  free(lightness);
  free(mask);
  free(hints);
  free(ab);
  free(probabilities);
  free(centres);
}

/* Everything that can be steered, in exact amounts of memory. */
static void steer(colorize_model *model) {
  const size_t pixels = WIDTH * HEIGHT;
  uint16_t *gray = malloc(pixels * sizeof *gray);
  float *rgb = malloc(3 * pixels * sizeof *rgb);
  float *ab = malloc(2 * pixels * sizeof *ab);
  float *confidence = malloc(pixels * sizeof *confidence);
  uint8_t *mask = malloc(pixels);
  colorize_hint *hint = calloc(1, sizeof *hint);
  colorize_suggestion *suggestions = malloc(5 * sizeof *suggestions);
  for (size_t i = 0; i < pixels; i++) {
    gray[i] = (uint16_t)(i * 97);
    mask[i] = i % 50 == 0;
    ab[2 * i] = ab[2 * i + 1] = (float)(i % 30);
  }
  *hint = (colorize_hint){.x = 3, .y = HEIGHT, .radius = 5, .space = COLORIZE_COLOR_RGB, .color = {1}};
  const colorize_hint_map map = {sizeof map, ab, 8 * WIDTH, mask, WIDTH};
  colorize_image in = image(gray, 2, COLORIZE_GRAY16);
  colorize_image out = image(rgb, 12, COLORIZE_RGB_FLOAT);
  colorize_options options = {.struct_size = sizeof options,
                              .network_size = SIDE,
                              .network_fit = COLORIZE_FIT_ASPECT,
                              .threads = 2};
  colorize_session *session;
  colorize_error error;
  expect(COLORIZE_OK, colorize_session_open(model, &in, &options, &session, &error), "session");
  options.hints = hint;
  options.hint_count = 1;
  options.hint_map = &map;
  options.variant = 2;
  expect(COLORIZE_OK, colorize_session_run(session, &out, &options, &error), "session_run");
  colorize_image palette = out;
  uint8_t *again = malloc(4 * pixels);
  out = image(again, 4, COLORIZE_BGRA8);
  options.palette = &palette;
  expect(COLORIZE_OK, colorize_session_run(session, &out, &options, &error), "palette");
  const float point[2] = {WIDTH, 0};
  expect(COLORIZE_OK,
         colorize_session_suggest(session, point, 1, 5, &options, suggestions, &error), "suggest");
  expect(COLORIZE_OK,
         colorize_session_confidence(session, NULL, confidence, 4 * WIDTH, &error), "confidence");
  expect(COLORIZE_OK, colorize_gamut_chroma(50, confidence, confidence, pixels, &error), "gamut");
  const colorize_sequence_options settings = {.struct_size = sizeof settings, .keyframe_interval = 2};
  colorize_sequence *sequence;
  colorize_options frame = {.struct_size = sizeof frame, .network_size = SIDE, .threads = 2};
  expect(COLORIZE_OK,
         colorize_sequence_open(model, WIDTH, HEIGHT, &frame, &settings, &sequence, &error), "sequence");
  frame.hints = hint;
  for (int i = 0; i < 4; i++) {
    frame.hint_count = i == 1;
    expect(COLORIZE_OK, colorize_sequence_run(sequence, &in, &out, &frame, NULL, &error), "frame");
  }
  colorize_sequence_close(sequence);
  float sum = suggestions[0].probability;
  for (size_t i = 0; i < pixels; i++) sum += confidence[i] + rgb[3 * i] + again[4 * i];
  if (sum == 0) printf("nothing\n");
  colorize_session_close(session);
  free(gray);
  free(rgb);
  free(again);
  free(ab);
  free(confidence);
  free(mask);
  free(hint);
  free(suggestions);
}

int main(int argc, char **argv) {
  colorize_model *model;
  colorize_error error;
  if (argc != 2) return EXIT_FAILURE;
  expect(COLORIZE_OK, colorize_model_open_default(&model, &error), "colorize_model_open_default");
  use(model);
  steer(model);
  colorize_model_close(model);

  size_t size = 0;
  FILE *file = fopen(argv[1], "rb");
  uint8_t *bytes = malloc(32 << 20);
  if (file != NULL) size = fread(bytes, 1, 32 << 20, file);
  if (file != NULL) fclose(file);
  bytes = realloc(bytes, size);
  expect(COLORIZE_OK, colorize_model_open_memory(bytes, size, NULL, &model, &error), "memory");
  free(bytes);
  colorize_model_description description = {.struct_size = sizeof description};
  expect(COLORIZE_OK, colorize_model_info(model, &description), "colorize_model_info");
  for (const char *text = description.licence; *text != 0; text++)
    if (*text == '\n') printf("two lines\n");
  colorize_model_close(model);

  expect(COLORIZE_CANNOT_READ_FILE, colorize_model_open("/nowhere", NULL, &model, &error), "none");
  expect(COLORIZE_INVALID_MODEL, colorize_model_open("/proc/self/cmdline", NULL, &model, &error),
         "no model");
  bytes = malloc(100);
  for (int i = 0; i < 100; i++) bytes[i] = "\x40\0\0\0\0\0\0\0{\"a\":"[i % 13];
  expect(COLORIZE_INVALID_MODEL, colorize_model_open_memory(bytes, 100, NULL, &model, &error),
         "json");
  free(bytes);
  expect(COLORIZE_INVALID_ARGUMENT, colorize_run(NULL, NULL, NULL, NULL, &error), "NULL");
  return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
