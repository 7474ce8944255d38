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

/* ---- Size ------------------------------------------------------------------------------------ */

static double sample_of(const unsigned char *pixels, size_t index, int bytes) {
  if (bytes == 1) return pixels[index];
  if (bytes == 2) {
    uint16_t value;
    memcpy(&value, pixels + 2 * index, sizeof value);
    return value;
  }
  float value;
  memcpy(&value, pixels + 4 * index, sizeof value);
  return value;
}

static void set_sample(unsigned char *pixels, size_t index, int bytes, double value) {
  if (bytes == 1) {
    pixels[index] = (unsigned char)(value + 0.5);
  } else if (bytes == 2) {
    const uint16_t rounded_value = (uint16_t)(value + 0.5);
    memcpy(pixels + 2 * index, &rounded_value, sizeof rounded_value);
  } else {
    const float exact = (float)value;
    memcpy(pixels + 4 * index, &exact, sizeof exact);
  }
}

/* Adds a row, or a part of its height, to sums [width, channels]: colors times alpha, if there is alpha. */
static void add_row(const image_file *image, uint32_t y, double weight, double *sums) {
  const unsigned char *row = image->pixels + y * image->row_bytes;
  const size_t channels = (size_t)image->channels;
  const bool has_alpha = channels % 2 == 0;
  for (size_t x = 0; x < image->width; x++) {
    const size_t start = x * channels;
    const double alpha =
        has_alpha ? sample_of(row, start + channels - 1, image->sample_bytes) : 1;
    for (size_t i = 0; i < channels; i++) {
      const bool is_alpha = has_alpha && i == channels - 1;
      const double value = is_alpha ? 1 : sample_of(row, start + i, image->sample_bytes);
      sums[start + i] += weight * alpha * value;
    }
  }
}

/* Makes a row of the smaller picture from the sums of the rows that it covers. */
static void shrink_row(const image_file *image, const double *sums, double height,
                       image_file *small, uint32_t y) {
  unsigned char *row = small->pixels + y * small->row_bytes;
  const size_t channels = (size_t)image->channels;
  const bool has_alpha = channels % 2 == 0;
  const double step = (double)image->width / small->width;
  for (uint32_t x = 0; x < small->width; x++) {
    const double left = x * step, right = x + 1 == small->width ? image->width : left + step;
    double all[4] = {0};
    for (size_t from = (size_t)left; from < image->width && (double)from < right; from++) {
      const double start = (double)from < left ? left : (double)from;
      const double end = (double)from + 1 > right ? right : (double)from + 1;
      for (size_t i = 0; i < channels; i++) all[i] += (end - start) * sums[from * channels + i];
    }
    const double area = height * (right - left);
    for (size_t i = 0; i < channels; i++) {
      const bool is_color = has_alpha && i < channels - 1;
      const double whole = is_color ? all[channels - 1] : area;
      set_sample(row, x * channels + i, image->sample_bytes, whole > 0 ? all[i] / whole : 0);
    }
  }
}

image_file_status image_shrink(image_file *image, const image_file_reading *reading,
                               char *message) {
  const uint32_t longer = image->width > image->height ? image->width : image->height;
  if (reading->maximum_side == 0 || longer <= reading->maximum_side) return IMAGE_FILE_OK;
  const double scale = (double)reading->maximum_side / longer;
  const double width = image->width * scale + 0.5, height = image->height * scale + 0.5;
  const image_shape shape = {width < 1 ? 1 : (uint32_t)width, height < 1 ? 1 : (uint32_t)height,
                             image->channels, image->sample_bytes, 0};
  image_file small = {0};
  if (!image_allocate(&small, &shape, reading, message)) return IMAGE_FILE_FAILED;
  const size_t count = (size_t)image->width * (size_t)image->channels;
  double *sums = malloc(count * sizeof *sums);
  if (sums == NULL) {
    image_say(message, "needs more memory than there is");
    free(small.pixels);
    return IMAGE_FILE_FAILED;
  }
  image_file_status status = IMAGE_FILE_OK;
  const double step = (double)image->height / small.height;
  for (uint32_t y = 0; y < small.height && status == IMAGE_FILE_OK; y++) {
    const double top = y * step, bottom = y + 1 == small.height ? image->height : top + step;
    for (size_t i = 0; i < count; i++) sums[i] = 0;
    for (uint32_t from = (uint32_t)top; from < image->height && from < bottom; from++) {
      const double start = from < top ? top : from, end = from + 1.0 > bottom ? bottom : from + 1.0;
      add_row(image, from, end - start, sums);
    }
    shrink_row(image, sums, bottom - top, &small, y);
    if (reading->stop != NULL && reading->stop()) status = IMAGE_FILE_STOPPED;
  }
  free(sums);
  image_take_pixels(image, &small);
  return status;
}
