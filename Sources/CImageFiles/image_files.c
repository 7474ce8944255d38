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
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "include/output_file.h"

/* What is special before what is general: an AVIF may say that it is HEIF, too. */
static const image_format *const formats[] = {
    &image_png,      &image_jpeg,   &image_tiff, &image_webp, &image_avif, &image_heic,
    &image_jpeg2000, &image_jpegxl, &image_gif,  &image_bmp,  &image_pnm};

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
    if (foreign == NULL) image_say(message, "is not a picture in a format that is read");
    else image_say(message, "is %s, which is not read: %s", foreign->name, foreign->advice);
    return IMAGE_FILE_FAILED;
  }
  image->format = format->kind.format;
  image->metadata = calloc(1, sizeof *image->metadata);
  if (image->metadata == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  const image_file_status status = format->read(source, image, message);
  if (status != IMAGE_FILE_OK) return status;

  struct image_metadata *metadata = image->metadata;
  if (!image_to_srgb(image, reading, message)) return IMAGE_FILE_FAILED;
  if (reading->stop != NULL && reading->stop()) return IMAGE_FILE_STOPPED;
  drop_unless(metadata->is_converted || icc_is_rgb(&metadata->icc), &metadata->icc);
  int orientation;
  drop_unless(exif_normalise(&metadata->exif, &orientation, &metadata->has_thumbnail),
              &metadata->exif);
  if (xmp_drop_thumbnails(&metadata->xmp)) metadata->has_thumbnail = true;
  exif_density(metadata);
  if (xmp_drop_other_pictures(&metadata->xmp))
    image_note(image, "has a gain map or a film beside its picture, which is left out");
  if (metadata->orientation != 0) orientation = metadata->orientation;
  if (reading->depth == IMAGE_FILE_8_BITS && !image_round_to_8_bits(image, reading, message))
    return IMAGE_FILE_FAILED;
  const uint32_t width = image->width, height = image->height;
  if (orientation != 1) {
    xmp_reset_orientation(&metadata->xmp);
    if (!image_turn(image, orientation, reading, message)) return IMAGE_FILE_FAILED;
  }
  const image_file_status shrunk = image_shrink(image, reading, message);
  if (shrunk != IMAGE_FILE_OK) return shrunk;
  if (orientation != 1 || image->width != width || image->height != height) {
    if (metadata->georeference.size > 0) {
      drop_unless(false, &metadata->georeference);
      image_note(image, "is turned or made smaller, so that its georeference no longer holds and is left out");
    }
    exif_set_size(&metadata->exif, image->width, image->height);
  }
  return IMAGE_FILE_OK;
}

static bool is_standard_stream(const char *path) { return strcmp(path, "-") == 0; }

static FILE *open_copy(int descriptor) {
  const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  FILE *file = copy < 0 ? NULL : fdopen(copy, "rb");
  if (file == NULL && copy >= 0) close(copy);
  return file;
}

static FILE *open_input(const char *path, const image_file_reading *reading) {
  if (reading->copy == 0)
    return is_standard_stream(path) ? open_copy(STDIN_FILENO) : fopen(path, "rb");
  FILE *file = open_copy(reading->copy);
  if (file != NULL) rewind(file); /* the place is that of all who read it */
  return file;
}

const image_file_kind *image_file_kind_of(const char *path) {
  image_source source = {.file = fopen(path, "rb")};
  if (source.file == NULL) return NULL;
  source.start_size = fread(source.start, 1, sizeof source.start, source.file);
  const image_format *format = format_of(&source);
  fclose(source.file);
  return format != NULL ? &format->kind : NULL;
}

/* The SHA-256 of a file that has been read: of what comes through a pipe, the rest is read for it. */
static image_file_status hash_source(image_source *source, bool is_regular, image_file *image,
                                     char *message) {
  const image_file_stop stop = source->reading->stop;
  bool is_read = true;
  if (is_regular) {
    is_read = image_hash_descriptor(fileno(source->file), stop, image->sha256);
  } else {
    unsigned char rest[4096];
    while ((stop == NULL || !stop()) && image_source_read(source, rest, sizeof rest) > 0) {
    }
    is_read = ferror(source->file) == 0;
    image_hash_end(source->hash, image->sha256);
  }
  if (stop != NULL && stop()) return IMAGE_FILE_STOPPED;
  if (is_read) return IMAGE_FILE_OK;
  image_say_errno(message, "cannot be read");
  return IMAGE_FILE_FAILED;
}

image_file_status image_file_read(const char *path, const image_file_reading *reading,
                                  image_file *image, char *message) {
  memset(image, 0, sizeof *image);
  message[0] = 0;
  const image_file_stop stop = reading->stop;
  image_source source = {.file = open_input(path, reading), .reading = reading};
  if (source.file == NULL) {
    image_say_errno(message, "cannot be opened");
    return stop != NULL && stop() ? IMAGE_FILE_STOPPED : IMAGE_FILE_FAILED;
  }
  struct stat state;
  const bool is_known = fstat(fileno(source.file), &state) == 0;
  const bool is_regular = is_known && S_ISREG(state.st_mode);
  if (reading->is_hashed && !is_known) {
    image_say_errno(message, "cannot be read");
    fclose(source.file);
    return IMAGE_FILE_FAILED;
  }
  if (is_regular) image->permissions = state.st_mode & 0777;
  if (reading->is_hashed && !is_regular) {
    source.hash = image_hash_begin();
    if (source.hash == NULL) {
      image_say_errno(message, "cannot be read");
      fclose(source.file);
      return IMAGE_FILE_FAILED;
    }
  }
  image_file_status status = read_source(&source, image, message);
  if (status == IMAGE_FILE_OK && reading->is_hashed)
    status = hash_source(&source, is_regular, image, message);
  else if (source.hash != NULL) image_hash_end(source.hash, image->sha256);
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

/* Copies a whole file to standard output. */
static bool copy_to_standard_output(FILE *file) {
  unsigned char buffer[65536];
  if (fflush(file) != 0 || fseeko(file, 0, SEEK_SET) != 0) return false;
  size_t size;
  while ((size = fread(buffer, 1, sizeof buffer, file)) > 0)
    for (size_t done = 0; done < size;) {
      const ssize_t count = write(STDOUT_FILENO, buffer + done, size - done);
      if (count < 0 && errno != EINTR) return false;
      done += count > 0 ? (size_t)count : 0;
    }
  return ferror(file) == 0;
}

/* The stream that a format writes to; NULL: errno says why there is none. */
static FILE *open_output(const char *path, unsigned permissions, output_file **output) {
  *output = NULL;
  /* A TIFF is written here and there, which a pipe does not take. */
  if (is_standard_stream(path)) return tmpfile();
  *output = output_file_open(path, permissions);
  if (*output == NULL) return NULL;
  /* A descriptor of its own, which fclose closes; the lock is the other one's, too. */
  const int descriptor = fcntl(output_file_descriptor(*output), F_DUPFD_CLOEXEC, 0);
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w+b");
  if (file == NULL) {
    const int reason = errno;
    if (descriptor >= 0) close(descriptor);
    output_file_discard(*output);
    errno = reason;
  }
  return file;
}

/* Says what a format has no place for. */
static void say_what_is_left_out(const struct image_metadata *metadata, image_file_format format,
                                 char *message) {
  enum { comment = 0xfe, xmp = 0xe1 };
  bool has_comments = false, has_extensions = false;
  for (size_t i = 0; i < metadata->marker_count && format != IMAGE_FILE_JPEG; i++) {
    has_comments = has_comments || metadata->markers[i].code == comment;
    has_extensions = has_extensions || metadata->markers[i].code == xmp;
  }
  if (has_comments) image_say_too(message, "its comments are left out");
  if (has_extensions) image_say_too(message, "the extension of its XMP is left out");
  if (format != IMAGE_FILE_PNG && metadata->text_count > 0)
    image_say_too(message, "its texts are left out");
  if (metadata->has_lost_profile)
    image_say_too(message, "its color profile cannot hold colors, and sRGB takes its place");
  if (format != IMAGE_FILE_TIFF && metadata->georeference.size > 0)
    image_say_too(message, "its georeference is left out");
  if (format == IMAGE_FILE_PNG && metadata->iptc.size > 0)
    image_say_too(message, "its IPTC record, for which a PNG has no place, is left out");
  if (format == IMAGE_FILE_TIFF && metadata->has_thumbnail)
    image_say_too(message, "its thumbnail, for which a TIFF's EXIF has no place, is left out");
}

struct image_file_writer {
  const image_format *format;
  output_file *output; /* NULL: standard output */
  FILE *file;
  bool is_begun;       /* it has a page */
};

image_file_writer *image_file_begin(const char *path, image_file_format format,
                                    unsigned permissions, char *message) {
  message[0] = 0;
  const image_format *row = row_of(format);
  if (row->write == NULL) {
    image_say(message, "cannot be written as %s, which is only read", row->kind.name);
    return NULL;
  }
  image_file_writer *writer = calloc(1, sizeof *writer);
  if (writer != NULL) {
    writer->format = row;
    writer->file = open_output(path, permissions, &writer->output);
  }
  if (writer != NULL && writer->file != NULL) return writer;
  image_say_errno(message, "cannot be written");
  free(writer);
  return NULL;
}

void image_file_discard(image_file_writer *writer) {
  if (writer == NULL) return;
  const int reason = errno;
  fclose(writer->file);
  output_file_discard(writer->output);
  free(writer);
  errno = reason;
}

/* What a page is written with, beside what it was read with: a thumbnail and a profile of its own. False: the message
 * says why not. */
static bool prepare(image_file *written, const image_format *row, char *left_out, char *message) {
  struct image_metadata *metadata = written->metadata;
  if (metadata->has_thumbnail && row->kind.format != IMAGE_FILE_TIFF &&
      !add_thumbnail(written, left_out)) {
    image_say(message, "needs memory for its thumbnail, which was refused");
    return false;
  }
  return image_from_srgb(written, message);
}

image_file_status image_file_add(image_file_writer *writer, const image_file *image,
                                 image_file_stop stop, char *message) {
  message[0] = 0;
  const image_format *row = writer->format;
  if (writer->is_begun && row->append == NULL) {
    image_say(message, "cannot be written: a %s has one picture", row->kind.name);
    return IMAGE_FILE_FAILED;
  }
  char left_out[IMAGE_FILE_MESSAGE_SIZE] = "";
  /* With a profile of its own, and EXIF that fits. */
  struct image_metadata metadata = {0};
  if (image->metadata != NULL) metadata = *image->metadata;
  metadata.icc = metadata.exif = (image_bytes){0};
  image_file written = *image;
  written.metadata = &metadata;
  const int most = row->kind.sample_bytes;
  if (written.file_sample_bytes == 0 || written.file_sample_bytes > most)
    written.file_sample_bytes = most;
  image_file_status status = IMAGE_FILE_FAILED;
  const struct image_metadata *own = image->metadata;
  if (own != NULL && (!image_bytes_copy(&metadata.icc, own->icc.data, own->icc.size) ||
                      !image_bytes_copy(&metadata.exif, own->exif.data, own->exif.size)))
    image_say_errno(message, "cannot be written");
  else if (prepare(&written, row, left_out, message))
    status = (writer->is_begun ? row->append : row->write)(writer->file, &written, stop, message);
  if (status == IMAGE_FILE_OK) {
    if (left_out[0] != 0) image_say_too(message, "%s", left_out);
    say_what_is_left_out(written.metadata, row->kind.format, message);
  }
  free(metadata.icc.data);
  free(metadata.exif.data);
  writer->is_begun = true;
  return status;
}

image_file_status image_file_end(image_file_writer *writer, bool is_synced, image_file_stop stop,
                                 char *message) {
  bool is_done = writer->output != NULL || copy_to_standard_output(writer->file);
  /* The disk may turn out to be full only now; or it did before, and a library went on. */
  is_done = ferror(writer->file) == 0 && is_done;
  is_done = fclose(writer->file) == 0 && is_done;
  const int reason = errno;
  if (!is_done) output_file_discard(writer->output);
  errno = reason;
  if (is_done && writer->output != NULL)
    is_done = output_file_commit(writer->output, NULL, is_synced);
  free(writer);
  if (is_done) return IMAGE_FILE_OK;
  image_say_errno(message, "cannot be written");
  return stop != NULL && stop() ? IMAGE_FILE_STOPPED : IMAGE_FILE_FAILED;
}

image_file_status image_file_write(const char *path, image_file_format format,
                                   const image_file *image, image_file_stop stop, char *message) {
  image_file_writer *writer = image_file_begin(path, format, image->permissions, message);
  if (writer == NULL) return IMAGE_FILE_FAILED;
  const image_file_status status = image_file_add(writer, image, stop, message);
  if (status == IMAGE_FILE_OK) return image_file_end(writer, false, stop, message);
  image_file_discard(writer);
  return status;
}
