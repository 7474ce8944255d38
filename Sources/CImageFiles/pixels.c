/* pixels.c: what is done to the pixels of every format once they are read: rounding to 8 bits, and
 * turning.
 *
 * C, because the formats are, whose memory this is.
 */
#include <stdlib.h>
#include <string.h>

#include "toolbox.h"

void image_take_pixels(image_file *image, image_file *other) {
  free(image->pixels);
  image->pixels = other->pixels;
  image->row_bytes = other->row_bytes;
  image->width = other->width;
  image->height = other->height;
  image->channels = other->channels;
  image->sample_bytes = other->sample_bytes;
  other->pixels = NULL;
}

/* ---- Depth ----------------------------------------------------------------------------------- */

/* A sample of `bytes` bytes, rounded to 8 bits. */
static unsigned char rounded(const unsigned char *sample, int bytes) {
  if (bytes == 1) return *sample;
  if (bytes == 2) {
    uint16_t value;
    memcpy(&value, sample, sizeof value);
    return (unsigned char)((value + 128) / 257);
  }
  float value;
  memcpy(&value, sample, sizeof value);
  /* What is not a number is not above 0. */
  return value > 0 ? (unsigned char)(value < 1 ? value * 255 + 0.5f : 255) : 0;
}

bool image_round_to_8_bits(image_file *image, const image_file_reading *reading,
                            char *message) {
  if (image->sample_bytes == 1 && image->channels != 2) return true;
  image_file small = {0};
  const int channels = image->channels == 2 ? 4 : image->channels;
  const image_shape shape = {image->width, image->height, channels, 1, 0};
  if (!image_allocate(&small, &shape, reading, message)) return false;
  const int bytes = image->sample_bytes;
  for (uint32_t y = 0; y < image->height; y++) {
    const unsigned char *from = image->pixels + y * image->row_bytes;
    unsigned char *to = small.pixels + y * small.row_bytes;
    for (uint32_t x = 0; x < image->width; x++, from += image->channels * bytes, to += channels)
      for (int channel = 0; channel < channels; channel++) {
        const int source = image->channels == 2 ? channel / 3 : channel;
        to[channel] = rounded(from + source * bytes, bytes);
      }
  }
  image_take_pixels(image, &small);
  return true;
}

/* ---- Orientation ----------------------------------------------------------------------------- */

bool image_turn(image_file *image, int orientation, const image_file_reading *reading,
                char *message) {
  const bool swaps_sides = orientation >= 5;
  image_file turned = {0};
  const image_shape shape = {swaps_sides ? image->height : image->width,
                             swaps_sides ? image->width : image->height, image->channels,
                             image->sample_bytes, 0};
  if (!image_allocate(&turned, &shape, reading, message)) return false;

  /* The first pixel's place, and the way from a pixel's place to that of the next one in its row
   * and in its column. */
  const ptrdiff_t pixel = image->channels * image->sample_bytes, row = (ptrdiff_t)turned.row_bytes;
  const bool mirrored =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool upside_down =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const ptrdiff_t across = mirrored ? -pixel : pixel, down = upside_down ? -row : row;
  unsigned char *origin = turned.pixels + (mirrored ? (ptrdiff_t)(turned.width - 1) * pixel : 0) +
                          (upside_down ? (ptrdiff_t)(turned.height - 1) * row : 0);
  const ptrdiff_t step_x = swaps_sides ? down : across, step_y = swaps_sides ? across : down;

  /* By blocks: where rows become columns, a block's places stay in the cache. */
  const uint32_t block = 32;
  for (uint32_t top = 0; top < image->height; top += block)
    for (uint32_t left = 0; left < image->width; left += block)
      for (uint32_t y = top; y < image->height && y < top + block; y++)
        for (uint32_t x = left; x < image->width && x < left + block; x++) {
          const unsigned char *from =
              image->pixels + y * image->row_bytes + (size_t)x * (size_t)pixel;
          unsigned char *to = origin + (ptrdiff_t)x * step_x + (ptrdiff_t)y * step_y;
          for (ptrdiff_t byte = 0; byte < pixel; byte++) to[byte] = from[byte];
        }

  image_take_pixels(image, &turned);
  if (swaps_sides) {
    const double density_x = image->metadata->density_x;
    image->metadata->density_x = image->metadata->density_y;
    image->metadata->density_y = density_x;
  }
  return true;
}
