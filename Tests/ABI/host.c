/* What a host may do and be that the library knows nothing of: it cancels threads that are in a call, has more
 * processors than a cpu_set_t, and forks in a callback. And how long a call asks nobody. */
#define _GNU_SOURCE
#include "test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 70, HEIGHT = 53, BYTES = WIDTH * HEIGHT * 3, SIDE = 32, AB = 2 * SIDE / 4 * SIDE / 4 };

static colorize_model *model;
static uint8_t *gray;
static uint8_t *file;
static size_t file_size;

static void set_up(void) {
  model = default_model();
  file = read_file(variable("MODEL"), &file_size);
  gray = picture(WIDTH, HEIGHT);
}

static colorize_status run(uint8_t *rgb, const colorize_options *options, colorize_error *error) {
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  return colorize_run(model, &in, &out, options, error);
}

static int threads_of_process(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

/* ---- Cancelled threads ----------------------------------------------------------------------- */

static uint8_t expected[BYTES];

/* A thread that is cancelled within a call. */
typedef struct cancelled {
  int type;
  bool by_itself; /* in the callback, which is a cancellation point then */
  atomic_bool is_inside;
  uint8_t rgb[BYTES];
  atomic_bool has_ended;
} cancelled;

static int32_t is_inside(void *data, float fraction) {
  cancelled *thread = data;
  thread->is_inside = true;
  if (thread->by_itself && fraction > 0.2f) {
    pthread_cancel(pthread_self());
    pthread_testcancel();
    usleep(1);
  }
  return 0;
}

/* Where the thread ends, the call has come to its own end: with all of the picture, and without its threads. */
static void at_the_end(void *data) {
  cancelled *thread = data;
  CHECK(memcmp(thread->rgb, expected, BYTES) == 0);
  /* This one and the one that waits for it. A joined thread's folder stays for a moment. */
  for (int i = 0; threads_of_process() > 2; i++) {
    CHECK_THAT(i < 1000, "%d threads are left", threads_of_process());
    usleep(1000);
  }
  thread->has_ended = true;
}

static colorize_options long_run(void) {
  colorize_options options = {.struct_size = sizeof options, .network_size = 512, .threads = 4};
  return options;
}

static void *runs_until_it_is_cancelled(void *data) {
  cancelled *thread = data;
  pthread_cleanup_push(at_the_end, thread);
  CHECK(pthread_setcanceltype(thread->type, NULL) == 0);
  colorize_options options = long_run();
  options.progress = is_inside;
  options.user_data = thread;
  run(thread->rgb, &options, NULL);
  for (;;) pthread_testcancel();
  pthread_cleanup_pop(0);
}

static void cancel(int type, bool by_itself) {
  set_up();
  colorize_options options = long_run();
  CHECK_OK(run(expected, &options, &error));
  for (int i = 0; i < 8; i++) {
    at("thread %d", i);
    cancelled thread = {.type = type, .by_itself = by_itself};
    pthread_t id;
    CHECK(pthread_create(&id, NULL, runs_until_it_is_cancelled, &thread) == 0);
    while (!thread.is_inside) usleep(100);
    if (!by_itself) {
      usleep((useconds_t)(i * 5000));
      CHECK(pthread_cancel(id) == 0);
    }
    void *result;
    CHECK(pthread_join(id, &result) == 0);
    /* glibc 2.36 gives NULL where a cancellation comes into force as it is enabled. */
    CHECK(result == PTHREAD_CANCELED || type == PTHREAD_CANCEL_ASYNCHRONOUS);
    CHECK_THAT(thread.has_ended, "the thread's handler was not called");
  }
}

static void cancelled_deferred(void) { cancel(PTHREAD_CANCEL_DEFERRED, false); }

static void cancelled_at_once(void) { cancel(PTHREAD_CANCEL_ASYNCHRONOUS, false); }

static void cancelled_in_the_callback(void) { cancel(PTHREAD_CANCEL_DEFERRED, true); }

static void cancellation_is(int wanted, const char *after) {
  int state;
  CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0);
  CHECK_THAT(state == wanted, "after %s cancellation is %s", after,
             state == PTHREAD_CANCEL_ENABLE ? "enabled" : "disabled");
  CHECK(pthread_setcancelstate(state, NULL) == 0);
}

/* Calls every function; open, read, pthread_join and more within them are cancellation points. */
static void call_each(int state) {
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  uint8_t rgb[BYTES];
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  static float lightness[SIDE * SIDE], ab[AB], probabilities[313 * AB / 2], centres[2 * 313];
  static float confidence[WIDTH * HEIGHT];
  float pixel[3] = {0.5f, 0.5f, 0.5f}, point[2] = {1, 1};
  colorize_options options = small_options();
  colorize_model_description description = {.struct_size = sizeof description};
  colorize_suggestion suggestion;
  colorize_model *other;
  colorize_session *session;
  colorize_sequence *sequence;
#define CALL(call)                 \
  do {                             \
    CHECK_OK(call);                \
    cancellation_is(state, #call); \
  } while (0)
  options.threads = 2;
  CALL(colorize_model_open_default(&other, &error));
  colorize_model_close(other);
  cancellation_is(state, "colorize_model_close");
  CALL(colorize_model_open_memory(file, file_size, NULL, &other, &error));
  colorize_model_close(other);
  CALL(colorize_model_open(variable("MODEL"), NULL, &other, &error));
  CHECK(colorize_model_info(other, &description) == COLORIZE_OK);
  cancellation_is(state, "colorize_model_info");
  CALL(colorize_run(other, &in, &out, &options, &error));
  CALL(colorize_predict(other, SIDE, SIDE, lightness, NULL, NULL, &options, ab, &error));
  CALL(colorize_distribution(other, SIDE, SIDE, lightness, NULL, NULL, &options, probabilities, &error));
  CALL(colorize_bin_centres(other, 313, centres, &error));
  CALL(colorize_session_open(other, &in, &options, &session, &error));
  CALL(colorize_session_run(session, &out, &options, &error));
  CALL(colorize_session_suggest(session, point, 1, 1, &options, &suggestion, &error));
  CALL(colorize_session_confidence(session, &options, confidence, 4 * WIDTH, &error));
  colorize_session_close(session);
  cancellation_is(state, "colorize_session_close");
  CALL(colorize_sequence_open(other, WIDTH, HEIGHT, &options, NULL, &sequence, &error));
  CALL(colorize_sequence_run(sequence, &in, &out, &options, NULL, &error));
  CALL(colorize_sequence_run(sequence, &in, &out, &options, NULL, &error));
  CALL(colorize_sequence_reset(sequence, &error));
  colorize_sequence_close(sequence);
  cancellation_is(state, "colorize_sequence_close");
  CALL(colorize_rgb_to_lab(pixel, pixel, 1, &error));
  CALL(colorize_lab_to_rgb(pixel, pixel, 1, 0, &error));
  CALL(colorize_gamut_chroma(50, pixel, pixel, 1, &error));
  CHECK_CALL(COLORIZE_CANNOT_READ_FILE, "nowhere", colorize_model_open("/nowhere", NULL, &other, &error));
  cancellation_is(state, "an error");
}

static void *is_cancelled_and_calls_each(void *has_called_each) {
  CHECK(pthread_cancel(pthread_self()) == 0);
  call_each(PTHREAD_CANCEL_ENABLE);
  *(bool *)has_called_each = true;
  pthread_testcancel();
  return NULL;
}

static void cancelled_before_each_function(void) {
  set_up();
  bool has_called_each = false;
  pthread_t thread;
  void *result;
  CHECK(pthread_create(&thread, NULL, is_cancelled_and_calls_each, &has_called_each) == 0);
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED && has_called_each);
  CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
  call_each(PTHREAD_CANCEL_DISABLE);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* The processors of the system that the library asks, where they are made up. */
static struct {
  bool made_up;
  size_t bytes; /* of the system's own set: a smaller one is an error */
  int most_threads;
} processors;

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set) {
  if (!processors.made_up) {
    static int (*next)(pid_t, size_t, cpu_set_t *);
    if (next == NULL) next = (__typeof__(next))dlsym(RTLD_NEXT, "sched_getaffinity");
    return next(process, size, set);
  }
  if (size < processors.bytes) {
    errno = EINVAL;
    return -1;
  }
  CPU_ZERO_S(size, set);
  /* Three, of which two are beyond a cpu_set_t. */
  CPU_SET_S(1000, size, set);
  CPU_SET_S(1024, size, set);
  CPU_SET_S(8 * processors.bytes - 1, size, set);
  return 0;
}

static int32_t counts_the_threads(void *data, float fraction) {
  (void)data, (void)fraction;
  int count = threads_of_process();
  if (count > processors.most_threads) processors.most_threads = count;
  return 0;
}

static void many_processors(void) {
  set_up();
  uint8_t rgb[BYTES];
  colorize_options options = {.struct_size = sizeof options, .progress = counts_the_threads};
  processors.made_up = true;
  for (processors.bytes = 256; processors.bytes <= 8192; processors.bytes *= 2) {
    at("%zu processors", 8 * processors.bytes);
    processors.most_threads = 0;
    CHECK_OK(run(rgb, &options, &error));
    CHECK_THAT(processors.most_threads == 3, "%d threads", processors.most_threads);
  }
}

/* ---- A callback that forks ------------------------------------------------------------------- */

/* The callback's call in which it forks, and what the child is. */
typedef struct fork_plan {
  int calls;
  int fork_at;
  pid_t parent;
  pid_t child;
} fork_plan;

static int32_t forks(void *data, float fraction) {
  (void)fraction;
  fork_plan *plan = data;
  if (plan->calls++ != plan->fork_at) return 0;
  plan->child = fork();
  CHECK(plan->child >= 0);
  return 0;
}

/* The child has none of the call's threads: there the call ends, and in the parent it goes on. */
static void callback_that_forks(void) {
  set_up();
  uint8_t rgb[BYTES], small[BYTES];
  const pid_t parent = getpid();
  colorize_options options = {.struct_size = sizeof options, .network_size = 256}, small_one = small_options();
  CHECK_OK(run(small, &small_one, &error));
  for (uint32_t threads = 1; threads <= 4; threads++) {
    options.threads = threads;
    options.progress = NULL;
    CHECK_OK(run(expected, &options, &error));
    options.progress = forks;
    for (int i = 0; i < 12; i++) {
      at("%u threads, call %d", threads, i);
      fork_plan plan = {.fork_at = i};
      options.user_data = &plan;
      colorize_error error;
      colorize_status status = run(rgb, &options, &error);
      if (getpid() != parent) {
        alarm(20);
        CHECK_THAT(status == COLORIZE_CANCELLED, "the child has %s", colorize_status_name(status));
        CHECK_THAT(plan.calls == i + 1, "the child's callback was called again");
        CHECK(threads_of_process() == 1);
        /* Later calls are whole ones. */
        CHECK_OK(run(rgb, &small_one, &error));
        CHECK(memcmp(rgb, small, BYTES) == 0);
        _exit(EXIT_SUCCESS);
      }
      CHECK(status == COLORIZE_OK && memcmp(rgb, expected, BYTES) == 0);
      if (plan.calls <= i) break;
      int ended;
      CHECK(waitpid(plan.child, &ended, 0) == plan.child);
      CHECK_THAT(!WIFSIGNALED(ended), "the child was ended by: %s", strsignal(WTERMSIG(ended)));
      if (ended != 0) _exit(EXIT_FAILURE);
    }
  }
}

/* ---- How long a call asks nobody ------------------------------------------------------------- */

/* Of the calling thread's own time: what others do with the processor does not count. */
static double thread_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

typedef struct pauses {
  double last, longest;
  float fraction; /* told at the end of the longest */
} pauses;

static int32_t notes_the_time(void *data, float fraction) {
  pauses *pauses = data;
  double now = thread_seconds();
  if (now - pauses->last > pauses->longest) {
    pauses->longest = now - pauses->last;
    pauses->fraction = fraction;
  }
  pauses->last = now;
  return 0;
}

static const double longest_pause = 0.05;

/* From one question to the next one, and from the last one to the end. A stage that asks nobody is long every time; a
 * processor that is shared with others may be slow once. */
#define ASKS_OFTEN(name, call)                                                                   \
  do {                                                                                           \
    pauses pauses;                                                                               \
    int attempt = 0;                                                                             \
    do {                                                                                         \
      pauses = (struct pauses){.last = thread_seconds()};                                        \
      options.progress = notes_the_time;                                                         \
      options.user_data = &pauses;                                                               \
      CHECK_OK(call);                                                                            \
      notes_the_time(&pauses, 2);                                                                \
    } while (pauses.longest >= longest_pause && ++attempt < 10);                                 \
    CHECK_THAT(pauses.longest < longest_pause, "%s asks nobody for %.0f ms before %g", name,     \
               pauses.longest * 1e3, (double)pauses.fraction);                                   \
  } while (0)

static void *zeros(size_t size) {
  void *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

/* A picture of 64 megapixels. */
static void every_stage_asks(void) {
  enum { LARGE = 8000, POINTS = 65536, SEEN = 512 };
  const size_t pixels = (size_t)LARGE * LARGE;
  set_up();
  uint8_t *large = zeros(pixels);
  for (size_t i = 0; i < pixels; i++) large[i] = (uint8_t)(i * 7 + i / LARGE * 3);
  uint8_t *rgb = zeros(3 * pixels), *mask = zeros(pixels);
  float *ab = zeros(8 * pixels), *confidence = zeros(4 * pixels);
  mask[5] = mask[pixels - 1] = 1;
  float *points = zeros(8 * POINTS);
  for (int i = 0; i < 2 * POINTS; i++) points[i] = (float)(i % LARGE);
  colorize_suggestion *suggestions = zeros(32 * POINTS * sizeof *suggestions);
  float *lightness = zeros(4 * SEEN * SEEN), *seen_ab = zeros(8 * SEEN * SEEN / 16);
  float *probabilities = zeros(4 * 313 * SEEN * SEEN / 16);
  const colorize_hint_map map = {sizeof map, ab, 8 * LARGE, mask, LARGE};
  colorize_image in = image(large, LARGE, LARGE, COLORIZE_GRAY8);
  colorize_image out = image(rgb, LARGE, LARGE, COLORIZE_RGB8), in_color = out;
  colorize_options options = {.struct_size = sizeof options, .network_size = 128, .threads = 1};
  colorize_session *session = NULL;
  ASKS_OFTEN("colorize_session_open",
             (colorize_session_close(session),
              colorize_session_open(model, &in, &options, &session, &error)));
  ASKS_OFTEN("colorize_session_run", colorize_session_run(session, &out, &options, &error));
  ASKS_OFTEN("colorize_session_suggest",
             colorize_session_suggest(session, points, POINTS, 32, &options, suggestions, &error));
  ASKS_OFTEN("colorize_session_confidence",
             colorize_session_confidence(session, &options, confidence, 4 * LARGE, &error));
  options.hint_map = &map;
  ASKS_OFTEN("colorize_session_confidence with a map of hints",
             colorize_session_confidence(session, &options, confidence, 4 * LARGE, &error));
  options.hint_map = NULL;
  options.network_size = 1024;
  colorize_sequence *sequence;
  CHECK_OK(colorize_sequence_open(model, LARGE, LARGE, &options, NULL, &sequence, &error));
  CHECK_OK(colorize_sequence_run(sequence, &in, &out, &options, NULL, &error));
  ASKS_OFTEN("colorize_sequence_run", colorize_sequence_run(sequence, &in, &out, &options, NULL, &error));
  colorize_sequence_close(sequence);
  options.network_size = 128;
  options.hint_map = &map;
  options.palette = &in_color;
  options.saturation = 2;
  options.variant = 1;
  ASKS_OFTEN("colorize_run with a palette", colorize_run(model, &in_color, &out, &options, &error));
  options = (colorize_options){.struct_size = sizeof options, .threads = 1, .preset = COLORIZE_PRESET_REFERENCE};
  ASKS_OFTEN("colorize_run as the reference", colorize_run(model, &in, &out, &options, &error));
  ASKS_OFTEN("colorize_predict",
             colorize_predict(model, SEEN, SEEN, lightness, NULL, NULL, &options, seen_ab, &error));
  ASKS_OFTEN("colorize_distribution", colorize_distribution(model, SEEN, SEEN, lightness, NULL, NULL, &options,
                                                            probabilities, &error));
  colorize_session_close(session);
}

const test tests[] = {
    {"a thread cancelled within a call, deferred", cancelled_deferred},
    {"a thread cancelled within a call, asynchronously", cancelled_at_once},
    {"a thread cancelled in the callback", cancelled_in_the_callback},
    {"a thread cancelled before each function", cancelled_before_each_function},
    {"more processors than a cpu_set_t", many_processors},
    {"a callback that forks", callback_that_forks},
    {"every stage of every function asks", every_stage_asks},
    {NULL, NULL},
};
