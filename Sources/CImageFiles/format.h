/* format.h: a format of image files, as a row of the table in image_files.c. */
#ifndef IMAGE_FILES_FORMAT_H
#define IMAGE_FILES_FORMAT_H

#include <stdio.h>

#include "hash.h"
#include "toolbox.h"

/* An open file, or memory opened like one, that is read. */
typedef struct image_source {
  FILE *file;
  const image_file_reading *reading;
  unsigned char start[64]; /* its first bytes, read already */
  size_t start_size;
  size_t start_used; /* of those, how many the format has taken */
  image_hash *hash;  /* of what is taken, where it comes through a pipe; or NULL */
  /* A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where its shorter side keeps so many pixels;
   * 0: never. */
  uint32_t shorter_side;
} image_source;

/* The next bytes of a source: as fread. */
size_t image_source_read(image_source *source, void *bytes, size_t size);

/* All of its bytes, which the caller frees. False: the message says why not, or it is to stop. */
bool image_source_all(image_source *source, image_bytes *bytes, char *message);

typedef struct image_format {
  image_file_kind kind;
  /* Whether a file that begins with these bytes is one. */
  bool (*begins)(const unsigned char *start, size_t size);
  /* The picture as the file has it. Orientation and depth are the caller's. */
  image_file_status (*read)(image_source *source, image_file *image, char *message);
  /* NULL: the format is only read. */
  image_file_status (*write)(FILE *file, const image_file *image, image_file_stop stop,
                             char *message);
  /* Writes a further page behind those of a file; NULL: the format has one. */
  image_file_status (*append)(FILE *file, const image_file *image, image_file_stop stop,
                              char *message);
} image_format;

/* A picture as a JPEG for EXIF: without other segments, its color at half the resolution. False if memory was refused. */
bool jpeg_thumbnail(const image_file *image, image_bytes *jpeg);

extern const image_format image_png, image_jpeg, image_tiff, image_webp, image_heic, image_avif,
    image_jpeg2000, image_jpegxl, image_gif, image_bmp, image_pnm;

#endif
