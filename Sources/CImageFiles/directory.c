/* directory.c: the directories of a TIFF stream, as EXIF is one, too: what describes a picture is
 * carried from the one to the other as it stands, whatever its type.
 *
 * C, because tiff.c is, which could do this through libtiff only tag by tag, each with its own
 * arguments. Every number comes from a file and is checked before it is used.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "directory.h"

enum {
  exif_tag = 0x8769,
  gps_tag = 0x8825,
  interoperability_tag = 0xa005,
  maker_note_tag = 0x927c,
  long_type = 4,
  directory_type = 13,
  big_long_type = 16,
  big_directory_type = 18,
  maximum_entries = 4096,
  /* Of descriptions in all: a directory may be pointed to again and again. */
  maximum_bytes = 1 << 22
};

/* Of a picture's own directory, what does not say how its pixels are stored: EXIF 2.32, table 4
 * (D to F), IPTC, and what Windows and others have added. In their order. */
static const uint16_t descriptions[] = {
    0x010d, /* DocumentName */
    0x010e, /* ImageDescription */
    0x010f, /* Make */
    0x0110, /* Model */
    0x011d, /* PageName */
    0x0131, /* Software */
    0x0132, /* DateTime */
    0x013b, /* Artist */
    0x013c, /* HostComputer */
    0x4746, /* Rating */
    0x4749, /* RatingPercent */
    0x8298, /* Copyright */
    iptc_tag, exif_tag, gps_tag,
    0x9c9b, /* XPTitle */
    0x9c9c, /* XPComment */
    0x9c9d, /* XPAuthor */
    0x9c9e, /* XPKeywords */
    0x9c9f, /* XPSubject */
};

/* GeoTIFF 1.1, table 1: scale, tie points, transformation, and the keys with their values. */
static const uint16_t georeference[] = {0x830e, 0x8482, 0x85d8, 0x87af, 0x87b0, 0x87b1};

static bool is_georeference(uint16_t tag) {
  for (size_t i = 0; i < sizeof georeference / sizeof georeference[0]; i++)
    if (georeference[i] == tag) return true;
  return false;
}

static bool is_description(uint16_t tag) {
  for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++)
    if (descriptions[i] == tag) return true;
  return false;
}

/* Bytes of one value; 0: a type that is not known. */
static size_t type_size(uint16_t type) {
  static const unsigned char sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
  return type < sizeof sizes ? sizes[type] : 0;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static uint64_t number(tiff_kind kind, const unsigned char *bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) value = value << 8 | bytes[kind.big_endian ? i : size - 1 - i];
  return value;
}

static void set_number(tiff_kind kind, unsigned char *bytes, size_t size, uint64_t value) {
  for (size_t i = 0; i < size; i++)
    bytes[kind.big_endian ? size - 1 - i : i] = (unsigned char)(value >> (8 * i));
}

/* Bytes of an offset, and of the count in an entry. */
static size_t offset_size(tiff_kind kind) { return kind.is_big ? 8 : 4; }

/* Bytes of the number of entries. */
static size_t length_size(tiff_kind kind) { return kind.is_big ? 8 : 2; }

/* Bytes of an entry: tag (2), type (2), count, and the value or its offset. */
static size_t entry_size(tiff_kind kind) { return 4 + 2 * offset_size(kind); }

bool tiff_kind_of(const unsigned char *start, tiff_kind *kind) {
  kind->big_endian = memcmp(start, "MM", 2) == 0;
  if (!kind->big_endian && memcmp(start, "II", 2) != 0) return false;
  const uint64_t version = number(*kind, start + 2, 2);
  kind->is_big = version == 43;
  return version == 42 || version == 43;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct reader {
  FILE *file;
  tiff_kind kind;
  size_t left; /* bytes that may still be read */
  bool is_cut;
} reader;

static bool read_at(reader *reader, uint64_t offset, void *bytes, size_t size) {
  if (offset <= INT64_MAX && fseeko(reader->file, (off_t)offset, SEEK_SET) == 0 &&
      fread(bytes, 1, size, reader->file) == size)
    return true;
  reader->is_cut = true;
  return false;
}

static bool read_directory(reader *reader, uint64_t offset, tiff_selection selection, int depth,
                           tiff_directory *directory);

static bool is_directory_tag(uint16_t tag) {
  return tag == exif_tag || tag == gps_tag || tag == interoperability_tag;
}

static bool is_offset(const tiff_entry *entry, tiff_kind kind) {
  if (entry->count != 1) return false;
  if (entry->type == long_type || entry->type == directory_type) return true;
  return kind.is_big && (entry->type == big_long_type || entry->type == big_directory_type);
}

/* Reads what the bytes of an entry say. False if memory was refused; an entry that makes no sense
 * has neither value nor directory afterwards. */
static bool read_entry(reader *reader, const unsigned char *bytes, tiff_selection selection,
                       int depth, tiff_entry *entry) {
  const tiff_kind kind = reader->kind;
  const size_t inline_size = offset_size(kind);
  *entry = (tiff_entry){.tag = (uint16_t)number(kind, bytes, 2),
                        .type = (uint16_t)number(kind, bytes + 2, 2),
                        .count = number(kind, bytes + 4, inline_size)};
  if (selection == TIFF_DESCRIPTIONS && depth == 0 && !is_description(entry->tag)) return true;
  if (selection == TIFF_GEOREFERENCE && !is_georeference(entry->tag)) return true;
  const size_t unit = type_size(entry->type);
  const unsigned char *value = bytes + 4 + inline_size;
  if (selection == TIFF_DESCRIPTIONS && is_directory_tag(entry->tag)) {
    if (depth >= 2 || !is_offset(entry, kind)) return true;
    entry->directory = calloc(1, sizeof *entry->directory);
    return entry->directory != NULL && read_directory(reader, number(kind, value, unit), selection,
                                                      depth + 1, entry->directory);
  }
  if (unit == 0 || entry->count == 0 || entry->count > reader->left / unit) return true;
  const size_t size = (size_t)entry->count * unit;
  if (size <= inline_size) return image_bytes_copy(&entry->value, value, size);
  unsigned char *read = malloc(size);
  if (read == NULL) return false;
  if (!read_at(reader, number(kind, value, inline_size), read, size)) {
    free(read);
    return true;
  }
  reader->left -= size;
  entry->value = (image_bytes){.data = read, .size = size};
  return true;
}

static bool read_directory(reader *reader, uint64_t offset, tiff_selection selection, int depth,
                           tiff_directory *directory) {
  const tiff_kind kind = reader->kind;
  unsigned char length[8];
  if (!read_at(reader, offset, length, length_size(kind))) return true;
  const uint64_t count = number(kind, length, length_size(kind));
  if (count == 0 || count > maximum_entries) return true;
  const size_t size = (size_t)count * entry_size(kind);
  if (size > reader->left) return true;
  reader->left -= size;
  unsigned char *table = malloc(size);
  directory->entries = calloc((size_t)count, sizeof *directory->entries);
  bool has_memory = table != NULL && directory->entries != NULL;
  if (has_memory && read_at(reader, offset + length_size(kind), table, size))
    for (size_t i = 0; i < count && has_memory; i++) {
      tiff_entry *entry = &directory->entries[directory->count];
      has_memory = read_entry(reader, table + i * entry_size(kind), selection, depth, entry);
      if (entry->value.data != NULL || entry->directory != NULL) directory->count++;
      if (entry->directory != NULL && entry->directory->count == 0 && has_memory) {
        free(entry->directory->entries);
        free(entry->directory);
        directory->count--;
      }
    }
  free(table);
  return has_memory;
}

bool tiff_directory_read(FILE *file, tiff_kind kind, uint64_t offset, tiff_selection selection,
                         tiff_directory *directory, bool *is_cut) {
  *directory = (tiff_directory){0};
  reader reader = {.file = file, .kind = kind, .left = maximum_bytes};
  if (selection == TIFF_ALL) reader.left = SIZE_MAX;
  const bool has_memory = read_directory(&reader, offset, selection, 0, directory);
  *is_cut = reader.is_cut;
  if (!has_memory) tiff_directory_free(directory);
  return has_memory;
}

void tiff_directory_free(tiff_directory *directory) {
  for (size_t i = 0; i < directory->count; i++) {
    free(directory->entries[i].value.data);
    if (directory->entries[i].directory != NULL) {
      tiff_directory_free(directory->entries[i].directory);
      free(directory->entries[i].directory);
    }
  }
  free(directory->entries);
  *directory = (tiff_directory){0};
}

/* ---- Changing -------------------------------------------------------------------------------- */

static void remove_at(tiff_directory *directory, size_t index) {
  directory->count--;
  memmove(directory->entries + index, directory->entries + index + 1,
          (directory->count - index) * sizeof directory->entries[0]);
}

bool tiff_directory_take(tiff_directory *directory, uint16_t tag, tiff_entry *entry) {
  for (size_t i = 0; i < directory->count; i++) {
    if (directory->entries[i].tag != tag) continue;
    *entry = directory->entries[i];
    remove_at(directory, i);
    return true;
  }
  return false;
}

/* Whether maker notes count their offsets from their own start, or have none (exiftool's
 * MakerNotes.pm, Base). */
static bool is_movable(const image_bytes *note) {
  static const struct {
    const char *start;
    size_t size;
  } makers[] = {{"Nikon\0\2", 7}, {"FUJIFILM", 8},  {"OLYMPUS", 7}, {"OM SYSTEM", 9},
                {"Apple iOS", 9}, {"PENTAX ", 7}};
  for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
    if (note->size >= makers[i].size && memcmp(note->data, makers[i].start, makers[i].size) == 0)
      return true;
  return false;
}

bool tiff_directory_drop_maker_notes(tiff_directory *directory) {
  bool is_dropped = false;
  for (size_t i = 0; i < directory->count; i++) {
    tiff_directory *inner = directory->entries[i].directory;
    if (inner == NULL || directory->entries[i].tag != exif_tag) continue;
    for (size_t k = inner->count; k-- > 0;) {
      image_bytes *note = &inner->entries[k].value;
      if (inner->entries[k].tag != maker_note_tag || note->data == NULL || is_movable(note))
        continue;
      free(note->data);
      remove_at(inner, k);
      is_dropped = true;
    }
  }
  return is_dropped;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The end of a stream, where something may begin: at an even offset (TIFF 6.0, section 2). */
static bool seek_end(FILE *file, uint64_t *offset) {
  if (fseeko(file, 0, SEEK_END) != 0) return false;
  const off_t end = ftello(file);
  if (end < 0 || (end % 2 != 0 && fputc(0, file) == EOF)) return false;
  *offset = (uint64_t)(end + end % 2);
  return true;
}

/* Writes what an entry points to, and fills its bytes. */
static bool append_entry(FILE *file, tiff_kind kind, const tiff_entry *entry,
                         unsigned char *bytes) {
  const size_t inline_size = offset_size(kind);
  unsigned char *value = bytes + 4 + inline_size;
  set_number(kind, bytes, 2, entry->tag);
  if (entry->directory != NULL) {
    uint64_t offset;
    if (!tiff_directory_append(file, kind, entry->directory, &offset)) return false;
    set_number(kind, bytes + 2, 2, kind.is_big ? big_long_type : long_type);
    set_number(kind, bytes + 4, inline_size, 1);
    set_number(kind, value, inline_size, offset);
    return true;
  }
  set_number(kind, bytes + 2, 2, entry->type);
  set_number(kind, bytes + 4, inline_size, entry->count);
  if (entry->value.size <= inline_size) {
    memcpy(value, entry->value.data, entry->value.size);
    return true;
  }
  uint64_t offset;
  if (!seek_end(file, &offset)) return false;
  set_number(kind, value, inline_size, offset);
  return fwrite(entry->value.data, 1, entry->value.size, file) == entry->value.size;
}

bool tiff_directory_append(FILE *file, tiff_kind kind, const tiff_directory *directory,
                           uint64_t *offset) {
  const size_t before = length_size(kind), each = entry_size(kind);
  const size_t size = before + directory->count * each + offset_size(kind);
  unsigned char *table = calloc(1, size);
  if (table == NULL) return false;
  set_number(kind, table, before, directory->count);
  bool is_written = true;
  for (size_t i = 0; i < directory->count && is_written; i++)
    is_written = append_entry(file, kind, &directory->entries[i], table + before + i * each);
  is_written =
      is_written && seek_end(file, offset) && fwrite(table, 1, size, file) == size;
  free(table);
  return is_written;
}

/* Bytes of a number in a value: half of a rational. */
static size_t number_size(uint16_t type) {
  const bool is_rational = type == 5 || type == 10;
  return is_rational ? 4 : type_size(type);
}

void tiff_directory_swap(const tiff_directory *directory) {
  for (size_t i = 0; i < directory->count; i++) {
    const tiff_entry *entry = &directory->entries[i];
    if (entry->directory != NULL) tiff_directory_swap(entry->directory);
    /* IPTC calls itself numbers of 32 bits, but is bytes, in their order in either kind of file. */
    const size_t size = entry->tag == iptc_tag ? 1 : number_size(entry->type);
    for (size_t start = 0; size > 1 && start + size <= entry->value.size; start += size)
      for (size_t byte = 0; byte < size / 2; byte++) {
        unsigned char *first = &entry->value.data[start + byte];
        unsigned char *last = &entry->value.data[start + size - 1 - byte];
        const unsigned char kept = *first;
        *first = *last;
        *last = kept;
      }
  }
}

static int by_tag(const void *first, const void *second) {
  return ((const tiff_entry *)first)->tag - ((const tiff_entry *)second)->tag;
}

bool tiff_directory_merge(tiff_directory *directory, tiff_directory *added) {
  const size_t count = directory->count + added->count;
  if (count == 0) return true;
  tiff_entry *entries = realloc(directory->entries, count * sizeof *entries);
  if (entries == NULL) return false;
  directory->entries = entries;
  const size_t own = directory->count;
  for (size_t i = 0; i < added->count; i++) {
    bool is_there = false;
    for (size_t j = 0; j < own && !is_there; j++)
      is_there = entries[j].tag == added->entries[i].tag;
    if (is_there) continue;
    entries[directory->count++] = added->entries[i];
    added->entries[i].value = (image_bytes){0};
    added->entries[i].directory = NULL;
  }
  /* Ascending (TIFF 6.0, section 2). */
  qsort(entries, directory->count, sizeof *entries, by_tag);
  return true;
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* Where a stream's header has the offset of the first directory. */
static long first_directory_position(tiff_kind kind) { return kind.is_big ? 8 : 4; }

static bool read_number(FILE *file, tiff_kind kind, uint64_t place, size_t size, uint64_t *value) {
  unsigned char bytes[8];
  if (place > INT64_MAX || fseeko(file, (off_t)place, SEEK_SET) != 0 ||
      fread(bytes, 1, size, file) != size)
    return false;
  *value = number(kind, bytes, size);
  return true;
}

bool tiff_first_directory(FILE *file, tiff_kind kind, uint64_t *offset) {
  return read_number(file, kind, (uint64_t)first_directory_position(kind), offset_size(kind),
                     offset);
}

bool tiff_last_directory(FILE *file, tiff_kind kind, uint64_t *offset, uint64_t *place) {
  *place = (uint64_t)first_directory_position(kind);
  if (!tiff_first_directory(file, kind, offset)) return false;
  while (true) {
    uint64_t count, next;
    if (!read_number(file, kind, *offset, length_size(kind), &count)) return false;
    const uint64_t link = *offset + length_size(kind) + count * entry_size(kind);
    if (!read_number(file, kind, link, offset_size(kind), &next)) return false;
    if (next == 0) return true;
    *place = link;
    *offset = next;
  }
}

bool tiff_set_offset(FILE *file, tiff_kind kind, uint64_t place, uint64_t offset) {
  unsigned char bytes[8];
  set_number(kind, bytes, offset_size(kind), offset);
  return fseeko(file, (off_t)place, SEEK_SET) == 0 &&
         fwrite(bytes, 1, offset_size(kind), file) == offset_size(kind);
}

bool tiff_stream_of(const tiff_directory *directory, tiff_kind kind, image_bytes *stream) {
  kind.is_big = false;
  char *data = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&data, &size);
  if (file == NULL) return false;
  unsigned char header[8] = {0};
  memcpy(header, kind.big_endian ? "MM" : "II", 2);
  set_number(kind, header + 2, 2, 42);
  uint64_t offset = 0;
  bool is_written = fwrite(header, 1, sizeof header, file) == sizeof header &&
                    tiff_directory_append(file, kind, directory, &offset);
  is_written = fclose(file) == 0 && is_written;
  if (is_written) {
    set_number(kind, (unsigned char *)data + first_directory_position(kind), 4, offset);
    is_written = image_bytes_copy(stream, data, size);
  }
  free(data);
  return is_written;
}
