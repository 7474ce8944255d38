/* directory.h: the directories of TIFF streams. */
#ifndef IMAGE_FILES_DIRECTORY_H
#define IMAGE_FILES_DIRECTORY_H

#include <stdio.h>

#include "toolbox.h"

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

/* Tags that tiff.c deals with. */
enum { iptc_tag = 0x83bb };

/* What tiff_directory_read takes. */
typedef enum tiff_selection {
  TIFF_ALL,          /* every entry, as it is */
  TIFF_DESCRIPTIONS, /* what describes the picture, with the EXIF and GPS directories */
  TIFF_GEOREFERENCE, /* GeoTIFF's tags */
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

/* Takes the entry of a tag out; false: there is none. Its value is the caller's to free. */
bool tiff_directory_take(tiff_directory *directory, uint16_t tag, tiff_entry *entry);

/* Takes maker notes out that hold only where they stood: most makers count offsets from the stream's start. True if there
 * were such. */
bool tiff_directory_drop_maker_notes(tiff_directory *directory);

void tiff_directory_free(tiff_directory *directory);

/* The offset of a stream's first directory. False if it could not be read. */
bool tiff_first_directory(FILE *file, tiff_kind kind, uint64_t *offset);

/* The offset of the last directory of a stream that libtiff has written, and the place where this offset stands. False if
 * they could not be read. */
bool tiff_last_directory(FILE *file, tiff_kind kind, uint64_t *offset, uint64_t *place);

/* Writes an offset over what stands at a place. False if that failed. */
bool tiff_set_offset(FILE *file, tiff_kind kind, uint64_t place, uint64_t offset);

/* A TIFF stream of its own that holds a directory. False if memory was refused. */
bool tiff_stream_of(const tiff_directory *directory, tiff_kind kind, image_bytes *stream);

#endif
