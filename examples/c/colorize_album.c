/* Colors many PNG files at a time: threads that share one model, progress, and Ctrl-C as a cancel.
 *
 *     cc -std=c11 -pthread colorize_album.c $(pkg-config --cflags --libs libcolorize libpng) -o
 * colorize_album
 *     ./colorize_album colored/ photos/a.png photos/b.png
 *     ./colorize_album --workers 4 --network-size 256 colored/ photos/a.png photos/b.png
 *
 * A model does not change once it is open, so the workers need no lock around it. Each of them
 * takes the next file of the list and colors it with one thread: for many pictures that is faster
 * than many threads for one. The progress callback runs on the worker that made the call; there the
 * fractions of all files are summed up, and there a worker hears of Ctrl-C and stops its call.
 *
 * A picture that is being written has another name until it is complete. A file that cannot be read
 * or written does not keep the others from being colored. The exit status is 0 if all were
 * colored, 1 if some were not or the arguments are wrong, and 130 after Ctrl-C.
 */
#define _POSIX_C_SOURCE 200809L

#include <colorize.h>
#include <errno.h>
#include <png.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORKERS = 256, CANCELLED_STATUS = 130 };

/* Set by Ctrl-C. A lock-free atomic is what a signal handler and threads may share. */
static atomic_bool cancelled;

/* What the workers share. Only what is behind `lock` changes. */
struct album {
  const colorize_model *model;
  const char *folder;
  uint32_t network_size; /* 0: the model's own */
  char **files;
  int count;

  pthread_mutex_t lock;
  int next;    /* the first file that no worker has taken */
  int failed;  /* how many could not be colored */
  double done; /* the sum of all files' fractions, 0 to count */
  int shown;   /* the percentage that was shown last */
};

/* What the progress callback of one call is given. */
struct call {
  struct album *album;
  float fraction; /* how much of this file is in album->done */
};

static void cancel(int signal_number) {
  (void)signal_number;
  atomic_store(&cancelled, true);
}

/* Counts a file's progress up to `fraction`, and shows the whole in percent. */
static void advance(struct call *call, float fraction) {
  struct album *album = call->album;
  pthread_mutex_lock(&album->lock);
  album->done += (double)fraction - (double)call->fraction;
  call->fraction = fraction;
  int percent = (int)(100 * album->done / album->count + 1e-6); /* sums are rounded */
  if (percent > album->shown) {
    album->shown = percent;
    fprintf(stderr, "\r%3d %%", percent);
    fflush(stderr);
  }
  pthread_mutex_unlock(&album->lock);
}

static int32_t on_progress(void *user_data, float fraction) {
  advance(user_data, fraction);
  return atomic_load(&cancelled);
}

/* The part of a path behind its last slash. */
static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* `folder`/`name``ending` in memory of its own, or NULL. */
static char *join(const char *folder, const char *name, const char *ending) {
  size_t size = strlen(folder) + strlen(name) + strlen(ending) + 2;
  char *path = malloc(size);
  if (path != NULL) snprintf(path, size, "%s/%s%s", folder, name, ending);
  return path;
}

/* Colors a file. True if that went well; false after a cancel, or after an error and its message.
 */
static bool color_file(struct call *call, const char *file_name) {
  const struct album *album = call->album;
  bool result = false;
  unsigned char *pixels = NULL;
  char *target = join(album->folder, base_name(file_name), "");
  char *part = join(album->folder, base_name(file_name), ".part");
  png_image file;
  memset(&file, 0, sizeof file);
  file.version = PNG_IMAGE_VERSION;
  if (target == NULL || part == NULL) {
    fprintf(stderr, "\n%s: not enough memory\n", file_name);
    goto end;
  }

  if (!png_image_begin_read_from_file(&file, file_name)) {
    fprintf(stderr, "\n%s: %s\n", file_name, file.message);
    goto end;
  }
  bool has_alpha = (file.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  size_t channels = has_alpha ? 4 : 3;
  file.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  pixels = malloc(file.width * channels * file.height);
  if (pixels == NULL) {
    fprintf(stderr, "\n%s: not enough memory\n", file_name);
    goto end;
  }
  if (!png_image_finish_read(&file, NULL, pixels, 0, NULL)) {
    fprintf(stderr, "\n%s: %s\n", file_name, file.message);
    goto end;
  }

  /* In place: the result takes the place of the picture. */
  colorize_image image = {0};
  image.pixels = pixels;
  image.row_bytes = file.width * channels;
  image.width = file.width;
  image.height = file.height;
  image.format = has_alpha ? COLORIZE_RGBA8 : COLORIZE_RGB8;
  colorize_options options = {.struct_size = sizeof options};
  options.network_size = album->network_size;
  options.threads = 1;
  options.progress = on_progress;
  options.user_data = call;
  colorize_error error;
  colorize_status status = colorize_run(album->model, &image, &image, &options, &error);
  if (status != COLORIZE_OK) {
    if (status != COLORIZE_CANCELLED) fprintf(stderr, "\n%s: %s\n", file_name, error.message);
    goto end;
  }

  if (!png_image_write_to_file(&file, part, 0, pixels, 0, NULL)) {
    fprintf(stderr, "\n%s: %s\n", part, file.message);
    goto end;
  }
  if (rename(part, target) != 0) {
    fprintf(stderr, "\n%s: %s\n", target, strerror(errno));
    remove(part);
    goto end;
  }
  result = true;

end:
  png_image_free(&file);
  free(pixels);
  free(part);
  free(target);
  return result;
}

/* A worker: takes files until there are no more. */
static void *work(void *argument) {
  struct album *album = argument;
  while (!atomic_load(&cancelled)) {
    pthread_mutex_lock(&album->lock);
    const char *file = album->next < album->count ? album->files[album->next++] : NULL;
    pthread_mutex_unlock(&album->lock);
    if (file == NULL) break;
    struct call call = {.album = album};
    if (!color_file(&call, file) && !atomic_load(&cancelled)) {
      advance(&call, 1); /* it is dealt with, too */
      pthread_mutex_lock(&album->lock);
      album->failed += 1;
      pthread_mutex_unlock(&album->lock);
    }
  }
  return NULL;
}

/* A whole number of `text` from 1 to `most`, or 0. */
static uint32_t number(const char *text, long most) {
  char *end;
  long value = strtol(text, &end, 10);
  return *end == 0 && value >= 1 && value <= most ? (uint32_t)value : 0;
}

int main(int argc, char **argv) {
  struct album album = {0};
  uint32_t workers = 2;
  int first = 1;
  bool usable = true;
  while (usable && first + 1 < argc && strncmp(argv[first], "--", 2) == 0) {
    if (strcmp(argv[first], "--workers") == 0) {
      usable = (workers = number(argv[first + 1], MAX_WORKERS)) > 0;
    } else if (strcmp(argv[first], "--network-size") == 0) {
      usable = (album.network_size = number(argv[first + 1], 1048576)) > 0;
    } else {
      usable = false;
    }
    first += 2;
  }
  if (!usable || argc - first < 2) {
    fprintf(stderr, "usage: %s [--workers 1 to %d] [--network-size N] FOLDER PHOTO.png ...\n",
            argv[0], MAX_WORKERS);
    return EXIT_FAILURE;
  }
  album.folder = argv[first];
  album.files = argv + first + 1;
  album.count = argc - first - 1;
  for (int i = 0; i < album.count; i++) {
    for (int j = 0; j < i; j++) {
      if (strcmp(base_name(album.files[i]), base_name(album.files[j])) == 0) {
        fprintf(stderr, "%s and %s would have the same name in %s\n", album.files[j],
                album.files[i], album.folder);
        return EXIT_FAILURE;
      }
    }
  }

  colorize_model *model = NULL;
  colorize_error error;
  if (colorize_model_open_default(&model, &error) != COLORIZE_OK) {
    fprintf(stderr, "%s\n", error.message);
    return EXIT_FAILURE;
  }
  album.model = model;
  album.shown = -1;

  /* The first Ctrl-C cancels; SA_RESETHAND lets a second one end the program at once. */
  struct sigaction action = {.sa_handler = cancel, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);

  int result = EXIT_FAILURE;
  pthread_t threads[MAX_WORKERS];
  uint32_t started = 0;
  int status = pthread_mutex_init(&album.lock, NULL);
  while (status == 0 && started < workers) {
    status = pthread_create(&threads[started], NULL, work, &album);
    if (status == 0) started += 1;
  }
  if (started == 0) {
    fprintf(stderr, "no thread can be started: %s\n", strerror(status));
    goto end;
  }
  for (uint32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
  pthread_mutex_destroy(&album.lock);
  fprintf(stderr, "\n");
  if (atomic_load(&cancelled)) {
    fprintf(stderr, "cancelled\n");
    result = CANCELLED_STATUS;
  } else {
    printf("%d colored, %d not\n", album.count - album.failed, album.failed);
    result = album.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  }

end:
  colorize_model_close(model);
  return result;
}
