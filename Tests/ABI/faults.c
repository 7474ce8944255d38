/* Each call of the C library that a function makes for a file or a thread, failed once: a clean status, nothing given, and
 * as many descriptors and threads as before. Memory is memory.c's. */
#define _GNU_SOURCE
#include "../Faults/faults.h"

#include "test.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 70, HEIGHT = 53, BYTES = WIDTH * HEIGHT * 3, SIDE = 32, AB = 2 * SIDE / 4 * SIDE / 4 };

static colorize_model *model;
static uint8_t *gray, *file;
static size_t file_size;
static float lightness[SIDE * SIDE];

/* All that a function gives. */
static union {
  uint8_t rgb[BYTES];
  float floats[313 * AB / 2];
  float confidence[WIDTH * HEIGHT];
  colorize_suggestion suggestions[6];
} given, expected;

static void set_up(void) {
  model = default_model();
  gray = picture(WIDTH, HEIGHT);
  file = read_file(variable("MODEL"), &file_size);
  for (int i = 0; i < SIDE * SIDE; i++) lightness[i] = (float)((i * 7) % 101);
}

static colorize_options three_threads(void) {
  colorize_options options = small_options();
  options.network_size = 64;
  options.threads = 3;
  return options;
}

/* ---- What is called -------------------------------------------------------------------------- */

static colorize_status opened(colorize_status status, colorize_model *other) {
  CHECK((other == NULL) == (status != COLORIZE_OK));
  colorize_model_close(other);
  return status;
}

static colorize_status open_default(colorize_error *error) {
  colorize_model *other;
  poison(&other, sizeof other);
  const colorize_status status = colorize_model_open_default(&other, error);
  return opened(status, other);
}

static colorize_status open_path(colorize_error *error) {
  colorize_model *other;
  poison(&other, sizeof other);
  const colorize_status status = colorize_model_open(variable("MODEL"), NULL, &other, error);
  return opened(status, other);
}

static colorize_status open_memory(colorize_error *error) {
  colorize_model *other;
  poison(&other, sizeof other);
  const colorize_status status = colorize_model_open_memory(file, file_size, NULL, &other, error);
  return opened(status, other);
}

static colorize_status run(colorize_error *error) {
  colorize_options options = three_threads();
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(given.rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  return colorize_run(model, &in, &out, &options, error);
}

static colorize_status predict(colorize_error *error) {
  colorize_options options = three_threads();
  return colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, &options, given.floats, error);
}

static colorize_status distribution(colorize_error *error) {
  colorize_options options = three_threads();
  return colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, &options, given.floats,
                               error);
}

/* A session, and one of its functions. */
static colorize_status in_session(int function, colorize_error *error) {
  static const float points[4] = {1, 1, 9, 9};
  colorize_options options = three_threads();
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(given.rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_session *session;
  colorize_status status = colorize_session_open(model, &in, &options, &session, error);
  CHECK((session == NULL) == (status != COLORIZE_OK));
  if (session == NULL) return status;
  if (function == 0) status = colorize_session_run(session, &out, &options, error);
  if (function == 1)
    status = colorize_session_suggest(session, points, 2, 3, &options, given.suggestions, error);
  if (function == 2)
    status =
        colorize_session_confidence(session, &options, given.confidence, 4 * WIDTH, error);
  colorize_session_close(session);
  return status;
}

static colorize_status session_run(colorize_error *error) { return in_session(0, error); }

static colorize_status session_suggest(colorize_error *error) { return in_session(1, error); }

static colorize_status session_confidence(colorize_error *error) { return in_session(2, error); }

/* Two frames. */
static colorize_status sequence_run(colorize_error *error) {
  colorize_options options = three_threads();
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(given.rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_sequence *sequence;
  colorize_status status = colorize_sequence_open(model, WIDTH, HEIGHT, &options, NULL, &sequence, error);
  CHECK((sequence == NULL) == (status != COLORIZE_OK));
  for (int frame = 0; frame < 2 && status == COLORIZE_OK; frame++)
    status = colorize_sequence_run(sequence, &in, &out, &options, NULL, error);
  colorize_sequence_close(sequence);
  return status;
}

static const struct {
  const char *name;
  colorize_status (*call)(colorize_error *error);
  bool reads;
} functions[] = {
    {"colorize_model_open_default", open_default, false},
    {"colorize_model_open", open_path, true},
    {"colorize_model_open_memory", open_memory, false},
    {"colorize_run", run, false},
    {"colorize_predict", predict, false},
    {"colorize_distribution", distribution, false},
    {"colorize_session_run", session_run, false},
    {"colorize_session_suggest", session_suggest, false},
    {"colorize_session_confidence", session_confidence, false},
    {"colorize_sequence_run", sequence_run, false},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

static int entries(const char *path) {
  int count = 0;
  DIR *folder = opendir(path);
  CHECK(folder != NULL);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

/* Fails each call of a kind, once, in a function; returns how many there were. */
static int fail_each(int function, fault_kind kind, colorize_status wanted) {
  memset(&given, 0, sizeof given);
  fault_set(kind, -1);
  CHECK_OK(functions[function].call(&error));
  memcpy(&expected, &given, sizeof given);
  const int descriptors = entries("/proc/self/fd");
  for (long number = 0;; number++) {
    at("%s, kind %d, call %ld", functions[function].name, (int)kind, number);
    colorize_error error;
    poison(&error, sizeof error);
    memset(&given, 0, sizeof given);
    fault_set(kind, number);
    const colorize_status status = functions[function].call(&error);
    const bool has_failed = fault_count(kind) > number;
    fault_set(kind, -1);
    CHECK_THAT(entries("/proc/self/fd") == descriptors, "a descriptor is left open");
    CHECK(error.status == status);
    if (!has_failed) {
      CHECK(status == COLORIZE_OK);
      return (int)number;
    }
    CHECK_THAT(status == wanted, "%s: %s", colorize_status_name(status), error.message);
    CHECK((error.message[0] != 0) == (status != COLORIZE_OK));
    if (status == COLORIZE_OK) CHECK(memcmp(&given, &expected, sizeof given) == 0);
  }
}

/* Where a thread cannot be had, the others do its work. */
static void without_a_thread(void) {
  set_up();
  for (int function = 0; function < FUNCTIONS; function++)
    CHECK_THAT(fail_each(function, FAULT_THREAD, COLORIZE_OK) >= 2, "%s starts no threads",
               functions[function].name);
}

static void without_a_file(void) {
  set_up();
  for (int function = 0; function < FUNCTIONS; function++) {
    const int least = functions[function].reads;
    CHECK(fail_each(function, FAULT_OPEN, COLORIZE_CANNOT_READ_FILE) >= least);
    CHECK(fail_each(function, FAULT_STAT, COLORIZE_CANNOT_READ_FILE) >= least);
    CHECK(fail_each(function, FAULT_READ, COLORIZE_CANNOT_READ_FILE) >= least);
    CHECK(fail_each(function, FAULT_SEEK, COLORIZE_CANNOT_READ_FILE) >= 0);
    /* What was read has been read. */
    CHECK(fail_each(function, FAULT_CLOSE, COLORIZE_OK) >= least);
  }
}

const test tests[] = {
    {"each start of a thread failed once", without_a_thread},
    {"each open, read and close of a file failed once", without_a_file},
    {NULL, NULL},
};
