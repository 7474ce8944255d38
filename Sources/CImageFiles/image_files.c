/* image_files.c: what the formats have in common: opening, telling apart, turning, rounding to 8
 * bits, and the file that takes another's place.
 *
 * C, because png.c, jpeg.c and tiff.c, which it calls and whose memory it owns, are.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

void image_say(char *message, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, IMAGE_FILE_MESSAGE_SIZE, format, arguments);
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
  /* ICC.1:2022, table 17: the colour space's signature is at byte 16 of a header of 128. */
  return profile->size >= 128 && memcmp(profile->data + 16, "RGB ", 4) == 0;
}

bool image_allocate(image_file *image, uint32_t width, uint32_t height, int channels,
                    int sample_bytes, char *message) {
  if (width < 1 || height < 1 || width > IMAGE_FILE_MAXIMUM_SIDE ||
      height > IMAGE_FILE_MAXIMUM_SIDE) {
    image_say(message, "has %lu x %lu pixels; each side is 1 to %d", (unsigned long)width,
              (unsigned long)height, IMAGE_FILE_MAXIMUM_SIDE);
    return false;
  }
  const uint64_t row_bytes = (uint64_t)width * (unsigned)(channels * sample_bytes);
  const uint64_t bytes = row_bytes * height;
  if (bytes > (uint64_t)IMAGE_FILE_MAXIMUM_MEGABYTES << 20) {
    image_say(message, "has %lu x %lu pixels, more than the %d MB that are read at most",
              (unsigned long)width, (unsigned long)height, IMAGE_FILE_MAXIMUM_MEGABYTES);
    return false;
  }
  image->pixels = malloc((size_t)bytes);
  if (image->pixels == NULL) {
    image_say(message, "needs %llu MB of memory, which was refused",
              (unsigned long long)(bytes >> 20));
    return false;
  }
  image->width = width;
  image->height = height;
  image->channels = channels;
  image->sample_bytes = sample_bytes;
  image->row_bytes = (size_t)row_bytes;
  return true;
}

static void free_metadata(image_file *image) {
  struct image_metadata *metadata = image->metadata;
  if (metadata == NULL) return;
  free(metadata->exif.data);
  free(metadata->icc.data);
  free(metadata->xmp.data);
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
  free_metadata(image);
  free(image->pixels);
  memset(image, 0, sizeof *image);
}

/* Gives an image the pixels of another one, which has none afterwards. */
static void take_pixels(image_file *image, const image_file *other) {
  free(image->pixels);
  image->pixels = other->pixels;
  image->row_bytes = other->row_bytes;
  image->width = other->width;
  image->height = other->height;
  image->channels = other->channels;
  image->sample_bytes = other->sample_bytes;
}

/* ---- Depth ----------------------------------------------------------------------------------- */

/* A sample of `bytes` bytes, rounded to 8 bits. */
static unsigned char rounded(const unsigned char *sample, int bytes) {
  if (bytes == 1) return *sample;
  if (bytes == 2) {
    uint16_t value;
    memcpy(&value, sample, sizeof value);
    return (unsigned char)((value + 128) / 257);
  }
  float value;
  memcpy(&value, sample, sizeof value);
  /* What is not a number is not above 0. */
  return value > 0 ? (unsigned char)(value < 1 ? value * 255 + 0.5f : 255) : 0;
}

/* Rounds an image to 8 bits, and makes RGBA of gray with alpha. */
static bool round_to_8_bits(image_file *image, char *message) {
  if (image->sample_bytes == 1 && image->channels != 2) return true;
  image_file small = {0};
  const int channels = image->channels == 2 ? 4 : image->channels;
  if (!image_allocate(&small, image->width, image->height, channels, 1, message)) return false;
  const int bytes = image->sample_bytes;
  for (uint32_t y = 0; y < image->height; y++) {
    const unsigned char *from = image->pixels + y * image->row_bytes;
    unsigned char *to = small.pixels + y * small.row_bytes;
    for (uint32_t x = 0; x < image->width; x++, from += image->channels * bytes, to += channels)
      for (int channel = 0; channel < channels; channel++) {
        const int source = image->channels == 2 ? channel / 3 : channel;
        to[channel] = rounded(from + source * bytes, bytes);
      }
  }
  take_pixels(image, &small);
  return true;
}

/* ---- Orientation ----------------------------------------------------------------------------- */

/* Puts each pixel where the orientation (EXIF 2.32, 4.6.4, tag 274) says that it is to be seen. */
static bool turn(image_file *image, int orientation, char *message) {
  const bool swaps_sides = orientation >= 5;
  image_file turned = {0};
  if (!image_allocate(&turned, swaps_sides ? image->height : image->width,
                      swaps_sides ? image->width : image->height, image->channels,
                      image->sample_bytes, message))
    return false;

  /* The first pixel's place, and the way from a pixel's place to that of the next one in its row
   * and in its column. */
  const ptrdiff_t pixel = image->channels * image->sample_bytes, row = (ptrdiff_t)turned.row_bytes;
  const bool mirrored =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool upside_down =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const ptrdiff_t across = mirrored ? -pixel : pixel, down = upside_down ? -row : row;
  unsigned char *origin = turned.pixels + (mirrored ? (ptrdiff_t)(turned.width - 1) * pixel : 0) +
                          (upside_down ? (ptrdiff_t)(turned.height - 1) * row : 0);
  const ptrdiff_t step_x = swaps_sides ? down : across, step_y = swaps_sides ? across : down;

  /* By blocks: where rows become columns, a block's places stay in the cache. */
  const uint32_t block = 32;
  for (uint32_t top = 0; top < image->height; top += block)
    for (uint32_t left = 0; left < image->width; left += block)
      for (uint32_t y = top; y < image->height && y < top + block; y++)
        for (uint32_t x = left; x < image->width && x < left + block; x++) {
          const unsigned char *from =
              image->pixels + y * image->row_bytes + (size_t)x * (size_t)pixel;
          unsigned char *to = origin + (ptrdiff_t)x * step_x + (ptrdiff_t)y * step_y;
          for (ptrdiff_t byte = 0; byte < pixel; byte++) to[byte] = from[byte];
        }

  take_pixels(image, &turned);
  if (swaps_sides) {
    const double density_x = image->metadata->density_x;
    image->metadata->density_x = image->metadata->density_y;
    image->metadata->density_y = density_x;
  }
  return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void drop_unless(bool keep, image_bytes *bytes) {
  if (keep) return;
  free(bytes->data);
  *bytes = (image_bytes){0};
}

static image_file_status read_source(image_source *source, image_file_depth depth,
                                     image_file_stop stop, image_file *image, char *message) {
  static const unsigned char png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  source->signature_size = fread(source->signature, 1, sizeof source->signature, source->file);
  if (ferror(source->file)) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  image->metadata = calloc(1, sizeof *image->metadata);
  if (image->metadata == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }

  tiff_kind kind;
  image_file_status status = IMAGE_FILE_FAILED;
  if (source->signature_size == 8 && memcmp(source->signature, png_signature, 8) == 0)
    status = png_file_read(source, stop, image, message);
  else if (source->signature_size >= 3 && memcmp(source->signature, "\xff\xd8\xff", 3) == 0)
    status = jpeg_file_read(source, stop, image, message);
  else if (source->signature_size >= 4 && tiff_kind_of(source->signature, &kind))
    status = tiff_file_read(source, stop, image, message);
  else if (source->signature_size == 0) image_say(message, "is empty");
  else image_say(message, "is not a PNG, JPEG or TIFF file");
  if (status != IMAGE_FILE_OK) return status;

  struct image_metadata *metadata = image->metadata;
  drop_unless(icc_is_rgb(&metadata->icc), &metadata->icc);
  int orientation;
  drop_unless(exif_normalise(&metadata->exif, &orientation), &metadata->exif);
  if (metadata->orientation != 0) orientation = metadata->orientation;
  if (depth == IMAGE_FILE_8_BITS && !round_to_8_bits(image, message)) return IMAGE_FILE_FAILED;
  if (orientation == 1) return IMAGE_FILE_OK;
  xmp_reset_orientation(&metadata->xmp);
  return turn(image, orientation, message) ? IMAGE_FILE_OK : IMAGE_FILE_FAILED;
}

image_file_status image_file_read(const char *path, image_file_depth depth, image_file_stop stop,
                                  image_file *image, char *message) {
  memset(image, 0, sizeof *image);
  message[0] = 0;
  image_source source = {.file = fopen(path, "rb")};
  if (source.file == NULL) {
    image_say_errno(message, "cannot be opened");
    return stop != NULL && stop() ? IMAGE_FILE_STOPPED : IMAGE_FILE_FAILED;
  }
  image_file_status status = read_source(&source, depth, stop, image, message);
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
  /* Opened to be read, the bytes are not written to. */
  image_source source = {.file = fmemopen((void *)bytes, size, "rb"),
                         .shorter_side = shorter_side};
  if (source.file == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  const image_file_status status =
      read_source(&source, IMAGE_FILE_8_BITS, NULL, image, message);
  fclose(source.file);
  free_metadata(image);
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
  image_file_status status = IMAGE_FILE_FAILED;
  switch (format) {
  case IMAGE_FILE_PNG: status = png_file_write(file, &written, stop, message); break;
  case IMAGE_FILE_JPEG: status = jpeg_file_write(file, &written, stop, message); break;
  case IMAGE_FILE_TIFF: status = tiff_file_write(file, &written, stop, message); break;
  }
  /* The disk may turn out to be full only now. */
  if (fclose(file) != 0 && status == IMAGE_FILE_OK) {
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
