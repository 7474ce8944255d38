/* image_files.c: the table of formats, and what is done the same way for each row: opening, telling
 * apart, and the file that takes another's place.
 *
 * C, because the formats are, whose memory this is.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"

static const image_format *const formats[] = {&image_png, &image_jpeg, &image_tiff};

enum { format_count = sizeof formats / sizeof formats[0] };

const image_file_kind *image_file_kind_at(size_t index) {
  return index < format_count ? &formats[index]->kind : NULL;
}

/* The format that a file begins as; NULL: none of them. */
static const image_format *format_of(const image_source *source) {
  for (size_t i = 0; i < format_count; i++)
    if (formats[i]->begins(source->start, source->start_size)) return formats[i];
  return NULL;
}

static const image_format *row_of(image_file_format format) {
  size_t i = 0;
  while (i + 1 < format_count && formats[i]->kind.format != format) i++;
  return formats[i];
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void drop_unless(bool keep, image_bytes *bytes) {
  if (keep) return;
  free(bytes->data);
  *bytes = (image_bytes){0};
}

static image_file_status read_source(image_source *source, image_file *image, char *message) {
  const image_file_reading *reading = source->reading;
  source->start_size = fread(source->start, 1, sizeof source->start, source->file);
  if (ferror(source->file)) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  if (source->start_size == 0) {
    image_say(message, "is empty");
    return IMAGE_FILE_FAILED;
  }
  const image_format *format = format_of(source);
  if (format == NULL) {
    const image_foreign *foreign = image_foreign_of(source->start, source->start_size);
    if (foreign == NULL) image_say(message, "is not a PNG, JPEG or TIFF file");
    else
      image_say(message, "is not a PNG, JPEG or TIFF file, but %s: %s", foreign->name,
                foreign->advice);
    return IMAGE_FILE_FAILED;
  }
  image->metadata = calloc(1, sizeof *image->metadata);
  if (image->metadata == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  const image_file_status status = format->read(source, image, message);
  if (status != IMAGE_FILE_OK) return status;

  struct image_metadata *metadata = image->metadata;
  drop_unless(icc_is_rgb(&metadata->icc), &metadata->icc);
  int orientation;
  drop_unless(exif_normalise(&metadata->exif, &orientation), &metadata->exif);
  exif_density(metadata);
  if (metadata->orientation != 0) orientation = metadata->orientation;
  if (reading->depth == IMAGE_FILE_8_BITS && !image_round_to_8_bits(image, reading, message))
    return IMAGE_FILE_FAILED;
  if (orientation == 1) return IMAGE_FILE_OK;
  xmp_reset_orientation(&metadata->xmp);
  if (!image_turn(image, orientation, reading, message)) return IMAGE_FILE_FAILED;
  exif_set_size(&metadata->exif, image->width, image->height);
  return IMAGE_FILE_OK;
}

image_file_status image_file_read(const char *path, const image_file_reading *reading,
                                  image_file *image, char *message) {
  memset(image, 0, sizeof *image);
  message[0] = 0;
  const image_file_stop stop = reading->stop;
  image_source source = {.file = fopen(path, "rb"), .reading = reading};
  if (source.file == NULL) {
    image_say_errno(message, "cannot be opened");
    return stop != NULL && stop() ? IMAGE_FILE_STOPPED : IMAGE_FILE_FAILED;
  }
  image_file_status status = read_source(&source, image, message);
  /* Whoever could do without what could not be read: it is not damage, and may be there the next time. */
  if (status == IMAGE_FILE_OK && ferror(source.file)) {
    image_say(message, "cannot be read to its end: input/output error");
    status = IMAGE_FILE_FAILED;
  }
  fclose(source.file);
  /* A signal also interrupts a read (from a pipe), which then looks like a failure. */
  if (status == IMAGE_FILE_FAILED && stop != NULL && stop()) status = IMAGE_FILE_STOPPED;
  return status;
}

image_file_status image_file_read_memory(const void *bytes, size_t size, uint32_t shorter_side,
                                         image_file *image, char *message) {
  memset(image, 0, sizeof *image);
  message[0] = 0;
  if (size == 0) {
    image_say(message, "is empty");
    return IMAGE_FILE_FAILED;
  }
  const image_file_reading reading = {.depth = IMAGE_FILE_8_BITS};
  /* Opened to be read, the bytes are not written to. */
  image_source source = {.file = fmemopen((void *)bytes, size, "rb"),
                         .reading = &reading,
                         .shorter_side = shorter_side};
  if (source.file == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  const image_file_status status = read_source(&source, image, message);
  fclose(source.file);
  image_free_metadata(image);
  return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Makes a new file in the folder of `path`. mkstemp would do, but for its permissions: here open()
 * applies those of any new file (umask, or the folder's access control list). The caller frees
 * *name. */
static FILE *open_temporary(const char *path, char **name) {
  const char *slash = strrchr(path, '/');
  const size_t folder_length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  const size_t capacity = folder_length + 64;
  *name = malloc(capacity);
  if (*name == NULL) return NULL;
  int descriptor = -1;
  for (unsigned attempt = 0; attempt < 1000; attempt++) {
    snprintf(*name, capacity, "%.*s.libcolorize-%ld-%u.tmp", (int)folder_length, path, (long)getpid(),
             attempt);
    descriptor = open(*name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) break;
  }
  if (descriptor < 0) return NULL;
  FILE *file = fdopen(descriptor, "w+b");
  if (file == NULL) {
    close(descriptor);
    unlink(*name);
  }
  return file;
}

image_file_status image_file_write(const char *path, image_file_format format,
                                   const image_file *image, image_file_stop stop, char *message) {
  message[0] = 0;
  char *temporary = NULL;
  FILE *file = open_temporary(path, &temporary);
  if (file == NULL) {
    image_say_errno(message, "cannot be written");
    free(temporary);
    return IMAGE_FILE_FAILED;
  }
  struct image_metadata none = {0};
  image_file written = *image;
  if (written.metadata == NULL) written.metadata = &none;
  image_file_status status = row_of(format)->write(file, &written, stop, message);
  /* The disk may turn out to be full only now; or it did before, and a library went on. */
  const bool has_failed = ferror(file) != 0;
  if ((fclose(file) != 0 || has_failed) && status == IMAGE_FILE_OK) {
    image_say_errno(message, "cannot be written");
    status = IMAGE_FILE_FAILED;
  }
  if (status == IMAGE_FILE_OK && rename(temporary, path) != 0) {
    image_say_errno(message, "cannot be written");
    status = IMAGE_FILE_FAILED;
  }
  if (status != IMAGE_FILE_OK) unlink(temporary);
  free(temporary);
  return status;
}
