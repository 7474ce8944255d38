/* photoshop.c: what Photoshop keeps in a file beside its pixels, of which two things matter here:
 * the IPTC record, which archives live by, and the thumbnail, which shows the picture before.
 *
 * C, because jpeg.c and tiff.c are. A resource is "8BIM", a number (2 bytes), a name whose first
 * byte is its length, padded to an even size with it, the size of its data (4 bytes) and these,
 * padded to an even size (Photoshop File Formats, Image Resource Blocks). Big-endian.
 */
#include <stdlib.h>
#include <string.h>

#include "toolbox.h"

static const char mark[] = "8BIM";

enum {
  mark_size = sizeof mark - 1,
  iptc_resource = 0x0404,
  old_thumbnail = 0x0409,
  thumbnail = 0x040c
};

typedef struct resource {
  unsigned number;
  size_t start, data, size, end; /* from its mark; of its data; to the next one */
} resource;

/* The resource at a place; false: there is none that is whole. */
static bool read_resource(const image_bytes *bytes, size_t start, resource *found) {
  if (start > bytes->size || bytes->size - start < mark_size + 4 ||
      memcmp(bytes->data + start, mark, mark_size) != 0)
    return false;
  const unsigned char *number = bytes->data + start + mark_size;
  const size_t name = (number[2] + 2u) & ~1u;
  const size_t place = start + mark_size + 2 + name;
  if (place > bytes->size || bytes->size - place < 4) return false;
  const unsigned char *size = bytes->data + place;
  *found = (resource){
      .number = (unsigned)(number[0] << 8 | number[1]), .start = start, .data = place + 4};
  for (int byte = 0; byte < 4; byte++) found->size = found->size << 8 | size[byte];
  if (found->size > bytes->size - found->data) return false;
  const size_t padded = found->size + found->size % 2;
  found->end = padded > bytes->size - found->data ? bytes->size : found->data + padded;
  return true;
}

bool photoshop_iptc(const image_bytes *bytes, size_t start, image_bytes *iptc) {
  resource one;
  for (size_t place = start; read_resource(bytes, place, &one); place = one.end)
    if (one.number == iptc_resource && one.size > 0)
      return image_bytes_copy(iptc, bytes->data + one.data, one.size);
  return true;
}

bool photoshop_drop_thumbnail(image_bytes *bytes, size_t start) {
  resource one;
  bool is_found = false;
  size_t place = start;
  while (read_resource(bytes, place, &one)) {
    place = one.end;
    if (one.number != thumbnail && one.number != old_thumbnail) continue;
    memmove(bytes->data + one.start, bytes->data + one.end, bytes->size - one.end);
    bytes->size -= one.end - one.start;
    place = one.start;
    is_found = true;
  }
  return is_found;
}

bool photoshop_of_iptc(const image_bytes *iptc, image_bytes *bytes) {
  const size_t size = mark_size + 2 + 2 + 4 + iptc->size + iptc->size % 2;
  unsigned char *data = calloc(1, size + 1);
  if (data == NULL) return false;
  memcpy(data, mark, mark_size);
  unsigned char *next = data + mark_size;
  *next++ = iptc_resource >> 8;
  *next++ = iptc_resource & 0xff;
  next += 2; /* no name */
  for (int byte = 3; byte >= 0; byte--) *next++ = (unsigned char)(iptc->size >> (8 * byte));
  memcpy(next, iptc->data, iptc->size);
  free(bytes->data);
  *bytes = (image_bytes){.data = data, .size = size};
  return true;
}
