/* source.c: the bytes of a file of which the first ones have been looked at.
 *
 * C, because the formats are, which read it.
 */
#include <string.h>

#include "format.h"

size_t image_source_read(image_source *source, void *bytes, size_t size) {
  const size_t left = source->start_size - source->start_used;
  const size_t first = size < left ? size : left;
  memcpy(bytes, source->start + source->start_used, first);
  source->start_used += first;
  if (first == size) return size;
  return first + fread((unsigned char *)bytes + first, 1, size - first, source->file);
}
