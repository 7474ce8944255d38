/* toolbox.c: what every format needs, and which needs none of them: messages, bytes, the memory of
 * pixels and of metadata.
 *
 * C, because the formats are, whose memory this is.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "toolbox.h"

void image_say(char *message, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, IMAGE_FILE_MESSAGE_SIZE, format, arguments);
  va_end(arguments);
}

static void append(char *text, const char *format, va_list arguments) {
  size_t length = strlen(text);
  if (length > 0 && length + 3 < IMAGE_FILE_MESSAGE_SIZE) {
    memcpy(text + length, "; ", 3);
    length += 2;
  }
  vsnprintf(text + length, IMAGE_FILE_MESSAGE_SIZE - length, format, arguments);
}

void image_note(image_file *image, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append(image->note, format, arguments);
  va_end(arguments);
}

void image_say_too(char *message, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append(message, format, arguments);
  va_end(arguments);
}

void image_say_errno(char *message, const char *what) {
  char reason[128];
  if (strerror_r(errno, reason, sizeof reason) != 0)
    snprintf(reason, sizeof reason, "error %d", errno);
  image_say(message, "%s: %s", what, reason);
}

bool image_bytes_copy(image_bytes *copy, const void *data, size_t size) {
  free(copy->data);
  copy->size = 0;
  copy->data = malloc(size + 1);
  if (copy->data == NULL) return false;
  if (size > 0) memcpy(copy->data, data, size);
  copy->data[size] = 0;
  copy->size = size;
  return true;
}

bool icc_is_rgb(const image_bytes *profile) {
  /* ICC.1:2022, table 17: the color space's signature is at byte 16 of a header of 128. */
  return profile->size >= 128 && memcmp(profile->data + 16, "RGB ", 4) == 0;
}

bool image_allocate(image_file *image, const image_shape *shape, const image_file_reading *reading,
                    char *message) {
  const unsigned long width = shape->width, height = shape->height;
  if (width < 1 || height < 1 || width > IMAGE_FILE_MAXIMUM_SIDE ||
      height > IMAGE_FILE_MAXIMUM_SIDE) {
    image_say(message, "has %lu x %lu pixels; each side is 1 to %d", width, height,
              IMAGE_FILE_MAXIMUM_SIDE);
    return false;
  }
  const uint64_t row_bytes = (uint64_t)width * (unsigned)(shape->channels * shape->sample_bytes);
  const uint64_t bytes = row_bytes * height;
  if (bytes > (uint64_t)IMAGE_FILE_MAXIMUM_MEGABYTES << 20) {
    image_say(message, "has %lu x %lu pixels, more than the %d MB that are read at most", width,
              height, IMAGE_FILE_MAXIMUM_MEGABYTES);
    return false;
  }
  if (reading->maximum_bytes > 0) {
    const int depth = shape->sample_bytes < reading->output_sample_bytes
                          ? shape->sample_bytes
                          : reading->output_sample_bytes;
    const uint64_t output =
        (uint64_t)width * height * (unsigned)(depth * (shape->channels % 2 == 0 ? 4 : 3));
    const uint64_t needed = bytes + (output > bytes ? output : bytes) + shape->further_bytes;
    if (needed > reading->maximum_bytes) {
      image_say(message,
                "has %lu x %lu pixels and needs %llu MB, input and output; the limit is %llu MB "
                "(--max-memory)",
                width, height, (unsigned long long)((needed + 0xfffff) >> 20),
                (unsigned long long)(reading->maximum_bytes >> 20));
      return false;
    }
    if (reading->claim != NULL) reading->claim(needed, reading->claim_context);
  }
  image->pixels = calloc(1, (size_t)bytes);
  if (image->pixels == NULL) {
    image_say(message, "needs %llu MB of memory, more than there is",
              (unsigned long long)(bytes >> 20));
    return false;
  }
  image->width = shape->width;
  image->height = shape->height;
  image->channels = shape->channels;
  image->sample_bytes = shape->sample_bytes;
  image->row_bytes = (size_t)row_bytes;
  return true;
}

void image_free_metadata(image_file *image) {
  struct image_metadata *metadata = image->metadata;
  if (metadata == NULL) return;
  free(metadata->exif.data);
  free(metadata->icc.data);
  free(metadata->xmp.data);
  free(metadata->iptc.data);
  free(metadata->georeference.data);
  for (size_t i = 0; i < metadata->marker_count; i++) free(metadata->markers[i].body.data);
  free(metadata->markers);
  for (size_t i = 0; i < metadata->text_count; i++) {
    free(metadata->texts[i].key);
    free(metadata->texts[i].text);
    free(metadata->texts[i].language);
    free(metadata->texts[i].translated_key);
  }
  free(metadata->texts);
  free(metadata);
  image->metadata = NULL;
}

void image_file_free(image_file *image) {
  image_free_metadata(image);
  free(image->pixels);
  if (image->copy > 0) close(image->copy);
  memset(image, 0, sizeof *image);
}
