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

#define IMAGE_DENSITY_MAXIMUM 1e7

struct image_metadata {
  /* For every format. */
  image_bytes exif; /* a TIFF stream, as exif_normalise leaves it */
  image_bytes icc;  /* a profile of an RGB space */
  image_bytes xmp;  /* the XMP packet, followed by a zero byte that `size` does not count */
  image_density_unit density_unit;
  double density_x, density_y; /* above 0, at most IMAGE_DENSITY_MAXIMUM */

  /* Of a TIFF, 1 to 8; 0: EXIF says it. */
  int orientation;

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
bool image_allocate(image_file *image, uint32_t width, uint32_t height, int channels, int sample_bytes,
                    char *message);

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

/* directory.c */

/* How the numbers of a TIFF stream stand in it. */
typedef struct tiff_kind {
  bool big_endian;
  bool is_big; /* BigTIFF: 8 bytes instead of 4 for offsets and counts */
} tiff_kind;

typedef struct tiff_entry {
  uint16_t tag;
  uint16_t type;
  uint64_t count;
  image_bytes value;                /* as it stands in the stream */
  struct tiff_directory *directory; /* instead of a value: where this is an offset of EXIF or GPS */
} tiff_entry;

typedef struct tiff_directory {
  tiff_entry *entries;
  size_t count;
} tiff_directory;

/* What tiff_directory_read takes. */
typedef enum tiff_selection {
  TIFF_ALL,          /* every entry, as it is */
  TIFF_DESCRIPTIONS, /* what describes the picture, with the EXIF and GPS directories */
} tiff_selection;

/* What this is: false if it is no TIFF stream. `start` are its first 4 bytes. */
bool tiff_kind_of(const unsigned char *start, tiff_kind *kind);

/* Reads the directory at `offset`, and what it points to. Entries that make no sense are left out; *is_cut is set where
 * one would lie behind the end of the file. False if memory was refused. The caller ends it with tiff_directory_free. */
bool tiff_directory_read(FILE *file, tiff_kind kind, uint64_t offset, tiff_selection selection,
                         tiff_directory *directory, bool *is_cut);

/* Appends a directory to a stream, with what it points to. False if that could not be written. */
bool tiff_directory_append(FILE *file, tiff_kind kind, const tiff_directory *directory, uint64_t *offset);

/* Turns the numbers of a directory, and of those that it points to, from one order of bytes into the other. */
void tiff_directory_swap(const tiff_directory *directory);

/* Moves what `added` has and `directory` has not. False if memory was refused. */
bool tiff_directory_merge(tiff_directory *directory, tiff_directory *added);

void tiff_directory_free(tiff_directory *directory);

/* The offset of a stream's first directory: read, or written over. False if that failed. */
bool tiff_first_directory(FILE *file, tiff_kind kind, uint64_t *offset);
bool tiff_set_first_directory(FILE *file, tiff_kind kind, uint64_t offset);

/* A TIFF stream of its own that holds a directory. False if memory was refused. */
bool tiff_stream_of(const tiff_directory *directory, tiff_kind kind, image_bytes *stream);

/* png.c, jpeg.c and tiff.c: the formats, as the file has them. Orientation and depth are the caller's. */
image_file_status png_file_read(image_source *source, image_file_stop stop, image_file *image, char *message);
image_file_status png_file_write(FILE *file, const image_file *image, image_file_stop stop, char *message);
image_file_status jpeg_file_read(image_source *source, image_file_stop stop, image_file *image, char *message);
image_file_status jpeg_file_write(FILE *file, const image_file *image, image_file_stop stop, char *message);
image_file_status tiff_file_read(image_source *source, image_file_stop stop, image_file *image, char *message);
image_file_status tiff_file_write(FILE *file, const image_file *image, image_file_stop stop, char *message);

#endif
