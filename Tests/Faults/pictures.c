/* Reads a picture and writes it in every format, with each call of the C library failed once.
 *
 *   pictures FILE FOLDER     FOLDER is empty, and is so afterwards
 *
 * The picture is whole, or it has a note and whole pixels, or there is a message; what was written is whole, or the file is
 * as it was before. No memory, descriptor or file is left. Prints how many calls were failed. */
#define _GNU_SOURCE
#include "faults.h"

#include <dirent.h>
#include <image_files.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kinds[FAULT_KINDS] = {"open", "read", "write", "close", "rename", "stat",
                                               "seek", "thread", "aligned", "map", "malloc"};
static char output[4096];
static const char before[] = "what was there before";
static char message[IMAGE_FILE_MESSAGE_SIZE];
static const image_file_reading reading = {.depth = IMAGE_FILE_ALL_BITS, .output_sample_bytes = 4};

/* Where it is, for failures. */
static const char *doing, *of;
static long failed_call;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fault_set(FAULT_OPEN, -1);                                                                   \
      fprintf(stderr, "%s, %s %ld: not %s (the message is \"%s\")\n", doing, of, failed_call, #condition, \
              message);                                                                            \
      failures++;                                                                                  \
    }                                                                                              \
  } while (0)

static int failures, refused;

static int entries(const char *path) {
  int count = 0;
  DIR *folder = opendir(path);
  if (folder == NULL) exit(3);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static size_t in_use(void) {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

typedef struct bytes {
  unsigned char *data;
  size_t size;
} bytes;

static bytes content(void) {
  FILE *file = fopen(output, "rb");
  struct stat status;
  if (file == NULL || fstat(fileno(file), &status) != 0) exit(3);
  bytes all = {malloc((size_t)status.st_size + 1), (size_t)status.st_size};
  if (all.data == NULL || fread(all.data, 1, all.size, file) != all.size) exit(3);
  fclose(file);
  return all;
}

static bool is_content(const void *data, size_t size) {
  bytes now = content();
  const bool same = now.size == size && memcmp(now.data, data, size) == 0;
  free(now.data);
  return same;
}

static void put_before(void) {
  FILE *file = fopen(output, "wb");
  if (file == NULL || fwrite(before, 1, sizeof before, file) != sizeof before) exit(3);
  fclose(file);
}

/* Gray becomes RGB; alpha is left out, which a JPEG has not, and so are bits beyond 8. */
static image_file colored(const image_file *image) {
  image_file copy = *image;
  copy.channels = 3;
  copy.sample_bytes = 1;
  copy.row_bytes = (size_t)3 * image->width;
  copy.pixels = malloc(copy.row_bytes * image->height);
  if (copy.pixels == NULL) exit(3);
  for (size_t i = 0; i < copy.row_bytes * image->height; i++) copy.pixels[i] = (unsigned char)(i * 7);
  return copy;
}

/* The bytes that a picture is written as; to be freed. */
static bytes written(const image_file *image, image_file_format format) {
  image_file copy = colored(image);
  if (image_file_write(output, format, &copy, NULL, message) != IMAGE_FILE_OK) exit(4);
  free(copy.pixels);
  bytes all = content();
  unlink(output);
  return all;
}

/* What the C library makes once stays; what is lost is lost again. True: try again. */
static bool loses_memory(size_t before_call) {
  static int times;
  if (in_use() <= before_call) {
    times = 0;
    return false;
  }
  if (++times < 4) return true;
  CHECK(in_use() <= before_call);
  times = 0;
  return false;
}

static void fail_reading(const char *path, fault_kind kind, const image_file *whole, image_file_format format) {
  bytes expected = written(whole, format);
  for (failed_call = 0;;) {
    const int descriptors = entries("/proc/self/fd");
    const size_t memory = in_use();
    image_file image;
    fault_set(kind, failed_call);
    const image_file_status status = image_file_read(path, &reading, &image, message);
    const bool has_failed = fault_count(kind) > failed_call;
    fault_set(kind, -1);
    if (status == IMAGE_FILE_OK) {
      CHECK(image.row_bytes == whole->row_bytes && image.height == whole->height &&
            memcmp(image.pixels, whole->pixels, image.row_bytes * image.height) == 0);
      if (image.note[0] == 0) {
        bytes now = written(&image, format);
        CHECK(now.size == expected.size && memcmp(now.data, expected.data, now.size) == 0);
        free(now.data);
      }
    } else {
      CHECK(status == IMAGE_FILE_FAILED && message[0] != 0);
    }
    image_file_free(&image);
    CHECK(entries("/proc/self/fd") == descriptors);
    if (loses_memory(memory)) continue;
    if (!has_failed) break;
    failed_call++;
    refused++;
  }
  free(expected.data);
}

static void fail_writing(const image_file *whole, fault_kind kind, image_file_format format, const char *folder) {
  bytes expected = written(whole, format);
  image_file copy = colored(whole);
  for (failed_call = 0;;) {
    put_before();
    const int descriptors = entries("/proc/self/fd"), files = entries(folder);
    const size_t memory = in_use();
    fault_set(kind, failed_call);
    const image_file_status status = image_file_write(output, format, &copy, NULL, message);
    const bool has_failed = fault_count(kind) > failed_call;
    fault_set(kind, -1);
    if (status != IMAGE_FILE_OK)
      CHECK(status == IMAGE_FILE_FAILED && message[0] != 0 && is_content(before, sizeof before));
    else if (message[0] == 0 || !has_failed)
      CHECK(is_content(expected.data, expected.size));
    CHECK(entries("/proc/self/fd") == descriptors && entries(folder) == files);
    unlink(output);
    if (loses_memory(memory)) continue;
    if (!has_failed) break;
    failed_call++;
    refused++;
  }
  free(copy.pixels);
  free(expected.data);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  fault_take_program();
  snprintf(output, sizeof output, "%s/output", arguments[2]);
  image_file whole;
  if (image_file_read(arguments[1], &reading, &whole, message) != IMAGE_FILE_OK) {
    fprintf(stderr, "%s\n", message);
    return 3;
  }
  for (int kind = 0; kind < FAULT_KINDS; kind++) {
    of = kinds[kind];
    doing = "reading";
    fail_reading(arguments[1], (fault_kind)kind, &whole, IMAGE_FILE_PNG);
    for (int format = IMAGE_FILE_PNG; format <= IMAGE_FILE_TIFF; format++) {
      doing = format == IMAGE_FILE_PNG ? "writing PNG" : format == IMAGE_FILE_JPEG ? "writing JPEG" : "writing TIFF";
      fail_writing(&whole, (fault_kind)kind, (image_file_format)format, arguments[2]);
    }
  }
  image_file_free(&whole);
  printf("%d calls failed\n", refused);
  return failures > 0 || entries(arguments[2]) != 2 || refused < 50;
}
