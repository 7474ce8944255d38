/* COLORIZE_GEMM, and OpenBLAS in the process of a host. */
#define _GNU_SOURCE
#include "test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = 70, HEIGHT = 53, BYTES = WIDTH * HEIGHT * 3 };

static const char file_name[] = "libopenblas.so.0";

static colorize_model *open_with(const char *gemm) {
  setenv("COLORIZE_GEMM", gemm, 1);
  return default_model();
}

static colorize_model_description description_of(const colorize_model *model) {
  colorize_model_description description = {.struct_size = sizeof description};
  CHECK(colorize_model_info(model, &description) == COLORIZE_OK);
  return description;
}

/* Whether OpenBLAS is in the process. */
static bool is_loaded(void) {
  void *library = dlopen(file_name, RTLD_NOW | RTLD_NOLOAD);
  if (library != NULL) dlclose(library);
  return library != NULL;
}

/* A number that OpenBLAS gives. */
static int from_openblas(const char *name) {
  void *library = dlopen(file_name, RTLD_NOW);
  CHECK(library != NULL);
  int (*function)(void) = (int (*)(void))dlsym(library, name);
  CHECK(function != NULL);
  return function();
}

static void names(void) {
  colorize_model *model = open_with("own");
  colorize_model_description own = description_of(model);
  CHECK(strcmp(own.gemm, "own") == 0);
  CHECK(strcmp(own.gemm_configuration, "") == 0 && strcmp(own.gemm_core, "") == 0);
  colorize_model *other = open_with("openblas");
  colorize_model_description openblas = description_of(other);
  CHECK(strcmp(openblas.gemm, "openblas") == 0);
  CHECK(strncmp(openblas.gemm_configuration, "OpenBLAS 0.", 11) == 0);
  CHECK(strlen(openblas.gemm_core) > 2);
  CHECK(strcmp(openblas.instruction_set, own.instruction_set) == 0);
  colorize_model_close(model);
  colorize_model_close(other);

  char long_name[5000];
  memset(long_name, 'x', sizeof long_name);
  long_name[sizeof long_name - 1] = 0;
  const char *const wrong[] = {"", "OpenBLAS", "mkl", "own ", "\xff\xfe", long_name};
  for (int i = 0; i < 6; i++) {
    setenv("COLORIZE_GEMM", wrong[i], 1);
    poison(&model, sizeof model);
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, i < 5 ? "one of own, openblas" : "COLORIZE_GEMM",
               colorize_model_open_default(&model, &error));
    CHECK(model == NULL);
  }
}

/* On x86-64 our own kernels are faster, those of the baseline too. */
static void unset(void) {
  const char *const instruction_sets[] = {NULL, "baseline"};
  for (int i = 0; i < 2; i++) {
    if (instruction_sets[i] != NULL) setenv("COLORIZE_ISA", instruction_sets[i], 1);
    colorize_model *model = default_model();
    colorize_model_description description = description_of(model);
    CHECK(strcmp(description.gemm, "own") == 0);
    CHECK(!is_loaded());
    colorize_model_close(model);
  }
}

static int threads_of_process(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

/* It is loaded when it is asked for, starts no threads, and takes nothing of the caller's. */
static void loading(void) {
  CHECK(!is_loaded());
  colorize_model_close(open_with("own"));
  CHECK(!is_loaded());
  cpu_set_t processors, processors_after;
  sigset_t signals, signals_after;
  CHECK(sched_getaffinity(0, sizeof processors, &processors) == 0);
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &signals) == 0);
  colorize_model *model = open_with("openblas");
  CHECK(is_loaded());
  CHECK_THAT(threads_of_process() == 1, "%d threads", threads_of_process());
  CHECK(sched_getaffinity(0, sizeof processors_after, &processors_after) == 0);
  CHECK(CPU_EQUAL(&processors, &processors_after));
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &signals_after) == 0);
  for (int signal = 1; signal < SIGRTMIN; signal++)
    CHECK(sigismember(&signals, signal) == sigismember(&signals_after, signal));
  colorize_model_close(model);
  CHECK(is_loaded());
}

/* A host's OpenBLAS keeps its threads, unless a model is to use it. */
static void the_hosts_own(void) {
  void *library = dlopen(file_name, RTLD_NOW);
  CHECK(library != NULL);
  void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  CHECK(set_threads != NULL);
  set_threads(2);
  colorize_model_close(default_model());
  colorize_model_close(open_with("own"));
  CHECK(from_openblas("openblas_get_num_threads") == 2);
  colorize_model_close(open_with("openblas"));
  CHECK(from_openblas("openblas_get_num_threads") == 1);
}

static size_t address_space(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  size_t pages;
  CHECK(file != NULL && fscanf(file, "%zu", &pages) == 1);
  fclose(file);
  return pages << 12;
}

static void limit_to(size_t more) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  limit.rlim_cur = more == 0 ? limit.rlim_max : address_space() + more;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static colorize_status color(const colorize_model *model, uint8_t *rgb, colorize_error *error) {
  static uint8_t *gray;
  if (gray == NULL) gray = picture(WIDTH, HEIGHT);
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = {.struct_size = sizeof options, .network_size = 128, .threads = 4};
  return colorize_run(model, &in, &out, &options, error);
}

static void colors(const colorize_model *model, uint8_t *rgb) {
  CHECK_OK(color(model, rgb, &error));
}

/* OpenBLAS itself would try for ever where it gets no memory. */
static void little_memory(void) {
  static uint8_t expected[BYTES], rgb[BYTES];
  colors(open_with("own"), rgb);
  setenv("COLORIZE_GEMM", "openblas", 1);
  colorize_model *model;
  for (size_t more = 8; more <= 200; more += 24) {
    at("%zu MB more", more);
    limit_to(more << 20);
    CHECK_CALL(COLORIZE_OUT_OF_MEMORY, "no memory for",
               colorize_model_open_default(&model, &error));
  }
  /* Room for one product at a time, and for the threads. */
  at("240 MB more");
  limit_to(240 << 20);
  model = default_model();
  colors(model, rgb);
  limit_to(0);
  colors(model, expected);
  CHECK(memcmp(rgb, expected, BYTES) == 0);
}

/* Wherever memory ends, a model cannot be opened, or it can be opened and run: the threads' own memory, 64 MB of address space
 * each, may be taken before the first product's. */
static void memory_that_ends_anywhere(void) {
  setenv("COLORIZE_GEMM", "openblas", 1);
  int opened = 0;
  for (size_t more = 196; more <= 320; more += 4) {
    at("%zu MB more", more);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(60);
      limit_to(more << 20);
      colorize_model *model;
      uint8_t rgb[BYTES];
      colorize_status status = colorize_model_open_default(&model, NULL);
      bool is_open = status == COLORIZE_OK;
      if (is_open) status = color(model, rgb, NULL);
      CHECK_THAT(status == COLORIZE_OK || status == COLORIZE_OUT_OF_MEMORY, "the status is %s",
                 colorize_status_name(status));
      _exit(is_open);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_THAT(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "the process ended with %d", status);
    opened += WEXITSTATUS(status);
  }
  CHECK_THAT(opened > 10 && opened < 32, "%d models were opened", opened);
}

/* Each thread runs a model by itself, and all multiply most of the time. */
static void *runs_by_itself(void *model) {
  uint8_t rgb[BYTES];
  uint8_t *gray = picture(WIDTH, HEIGHT);
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = small_options();
  options.threads = 1;
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  free(gray);
  return NULL;
}

static void many_threads(void) {
  enum { THREADS = 100 };
  colorize_model *model = open_with("openblas");
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, runs_by_itself, model) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

const test tests[] = {
    {"COLORIZE_GEMM by its two names, and no other", names},
    {"COLORIZE_GEMM is not set", unset},
    {"OpenBLAS is loaded when it is asked for", loading},
    {"OpenBLAS of the host", the_hosts_own},
    {"OpenBLAS with little memory", little_memory},
    {"OpenBLAS with memory that ends anywhere", memory_that_ends_anywhere},
    {"OpenBLAS and a hundred threads", many_threads},
    {NULL, NULL},
};
