/* bmp.c: BMP of Windows and OS/2: 1 to 32 bits a pixel, bit fields, run lengths.
 *
 * C, because the formats are. Debian has no library for BMP that is not a whole toolkit of pictures. Every number comes from
 * the file and is checked before it is used.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"

enum {
  file_header = 14,
  core_header = 12,
  plain = 0,
  run_length_8 = 1,
  run_length_4 = 2,
  bit_fields = 3,
  alpha_bit_fields = 6,
};

typedef struct bitmap {
  const unsigned char *data;
  size_t size;
  uint32_t header_size, width, height, bits, compression, colors;
  bool is_top_down;
  uint32_t masks[4]; /* red, green, blue, alpha */
  unsigned char palette[256][3];
  size_t pixels; /* where they begin */
} bitmap;

static uint32_t number(const bitmap *bitmap, size_t offset, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = bytes; i > 0 && offset + bytes <= bitmap->size; i--)
    value = value << 8 | bitmap->data[offset + i - 1];
  return value;
}

static bool refuse(char *message, const char *what, unsigned long value) {
  image_say(message, "is a BMP %s %lu, which is not read: convert it to PNG first", what, value);
  return false;
}

static void read_palette(bitmap *bitmap) {
  const bool is_core = bitmap->header_size == core_header;
  const size_t entry = is_core ? 3 : 4;
  size_t at = file_header + bitmap->header_size;
  if (bitmap->header_size == 40 && bitmap->compression == bit_fields) at += 12;
  for (size_t i = 0; i < bitmap->colors && i < 256; i++, at += entry) {
    if (at + 3 > bitmap->size || (bitmap->pixels > 0 && at + 3 > bitmap->pixels)) break;
    for (int k = 0; k < 3; k++) bitmap->palette[i][k] = bitmap->data[at + 2 - (size_t)k];
  }
}

static bool read_header(bitmap *bitmap, char *message) {
  bitmap->pixels = number(bitmap, 10, 4);
  bitmap->header_size = number(bitmap, file_header, 4);
  const bool is_core = bitmap->header_size == core_header;
  if (!is_core && (bitmap->header_size < 16 || bitmap->header_size > 124))
    return refuse(message, "with a header of size", bitmap->header_size);
  if (file_header + (size_t)bitmap->header_size > bitmap->size) {
    image_say(message, "ends too early: the file is cut off");
    return false;
  }
  const size_t side = is_core ? 2 : 4, at = file_header + 4;
  bitmap->width = number(bitmap, at, side);
  bitmap->height = number(bitmap, at + side, side);
  bitmap->bits = number(bitmap, at + 2 * side + 2, 2);
  const bool has_more = bitmap->header_size >= 40;
  bitmap->compression = has_more ? number(bitmap, 30, 4) : plain;
  bitmap->colors = has_more ? number(bitmap, 46, 4) : 0;
  bitmap->is_top_down = !is_core && bitmap->height > INT32_MAX;
  if (bitmap->is_top_down) bitmap->height = 0u - bitmap->height;
  const uint32_t bits = bitmap->bits;
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
    return refuse(message, "with bits a pixel of the number", bits);
  const bool has_masks = (bits == 16 || bits == 32) &&
                         (bitmap->compression == bit_fields || bitmap->compression == alpha_bit_fields);
  const bool is_run = (bitmap->compression == run_length_8 && bits == 8) ||
                      (bitmap->compression == run_length_4 && bits == 4);
  if (bitmap->compression != plain && !is_run && !has_masks)
    return refuse(message, "with compression", bitmap->compression);
  if (bits == 16) memcpy(bitmap->masks, (uint32_t[4]){0x7c00, 0x3e0, 0x1f}, sizeof bitmap->masks);
  if (bits == 32) memcpy(bitmap->masks, (uint32_t[4]){0xff0000, 0xff00, 0xff}, sizeof bitmap->masks);
  if (has_masks) {
    /* They follow on a short header, and are part of a long one. */
    const bool has_alpha = bitmap->compression == alpha_bit_fields || bitmap->header_size >= 56;
    for (size_t i = 0; i < 4; i++)
      bitmap->masks[i] = i < 3 || has_alpha ? number(bitmap, file_header + 40 + 4 * i, 4) : 0;
  }
  if (bitmap->colors == 0 && bits <= 8) bitmap->colors = 1u << bits;
  if (bits <= 8) {
    /* Some count from the palette. */
    const size_t palette = file_header + (size_t)bitmap->header_size;
    if (bitmap->pixels == palette) bitmap->pixels += (is_core ? 3 : 4) * (size_t)bitmap->colors;
    read_palette(bitmap);
  }
  return true;
}

/* The part of a pixel that a mask says, as 8 bits. */
static unsigned char masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = __builtin_ctz(mask);
  const uint64_t largest = mask >> shift;
  return (unsigned char)(((uint64_t)((pixel & mask) >> shift) * 255 + largest / 2) / largest);
}

/* Converts `width` pixels of a row. */
static void convert_row(const bitmap *bitmap, const unsigned char *row, unsigned char *to,
                        int channels) {
  const uint32_t bits = bitmap->bits;
  for (size_t x = 0; x < bitmap->width; x++, to += channels) {
    if (bits <= 8) {
      const size_t position = x * bits;
      const unsigned index = row[position / 8] >> (8 - bits - position % 8) & ((1u << bits) - 1);
      memcpy(to, bitmap->palette[index], 3);
    } else if (bits == 24) {
      for (size_t k = 0; k < 3; k++) to[k] = row[3 * x + 2 - k];
    } else {
      uint32_t pixel = 0;
      for (size_t k = bits / 8; k > 0; k--) pixel = pixel << 8 | row[x * (bits / 8) + k - 1];
      for (int k = 0; k < channels; k++) to[k] = masked(pixel, bitmap->masks[k]);
    }
  }
}

/* A color of the palette at (x, y), counted from below. */
static void set(const bitmap *bitmap, image_file *image, uint32_t x, uint32_t y, unsigned index) {
  if (x >= bitmap->width || y >= bitmap->height) return;
  const uint32_t row = bitmap->is_top_down ? y : bitmap->height - 1 - y;
  memcpy(image->pixels + row * image->row_bytes + (size_t)x * (size_t)image->channels,
         bitmap->palette[index], 3);
}

/* Runs of one color, literal pixels, and ways to the end of a row, of the picture, or elsewhere. False: it ends before the
 * picture does. */
static bool read_runs(const bitmap *bitmap, image_file *image) {
  const bool is_4 = bitmap->compression == run_length_4;
  uint32_t x = 0, y = 0;
  for (uint32_t row = 0; row < bitmap->height; row++)
    for (uint32_t column = 0; column < bitmap->width; column++) set(bitmap, image, column, row, 0);
  for (size_t at = bitmap->pixels; at + 2 <= bitmap->size && y < bitmap->height;) {
    const unsigned count = bitmap->data[at], value = bitmap->data[at + 1];
    at += 2;
    if (count > 0) {
      for (unsigned i = 0; i < count; i++, x++)
        set(bitmap, image, x, y, !is_4 ? value : i % 2 == 0 ? value >> 4 : value & 15);
    } else if (value == 0) {
      x = 0;
      y++;
    } else if (value == 1) {
      return true;
    } else if (value == 2) {
      if (at + 2 > bitmap->size) return false;
      x += bitmap->data[at];
      y += bitmap->data[at + 1];
      at += 2;
    } else {
      const size_t bytes = is_4 ? (value + 1) / 2 : value;
      if (at + bytes > bitmap->size) return false;
      for (unsigned i = 0; i < value; i++, x++) {
        const unsigned byte = bitmap->data[at + (is_4 ? i / 2 : i)];
        set(bitmap, image, x, y, !is_4 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15);
      }
      at += bytes + bytes % 2;
    }
  }
  return y >= bitmap->height;
}

/* False: the file ends before. */
static bool read_rows(const bitmap *bitmap, image_file *image, const image_file_reading *reading,
                      uint32_t *rows) {
  const size_t row_bytes = (((size_t)bitmap->width * bitmap->bits + 31) / 32) * 4;
  const size_t needed = ((size_t)bitmap->width * bitmap->bits + 7) / 8;
  for (uint32_t y = 0; y < bitmap->height; y++) {
    const size_t at = bitmap->pixels + y * row_bytes;
    if (at > bitmap->size || needed > bitmap->size - at) return false;
    if (reading->stop != NULL && reading->stop()) return true; /* the caller asks again */
    const uint32_t row = bitmap->is_top_down ? y : bitmap->height - 1 - y;
    convert_row(bitmap, bitmap->data + at, image->pixels + row * image->row_bytes,
                image->channels);
    *rows = y + 1;
  }
  return true;
}

/* Version 5 may have a profile behind the pixels. */
static bool keep_metadata(const bitmap *bitmap, struct image_metadata *metadata) {
  const uint32_t x = number(bitmap, 38, 4), y = number(bitmap, 42, 4);
  const bool has_density = bitmap->header_size >= 40 && x > 0 && y > 0;
  if (has_density && x <= IMAGE_DENSITY_MAXIMUM && y <= IMAGE_DENSITY_MAXIMUM) {
    metadata->density_unit = IMAGE_DENSITY_PER_METRE;
    metadata->density_x = x;
    metadata->density_y = y;
  }
  static const uint32_t embedded = 0x4d424544; /* MBED */
  if (bitmap->header_size < 124 || number(bitmap, 70, 4) != embedded) return true;
  const size_t at = file_header + (size_t)number(bitmap, 126, 4), size = number(bitmap, 130, 4);
  if (at > bitmap->size || size > bitmap->size - at || size > IMAGE_METADATA_BYTES) return true;
  return image_bytes_copy(&metadata->icc, bitmap->data + at, size);
}

static image_file_status read_picture(bitmap *bitmap, image_file *image,
                                      const image_file_reading *reading, char *message) {
  if (!read_header(bitmap, message)) return IMAGE_FILE_FAILED;
  const image_shape shape = {bitmap->width, bitmap->height, bitmap->masks[3] != 0 ? 4 : 3, 1,
                             bitmap->size};
  if (!image_allocate(image, &shape, reading, message)) return IMAGE_FILE_FAILED;
  uint32_t rows = 0;
  const bool is_run = bitmap->compression == run_length_8 || bitmap->compression == run_length_4;
  const bool is_whole =
      is_run ? read_runs(bitmap, image) : read_rows(bitmap, image, reading, &rows);
  if (!is_whole && !reading->salvages) {
    image_say(message, "ends too early: the file is cut off");
    return IMAGE_FILE_FAILED;
  }
  if (!is_whole && is_run) image_note(image, "is damaged: some of its pixels are missing");
  else if (!is_whole)
    image_note(image, "is damaged: %lu of its %lu rows are whole", (unsigned long)rows,
               (unsigned long)bitmap->height);
  if (keep_metadata(bitmap, image->metadata)) return IMAGE_FILE_OK;
  image_say(message, "needs more memory for its metadata than there is");
  return IMAGE_FILE_FAILED;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  image_bytes bytes;
  if (!image_source_all(source, &bytes, message)) return IMAGE_FILE_FAILED;
  bitmap bitmap = {.data = bytes.data, .size = bytes.size};
  const image_file_status status = read_picture(&bitmap, image, source->reading, message);
  free(bytes.data);
  return status;
}

/* Two letters could begin anything; behind the length a BMP has four zeros, or a hot spot, and a header of known size. */
static bool begins(const unsigned char *start, size_t size) {
  return size >= 18 && memcmp(start, "BM", 2) == 0 && start[14] >= core_header &&
         start[14] <= 124 && start[15] == 0 && start[16] == 0 && start[17] == 0;
}

const image_format image_bmp = {.kind = {.format = IMAGE_FILE_BMP,
                                         .name = "BMP",
                                         .suffixes = "bmp dib",
                                         .written_as = IMAGE_FILE_PNG,
                                         .sample_bytes = 1,
                                         .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                         .has_alpha = true},
                                .begins = begins,
                                .read = read_file};
