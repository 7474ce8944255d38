/* Memory that is refused, and memory that is not given back. */
#define _GNU_SOURCE
#include "failing_allocator.h"
#include "test.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  WIDTH = 70,
  HEIGHT = 53,
  BYTES = WIDTH * HEIGHT * 3,
  SIDE = 32,
  AB = 2 * SIDE / 4 * SIDE / 4
};

/* The C library's bookkeeping for threads comes and goes. A lost object, once a round, is more: the
 * smallest buffer is of 64 bytes, and every round loses it many times. */
enum { NOISE = 1024 };

static colorize_model *model;
static uint8_t *gray;
static uint8_t *file;
static size_t file_size;
static float lightness[SIDE * SIDE];
static uint32_t threads = 1;

/* How many products of OpenBLAS run at the same time depends on the moment, and it keeps memory for each; where there
 * is none for one more, a thread waits for another's end. Of one thread all is known. */
static uint32_t most_threads(void) { return getenv("COLORIZE_GEMM") == NULL ? 3 : 1; }

static void set_up(void) {
  gray = picture(WIDTH, HEIGHT);
  file = read_file(variable("MODEL"), &file_size);
  for (int i = 0; i < SIDE * SIDE; i++) lightness[i] = (float)((i * 7) % 101);
}

/* Bytes that have been given out. */
static size_t in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd + mapped_bytes();
}

/* ---- A request refused ----------------------------------------------------------------------- */

/* Something that takes memory. `output` is poisoned, and must be as it was after an error. */
typedef struct operation {
  const char *name;
  colorize_status (*run)(void *output, colorize_error *error);
  long step; /* every so many requests one is refused */
} operation;

static uint8_t output[sizeof(float) * 313 * AB / 2];

static colorize_status open_the_default(void *output, colorize_error *error) {
  (void)output;
  colorize_model *opened;
  poison(&opened, sizeof opened);
  colorize_status status = colorize_model_open_default(&opened, error);
  CHECK((opened == NULL) == (status != COLORIZE_OK));
  colorize_model_close(opened);
  return status;
}

static colorize_status open_a_file(void *output, colorize_error *error) {
  (void)output;
  colorize_model *opened;
  poison(&opened, sizeof opened);
  colorize_status status = colorize_model_open(variable("MODEL"), NULL, &opened, error);
  CHECK((opened == NULL) == (status != COLORIZE_OK));
  colorize_model_close(opened);
  return status;
}

static colorize_status open_memory(void *output, colorize_error *error) {
  (void)output;
  colorize_model *opened;
  poison(&opened, sizeof opened);
  colorize_status status = colorize_model_open_memory(file, file_size, NULL, &opened, error);
  CHECK((opened == NULL) == (status != COLORIZE_OK));
  colorize_model_close(opened);
  return status;
}

/* Another network size each time, so that memory kept by the model does not do. */
static uint32_t next_network_size(void) {
  static uint32_t number;
  return 16 * (1 + number++ % 7);
}

static colorize_status run_in(colorize_format from, colorize_format to, void *output,
                              colorize_error *error) {
  static uint8_t input[WIDTH * HEIGHT * 4];
  for (size_t i = 0; i < sizeof input; i++) input[i] = (uint8_t)(i * 7);
  colorize_image in = image(from == COLORIZE_GRAY8 ? gray : input, WIDTH, HEIGHT, from);
  colorize_image out = image(output, WIDTH, HEIGHT, to);
  colorize_options options = small_options();
  options.network_size = next_network_size();
  options.threads = threads;
  return colorize_run(model, &in, &out, &options, error);
}

static colorize_status run_gray(void *output, colorize_error *error) {
  return run_in(COLORIZE_GRAY8, COLORIZE_RGB8, output, error);
}

static colorize_status run_alpha(void *output, colorize_error *error) {
  return run_in(COLORIZE_RGBA8, COLORIZE_RGBA8, output, error);
}

/* With all that a caller can steer. */
static colorize_status run_steered(void *output, colorize_error *error) {
  static float ab[2 * WIDTH * HEIGHT];
  static uint8_t mask[WIDTH * HEIGHT] = {1};
  const colorize_hint_map map = {sizeof map, ab, 8 * WIDTH, mask, WIDTH};
  const colorize_hint hints[2] = {
      {.x = 5, .y = 5, .radius = 2, .space = COLORIZE_COLOR_AB, .color = {20, 20}},
      {.x = 9, .y = 9, .space = COLORIZE_COLOR_RGB, .color = {1, 0.5f, 0}}};
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(output, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_image palette = image((uint8_t *)"colors of it", 2, 2, COLORIZE_RGB8);
  colorize_options options = {.struct_size = sizeof options,
                              .network_size = next_network_size(),
                              .threads = threads,
                              .saturation = 2,
                              .variant = 3,
                              .hints = hints,
                              .hint_count = 2,
                              .hint_map = &map,
                              .palette = &palette};
  return colorize_run(model, &in, &out, &options, error);
}

/* A session from its beginning to its end. */
static colorize_status session(void *output, colorize_error *error) {
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(output, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = small_options();
  options.network_size = next_network_size();
  options.threads = threads;
  static const float points[4] = {1, 1, 2, 2};
  static colorize_suggestion suggestions[2 * 3];
  static float confidence[WIDTH * HEIGHT];
  colorize_session *session;
  poison(&session, sizeof session);
  colorize_status status = colorize_session_open(model, &in, &options, &session, error);
  CHECK((session == NULL) == (status != COLORIZE_OK));
  if (status == COLORIZE_OK)
    status = colorize_session_suggest(session, points, 2, 3, &options, suggestions, error);
  if (status == COLORIZE_OK)
    status = colorize_session_confidence(session, &options, confidence, 4 * WIDTH, error);
  if (status == COLORIZE_OK) status = colorize_session_run(session, &out, &options, error);
  colorize_session_close(session);
  return status;
}

/* Frames that begin a shot, that have a hint and that are carried, with the network and without. */
static colorize_status sequence(void *output, colorize_error *error) {
  static const colorize_hint hint = {.x = 5, .y = 5, .radius = 2, .space = COLORIZE_COLOR_AB, .color = {20, 20}};
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(output, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = small_options();
  options.network_size = next_network_size();
  options.threads = threads;
  const colorize_sequence_options settings = {.struct_size = sizeof settings, .keyframe_interval = 2};
  colorize_sequence *sequence;
  poison(&sequence, sizeof sequence);
  colorize_status status = colorize_sequence_open(model, WIDTH, HEIGHT, &options, &settings, &sequence, error);
  CHECK((sequence == NULL) == (status != COLORIZE_OK));
  for (int frame = 0; frame < 4 && status == COLORIZE_OK; frame++) {
    options.hints = frame == 1 ? &hint : NULL;
    options.hint_count = frame == 1;
    /* What the frame before has written is none of this one's. */
    poison(output, 3 * WIDTH * HEIGHT);
    status = colorize_sequence_run(sequence, &in, &out, &options, NULL, error);
  }
  colorize_sequence_close(sequence);
  return status;
}

static colorize_status predict(void *output, colorize_error *error) {
  colorize_options options = {.struct_size = sizeof options, .threads = threads};
  uint32_t width = 16 + next_network_size() % 32 / 16 * 16;
  return colorize_predict(model, width, SIDE, lightness, NULL, NULL, &options, output, error);
}

static colorize_status distribution(void *output, colorize_error *error) {
  colorize_options options = {.struct_size = sizeof options, .threads = threads};
  uint32_t width = 16 + next_network_size() % 32 / 16 * 16;
  return colorize_distribution(model, width, SIDE, lightness, NULL, NULL, &options, output, error);
}

static const operation opening[] = {
    {"colorize_model_open_default", open_the_default, 23},
    {"colorize_model_open", open_a_file, 2},
    {"colorize_model_open_memory", open_memory, 23},
};

static const operation running[] = {
    {"colorize_run, gray", run_gray, 1},
    {"colorize_run, alpha", run_alpha, 1},
    {"colorize_run, steered", run_steered, 1},
    {"a session", session, 1},
    {"a sequence", sequence, 1},
    {"colorize_predict", predict, 1},
    {"colorize_distribution", distribution, 1},
};

/* Refuses request number `refused` of an operation. False once it has fewer requests than that. */
static bool refuse(const operation *operation, long refused, colorize_status *status) {
  static uint8_t untouched[sizeof output];
  colorize_error error;
  poison(untouched, sizeof untouched);
  poison(output, sizeof output);
  poison(&error, sizeof error);
  at("%s, request %ld", operation->name, refused);
  refuse_request(refused);
  *status = operation->run(output, &error);
  bool was_refused = number_of_requests() > refused;
  refuse_request(-1);
  CHECK(error.status == *status);
  if (*status == COLORIZE_OK) return was_refused;
  CHECK_THAT(*status == COLORIZE_OUT_OF_MEMORY, "%s: %s", colorize_status_name(*status),
             error.message);
  CHECK_THAT(strstr(error.message, "memory") != NULL, "%s", error.message);
  CHECK_THAT(memcmp(output, untouched, sizeof output) == 0, "something was written");
  return was_refused;
}

/* Refuses every request of an operation; returns how many there were. */
static long refuse_each(const operation *operation) {
  colorize_status status;
  long refused = 0;
  while (refuse(operation, refused, &status)) {
    CHECK_THAT(status == COLORIZE_OUT_OF_MEMORY, "the refusal was not noticed");
    refused++;
  }
  return refused;
}

static void running_without_memory(void) {
  set_up();
  for (threads = 1; threads <= most_threads(); threads += 2)
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
      size_t before = 0, after = 0;
      for (int round = 0; round < 3; round++) {
        before = after;
        model = default_model();
        long count = refuse_each(&running[i]);
        CHECK_THAT(count >= 5, "only %ld requests", count);
        colorize_model_close(model);
        after = in_use();
      }
      CHECK_THAT(after <= before + NOISE, "%s: %zu bytes in use, then %zu", running[i].name, before,
                 after);
    }
}

/* A model's first use, which opening it includes, may go without memory: then opening succeeds.
 * Each request is followed by one that only looks whether there is memory left, hence odd and even.
 */
static void opening_without_memory(void) {
  set_up();
  for (size_t i = 0; i < sizeof opening / sizeof *opening; i++) {
    size_t before = 0, after = 0;
    for (int round = 0; round < 2; round++) {
      before = after;
      for (long start = 0; start < 2; start++) {
        colorize_status status;
        long refused = start, last_error = -1;
        while (refuse(&opening[i], refused, &status)) {
          CHECK_THAT(status == COLORIZE_OK || refused - last_error <= opening[i].step,
                     "an error after a success");
          if (status != COLORIZE_OK) last_error = refused;
          refused += opening[i].step;
        }
        /* Weights, biases and more of some thirty layers, and twice as many looks. */
        CHECK_THAT(last_error > 200, "only %ld requests", last_error);
      }
      after = in_use();
    }
    CHECK_THAT(after <= before + NOISE, "%s: %zu bytes in use, then %zu", opening[i].name, before,
               after);
  }
}

/* ---- The address space limited --------------------------------------------------------------- */

enum { SUCCESS = 10, REFUSED_OPENING, REFUSED_RUNNING, WRONG };

/* Opens a model and runs it with at most `extra` bytes more than there are now. */
static int limited(size_t extra) {
  FILE *statm = fopen("/proc/self/statm", "r");
  size_t pages = 0;
  if (statm == NULL || fscanf(statm, "%zu", &pages) != 1) return WRONG;
  fclose(statm);
  struct rlimit limit = {0};
  limit.rlim_cur = limit.rlim_max = pages * (size_t)sysconf(_SC_PAGESIZE) + extra;
  if (setrlimit(RLIMIT_AS, &limit) != 0) return WRONG;
  colorize_error error;
  colorize_status status = colorize_model_open_default(&model, &error);
  if (status == COLORIZE_OUT_OF_MEMORY) return REFUSED_OPENING;
  if (status != COLORIZE_OK) return WRONG;
  static uint8_t rgb[BYTES];
  colorize_options options = {
      .struct_size = sizeof options, .network_size = 256, .threads = threads};
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  status = colorize_run(model, &in, &out, &options, &error);
  if (status == COLORIZE_OUT_OF_MEMORY) return REFUSED_RUNNING;
  return status == COLORIZE_OK ? SUCCESS : WRONG;
}

/* Takes all memory that there is, and runs a model then. */
static void no_memory_at_all(void) {
  set_up();
  model = default_model();
  static uint8_t rgb[BYTES];
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  struct rlimit limit = {.rlim_cur = 0, .rlim_max = 0};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  for (size_t size = 1 << 20; size >= 16; size /= 2)
    while (malloc(size) != NULL) continue;
  colorize_error error;
  colorize_model *opened;
  CHECK(colorize_run(model, &in, &out, NULL, &error) == COLORIZE_OUT_OF_MEMORY);
  CHECK(strncmp(error.message, "no memory for ", 14) == 0);
  CHECK(strcmp(error.message + strlen(error.message) - 6, " bytes") == 0);
  CHECK(colorize_run(model, &in, &out, NULL, NULL) == COLORIZE_OUT_OF_MEMORY);
  CHECK(colorize_model_open_default(&opened, &error) == COLORIZE_OUT_OF_MEMORY);
  CHECK(opened == NULL);
}

static void little_address_space(void) {
  set_up();
  int seen[WRONG + 1] = {0};
  for (threads = 1; threads <= most_threads(); threads += 2)
    for (size_t extra = 64 << 10; extra < 80 << 20; extra += 576 << 10) {
      at("%zu KB more, %u threads", extra >> 10, threads);
      pid_t child = fork();
      CHECK(child >= 0);
      if (child == 0) _exit(limited(extra));
      int status;
      CHECK(waitpid(child, &status, 0) == child);
      CHECK_THAT(!WIFSIGNALED(status), "ended by: %s", strsignal(WTERMSIG(status)));
      CHECK_THAT(WEXITSTATUS(status) >= SUCCESS && WEXITSTATUS(status) < WRONG, "exit status %d",
                 WEXITSTATUS(status));
      seen[WEXITSTATUS(status)]++;
    }
  CHECK_THAT(seen[REFUSED_OPENING] > 0 && seen[REFUSED_RUNNING] > 0 && seen[SUCCESS] > 0,
             "%d, %d, %d", seen[REFUSED_OPENING], seen[REFUSED_RUNNING], seen[SUCCESS]);
}

/* A size for which memory cannot be had: a network of 2048x2048 in 200 MB. */
static void a_large_network(void) {
  set_up();
  model = default_model();
  struct rlimit limit = {500 << 20, 500 << 20};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  static uint8_t rgb[BYTES], untouched[BYTES];
  poison(rgb, BYTES);
  poison(untouched, BYTES);
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = {.struct_size = sizeof options, .network_size = 2048};
  CHECK_CALL(COLORIZE_OUT_OF_MEMORY, "bytes", colorize_run(model, &in, &out, &options, &error));
  CHECK(memcmp(rgb, untouched, BYTES) == 0);
  /* And then a smaller one is fine. */
  options.network_size = 64;
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
}

/* ---- What stays in use ----------------------------------------------------------------------- */

static void open_and_close(void) {
  set_up();
  size_t after_some = 0;
  for (int i = 0; i < 200; i++) {
    CHECK_OK(colorize_model_open_memory(file, file_size, NULL, &model, &error));
    colorize_model_close(model);
    if (i == 20) after_some = in_use();
  }
  CHECK_THAT(in_use() <= after_some + NOISE, "%zu bytes in use, then %zu", after_some, in_use());
}

/* A model keeps workspaces, 96 MB at most, for as long as it is open. */
static void many_sizes(void) {
  set_up();
  size_t before = in_use();
  model = default_model();
  size_t opened = in_use();
  for (int round = 0; round < 2; round++)
    for (uint32_t side = 16; side <= 640; side += 48) {
      static uint8_t rgb[BYTES];
      colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
      colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
      colorize_options options = {.struct_size = sizeof options, .network_size = side};
      CHECK_OK(colorize_run(model, &in, &out, &options, &error));
    }
  size_t kept = in_use() - opened;
  CHECK_THAT(kept > 1 << 20 && kept < 97 << 20, "%zu bytes are kept", kept);
  colorize_model_close(model);
  /* What the Swift runtime has made for good: types, and tables of a few KB. */
  CHECK_THAT(in_use() <= before + (256 << 10), "%zu bytes in use, then %zu", before, in_use());
}

const test tests[] = {
    {"each request of a run refused", running_without_memory},
    {"requests of opening a model refused", opening_without_memory},
    {"no memory at all", no_memory_at_all},
    {"address space that ends anywhere", little_address_space},
    {"a network too large for memory", a_large_network},
    {"a model opened and closed 200 times", open_and_close},
    {"what a model keeps, and gives back", many_sizes},
    {NULL, NULL},
};
