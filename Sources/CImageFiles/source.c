/* source.c: the bytes of a file of which the first ones have been looked at.
 *
 * C, because the formats are, which read it.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"

size_t image_source_read(image_source *source, void *bytes, size_t size) {
  const size_t left = source->start_size - source->start_used;
  const size_t first = size < left ? size : left;
  memcpy(bytes, source->start + source->start_used, first);
  source->start_used += first;
  size_t taken = first;
  if (first < size) taken += fread((unsigned char *)bytes + first, 1, size - first, source->file);
  if (source->hash != NULL) image_hash_add(source->hash, bytes, taken);
  return taken;
}

bool image_source_all(image_source *source, image_bytes *bytes, char *message) {
  const size_t largest = (size_t)IMAGE_FILE_MAXIMUM_MEGABYTES << 20;
  const image_file_stop stop = source->reading->stop;
  size_t room = 0, count = 1;
  *bytes = (image_bytes){0};
  while (count > 0 && (stop == NULL || !stop())) {
    if (bytes->size == room) {
      room = room == 0 ? 1 << 16 : 2 * room;
      unsigned char *data = room <= largest ? realloc(bytes->data, room) : NULL;
      if (data == NULL) {
        image_say(message, "is a file of more than %llu MB, which is more than is read, or than there is memory for",
                  (unsigned long long)(bytes->size >> 20));
        break;
      }
      bytes->data = data;
    }
    count = image_source_read(source, bytes->data + bytes->size, room - bytes->size);
    bytes->size += count;
  }
  if (count == 0 && !ferror(source->file)) return true;
  if (ferror(source->file)) image_say_errno(message, "cannot be read");
  free(bytes->data);
  *bytes = (image_bytes){0};
  return false;
}
