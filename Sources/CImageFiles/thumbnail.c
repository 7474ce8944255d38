/* thumbnail.c: the small copy of a picture in its EXIF: the input's shows the picture before, and is made anew.
 *
 * C, because the formats are. Resampling for the network is the engine's; here any few pixels of each part do.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"

enum {
  longer_side = 160, /* EXIF 2.32, 4.5.5: 160 x 120 */
  quality = 85,
  most_samples = 8 /* of a part, in each direction */
};

/* A sample of 8 bits. */
static unsigned level(const unsigned char *sample, int sample_bytes) {
  if (sample_bytes == 1) return *sample;
  if (sample_bytes == 2) {
    uint16_t value;
    memcpy(&value, sample, 2);
    return value / 257u;
  }
  float value;
  memcpy(&value, sample, 4);
  return value > 0 ? value < 1 ? (unsigned)(value * 255 + 0.5f) : 255 : 0;
}

/* The mean of the pixels from (left, top) up to (right, bottom), of many only some. */
static void mean(const image_file *image, const uint32_t left, uint32_t top, uint32_t right,
                 uint32_t bottom, unsigned char pixel[3]) {
  const uint32_t across = (right - left + most_samples - 1) / most_samples;
  const uint32_t down = (bottom - top + most_samples - 1) / most_samples;
  unsigned sums[3] = {0}, count = 0;
  for (uint32_t y = top; y < bottom; y += down)
    for (uint32_t x = left; x < right; x += across, count++) {
      const unsigned char *from = image->pixels + y * image->row_bytes +
                                  (size_t)x * (size_t)(image->channels * image->sample_bytes);
      for (int i = 0; i < 3; i++)
        sums[i] += level(from + i * image->sample_bytes, image->sample_bytes);
    }
  for (int i = 0; i < 3; i++) pixel[i] = (unsigned char)((sums[i] + count / 2) / count);
}

/* Where a part of `parts` begins. */
static uint32_t start_of(uint32_t part, uint32_t parts, uint32_t side) {
  return (uint32_t)((uint64_t)part * side / parts);
}

bool add_thumbnail(image_file *image, char *message) {
  const uint32_t side = image->width > image->height ? image->width : image->height;
  const uint32_t longer = side < longer_side ? side : longer_side;
  const uint32_t width = start_of(image->width, side, longer), height = start_of(image->height, side, longer);
  image_file small = {.width = width > 0 ? width : 1,
                      .height = height > 0 ? height : 1,
                      .channels = 3,
                      .sample_bytes = 1,
                      .quality = quality};
  small.row_bytes = (size_t)small.width * 3;
  small.pixels = malloc(small.row_bytes * small.height);
  if (small.pixels == NULL) return false;
  for (uint32_t y = 0; y < small.height; y++)
    for (uint32_t x = 0; x < small.width; x++)
      mean(image, start_of(x, small.width, image->width), start_of(y, small.height, image->height),
           start_of(x + 1, small.width, image->width), start_of(y + 1, small.height, image->height),
           small.pixels + y * small.row_bytes + (size_t)x * 3);
  image_bytes jpeg = {0};
  const bool is_made = jpeg_thumbnail(&small, &jpeg);
  if (is_made && !exif_add_thumbnail(&image->metadata->exif, &jpeg))
    image_say_too(message, "its thumbnail, for which its EXIF has no room, is left out");
  free(jpeg.data);
  free(small.pixels);
  return is_made;
}
