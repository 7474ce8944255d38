/* The library as a plug-in of a host that knows nothing of it: opened, used, closed and opened
 * again with dlopen, and the host's own state left as it was. Not linked with the library, so that
 * what loading it does is seen too. */
#define _GNU_SOURCE
#include "test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { WIDTH = 61, HEIGHT = 40, BYTES = WIDTH * HEIGHT * 3 };

extern char **environ;

/* The functions that these tests call. */
static struct {
  void *handle;
  __typeof__(&colorize_model_open_default) open_default;
  __typeof__(&colorize_model_open) open;
  __typeof__(&colorize_model_info) info;
  __typeof__(&colorize_model_close) close;
  __typeof__(&colorize_run) run;
  __typeof__(&colorize_rgb_to_lab) rgb_to_lab;
} library;

static void load(void) {
  library.handle = dlopen(variable("LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  CHECK_THAT(library.handle != NULL, "%s", dlerror());
#define FIND(member, name) \
  CHECK((library.member = (__typeof__(library.member))dlsym(library.handle, name)) != NULL)
  FIND(open_default, "colorize_model_open_default");
  FIND(open, "colorize_model_open");
  FIND(info, "colorize_model_info");
  FIND(close, "colorize_model_close");
  FIND(run, "colorize_run");
  FIND(rgb_to_lab, "colorize_rgb_to_lab");
}

/* Opens the model, colors a picture, closes the model. */
static void use(uint8_t *rgb, const colorize_options *options) {
  colorize_error error;
  colorize_model *model;
  uint8_t *gray = picture(WIDTH, HEIGHT);
  colorize_image in = image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  CHECK_THAT(library.open_default(&model, &error) == COLORIZE_OK, "%s", error.message);
  CHECK_THAT(library.run(model, &in, &out, options, &error) == COLORIZE_OK, "%s", error.message);
  library.close(model);
  free(gray);
}

static void again_and_again(void) {
  uint8_t first[BYTES], rgb[BYTES];
  load();
  use(first, NULL);
  for (int i = 0; i < 20; i++) {
    CHECK(dlclose(library.handle) == 0);
    /* It stays in memory, as the header says. */
    CHECK(dlopen(variable("LIBRARY"), RTLD_NOW | RTLD_NOLOAD) == library.handle);
    CHECK(dlclose(library.handle) == 0);
    load();
    use(rgb, NULL);
    CHECK(memcmp(rgb, first, BYTES) == 0);
  }
}

static void *load_and_use(void *rgb) {
  load();
  use(rgb, NULL);
  CHECK(dlclose(library.handle) == 0);
  return NULL;
}

static void from_a_thread_that_ends(void) {
  uint8_t first[BYTES], rgb[BYTES];
  for (int i = 0; i < 5; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, load_and_use, i == 0 ? first : rgb) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(i == 0 || memcmp(rgb, first, BYTES) == 0);
  }
}

static void on_a_small_stack(void) {
  uint8_t rgb[BYTES];
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstacksize(&attributes, 128 << 10) == 0);
  CHECK(pthread_create(&thread, &attributes, load_and_use, rgb) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

/* ---- The host's state ------------------------------------------------------------------------ */

/* What a library has no business to change. */
typedef struct state {
  struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
  } signals[64]; /* as the kernel has them, glibc's own two included */
  uint64_t signal_mask;
  stack_t signal_stack;
  struct itimerval timers[2]; /* ITIMER_VIRTUAL, ITIMER_PROF; the third is the alarm of test.c */
  struct rlimit limits[RLIMIT_NLIMITS];
  mode_t file_mask;
  int priority;
  char folder[4096];
  char locale[512];
  locale_t thread_locale;
  char **environment;
  char environment_text[65536];
  char descriptors[4096];
  int threads;
  char thread_name[16];
  int affinity;
} state;

/* How many entries a folder has; their names and what they link to are appended to `text`. */
static int list(const char *path, char *text, size_t size) {
  DIR *folder = opendir(path);
  CHECK(folder != NULL);
  int count = 0;
  size_t length = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(folder)) continue;
    count++;
    if (text == NULL) continue;
    char target[256];
    ssize_t read = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
    target[read > 0 ? read : 0] = 0;
    length += (size_t)snprintf(text + length, size - length, "%s %s\n", entry->d_name, target);
    CHECK(length < size);
  }
  closedir(folder);
  return count;
}

static state *host_state(void) {
  state *now = calloc(1, sizeof *now);
  CHECK(now != NULL);
  for (int i = 0; i < 64; i++)
    if (i + 1 != SIGKILL && i + 1 != SIGSTOP)
      CHECK(syscall(SYS_rt_sigaction, i + 1, NULL, &now->signals[i], 8) == 0);
  CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now->signal_mask, 8) == 0);
  CHECK(sigaltstack(NULL, &now->signal_stack) == 0);
  for (int i = 0; i < 2; i++) CHECK(getitimer(ITIMER_VIRTUAL + i, &now->timers[i]) == 0);
  for (int i = 0; i < RLIMIT_NLIMITS; i++) CHECK(getrlimit(i, &now->limits[i]) == 0);
  now->file_mask = umask(0);
  umask(now->file_mask);
  now->priority = getpriority(PRIO_PROCESS, 0);
  CHECK(getcwd(now->folder, sizeof now->folder) != NULL);
  snprintf(now->locale, sizeof now->locale, "%s", setlocale(LC_ALL, NULL));
  now->thread_locale = uselocale((locale_t)0);
  now->environment = environ;
  size_t length = 0;
  for (char **entry = environ; *entry != NULL; entry++) {
    length += (size_t)snprintf(now->environment_text + length,
                               sizeof now->environment_text - length, "%s\n", *entry);
    CHECK(length < sizeof now->environment_text);
  }
  list("/proc/self/fd", now->descriptors, sizeof now->descriptors);
  now->threads = list("/proc/self/task", NULL, 0);
  CHECK(pthread_getname_np(pthread_self(), now->thread_name, sizeof now->thread_name) == 0);
  cpu_set_t processors;
  CHECK(sched_getaffinity(0, sizeof processors, &processors) == 0);
  now->affinity = CPU_COUNT(&processors);
  return now;
}

static void check_state(const state *before, const char *when) {
  at("%s", when);
  state *now = host_state();
  /* The kernel tells who joins a thread that it is gone before its entry in /proc is: it takes a
     moment, and on a busy machine a long one. */
  for (int i = 0; i < 1000 && now->threads > before->threads; i++) {
    usleep(10000);
    now->threads = list("/proc/self/task", NULL, 0);
  }
  for (int i = 0; i < 64; i++)
    CHECK_THAT(memcmp(&before->signals[i], &now->signals[i], sizeof now->signals[i]) == 0,
               "the disposition of signal %d has changed", i + 1);
#define SAME(member) CHECK(memcmp(&before->member, &now->member, sizeof now->member) == 0)
  SAME(signal_mask);
  SAME(signal_stack);
  SAME(timers);
  SAME(limits);
  SAME(file_mask);
  SAME(priority);
  SAME(folder);
  SAME(locale);
  SAME(thread_locale);
  SAME(environment);
  SAME(environment_text);
  CHECK_THAT(strcmp(before->descriptors, now->descriptors) == 0,
             "file descriptors before:\n%sand now:\n%s", before->descriptors, now->descriptors);
  SAME(threads);
  SAME(thread_name);
  SAME(affinity);
  free(now);
}

static void handler(int number) { (void)number; }

static void *nothing(void *argument) { return argument; }

static void host_is_left_alone(void) {
  /* A state that is nobody's default. */
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaddset(&action.sa_mask, SIGUSR1);
  const int handled[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGUSR1, SIGCHLD};
  for (int i = 0; i < 8; i++) CHECK(sigaction(handled[i], &action, NULL) == 0);
  CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
  umask(031);
  CHECK(chdir("/usr") == 0);
  CHECK(setenv("SOMETHING", "of the host", 1) == 0);
  CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
  CHECK(open("/dev/null", O_RDONLY) >= 0);

  /* The C library handles a signal of its own from a process's first thread on. */
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);

  state *before = host_state();
  load();
  check_state(before, "after dlopen");
  colorize_error error;
  colorize_model *model;
  CHECK(library.open_default(&model, &error) == COLORIZE_OK);
  check_state(before, "after colorize_model_open_default");
  CHECK(library.open("/nowhere", NULL, &model, &error) == COLORIZE_CANNOT_READ_FILE);
  check_state(before, "after a file that cannot be opened");
  CHECK(library.open("/dev/null", NULL, &model, &error) == COLORIZE_CANNOT_READ_FILE);
  check_state(before, "after a file that is none");
  CHECK(library.open("/proc/self/status", NULL, &model, &error) == COLORIZE_INVALID_MODEL);
  check_state(before, "after a file that is no model");
  CHECK(library.open(variable("MODEL"), NULL, &model, &error) == COLORIZE_OK);
  check_state(before, "after colorize_model_open");
  uint8_t rgb[BYTES];
  colorize_options options = {.struct_size = sizeof options, .threads = 4};
  use(rgb, &options);
  check_state(before, "after colorize_run");
  library.close(model);
  check_state(before, "after colorize_model_close");
  CHECK(dlclose(library.handle) == 0);
  check_state(before, "after dlclose");
}

/* ---- The floating-point environment ---------------------------------------------------------- */

static void set_odd_environment(void) {
  CHECK(feclearexcept(FE_ALL_EXCEPT) == 0);
  CHECK(fesetround(FE_UPWARD) == 0);
  CHECK(feraiseexcept(FE_OVERFLOW) == 0);
  /* Flush to zero and denormals are zero; traps for a division by zero and an invalid operation. */
  _mm_setcsr((_mm_getcsr() | 0x8040) & ~0x0280u);
  CHECK(feenableexcept(FE_DIVBYZERO | FE_INVALID) >= 0);
}

typedef struct environment {
  unsigned int mxcsr;
  uint16_t control;
  int rounding, flags, traps;
} environment;

static environment floating_point(void) {
  environment now = {.mxcsr = _mm_getcsr(),
                     .rounding = fegetround(),
                     .flags = fetestexcept(FE_ALL_EXCEPT),
                     .traps = fegetexcept()};
  __asm__("fnstcw %0" : "=m"(now.control));
  return now;
}

static bool same(environment a, environment b) {
  return a.mxcsr == b.mxcsr && a.control == b.control && a.rounding == b.rounding &&
         a.flags == b.flags && a.traps == b.traps;
}

static environment hosts;
static int callbacks;

static int32_t sees_the_hosts_environment(void *data, float fraction) {
  (void)data, (void)fraction;
  CHECK_THAT(same(floating_point(), hosts), "the callback has mxcsr %x, the host %x",
             floating_point().mxcsr, hosts.mxcsr);
  callbacks++;
  return 0;
}

static int32_t changes_the_environment(void *data, float fraction) {
  (void)data, (void)fraction;
  fesetround(callbacks++ % 2 ? FE_TOWARDZERO : FE_DOWNWARD);
  return 0;
}

static void floating_point_environment(void) {
  uint8_t expected[BYTES], rgb[BYTES];
  float lab[3], expected_lab[3], pixel[3] = {0.1f, 0.7f, 1e-40f};
  colorize_error error;
  colorize_model *model;
  load();
  use(expected, NULL);
  CHECK(library.rgb_to_lab(pixel, expected_lab, 1, NULL) == COLORIZE_OK);

  set_odd_environment();
  hosts = floating_point();
  CHECK(hosts.rounding == FE_UPWARD && hosts.flags == FE_OVERFLOW &&
        (hosts.mxcsr & 0x8040) == 0x8040);
  colorize_options options = {
      .struct_size = sizeof options, .threads = 3, .progress = sees_the_hosts_environment};
  at("colorize_run");
  use(rgb, &options);
  CHECK(same(floating_point(), hosts));
  CHECK(callbacks > 0);
  CHECK(memcmp(rgb, expected, BYTES) == 0);
  at("colorize_rgb_to_lab");
  CHECK(library.rgb_to_lab(pixel, lab, 1, NULL) == COLORIZE_OK);
  CHECK(same(floating_point(), hosts));
  CHECK(memcmp(lab, expected_lab, sizeof lab) == 0);
  at("errors");
  CHECK(library.open("/nowhere", NULL, &model, &error) == COLORIZE_CANNOT_READ_FILE);
  CHECK(library.run(NULL, NULL, NULL, NULL, &error) == COLORIZE_INVALID_ARGUMENT);
  CHECK(same(floating_point(), hosts));
  at("a callback that changes the rounding");
  CHECK(fesetenv(FE_DFL_ENV) == 0);
  options.progress = changes_the_environment;
  use(rgb, &options);
  CHECK(memcmp(rgb, expected, BYTES) == 0);
  CHECK(fegetround() == FE_TONEAREST);
}

/* ---- Other things that a host has ------------------------------------------------------------ */

/* In German a decimal point is a comma; what is in a model file is not German. */
static void locale_with_a_decimal_comma(void) {
  uint8_t expected[BYTES], rgb[BYTES];
  colorize_model *model;
  colorize_error error;
  colorize_model_description description = {.struct_size = sizeof description};
  load();
  use(expected, NULL);
  CHECK_THAT(setlocale(LC_ALL, "de_DE.UTF-8") != NULL, "there is no German in LOCPATH");
  char text[8];
  snprintf(text, sizeof text, "%.1f", 0.5);
  CHECK(strcmp(text, "0,5") == 0);
  use(rgb, NULL);
  CHECK(memcmp(rgb, expected, BYTES) == 0);
  CHECK(library.open(variable("FRACTION_MODEL"), NULL, &model, &error) == COLORIZE_OK);
  CHECK(library.info(model, &description) == COLORIZE_OK);
  CHECK(description.plain_softmax_temperature == 0.375f);
  colorize_options options = {.struct_size = sizeof options, .temperature = 0.001f};
  colorize_image in = image(rgb, 1, 1, COLORIZE_RGB8);
  CHECK(library.run(model, &in, &in, &options, &error) == COLORIZE_INVALID_ARGUMENT);
  CHECK_THAT(strstr(error.message, "0.001") != NULL, "%s", error.message);
}

static void nothing_is_printed(void) {
  char name[] = "/tmp/colorize-abi-XXXXXX";
  int file = mkstemp(name);
  CHECK(file >= 0 && unlink(name) == 0);
  fflush(stdout);
  CHECK(dup2(file, STDOUT_FILENO) >= 0 && dup2(file, STDERR_FILENO) >= 0);
  uint8_t rgb[BYTES];
  colorize_error error;
  colorize_model *model;
  load();
  use(rgb, NULL);
  CHECK(library.open("/nowhere", NULL, &model, &error) == COLORIZE_CANNOT_READ_FILE);
  CHECK(library.open("/dev/null", NULL, &model, NULL) == COLORIZE_CANNOT_READ_FILE);
  CHECK(library.run(NULL, NULL, NULL, NULL, NULL) == COLORIZE_INVALID_ARGUMENT);
  CHECK(dlclose(library.handle) == 0);
  fflush(NULL);
  struct stat status;
  CHECK(fstat(file, &status) == 0);
  CHECK_THAT(status.st_size == 0, "%ld bytes were printed", (long)status.st_size);
}

static int others;

/* Every thread but the host's blocks every signal that can be blocked. */
static int32_t looks_at_the_threads(void *data, float fraction) {
  (void)data, (void)fraction;
  DIR *folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[300], line[256];
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid()) continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    unsigned long long mask = 0;
    while (fgets(line, sizeof line, file) != NULL) sscanf(line, "SigBlk: %llx", &mask);
    fclose(file);
    for (int i = 1; i <= 64; i++) {
      /* glibc keeps two for itself. */
      if (i == SIGKILL || i == SIGSTOP || i == 32 || i == 33) continue;
      CHECK_THAT(mask >> (i - 1) & 1, "a thread does not block signal %d", i);
    }
    others++;
  }
  closedir(folder);
  return 0;
}

static void threads_block_signals(void) {
  uint8_t rgb[BYTES];
  load();
  colorize_options options = {
      .struct_size = sizeof options, .threads = 3, .progress = looks_at_the_threads};
  use(rgb, &options);
  CHECK_THAT(others > 0, "no thread was seen");
}

const test tests[] = {
    {"dlopen, use, dlclose, and again", again_and_again},
    {"dlopen, use and dlclose on threads that end", from_a_thread_that_ends},
    {"use on a stack of 128 KB", on_a_small_stack},
    {"the host's state is as it was", host_is_left_alone},
    {"the host's floating-point environment, and none of its influence",
     floating_point_environment},
    {"a locale with a decimal comma", locale_with_a_decimal_comma},
    {"nothing is printed", nothing_is_printed},
    {"the library's threads block every signal", threads_block_signals},
    {NULL, NULL},
};
