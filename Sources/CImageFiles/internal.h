/* internal.h: what the files of this module share. */
#ifndef IMAGE_FILES_INTERNAL_H
#define IMAGE_FILES_INTERNAL_H

#include <stdarg.h>
#include <stdio.h>

#include "include/image_files.h"

/* Bytes of malloc. */
typedef struct image_bytes {
  unsigned char *data;
  size_t size;
} image_bytes;

/* A JPEG marker segment as it stands in the file, without its code and length. */
typedef struct image_marker {
  int code;
  image_bytes body;
} image_marker;

/* A text chunk of a PNG; strings of malloc, ending in zero. Language and translated key: iTXt only, else NULL. */
typedef struct image_text {
  int compression; /* libpng's PNG_TEXT_COMPRESSION_..., which also tells the kind of chunk */
  char *key;
  char *text;
  char *language;
  char *translated_key;
} image_text;

typedef enum image_density_unit {
  IMAGE_DENSITY_NONE = 0,      /* the file says nothing */
  IMAGE_DENSITY_RATIO,         /* no unit: x / y is the pixel's shape */
  IMAGE_DENSITY_PER_INCH,
  IMAGE_DENSITY_PER_CENTIMETRE,
  IMAGE_DENSITY_PER_METRE
} image_density_unit;

struct image_metadata {
  /* For either format. */
  image_bytes exif; /* a TIFF stream, as exif_normalise leaves it */
  image_bytes icc;  /* a profile of an RGB space */
  image_bytes xmp;  /* the XMP packet, followed by a zero byte that `size` does not count */
  image_density_unit density_unit;
  uint32_t density_x, density_y;

  /* For JPEG only: IPTC and comments, in the file's order. */
  image_marker *markers;
  size_t marker_count;

  /* For PNG only. */
  image_text *texts;
  size_t text_count;
  bool has_time, has_rendering_intent, has_gamma, has_chromaticities;
  uint16_t time_year;
  uint8_t time_month, time_day, time_hour, time_minute, time_second;
  int rendering_intent;        /* sRGB */
  int32_t gamma;               /* gAMA, times 100000 */
  int32_t chromaticities[8];   /* cHRM: x and y of white, red, green and blue, times 100000 */
};

/* An open file, or memory opened like one, that is read. */
typedef struct image_source {
  FILE *file;
  unsigned char signature[8]; /* its first bytes, read already */
  size_t signature_size;
  /* A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where its shorter side keeps so many pixels; 0: never. */
  uint32_t shorter_side;
} image_source;

/* Writes one sentence to a message of IMAGE_FILE_MESSAGE_SIZE bytes, cut where it would not fit. */
void image_say(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "cannot be read: ..." from errno. */
void image_say_errno(char *message, const char *what);

/* Checks a picture's measures and asks for the memory of its pixels. False: the message says why. */
bool image_allocate(image_file *image, uint32_t width, uint32_t height, int channels, char *message);

/* A copy; false if memory was refused. `size` 0 is an empty copy. A zero byte follows the copy. */
bool image_bytes_copy(image_bytes *copy, const void *data, size_t size);

/* Whether an ICC profile describes an RGB space. A gray one would be wrong on a coloured picture. */
bool icc_is_rgb(const image_bytes *profile);

/* exif.c */

/* Reads the orientation, 1 to 8, from a TIFF stream and sets it to 1 there, and cuts the thumbnail off. 1 if there is
 * none. False if this is no TIFF stream. */
bool exif_normalise(image_bytes *exif, int *orientation);

/* Sets every tiff:Orientation of an XMP packet to 1. */
void xmp_reset_orientation(image_bytes *xmp);

/* png.c and jpeg.c: the formats. Orientation is applied by the caller. */
image_file_status png_file_read(image_source *source, image_file_stop stop, image_file *image, char *message);
image_file_status png_file_write(FILE *file, const image_file *image, image_file_stop stop, char *message);
image_file_status jpeg_file_read(image_source *source, image_file_stop stop, image_file *image, char *message);
image_file_status jpeg_file_write(FILE *file, const image_file *image, image_file_stop stop, char *message);

#endif
