/* Runs in time: progress and cancelling, threads, fork. */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
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

static colorize_model *model;
static uint8_t *gray;
static float lightness[SIDE * SIDE];

static void set_up(void) {
  model = default_model();
  gray = picture(WIDTH, HEIGHT);
  for (int i = 0; i < SIDE * SIDE; i++) lightness[i] = (float)((i * 7) % 101);
}

static colorize_status run(uint8_t *rgb, const colorize_options *options, colorize_error *error) {
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  return colorize_run(model, &in, &out, options, error);
}

/* ---- Progress -------------------------------------------------------------------------------- */

/* What a callback is told, and when it stops the call. What is told again while a step takes long does not count. */
typedef struct record {
  int calls;
  bool stopped;
  int ones;
  float last;
  int stop_at; /* the number of the call that asks to stop; -1: none */
  int32_t answer;
} record;

static int32_t keep(void *data, float fraction) {
  record *record = data;
  CHECK_THAT(fraction >= 0 && fraction <= 1, "fraction is %g", fraction);
  CHECK_THAT(fraction >= record->last, "fraction is %g after %g", fraction, record->last);
  CHECK_THAT(!record->stopped, "a call after the one that cancelled, with %g", fraction);
  CHECK_THAT(record->last < 1, "a call after the last one, with %g", fraction);
  if (fraction == record->last) return 0;
  record->last = fraction;
  record->ones += fraction == 1;
  record->stopped = record->calls++ == record->stop_at;
  return record->stopped ? record->answer : 0;
}

static colorize_options with(record *record, uint32_t threads) {
  *record = (struct record){.last = -1, .stop_at = -1, .answer = 1};
  colorize_options options = small_options();
  options.threads = threads;
  options.progress = keep;
  options.user_data = record;
  return options;
}

static void fractions(void) {
  set_up();
  uint8_t rgb[BYTES], expected[BYTES];
  float ab[AB], probabilities[313 * AB / 2];
  record record;
  colorize_options options = small_options();
  CHECK_OK(run(expected, &options, &error));
  for (uint32_t threads = 1; threads <= 3; threads++) {
    options = with(&record, threads);
    CHECK_OK(run(rgb, &options, &error));
    CHECK(memcmp(rgb, expected, BYTES) == 0);
    CHECK_THAT(record.calls >= 10, "only %d calls", record.calls);
    CHECK(record.last == 1 && record.ones == 1);
    options = with(&record, threads);
    CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, &options, ab, &error));
    CHECK(record.calls >= 10 && record.last == 1 && record.ones == 1);
    options = with(&record, threads);
    CHECK_OK(colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, &options,
                                   probabilities, &error));
    CHECK(record.calls >= 10 && record.last == 1 && record.ones == 1);
  }
}

/* Behind the last answer comes what cannot be stopped. It takes longer here than a question is put off. */
static void nothing_follows_the_last_fraction(void) {
  enum { LARGE = 512 };
  float *large = calloc(LARGE * LARGE, sizeof *large);
  float *probabilities = calloc(313 * LARGE / 4 * LARGE / 4, sizeof *probabilities);
  CHECK(large != NULL && probabilities != NULL);
  set_up();
  record record;
  for (uint32_t threads = 1; threads <= 2; threads++) {
    colorize_options options = with(&record, threads);
    CHECK_OK(colorize_distribution(model, LARGE, LARGE, large, NULL, NULL, &options, probabilities,
                                   &error));
    CHECK(record.ones == 1);
  }
  free(large);
  free(probabilities);
}

/* Every place where a run can be cancelled. The output is written in bands of rows, and the
 * callback is called after many of them: until the first of these calls nothing may have been
 * written. */
static void cancelling_a_run(void) {
  set_up();
  uint8_t rgb[BYTES], untouched[BYTES], expected[BYTES];
  poison(untouched, BYTES);
  record record;
  for (uint32_t threads = 1; threads <= 2; threads++) {
    colorize_options options = with(&record, threads);
    CHECK_OK(run(expected, &options, &error));
    const int calls = record.calls;
    bool written = false;
    int calls_without_output = 0;
    for (int i = 0; i < calls; i++) {
      at("%u threads, call %d of %d", threads, i, calls);
      options = with(&record, threads);
      record.stop_at = i;
      record.answer = i % 3 == 0 ? 1 : i % 3 == 1 ? -1 : INT32_MIN;
      poison(rgb, BYTES);
      CHECK_CALL(COLORIZE_CANCELLED, "callback", run(rgb, &options, &error));
      CHECK_THAT(record.calls == i + 1, "%d calls after the one that cancelled",
                 record.calls - i - 1);
      if (memcmp(rgb, untouched, BYTES) != 0) written = true;
      /* What has been written does not disappear: the network's calls all come first. */
      CHECK(written == (memcmp(rgb, untouched, BYTES) != 0));
      if (!written) calls_without_output++;
      /* The last call comes after the last row. */
      CHECK(i + 1 < calls || memcmp(rgb, expected, BYTES) == 0);
    }
    /* So few rows are written between two calls: the last but one follows them, and all before are
     * about reading the picture and running the network. */
    CHECK_THAT(calls_without_output == calls - 2,
               "%d of %d calls came before the first row, %d threads", calls_without_output, calls,
               threads);
    CHECK(calls_without_output > 10);
  }
  /* A cancelled run leaves nothing behind that the next one would see. */
  colorize_options options = small_options();
  CHECK_OK(run(rgb, &options, &error));
  CHECK(memcmp(rgb, expected, BYTES) == 0);
}

static void cancelling_the_network(void) {
  set_up();
  enum { PROBABILITIES = 313 * AB / 2 };
  float ab[AB], untouched[PROBABILITIES], probabilities[PROBABILITIES];
  poison(untouched, sizeof untouched);
  record record;
  colorize_options options = with(&record, 2);
  CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, &options, ab, &error));
  const int calls = record.calls;
  for (int i = 0; i < calls; i++) {
    at("call %d of %d", i, calls);
    options = with(&record, 2);
    record.stop_at = i;
    poison(ab, sizeof ab);
    CHECK_CALL(COLORIZE_CANCELLED, "callback",
               colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, &options, ab, &error));
    CHECK(memcmp(ab, untouched, sizeof ab) == 0);
    options = with(&record, 2);
    record.stop_at = i;
    poison(probabilities, sizeof probabilities);
    CHECK_CALL(COLORIZE_CANCELLED, "callback",
               colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, &options,
                                     probabilities, &error));
    CHECK(memcmp(probabilities, untouched, sizeof untouched) == 0);
  }
}

static uint8_t nested_expected[BYTES];

/* Calls every function of the library, on the model that is running. */
static int32_t calls_the_library(void *data, float fraction) {
  (void)fraction;
  int *calls = data;
  if ((*calls)++ % 4 != 0) return 0;
  uint8_t rgb[BYTES];
  float ab[AB], centres[2 * 313], pixel[3] = {0.5f, 0.5f, 0.5f}, probabilities[313 * AB / 2];
  colorize_options options;
  colorize_options_init(&options, sizeof options);
  options.network_size = 16;
  CHECK_OK(run(rgb, &options, &error));
  CHECK(memcmp(rgb, nested_expected, BYTES) == 0);
  CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, NULL, ab, &error));
  CHECK_OK(
      colorize_distribution(model, SIDE, SIDE, lightness, NULL, NULL, NULL, probabilities, &error));
  CHECK_OK(colorize_bin_centres(model, 313, centres, &error));
  CHECK_OK(colorize_rgb_to_lab(pixel, pixel, 1, &error));
  CHECK_OK(colorize_lab_to_rgb(pixel, pixel, 1, 0, &error));
  CHECK(colorize_version() > 0 && colorize_status_name(0) != NULL);
  colorize_model_description description = {.struct_size = sizeof description};
  CHECK(colorize_model_info(model, &description) == COLORIZE_OK);
  colorize_model *other;
  CHECK_OK(colorize_model_open_default(&other, &error));
  colorize_model_close(other);
  return 0;
}

static void callbacks_call_the_library(void) {
  set_up();
  uint8_t rgb[BYTES];
  int calls = 0;
  colorize_options options = small_options();
  CHECK_OK(run(nested_expected, &options, &error));
  options.progress = calls_the_library;
  options.user_data = &calls;
  CHECK_OK(run(rgb, &options, &error));
  CHECK(calls > 4);
  CHECK(memcmp(rgb, nested_expected, BYTES) == 0);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void any_number_of_threads(void) {
  set_up();
  uint8_t rgb[BYTES], expected[BYTES];
  float ab[AB], expected_ab[AB];
  const uint32_t counts[] = {2, 3, 4, 5, 6, 7, 8, 31, 256, 0};
  const uint32_t sides[] = {16, 48, 160, 256};
  for (int side = 0; side < 4; side++) {
    colorize_options options = small_options();
    options.network_size = sides[side];
    options.threads = 1;
    CHECK_OK(run(expected, &options, &error));
    CHECK_OK(
        colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, &options, expected_ab, &error));
    for (int i = 0; i < 10; i++) {
      at("%u threads, network size %u", counts[i], sides[side]);
      options.threads = counts[i];
      poison(rgb, BYTES);
      CHECK_OK(run(rgb, &options, &error));
      CHECK(memcmp(rgb, expected, BYTES) == 0);
      CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, NULL, NULL, &options, ab, &error));
      CHECK(memcmp(ab, expected_ab, sizeof ab) == 0);
    }
  }
}

/* A picture of a thread's own, and what it becomes when nothing else runs. */
typedef struct job {
  pthread_t thread;
  uint32_t width, height, network_size, threads;
  uint8_t *gray, *expected, *rgb;
  int rounds;
} job;

static colorize_status run_job(const job *job, uint8_t *rgb) {
  colorize_options options = {
      .struct_size = sizeof options, .network_size = job->network_size, .threads = job->threads};
  colorize_image in = image(job->gray, job->width, job->height, COLORIZE_GRAY8);
  colorize_image out = image(rgb, job->width, job->height, COLORIZE_RGB8);
  return colorize_run(model, &in, &out, &options, NULL);
}

static void *work(void *argument) {
  job *job = argument;
  for (int round = 0; round < job->rounds; round++) {
    memset(job->rgb, 0, job->width * job->height * 3);
    CHECK(run_job(job, job->rgb) == COLORIZE_OK);
    CHECK_THAT(memcmp(job->rgb, job->expected, job->width * job->height * 3) == 0,
               "a thread has got other bytes, round %d", round);
  }
  return NULL;
}

static void threads_share_a_model(void) {
  set_up();
  enum { MOST = 8 };
  for (int count = 2; count <= MOST; count += 6) {
    job jobs[MOST];
    for (int i = 0; i < count; i++) {
      jobs[i] = (job){.width = 40 + 7 * (uint32_t)i,
                      .height = 60 - 5 * (uint32_t)i,
                      .network_size = 16u << i % 4,
                      .threads = 1 + (uint32_t)i % 3,
                      .rounds = 20};
      size_t size = jobs[i].width * jobs[i].height;
      jobs[i].gray = picture(jobs[i].width, jobs[i].height);
      jobs[i].expected = malloc(3 * size);
      jobs[i].rgb = malloc(3 * size);
      CHECK(run_job(&jobs[i], jobs[i].expected) == COLORIZE_OK);
    }
    for (int i = 0; i < count; i++)
      CHECK(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0);
    for (int i = 0; i < count; i++) CHECK(pthread_join(jobs[i].thread, NULL) == 0);
  }
}

static void *start_nothing(void *argument) { return argument; }

/* Where the system refuses threads, the calling one does all the work. */
static void no_thread_to_be_had(void) {
  set_up();
  uint8_t rgb[BYTES], expected[BYTES];
  colorize_options options = small_options();
  options.threads = 8;
  CHECK_OK(run(expected, &options, &error));
  struct rlimit limit = {0, 0};
  CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
  /* The limit does not bind root. */
  if (getuid() == 0) CHECK(setuid(65534) == 0);
  pthread_t thread;
  CHECK_THAT(pthread_create(&thread, NULL, start_nothing, NULL) == EAGAIN,
             "the limit has no effect here");
  CHECK_OK(run(rgb, &options, &error));
  CHECK(memcmp(rgb, expected, BYTES) == 0);
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* Forks a child that colors a picture and opens a model of its own; waits for it. */
static void child_runs(const uint8_t *expected, uint32_t threads) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(60);
    uint8_t rgb[BYTES];
    colorize_options options = small_options();
    options.threads = threads;
    for (int i = 0; i < 3; i++) {
      CHECK_OK(run(rgb, &options, &error));
      CHECK_THAT(memcmp(rgb, expected, BYTES) == 0, "the child has got other bytes");
    }
    colorize_model_close(default_model());
    colorize_model_close(model);
    _exit(EXIT_SUCCESS);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_THAT(!WIFSIGNALED(status), "the child was ended by: %s", strsignal(WTERMSIG(status)));
  /* A failed check of the child has left its text. */
  if (WEXITSTATUS(status) != EXIT_SUCCESS) _exit(EXIT_FAILURE);
}

static void after_fork(void) {
  set_up();
  uint8_t expected[BYTES], rgb[BYTES];
  colorize_options options = small_options();
  CHECK_OK(run(expected, &options, &error));
  for (uint32_t threads = 1; threads <= 4; threads++) child_runs(expected, threads);
  CHECK_OK(run(rgb, &options, &error));
  CHECK(memcmp(rgb, expected, BYTES) == 0);
}

static atomic_bool stop;
static atomic_int runs;

static void *runs_all_the_time(void *argument) {
  while (!stop) {
    uint8_t rgb[BYTES];
    colorize_options options = small_options();
    options.network_size = runs % 2 ? 32 : 16;
    options.threads = 2;
    CHECK_OK(run(rgb, &options, &error));
    colorize_model_close(default_model());
    runs++;
  }
  return argument;
}

/* The child has only the thread that forked: whatever the others held is held for ever. */
static void fork_amid_runs(void) {
  set_up();
  uint8_t expected[BYTES];
  colorize_options options = small_options();
  CHECK_OK(run(expected, &options, &error));
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    CHECK(pthread_create(&threads[i], NULL, runs_all_the_time, NULL) == 0);
  for (int i = 0; i < 100; i++) {
    at("fork %d", i);
    child_runs(expected, 1 + (uint32_t)i % 2);
  }
  stop = true;
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_THAT(runs > 10, "only %d runs went on meanwhile", runs);
}

/* Uses a model in every way. */
static void *uses_once(void *argument) {
  uint8_t rgb[BYTES], rgba[16] = {0};
  float ab[AB], probabilities[313 * AB / 2], centres[2 * 313], pixel[3] = {0.2f, 0.4f, 0.6f};
  float hints[2 * SIDE * SIDE] = {0}, mask[SIDE * SIDE] = {1};
  record record;
  colorize_options options = with(&record, 2);
  CHECK_OK(run(rgb, &options, &error));
  colorize_image small = image(rgba, 2, 2, COLORIZE_RGBA8);
  options.preset = COLORIZE_PRESET_REFERENCE;
  CHECK_OK(colorize_run(model, &small, &small, NULL, &error));
  CHECK_OK(colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, ab, &error));
  CHECK_OK(colorize_distribution(model, SIDE, SIDE, lightness, hints, mask, NULL, probabilities,
                                 &error));
  CHECK_OK(colorize_bin_centres(model, 313, centres, &error));
  CHECK_OK(colorize_rgb_to_lab(pixel, pixel, 1, &error));
  CHECK_OK(colorize_lab_to_rgb(pixel, pixel, 1, 0, &error));
  options = with(&record, 2);
  record.stop_at = 3;
  CHECK_CALL(COLORIZE_CANCELLED, "callback", run(rgb, &options, &error));
  options.temperature = -1;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "temperature", run(rgb, &options, &error));
  small.row_bytes = 0;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "row_bytes",
             colorize_run(model, &small, &small, NULL, &error));
  mask[0] = NAN;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "mask",
             colorize_predict(model, SIDE, SIDE, lightness, hints, mask, NULL, ab, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "width",
             colorize_predict(model, 17, SIDE, lightness, NULL, NULL, NULL, ab, &error));
  return argument;
}

/* A thread uses a model for the first time in this process when another one forks: what the Swift
 * runtime makes at first use, under locks, must have been made when the model was opened. */
static void fork_amid_the_first_run(void) {
  for (int i = 0; i < 100; i++) {
    at("fork %d", i);
    pid_t middle = fork();
    CHECK(middle >= 0);
    if (middle == 0) {
      alarm(60);
      set_up();
      pthread_t thread;
      CHECK(pthread_create(&thread, NULL, uses_once, NULL) == 0);
      usleep((useconds_t)i * 40);
      pid_t child = fork();
      if (child == 0) {
        alarm(10);
        uses_once(NULL);
        _exit(EXIT_SUCCESS);
      }
      int status;
      CHECK(waitpid(child, &status, 0) == child);
      CHECK_THAT(!WIFSIGNALED(status), "the child was ended by: %s", strsignal(WTERMSIG(status)));
      _exit(WEXITSTATUS(status));
    }
    int status;
    CHECK(waitpid(middle, &status, 0) == middle);
    if (status != 0) _exit(EXIT_FAILURE);
  }
}

const test tests[] = {
    {"fractions never go back, and are 1 once, at the end", fractions},
    {"nothing follows the last fraction", nothing_follows_the_last_fraction},
    {"a run cancelled at each call of its callback", cancelling_a_run},
    {"colorize_predict and colorize_distribution cancelled at each call", cancelling_the_network},
    {"a callback calls every function", callbacks_call_the_library},
    {"any number of threads gives the same bytes", any_number_of_threads},
    {"2 and 8 threads share a model", threads_share_a_model},
    {"no thread can be started", no_thread_to_be_had},
    {"a child of fork goes on", after_fork},
    {"fork while other threads are in the library", fork_amid_runs},
    {"fork while another thread runs a model for the first time", fork_amid_the_first_run},
    {NULL, NULL},
};
