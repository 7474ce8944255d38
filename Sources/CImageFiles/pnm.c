/* pnm.c: PBM, PGM, PPM and PAM, as text and as bytes (netpbm's pages pbm(5), pgm(5), ppm(5) and pam(5)).
 *
 * C, because the formats are. Read here and not by libnetpbm, which ends the process at an error.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

enum { maximum_level = 65535, end = -1 };

typedef struct pnm_header {
  bool is_text;
  bool is_bits; /* 1 is black */
  uint32_t width, height, largest;
  int channels;
} pnm_header;

static int next(image_source *source) {
  unsigned char byte;
  return image_source_read(source, &byte, 1) == 1 ? byte : end;
}

/* The next byte that is neither space nor part of a comment. */
static int next_visible(image_source *source) {
  int byte = next(source);
  while (byte == '#' || (byte != end && isspace(byte))) {
    while (byte == '#' || (byte != '\n' && byte != '\r' && byte != end && !isspace(byte)))
      while ((byte = next(source)) != '\n' && byte != '\r' && byte != end) {}
    byte = next(source);
  }
  return byte;
}

/* A number and the one byte behind it; false: there is none, or it is above `largest`. */
static bool read_number(image_source *source, uint32_t largest, uint32_t *number) {
  int byte = next_visible(source);
  if (byte == end || !isdigit(byte)) return false;
  *number = 0;
  for (; byte != end && isdigit(byte); byte = next(source)) {
    if (*number > largest / 10) return false;
    *number = 10 * *number + (uint32_t)(byte - '0');
  }
  return *number <= largest;
}

/* PAM has a line for each thing that it says. */
static bool read_pam_header(image_source *source, pnm_header *header) {
  uint32_t depth = 0;
  for (;;) {
    char word[16];
    size_t length = 0;
    int byte = next_visible(source);
    for (; byte != end && !isspace(byte) && length < sizeof word - 1; byte = next(source))
      word[length++] = (char)byte;
    word[length] = 0;
    if (byte == end) return false;
    if (strcmp(word, "ENDHDR") == 0) break;
    uint32_t *value = strcmp(word, "WIDTH") == 0    ? &header->width
                      : strcmp(word, "HEIGHT") == 0 ? &header->height
                      : strcmp(word, "MAXVAL") == 0 ? &header->largest
                      : strcmp(word, "DEPTH") == 0  ? &depth
                                                    : NULL;
    if (value != NULL) {
      if (!read_number(source, IMAGE_FILE_MAXIMUM_SIDE, value)) return false;
    } else {
      /* What the channels are follows from their number. */
      while (byte != '\n' && byte != end) byte = next(source);
    }
  }
  header->channels = (int)depth;
  return true;
}

static bool read_header(image_source *source, pnm_header *header) {
  next(source); /* P */
  const int kind = next(source) - '0';
  *header = (pnm_header){.is_text = kind <= 3, .is_bits = kind == 1 || kind == 4, .largest = 1};
  if (kind == 7) return read_pam_header(source, header);
  header->channels = kind == 3 || kind == 6 ? 3 : 1;
  return read_number(source, IMAGE_FILE_MAXIMUM_SIDE, &header->width) &&
         read_number(source, IMAGE_FILE_MAXIMUM_SIDE, &header->height) &&
         (header->is_bits || read_number(source, maximum_level, &header->largest));
}

static void store(unsigned char *to, size_t index, uint32_t value, const pnm_header *header) {
  const uint32_t largest = header->largest, full = largest > 255 ? maximum_level : 255;
  if (value > largest) value = largest;
  if (header->is_bits) value = 1 - value;
  const uint32_t scaled = (uint32_t)(((uint64_t)value * full + largest / 2) / largest);
  if (full == 255) {
    to[index] = (unsigned char)scaled;
  } else {
    const uint16_t wide = (uint16_t)scaled;
    memcpy(to + 2 * index, &wide, 2);
  }
}

/* Reads a row; `packed` holds its bytes. False: there are not as many. */
static bool read_row(image_source *source, const pnm_header *header, unsigned char *packed,
                     unsigned char *to) {
  const size_t count = (size_t)header->width * (size_t)header->channels;
  if (header->is_text) {
    for (size_t i = 0; i < count; i++) {
      uint32_t value;
      if (header->is_bits) { /* digits that need no space between them */
        const int byte = next_visible(source);
        if (byte != '0' && byte != '1') return false;
        value = (uint32_t)(byte - '0');
      } else if (!read_number(source, UINT32_MAX / 2, &value)) {
        return false;
      }
      store(to, i, value, header);
    }
    return true;
  }
  const size_t bytes = header->is_bits ? (count + 7) / 8 : header->largest > 255 ? 2 * count : count;
  if (image_source_read(source, packed, bytes) != bytes) return false;
  for (size_t i = 0; i < count; i++) {
    const uint32_t value = header->is_bits         ? packed[i / 8] >> (7 - i % 8) & 1u
                           : header->largest > 255 ? (uint32_t)packed[2 * i] << 8 | packed[2 * i + 1]
                                                   : packed[i];
    store(to, i, value, header);
  }
  return true;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  const image_file_reading *reading = source->reading;
  pnm_header header;
  if (!read_header(source, &header) || header.largest < 1 || header.largest > maximum_level) {
    image_say(message, "is a PNM file with a header that makes no sense");
    return IMAGE_FILE_FAILED;
  }
  if (header.channels < 1 || header.channels > 4) {
    image_say(message, "is a PAM file of %d channels; 1 to 4 are read", header.channels);
    return IMAGE_FILE_FAILED;
  }
  const image_shape shape = {header.width, header.height, header.channels,
                             header.largest > 255 ? 2 : 1, 0};
  if (!image_allocate(image, &shape, reading, message)) return IMAGE_FILE_FAILED;
  unsigned char *packed = malloc(2 * (size_t)header.width * (size_t)header.channels);
  image_file_status status = IMAGE_FILE_OK;
  if (packed == NULL) {
    image_say_errno(message, "cannot be read");
    status = IMAGE_FILE_FAILED;
  }
  uint32_t y = 0;
  for (; status == IMAGE_FILE_OK && y < header.height; y++) {
    if (reading->stop != NULL && reading->stop()) status = IMAGE_FILE_STOPPED;
    else if (!read_row(source, &header, packed, image->pixels + y * image->row_bytes)) break;
  }
  free(packed);
  if (status != IMAGE_FILE_OK) return status;
  if (y < header.height) {
    if (!reading->salvages) {
      image_say(message, "ends too early: the file is cut off");
      return IMAGE_FILE_FAILED;
    }
    image_note(image, "is damaged: %lu of its %lu rows are whole", (unsigned long)y,
               (unsigned long)header.height);
  }
  image->has_more_pages = next_visible(source) == 'P';
  return IMAGE_FILE_OK;
}

static bool begins(const unsigned char *start, size_t size) {
  return size >= 3 && start[0] == 'P' && start[1] >= '1' && start[1] <= '7' &&
         (isspace(start[2]) || start[2] == '#');
}

const image_format image_pnm = {.kind = {.format = IMAGE_FILE_PNM,
                                         .name = "PNM",
                                         .suffixes = "pnm pbm pgm ppm pam",
                                         .written_as = IMAGE_FILE_PNG,
                                         .sample_bytes = 2,
                                         .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                         .has_alpha = true},
                                .begins = begins,
                                .read = read_file};
