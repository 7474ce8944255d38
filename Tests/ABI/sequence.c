/* Sequences: what carries on from frame to frame, what does not, and who may use one when. */
#define _GNU_SOURCE
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = 130, HEIGHT = 98, BYTES = WIDTH * HEIGHT * 3 };

static colorize_model *model;

static void set_up(void) { model = default_model(); }

/* A frame of one of two shots, `shift` pixels further to the right. */
static void draw(uint8_t *gray, int shot, int shift) {
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      const double u = x + shift;
      const double value = shot == 0 ? 50 * sin(u * 0.21) + 40 * sin(y * 0.17 + u * 0.05) + 20 * sin(u * 0.6 - y * 0.4)
                                     : 70 * sin(y * 0.43) * sin(u * 0.37) + 40 * cos((u - 2 * y) * 0.11);
      gray[y * WIDTH + x] = (uint8_t)(128 + value);
    }
}

static colorize_options small(void) { return (colorize_options){.struct_size = sizeof(colorize_options), .network_size = 128}; }

static colorize_sequence *open_sequence(const colorize_sequence_options *settings) {
  colorize_sequence *sequence = NULL;
  colorize_options options = small();
  CHECK_OK(colorize_sequence_open(model, WIDTH, HEIGHT, &options, settings, &sequence, &error));
  CHECK(sequence != NULL);
  return sequence;
}

static colorize_frame_report color(colorize_sequence *sequence, uint8_t *gray, uint8_t *rgb, const colorize_options *options) {
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_frame_report report;
  poison(&report, sizeof report);
  poison(rgb, BYTES);
  report.struct_size = sizeof report;
  CHECK_OK(colorize_sequence_run(sequence, &in, &out, options, &report, &error));
  return report;
}

static void color_alone(uint8_t *gray, uint8_t *rgb) {
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = small();
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
}

/* ---- What carries on ------------------------------------------------------------------------- */

/* A frame that begins a shot, and every frame of a sequence without steadiness, is what colorize_run gives. */
static void shots_begin_as_runs(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], alone[BYTES], rgb[BYTES];
  colorize_sequence *sequence = open_sequence(NULL);
  for (int i = 0; i < 9; i++) {
    at("frame %d", i);
    if (i == 6) CHECK_OK(colorize_sequence_reset(sequence, &error));
    const int shot = i / 3 % 2;
    draw(gray, shot, 2 * i);
    color_alone(gray, alone);
    const colorize_frame_report report = color(sequence, gray, rgb, NULL);
    CHECK(report.begins_shot == (i % 3 == 0) && report.ran_network == 1 && report.hints == 0);
    CHECK((memcmp(rgb, alone, BYTES) == 0) == (i % 3 == 0));
    CHECK(report.begins_shot ? report.agreement == 0 : report.agreement > 0.5 && report.agreement <= 1);
  }
  colorize_sequence_close(sequence);
  const colorize_sequence_options settings = {.struct_size = sizeof settings, .steadiness = 1};
  sequence = open_sequence(&settings);
  for (int i = 0; i < 3; i++) {
    draw(gray, 0, 2 * i);
    color_alone(gray, alone);
    color(sequence, gray, rgb, NULL);
    CHECK(memcmp(rgb, alone, BYTES) == 0);
  }
  colorize_sequence_close(sequence);
  colorize_sequence_close(NULL);
}

static void cuts_may_be_kept_over(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], rgb[BYTES];
  const colorize_sequence_options settings = {.struct_size = sizeof settings, .keep_over_cuts = 1};
  colorize_sequence *sequence = open_sequence(&settings);
  for (int i = 0; i < 4; i++) {
    draw(gray, i / 2, 0);
    CHECK(color(sequence, gray, rgb, NULL).begins_shot == (i == 0));
  }
  colorize_sequence_close(sequence);
}

/* A picture that stands still keeps every byte. */
static void a_still_picture_stays(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], first[BYTES], rgb[BYTES];
  draw(gray, 0, 0);
  for (uint32_t interval = 1; interval <= 4; interval += 3) {
    const colorize_sequence_options settings = {.struct_size = sizeof settings, .keyframe_interval = interval};
    colorize_sequence *sequence = open_sequence(&settings);
    color(sequence, gray, first, NULL);
    for (uint32_t i = 1; i < 100; i++) {
      at("interval %u, frame %u", interval, i);
      const colorize_frame_report report = color(sequence, gray, rgb, NULL);
      CHECK(memcmp(rgb, first, BYTES) == 0 && report.agreement == 1);
      CHECK(report.ran_network == (i % interval == 0));
    }
    colorize_sequence_close(sequence);
  }
}

static void any_threads_give_the_same(void) {
  set_up();
  enum { FRAMES = 4 };
  static uint8_t gray[WIDTH * HEIGHT], expected[FRAMES][BYTES], rgb[BYTES];
  const uint32_t threads[] = {1, 2, 3, 8};
  for (int i = 0; i < 4; i++) {
    colorize_sequence *sequence = open_sequence(NULL);
    for (int frame = 0; frame < FRAMES; frame++) {
      at("%u threads, frame %d", threads[i], frame);
      draw(gray, 0, 3 * frame);
      colorize_options options = {.struct_size = sizeof options, .threads = threads[i]};
      color(sequence, gray, i == 0 ? expected[frame] : rgb, &options);
      CHECK(i == 0 || memcmp(rgb, expected[frame], BYTES) == 0);
    }
    colorize_sequence_close(sequence);
  }
}

static void ab_of(const uint8_t *rgb, int x, int y, float ab[2]) {
  float values[3], lab[3];
  for (int i = 0; i < 3; i++) values[i] = (float)rgb[3 * (y * WIDTH + x) + i] / 255;
  CHECK_OK(colorize_rgb_to_lab(values, lab, 1, &error));
  ab[0] = lab[1], ab[1] = lab[2];
}

/* A hint of the first frame moves with what it marks, until the cut. */
static void hints_are_carried(void) {
  set_up();
  enum { FRAMES = 6, STEP = 6 };
  static uint8_t gray[WIDTH * HEIGHT], rgb[BYTES], plain[BYTES];
  const colorize_hint hint = {.x = 90, .y = 50, .radius = 5, .space = COLORIZE_COLOR_AB, .color = {50, -40}};
  colorize_options options = {.struct_size = sizeof options, .hints = &hint, .hint_count = 1};
  colorize_sequence *sequence = open_sequence(NULL);
  draw(gray, 0, 0);
  color(sequence, gray, rgb, NULL);
  for (int i = 0; i < FRAMES; i++) {
    at("frame %d", i);
    draw(gray, 0, STEP * i);
    color_alone(gray, plain);
    CHECK(color(sequence, gray, rgb, i == 0 ? &options : NULL).hints == 1);
    float ab[2], without[2];
    ab_of(rgb, 90 - STEP * i, 50, ab);
    ab_of(plain, 90 - STEP * i, 50, without);
    /* Most of the way from the network's color to the hint's. */
    CHECK_THAT(hypotf(ab[0] - 50, ab[1] + 40) < 0.5f * hypotf(without[0] - 50, without[1] + 40), "a %g, b %g", (double)ab[0],
               (double)ab[1]);
  }
  draw(gray, 1, 0);
  color_alone(gray, plain);
  const colorize_frame_report report = color(sequence, gray, rgb, NULL);
  CHECK(report.begins_shot == 1 && report.hints == 0 && memcmp(rgb, plain, BYTES) == 0);
  colorize_sequence_close(sequence);
}

/* Another saturation is that of the frame, not little by little. */
static void dials_take_effect_at_once(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], rgb[BYTES], alone[BYTES];
  colorize_sequence *sequence = open_sequence(NULL);
  for (int i = 0; i < 3; i++) {
    draw(gray, 0, 2 * i);
    color(sequence, gray, rgb, NULL);
  }
  colorize_options options = small();
  options.saturation = 0.5f;
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8), out = image(alone, WIDTH, HEIGHT, COLORIZE_RGB8);
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  CHECK(color(sequence, gray, rgb, &options).begins_shot == 0);
  CHECK(memcmp(rgb, alone, BYTES) == 0);
  colorize_sequence_close(sequence);
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void sequences_are_checked(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], rgb[BYTES], untouched[BYTES];
  draw(gray, 0, 0);
  colorize_sequence *sequence;
#define OPEN(word, width, height, options, settings)                                                                     \
  do {                                                                                                                   \
    sequence = (void *)gray;                                                                                             \
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word,                                                                          \
               colorize_sequence_open(model, width, height, options, settings, &sequence, &error));                      \
    CHECK(sequence == NULL);                                                                                             \
  } while (0)
  OPEN("width is 0", 0, 1, NULL, NULL);
  OPEN("height is 1048577", 1, 1048577, NULL, NULL);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "sequence is NULL", colorize_sequence_open(model, 1, 1, NULL, NULL, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "model is NULL", colorize_sequence_open(NULL, 1, 1, NULL, NULL, &sequence, &error));
  colorize_options options = {.struct_size = sizeof options, .network_size = 17};
  OPEN("network_size is 17", 1, 1, &options, NULL);
  options = (colorize_options){.struct_size = sizeof options, .preset = COLORIZE_PRESET_REFERENCE};
  OPEN("preset is reference", 1, 1, &options, NULL);
  options = (colorize_options){.struct_size = sizeof options, .upsampling = 3};
  OPEN("upsampling is 3", 1, 1, &options, NULL);
#define SETTINGS(word, ...)                                                                      \
  do {                                                                                           \
    const colorize_sequence_options settings = {.struct_size = sizeof settings, __VA_ARGS__};    \
    OPEN(word, 1, 1, NULL, &settings);                                                           \
  } while (0)
  SETTINGS("steadiness is 0.5; it must be 1 to 100", .steadiness = 0.5f);
  SETTINGS("steadiness is 101.0", .steadiness = 101);
  SETTINGS("steadiness is nan", .steadiness = NAN);
  SETTINGS("keyframe_interval is 101", .keyframe_interval = 101);
  SETTINGS("keyframe_interval is 4294967295", .keyframe_interval = UINT32_MAX);
  SETTINGS("keep_over_cuts is 2", .keep_over_cuts = 2);
  SETTINGS("reserved is 1", .reserved = 1);
  const colorize_sequence_options unset = {.steadiness = 1};
  OPEN("sequence_options->struct_size is 0", 1, 1, NULL, &unset);

  sequence = open_sequence(NULL);
  poison(rgb, BYTES);
  poison(untouched, BYTES);
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
#define RUN(word, in, out, options, report) \
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word, colorize_sequence_run(sequence, in, out, options, report, &error))
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "sequence is NULL", colorize_sequence_run(NULL, &in, &out, NULL, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "sequence is NULL", colorize_sequence_reset(NULL, &error));
  RUN("in is NULL", NULL, &out, NULL, NULL);
  RUN("out is NULL", &in, NULL, NULL, NULL);
  colorize_image small_in = image(gray, WIDTH - 1, HEIGHT, COLORIZE_GRAY8);
  colorize_image small_out = image(rgb, WIDTH - 1, HEIGHT, COLORIZE_RGB8);
  RUN("the frame is 129x98; the sequence is of 130x98", &small_in, &small_out, NULL, NULL);
  RUN("as large as the input", &in, &small_out, NULL, NULL);
  RUN("no color", &in, &in, NULL, NULL);
  colorize_frame_report report = {.struct_size = 3};
  RUN("report->struct_size is 3", &in, &out, NULL, &report);
  static float ab[2 * WIDTH * HEIGHT];
  const colorize_hint_map map = {sizeof map, ab, 8 * WIDTH, gray, WIDTH};
  options = (colorize_options){.struct_size = sizeof options, .hint_map = &map};
  RUN("hint_map is not NULL", &in, &out, &options, NULL);
  const colorize_hint beyond = {.x = WIDTH + 1, .space = COLORIZE_COLOR_AB};
  options = (colorize_options){.struct_size = sizeof options, .hints = &beyond, .hint_count = 1};
  RUN("hints[0].x is 131.0", &in, &out, &options, NULL);
  CHECK(memcmp(rgb, untouched, BYTES) == 0);
  /* A refused frame is none. */
  CHECK(color(sequence, gray, rgb, NULL).begins_shot == 1);
  colorize_sequence_close(sequence);
}

/* Callers of other versions: a report that is shorter, and one that is longer. */
static void reports_of_any_size(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], rgb[BYTES];
  draw(gray, 0, 0);
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_sequence *sequence = open_sequence(NULL);
  for (size_t size = sizeof(size_t); size <= sizeof(colorize_frame_report) + 16; size += 4) {
    at("size %zu", size);
    uint8_t *bytes = fenced(size, AT_END);
    poison(bytes, size);
    memcpy(bytes, &size, sizeof size);
    CHECK_OK(colorize_sequence_run(sequence, &in, &out, NULL, (colorize_frame_report *)(void *)bytes, &error));
    CHECK(memcmp(bytes, &size, sizeof size) == 0);
    for (size_t i = sizeof(colorize_frame_report); i < size; i++) CHECK(bytes[i] == 0);
  }
  colorize_sequence_close(sequence);
}

/* ---- Cancelling, threads, fork --------------------------------------------------------------- */

static int32_t count_to(void *data, float fraction) {
  int *left = data;
  CHECK(fraction >= 0 && fraction <= 1 && *left >= 0);
  return (*left)-- == 0;
}

/* After a cancel the sequence goes on as if nothing had been. */
static void cancelling_leaves_no_trace(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], expected[BYTES], rgb[BYTES];
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  const colorize_hint hint = {.x = 20, .y = 20, .radius = 4, .space = COLORIZE_COLOR_AB, .color = {30, 30}};
  colorize_sequence *quiet = open_sequence(NULL), *sequence = open_sequence(NULL);
  int cancelled = 0;
  for (int frame = 0; frame < 3; frame++) {
    draw(gray, 0, 4 * frame);
    colorize_options options = {.struct_size = sizeof options, .hints = &hint, .hint_count = frame == 1};
    for (int calls = 0;; calls++) {
      at("frame %d, after %d calls", frame, calls);
      int left = calls;
      options.progress = count_to;
      options.user_data = &left;
      colorize_error error;
      const colorize_status status = colorize_sequence_run(sequence, &in, &out, &options, NULL, &error);
      if (status == COLORIZE_OK) break;
      CHECK(status == COLORIZE_CANCELLED);
      cancelled++;
    }
    options.progress = NULL;
    color(quiet, gray, expected, &options);
    CHECK(memcmp(rgb, expected, BYTES) == 0);
  }
  CHECK(cancelled > 30);
  colorize_sequence_close(quiet);
  colorize_sequence_close(sequence);
}

/* What a callback does meanwhile. */
static struct {
  colorize_sequence *sequence;
  colorize_image in, out;
  int calls;
} meanwhile;

static int32_t uses_the_same(void *data, float fraction) {
  (void)data, (void)fraction;
  meanwhile.calls++;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "in use by another call",
             colorize_sequence_run(meanwhile.sequence, &meanwhile.in, &meanwhile.out, NULL, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "in use by another call", colorize_sequence_reset(meanwhile.sequence, &error));
  return 0;
}

static void one_call_at_a_time(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], rgb[BYTES], other[BYTES];
  draw(gray, 0, 0);
  meanwhile.sequence = open_sequence(NULL);
  meanwhile.in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  meanwhile.out = image(other, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = {.struct_size = sizeof options, .progress = uses_the_same};
  color(meanwhile.sequence, gray, rgb, &options);
  CHECK(meanwhile.calls > 2);
  CHECK(color(meanwhile.sequence, gray, rgb, NULL).begins_shot == 0);
  colorize_sequence_close(meanwhile.sequence);
}

/* Threads with a sequence each, and one model. */
static uint8_t frames_of_all[3][BYTES];

static void *colors_three_frames(void *argument) {
  uint8_t *gray = malloc(WIDTH * HEIGHT), *rgb = malloc(BYTES);
  for (int round = 0; round < 3; round++) {
    colorize_sequence *sequence = open_sequence(NULL);
    for (int frame = 0; frame < 3; frame++) {
      draw(gray, 0, 5 * frame);
      colorize_options options = {.struct_size = sizeof options, .threads = 2};
      color(sequence, gray, rgb, &options);
      CHECK(memcmp(rgb, frames_of_all[frame], BYTES) == 0);
    }
    colorize_sequence_close(sequence);
  }
  free(gray);
  free(rgb);
  return argument;
}

static void threads_have_sequences(void) {
  enum { THREADS = 4 };
  set_up();
  static uint8_t gray[WIDTH * HEIGHT];
  colorize_sequence *sequence = open_sequence(NULL);
  for (int frame = 0; frame < 3; frame++) {
    draw(gray, 0, 5 * frame);
    color(sequence, gray, frames_of_all[frame], NULL);
  }
  colorize_sequence_close(sequence);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, colors_three_frames, NULL) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* A film: shots that pan, hints, dials and a reset, whatever its frames are stored in. For the sanitizers. */
static void two_hundred_frames(void) {
  set_up();
  const colorize_sequence_options settings = {
      .struct_size = sizeof settings, .steadiness = 8, .keyframe_interval = 2};
  colorize_sequence *sequence = open_sequence(&settings);
  const colorize_hint hint = {.x = 60, .y = 40, .radius = 5, .space = COLORIZE_COLOR_AB, .color = {50, -40}};
  int shots = 0;
  for (int index = 0; index < 200; index++) {
    uint8_t *gray = malloc(WIDTH * HEIGHT), *rgb = malloc(BYTES);
    CHECK(gray && rgb);
    draw(gray, index / 40 % 2, 2 * (index % 40));
    colorize_options options = small();
    options.threads = 1 + index % 3;
    options.saturation = index < 100 ? 1 : 1.25f;
    if (index % 30 == 7) {
      options.hints = &hint;
      options.hint_count = 1;
    }
    if (index == 150) CHECK_OK(colorize_sequence_reset(sequence, &error));
    shots += color(sequence, gray, rgb, &options).begins_shot;
    free(gray);
    free(rgb);
  }
  CHECK(shots == 6);
  colorize_sequence_close(sequence);
  colorize_model_close(model);
}

/* A child goes on with its parent's sequence, and both come to the same frame; the model may be closed. */
static void a_child_goes_on(void) {
  set_up();
  static uint8_t gray[WIDTH * HEIGHT], expected[BYTES], rgb[BYTES];
  colorize_sequence *one = open_sequence(NULL), *other = open_sequence(NULL);
  colorize_model_close(model);
  draw(gray, 0, 0);
  color(one, gray, rgb, NULL);
  color(other, gray, rgb, NULL);
  draw(gray, 0, 4);
  color(other, gray, expected, NULL);
  const pid_t child = fork();
  if (child != 0) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
  }
  color(one, gray, rgb, NULL);
  CHECK(memcmp(rgb, expected, BYTES) == 0);
  colorize_sequence_close(one);
  colorize_sequence_close(other);
  if (child == 0) _exit(EXIT_SUCCESS);
}

const test tests[] = {
    {"shots begin as runs", shots_begin_as_runs},
    {"cuts may be kept over", cuts_may_be_kept_over},
    {"a still picture stays", a_still_picture_stays},
    {"any number of threads gives the same frames", any_threads_give_the_same},
    {"hints are carried", hints_are_carried},
    {"dials take effect at once", dials_take_effect_at_once},
    {"sequences are checked", sequences_are_checked},
    {"reports of any size", reports_of_any_size},
    {"cancelling a frame leaves no trace", cancelling_leaves_no_trace},
    {"one call at a time uses a sequence", one_call_at_a_time},
    {"threads have sequences", threads_have_sequences},
    {"two hundred frames", two_hundred_frames},
    {"a child goes on with a sequence", a_child_goes_on},
    {NULL, NULL},
};
