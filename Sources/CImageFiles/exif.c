/* exif.c: the little of EXIF and XMP that coloring a picture changes, its orientation, size and
 * thumbnail, and the density, which other formats have a place of their own for.
 *
 * C, because png.c and jpeg.c are. Every offset comes from the file and is checked before it is
 * used: EXIF is a TIFF stream, whose first directory (IFD0) holds the orientation and whose second
 * (IFD1) is the thumbnail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolbox.h"

enum {
  orientation_tag = 0x0112,
  software_tag = 0x0131,
  ascii_type = 2,
  short_type = 3,
  long_type = 4,
  rational_type = 5,
  x_resolution_tag = 0x011a,
  y_resolution_tag = 0x011b,
  resolution_unit_tag = 0x0128,
  exif_tag = 0x8769,
  pixel_width_tag = 0xa002,
  pixel_height_tag = 0xa003,
  color_space_tag = 0xa001,
  interoperability_tag = 0xa005,
  interoperability_index_tag = 1,
  compression_tag = 0x0103,
  thumbnail_tag = 0x0201, /* where the JPEG is */
  thumbnail_size_tag = 0x0202,
  srgb_space = 1,
  other_space = 0xffff,
  entry_size = 12, /* tag (2), type (2), count (4), value (4) */
  maximum_entries = 4096,
  /* That a JPEG takes: a segment, without its length and "Exif". */
  largest_exif = 65533 - 6,
};

typedef struct tiff {
  unsigned char *data;
  size_t size;
  bool big_endian;
} tiff;

static bool holds(const tiff *file, size_t offset, size_t count) {
  return offset <= file->size && count <= file->size - offset;
}

static uint32_t number(const tiff *file, size_t offset, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; i++) {
    const size_t position = file->big_endian ? i : bytes - 1 - i;
    value = value << 8 | file->data[offset + position];
  }
  return value;
}

static void set_number(const tiff *file, size_t offset, size_t bytes, uint32_t value) {
  for (size_t i = 0; i < bytes; i++) {
    const size_t position = file->big_endian ? bytes - 1 - i : i;
    file->data[offset + position] = (unsigned char)(value >> (8 * i));
  }
}

/* The thumbnail's bytes go, too, where they end the stream, as they usually do: a JPEG has no room for two. */
static void cut_thumbnail(image_bytes *exif, const tiff *file, size_t directory) {
  if (!holds(file, directory, 2)) return;
  const size_t entries = number(file, directory, 2), end = directory + 2 + entries * entry_size;
  size_t start = 0, size = 0;
  for (size_t i = 0; i < entries && holds(file, directory + 2 + i * entry_size, entry_size); i++) {
    const size_t entry = directory + 2 + i * entry_size;
    const uint32_t tag = number(file, entry, 2);
    if (tag == thumbnail_tag) start = number(file, entry + 8, 4);
    if (tag == thumbnail_size_tag) size = number(file, entry + 8, 4);
  }
  if (start >= end && holds(file, start, size) && file->size - start - size <= 1) exif->size = start;
}

bool exif_normalise(image_bytes *exif, int *orientation, bool *has_thumbnail) {
  *orientation = 1;
  tiff file = {.data = exif->data, .size = exif->size};
  if (!holds(&file, 0, 8)) return false;
  file.big_endian = memcmp(file.data, "MM\0*", 4) == 0;
  if (!file.big_endian && memcmp(file.data, "II*\0", 4) != 0) return false;

  const size_t directory = number(&file, 4, 4);
  if (!holds(&file, directory, 2)) return true;
  const size_t entries = number(&file, directory, 2);
  for (size_t i = 0; i < entries; i++) {
    const size_t entry = directory + 2 + i * entry_size;
    if (!holds(&file, entry, entry_size)) return true;
    if (number(&file, entry, 2) != orientation_tag) continue;
    const uint32_t type = number(&file, entry + 2, 2);
    if (type != short_type && type != long_type) continue;
    const size_t bytes = type == short_type ? 2 : 4;
    const uint32_t value = number(&file, entry + 8, bytes);
    if (value >= 1 && value <= 8) *orientation = (int)value;
    set_number(&file, entry + 8, bytes, 1);
  }
  const size_t next_directory = directory + 2 + entries * entry_size;
  if (!holds(&file, next_directory, 4)) return true;
  const size_t thumbnail = number(&file, next_directory, 4);
  set_number(&file, next_directory, 4, 0);
  if (thumbnail == 0) return true;
  *has_thumbnail = true;
  if (thumbnail > next_directory) cut_thumbnail(exif, &file, thumbnail);
  return true;
}

void exif_drop_offset(image_bytes *exif) {
  const tiff file = {.data = exif->data, .size = exif->size, .big_endian = true};
  if (!holds(&file, 0, 4)) return;
  const size_t more = number(&file, 0, 4);
  const size_t offset = holds(&file, 4, more) ? 4 + more : exif->size;
  exif->size -= offset;
  memmove(exif->data, exif->data + offset, exif->size);
}

void xmp_reset_orientation(image_bytes *xmp) {
  static const char name[] = "tiff:Orientation";
  const size_t length = sizeof name - 1;
  for (size_t i = 0; i + length + 3 <= xmp->size; i++) {
    if (memcmp(xmp->data + i, name, length) != 0) continue;
    /* An attribute, ="6" or ='6', or an element, >6<. */
    unsigned char *value = xmp->data + i + length;
    if (*value == '=') value++;
    const bool opens = *value == '"' || *value == '\'' || *value == '>';
    if (opens && value + 1 < xmp->data + xmp->size && value[1] >= '1' && value[1] <= '8')
      value[1] = '1';
  }
}

static size_t find(const image_bytes *bytes, size_t from, const char *text) {
  const size_t length = strlen(text);
  for (size_t i = from; i + length <= bytes->size; i++)
    if (memcmp(bytes->data + i, text, length) == 0) return i;
  return SIZE_MAX;
}

/* Blanks out an attribute, name="value", or an element, <name ...>...</name>; true if there was one. */
static bool blank_out(image_bytes *xmp, const char *name) {
  bool is_found = false;
  const size_t length = strlen(name);
  for (size_t at = find(xmp, 0, name); at != SIZE_MAX; at = find(xmp, at + length, name)) {
    size_t start = at, end = at + length;
    if (at > 0 && xmp->data[at - 1] == '<') {
      char close[64];
      snprintf(close, sizeof close, "</%s>", name);
      start = at - 1;
      end = find(xmp, at, close);
      if (end == SIZE_MAX) break; /* nor do those behind it end */
      end += strlen(close);
    } else {
      if (end + 2 > xmp->size || xmp->data[end] != '=') continue;
      const unsigned char quote = xmp->data[end + 1];
      if (quote != '"' && quote != '\'') continue;
      end += 2;
      while (end < xmp->size && xmp->data[end] != quote) end++;
      if (end == xmp->size) break;
      end++;
    }
    memset(xmp->data + start, ' ', end - start);
    is_found = true;
  }
  return is_found;
}

bool xmp_drop_other_pictures(image_bytes *xmp) {
  /* Ultra HDR 1.1 and Apple's gain maps; Motion Photo 1.0 and what was before it. */
  static const char *const names[] = {
      "hdrgm:Version",
      "HDRGainMap:HDRGainMapVersion",
      "Container:Directory",
      "GCamera:MotionPhoto",
      "GCamera:MotionPhotoVersion",
      "GCamera:MotionPhotoPresentationTimestampUs",
      "GCamera:MicroVideo",
      "GCamera:MicroVideoVersion",
      "GCamera:MicroVideoOffset",
      "GCamera:MicroVideoPresentationTimestampUs",
  };
  bool is_found = false;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    is_found = blank_out(xmp, names[i]) || is_found;
  return is_found;
}

bool xmp_drop_thumbnails(image_bytes *xmp) {
  const bool has_old = blank_out(xmp, "xap:Thumbnails");
  return blank_out(xmp, "xmp:Thumbnails") || has_old;
}

/* ---- What EXIF says of the picture ----------------------------------------------------------- */

/* The entry of a tag in a directory; 0: there is none. */
static size_t entry_of(const tiff *file, size_t directory, uint32_t tag) {
  if (!holds(file, directory, 2)) return 0;
  const size_t entries = number(file, directory, 2);
  for (size_t i = 0; i < entries; i++) {
    const size_t entry = directory + 2 + i * entry_size;
    if (!holds(file, entry, entry_size)) return 0;
    if (number(file, entry, 2) == tag) return entry;
  }
  return 0;
}

static bool open_exif(const image_bytes *exif, tiff *file, size_t *directory) {
  *file = (tiff){.data = exif->data, .size = exif->size};
  if (!holds(file, 0, 8)) return false;
  file->big_endian = memcmp(file->data, "MM", 2) == 0;
  *directory = number(file, 4, 4);
  return true;
}

/* A rational above 0; 0: there is none. */
static double rational(const tiff *file, size_t entry) {
  if (entry == 0 || number(file, entry + 2, 2) != rational_type) return 0;
  const size_t place = number(file, entry + 8, 4);
  if (!holds(file, place, 8)) return 0;
  const uint32_t above = number(file, place, 4), below = number(file, place + 4, 4);
  return below == 0 ? 0 : (double)above / below;
}

void exif_density(struct image_metadata *metadata) {
  tiff file;
  size_t directory;
  const bool says_nothing =
      metadata->density_unit == IMAGE_DENSITY_NONE ||
      (metadata->density_unit == IMAGE_DENSITY_RATIO &&
       metadata->density_x == metadata->density_y);
  if (!says_nothing || !open_exif(&metadata->exif, &file, &directory)) return;
  const double x = rational(&file, entry_of(&file, directory, x_resolution_tag));
  const double y = rational(&file, entry_of(&file, directory, y_resolution_tag));
  if (!(x > 0 && y > 0 && x <= IMAGE_DENSITY_MAXIMUM && y <= IMAGE_DENSITY_MAXIMUM)) return;
  const size_t unit = entry_of(&file, directory, resolution_unit_tag);
  const bool is_centimetre = unit != 0 && number(&file, unit + 8, 2) == 3;
  metadata->density_unit = is_centimetre ? IMAGE_DENSITY_PER_CENTIMETRE : IMAGE_DENSITY_PER_INCH;
  metadata->density_x = x;
  metadata->density_y = y;
}

void exif_set_size(image_bytes *exif, uint32_t width, uint32_t height) {
  tiff file;
  size_t directory;
  if (!open_exif(exif, &file, &directory)) return;
  const size_t pointer = entry_of(&file, directory, exif_tag);
  if (pointer == 0) return;
  const size_t inner = number(&file, pointer + 8, 4);
  const struct {
    uint32_t tag, value;
  } sides[] = {{pixel_width_tag, width}, {pixel_height_tag, height}};
  for (size_t i = 0; i < 2; i++) {
    const size_t entry = entry_of(&file, inner, sides[i].tag);
    if (entry == 0) continue;
    const uint32_t type = number(&file, entry + 2, 2);
    if (type == long_type) set_number(&file, entry + 8, 4, sides[i].value);
    else if (type == short_type && sides[i].value <= 0xffff)
      set_number(&file, entry + 8, 2, sides[i].value);
  }
}

/* The entries of the color space and of the index that says more of it; 0: there is none. */
static void color_space_entries(const tiff *file, size_t directory, size_t *space, size_t *index) {
  *space = *index = 0;
  const size_t inner = entry_of(file, directory, exif_tag);
  if (inner == 0) return;
  const size_t exif = number(file, inner + 8, 4);
  *space = entry_of(file, exif, color_space_tag);
  const size_t more = entry_of(file, exif, interoperability_tag);
  if (more != 0)
    *index = entry_of(file, number(file, more + 8, 4), interoperability_index_tag);
}

bool exif_is_adobe_rgb(const image_bytes *exif) {
  tiff file;
  size_t directory, space, index;
  if (!open_exif(exif, &file, &directory)) return false;
  color_space_entries(&file, directory, &space, &index);
  return space != 0 && number(&file, space + 2, 2) == short_type &&
         number(&file, space + 8, 2) == other_space && index != 0 &&
         memcmp(file.data + index + 8, "R03", 4) == 0;
}

void exif_set_color_space(image_bytes *exif, bool is_srgb) {
  tiff file;
  size_t directory, space, index;
  if (!open_exif(exif, &file, &directory)) return;
  color_space_entries(&file, directory, &space, &index);
  if (space != 0 && number(&file, space + 2, 2) == short_type)
    set_number(&file, space + 8, 2, is_srgb ? srgb_space : other_space);
  /* No longer Adobe RGB, whatever it is. */
  if (index != 0 && memcmp(file.data + index + 8, "R03", 4) == 0)
    memcpy(file.data + index + 8, "R98", 4);
}

/* ---- Thumbnail ------------------------------------------------------------------------------- */

bool exif_add_thumbnail(image_bytes *exif, const image_bytes *jpeg) {
  /* A directory of one entry, the orientation. */
  static const unsigned char empty[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3,
                                        0,   1,   0,  0, 0, 1, 0, 0, 0, 0, 0,    0, 0};
  enum { per_inch = 2, jpeg_compression = 6, density = 72, entries = 6, rational_size = 8 };
  const tiff old = exif->size == 0 ? (tiff){.data = (unsigned char *)empty, .size = sizeof empty}
                                   : (tiff){.data = exif->data, .size = exif->size};
  if (!holds(&old, 0, 8)) return false;
  tiff file = old;
  file.big_endian = memcmp(file.data, "MM", 2) == 0;
  const size_t first = number(&file, 4, 4);
  if (!holds(&file, first, 2)) return false;
  const size_t link = first + 2 + number(&file, first, 2) * entry_size;
  if (!holds(&file, link, 4)) return false;

  /* The directory, the densities, and the picture. */
  const size_t place = file.size + file.size % 2, values = place + 2 + entries * entry_size + 4;
  const size_t picture = values + 2 * rational_size, end = picture + jpeg->size;
  if (end > largest_exif) return false;
  unsigned char *data = calloc(1, end + 1);
  if (data == NULL) return false;
  memcpy(data, file.data, file.size);
  file = (tiff){.data = data, .size = end, .big_endian = file.big_endian};
  const struct {
    uint32_t tag, type, value;
  } all[entries] = {{compression_tag, short_type, jpeg_compression},
                    {x_resolution_tag, rational_type, (uint32_t)values},
                    {y_resolution_tag, rational_type, (uint32_t)values + rational_size},
                    {resolution_unit_tag, short_type, per_inch},
                    {thumbnail_tag, long_type, (uint32_t)picture},
                    {thumbnail_size_tag, long_type, (uint32_t)jpeg->size}};
  set_number(&file, link, 4, (uint32_t)place);
  set_number(&file, place, 2, entries);
  for (size_t i = 0; i < entries; i++) {
    const size_t entry = place + 2 + i * entry_size;
    set_number(&file, entry, 2, all[i].tag);
    set_number(&file, entry + 2, 2, all[i].type);
    set_number(&file, entry + 4, 4, 1);
    set_number(&file, entry + 8, all[i].type == short_type ? 2 : 4, all[i].value);
  }
  for (size_t value = values; value < picture; value += rational_size) {
    set_number(&file, value, 4, density);
    set_number(&file, value + 4, 4, 1);
  }
  memcpy(data + picture, jpeg->data, jpeg->size);
  free(exif->data);
  *exif = (image_bytes){.data = data, .size = end};
  return true;
}

/* ---- Software -------------------------------------------------------------------------------- */

bool exif_set_software(image_bytes *exif, const char *software) {
  static const unsigned char empty[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const tiff old = exif->size == 0 ? (tiff){.data = (unsigned char *)empty, .size = sizeof empty}
                                   : (tiff){.data = exif->data, .size = exif->size};
  if (!holds(&old, 0, 8)) return true;
  tiff file = old;
  file.big_endian = memcmp(file.data, "MM", 2) == 0;
  const size_t directory = number(&file, 4, 4);
  if (!holds(&file, directory, 2)) return true;
  const size_t entries = number(&file, directory, 2);
  if (entries > maximum_entries || !holds(&file, directory + 2, entries * entry_size)) return true;

  /* The text, and behind it the directory, both at even offsets (TIFF 6.0, section 2). */
  const size_t length = strlen(software) + 1;
  const size_t text = file.size + file.size % 2, place = text + length + length % 2;
  const size_t end = place + 2 + (entries + 1) * entry_size + 4;
  if (end > largest_exif) return true;
  unsigned char *data = calloc(1, end + 1);
  if (data == NULL) return false;
  memcpy(data, file.data, file.size);
  memcpy(data + text, software, length);
  file.data = data;
  file.size = end;

  size_t to = place + 2, count = 0;
  bool is_added = false;
  for (size_t i = 0; i <= entries; i++) {
    const size_t from = directory + 2 + i * entry_size;
    const uint32_t tag = i < entries ? number(&file, from, 2) : 0x10000;
    /* Ascending. */
    if (!is_added && tag >= software_tag) {
      set_number(&file, to, 2, software_tag);
      set_number(&file, to + 2, 2, ascii_type);
      set_number(&file, to + 4, 4, (uint32_t)length);
      if (length > 4) set_number(&file, to + 8, 4, (uint32_t)text);
      else memcpy(data + to + 8, software, length);
      to += entry_size;
      count++;
      is_added = true;
    }
    if (i == entries || tag == software_tag) continue;
    memcpy(data + to, data + from, entry_size);
    to += entry_size;
    count++;
  }
  set_number(&file, place, 2, (uint32_t)count);
  set_number(&file, 4, 4, (uint32_t)place);
  free(exif->data);
  /* There is no second directory: its thumbnail is cut off. */
  *exif = (image_bytes){.data = data, .size = to + 4};
  return true;
}
