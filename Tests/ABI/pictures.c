/* Pixels: no byte is read or written but those that a description names, whatever the size, stride
 * and format; and what color they get does not depend on how they lie in memory. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SIDE = 1048576, PATTERN = 0x5A };

static const colorize_format targets[] = {COLORIZE_RGB8,  COLORIZE_RGBA8,    COLORIZE_BGRA8,
                                          COLORIZE_RGB16, COLORIZE_RGBA16,   COLORIZE_RGB_FLOAT,
                                          COLORIZE_RGBA_FLOAT};
enum { TARGETS = sizeof targets / sizeof *targets };

static colorize_model *model;
static colorize_options options;

static void set_up(void) {
  model = default_model();
  options = small_options();
}

/* The bytes from the first pixel to the last one. */
static size_t extent(const colorize_image *image) {
  return (image->height - 1) * image->row_bytes + image->width * bytes_per_pixel(image->format);
}

static uint8_t *row(const colorize_image *image, size_t y) {
  return (uint8_t *)image->pixels + y * image->row_bytes;
}

/* Puts a picture into an image: every channel and pixel different from its neighbours. */
static void draw(const colorize_image *image) {
  size_t bytes = bytes_per_pixel(image->format);
  for (size_t y = 0; y < image->height; y++)
    for (size_t x = 0; x < image->width; x++)
      for (size_t channel = 0; channel < bytes; channel++)
        row(image, y)[x * bytes + channel] =
            (uint8_t)(x * 11 + y * 17 + channel * 60 + (x * y) / 3);
}

/* What a dense picture of this size becomes. */
static uint8_t *expected(uint32_t width, uint32_t height, colorize_format from,
                         colorize_format to) {
  colorize_image in = image(NULL, width, height, from);
  colorize_image out = image(NULL, width, height, to);
  in.pixels = malloc(extent(&in));
  out.pixels = malloc(extent(&out));
  CHECK(in.pixels != NULL && out.pixels != NULL);
  draw(&in);
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  free(in.pixels);
  return out.pixels;
}

/* Checks an output's pixels, and that between its rows there is still the pattern. */
static void check_rows(const colorize_image *out, const uint8_t *dense) {
  size_t used = out->width * bytes_per_pixel(out->format);
  for (size_t y = 0; y < out->height; y++) {
    CHECK_THAT(memcmp(row(out, y), dense + y * used, used) == 0, "row %zu is different", y);
    if (y + 1 == out->height) break;
    for (size_t x = used; x < out->row_bytes; x++)
      CHECK_THAT(row(out, y)[x] == PATTERN, "byte %zu after row %zu was written", x - used, y);
  }
}

static void between_fences(void) {
  set_up();
  for (uint32_t width = 1; width <= 17; width++)
    for (colorize_format from = COLORIZE_GRAY8; from <= COLORIZE_RGBA_FLOAT; from++)
      for (int to = 0; to < TARGETS; to++) {
        const uint32_t height = 5;
        uint8_t *dense = expected(width, height, from, targets[to]);
        for (int variant = 0; variant < 4; variant++) {
          at("width %u, format %d to %d, variant %d", width, from, targets[to], variant);
          border border = variant % 2 ? AT_START : AT_END;
          colorize_image in = image(NULL, width, height, from);
          colorize_image out = image(NULL, width, height, targets[to]);
          if (variant >= 2) {
            in.row_bytes += 5;
            out.row_bytes += 7;
          }
          in.pixels = fenced(extent(&in), border);
          out.pixels = fenced(extent(&out), border);
          memset(out.pixels, PATTERN, extent(&out));
          draw(&in);
          make_read_only(in.pixels, extent(&in));
          CHECK_OK(colorize_run(model, &in, &out, &options, &error));
          check_rows(&out, dense);
        }
        free(dense);
      }
}

static void around_the_output(void) {
  set_up();
  enum { BEFORE = 256, AFTER = 256 };
  for (int to = 0; to < TARGETS; to++)
    for (uint32_t width = 1; width <= 40; width += 3)
      for (size_t padding = 0; padding <= 33; padding += 11) {
        at("width %u, format %d, padding %zu", width, targets[to], padding);
        const uint32_t height = 11;
        uint8_t *dense = expected(width, height, COLORIZE_RGB8, targets[to]);
        colorize_image in = image(NULL, width, height, COLORIZE_RGB8);
        colorize_image out = image(NULL, width, height, targets[to]);
        in.pixels = malloc(extent(&in));
        draw(&in);
        out.row_bytes += padding;
        size_t size = BEFORE + extent(&out) + AFTER;
        uint8_t *whole = malloc(size);
        memset(whole, PATTERN, size);
        out.pixels = whole + BEFORE;
        CHECK_OK(colorize_run(model, &in, &out, &options, &error));
        check_rows(&out, dense);
        for (size_t i = 0; i < BEFORE; i++) CHECK(whole[i] == PATTERN);
        for (size_t i = size - AFTER; i < size; i++) CHECK(whole[i] == PATTERN);
        free(in.pixels);
        free(whole);
        free(dense);
      }
}

static void in_place(void) {
  set_up();
  for (colorize_format from = COLORIZE_GRAY8; from <= COLORIZE_RGBA_FLOAT; from++)
    for (int to = 0; to < TARGETS; to++)
      for (uint32_t width = 1; width <= 40; width += 3) {
        /* Another format will do where a pixel has as many bytes. */
        if (bytes_per_pixel(from) != bytes_per_pixel(targets[to])) continue;
        at("width %u, format %d to %d", width, from, targets[to]);
        const uint32_t height = 23;
        uint8_t *dense = expected(width, height, from, targets[to]);
        colorize_image in = image(NULL, width, height, from);
        in.row_bytes += 9;
        in.pixels = malloc(extent(&in));
        memset(in.pixels, PATTERN, extent(&in));
        draw(&in);
        colorize_image out = in;
        out.format = targets[to];
        CHECK_OK(colorize_run(model, &in, &out, &options, &error));
        check_rows(&out, dense);
        free(in.pixels);
        free(dense);
      }
}

static void side_by_side(void) {
  set_up();
  enum { WIDTH = 13, HEIGHT = 6, STRIDE = 200, BYTES = WIDTH * 3 };
  uint8_t *dense = expected(WIDTH, HEIGHT, COLORIZE_RGB8, COLORIZE_RGB8);
  uint8_t whole[STRIDE * HEIGHT * 3];
  colorize_image in = image(whole + STRIDE * HEIGHT, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_image out = in;
  in.row_bytes = out.row_bytes = STRIDE;

  /* Every place of the output relative to the input: allowed only if no byte is in both. */
  int allowed = 0;
  for (int distance = -STRIDE * HEIGHT; distance <= STRIDE * HEIGHT; distance++) {
    at("distance %d", distance);
    out.pixels = row(&in, 0) + distance;
    bool shares_a_byte = false;
    for (int rows = -HEIGHT + 1; rows < HEIGHT; rows++) {
      int column = distance - rows * STRIDE;
      if (-BYTES < column && column < BYTES) shares_a_byte = true;
    }
    memset(whole, PATTERN, sizeof whole);
    draw(&in);
    if (distance == 0) continue;
    if (shares_a_byte) {
      CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "overlap",
                 colorize_run(model, &in, &out, &options, &error));
      continue;
    }
    allowed++;
    CHECK_OK(colorize_run(model, &in, &out, &options, &error));
    for (size_t y = 0; y < HEIGHT; y++) CHECK(memcmp(row(&out, y), dense + y * BYTES, BYTES) == 0);
  }
  CHECK_THAT(allowed > 1000, "only %d places", allowed);

  /* The same pixels, but not the same picture. */
  out = in;
  out.format = COLORIZE_RGBA8;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "overlap",
             colorize_run(model, &in, &out, &options, &error));
  out = in;
  out.row_bytes = STRIDE + 1;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "overlap",
             colorize_run(model, &in, &out, &options, &error));
  /* One behind the other, with different strides. */
  in.pixels = whole;
  in.row_bytes = BYTES;
  out.pixels = whole + BYTES * HEIGHT;
  out.row_bytes = STRIDE;
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  out.pixels = whole + BYTES * HEIGHT - 1;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "overlap",
             colorize_run(model, &in, &out, &options, &error));
}

/* 8 bits of a channel, whatever there is besides it and wherever it lies. */
static void formats_agree(void) {
  set_up();
  enum { WIDTH = 31, HEIGHT = 19 };
  const size_t pixels = WIDTH * HEIGHT;
  static const colorize_format sources[] = {COLORIZE_GRAY8, COLORIZE_RGB8, COLORIZE_RGBA8,
                                            COLORIZE_GRAY_ALPHA8, COLORIZE_BGRA8};
  for (size_t from = 0; from < sizeof sources / sizeof *sources; from++) {
    uint8_t *rgb = expected(WIDTH, HEIGHT, sources[from], COLORIZE_RGB8);
    uint8_t *rgba = expected(WIDTH, HEIGHT, sources[from], COLORIZE_RGBA8);
    uint8_t *bgra = expected(WIDTH, HEIGHT, sources[from], COLORIZE_BGRA8);
    colorize_image in = image(malloc(4 * pixels), WIDTH, HEIGHT, sources[from]);
    draw(&in);
    const uint8_t *alpha = from == 2 || from == 4 ? (uint8_t *)in.pixels + 3
                           : from == 3            ? (uint8_t *)in.pixels + 1
                                                  : NULL;
    for (size_t i = 0; i < pixels; i++) {
      CHECK(memcmp(rgb + 3 * i, rgba + 4 * i, 3) == 0);
      CHECK(rgba[4 * i + 3] == (alpha ? alpha[bytes_per_pixel(sources[from]) * i] : 255));
      for (int channel = 0; channel < 4; channel++)
        CHECK(bgra[4 * i + channel] == rgba[4 * i + (channel < 3 ? 2 - channel : 3)]);
    }
  }
}

static void alpha_is_not_looked_at(void) {
  set_up();
  enum { WIDTH = 31, HEIGHT = 19 };
  colorize_image rgb = image(malloc(3 * WIDTH * HEIGHT), WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_image rgba = image(malloc(4 * WIDTH * HEIGHT), WIDTH, HEIGHT, COLORIZE_RGBA8);
  draw(&rgba);
  for (size_t i = 0; i < WIDTH * HEIGHT; i++)
    memcpy((uint8_t *)rgb.pixels + 3 * i, (uint8_t *)rgba.pixels + 4 * i, 3);
  CHECK_OK(colorize_run(model, &rgb, &rgb, &options, &error));
  CHECK_OK(colorize_run(model, &rgba, &rgba, &options, &error));
  for (size_t i = 0; i < WIDTH * HEIGHT; i++)
    CHECK(memcmp((uint8_t *)rgb.pixels + 3 * i, (uint8_t *)rgba.pixels + 4 * i, 3) == 0);
}

/* From the smallest to the largest sides; the last byte ends where memory ends. */
static void extreme_sizes(void) {
  set_up();
  static const struct {
    uint32_t width, height;
  } sizes[] = {{1, 1},     {1, 2},    {2, 1},   {1, 3001},         {3001, 1},
               {7, 16},    {16, 7},   {15, 17}, {LARGEST_SIDE, 1}, {1, LARGEST_SIDE},
               {3, 65537}, {65537, 2}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int preset = 0; preset < 2; preset++) {
      at("%ux%u, preset %d", sizes[i].width, sizes[i].height, preset);
      options.preset = preset;
      colorize_image in = image(NULL, sizes[i].width, sizes[i].height, COLORIZE_GRAY8);
      colorize_image out = image(NULL, sizes[i].width, sizes[i].height, COLORIZE_RGB8);
      in.pixels = fenced(extent(&in), AT_END);
      out.pixels = fenced(extent(&out), AT_END);
      draw(&in);
      make_read_only(in.pixels, extent(&in));
      CHECK_OK(colorize_run(model, &in, &out, &options, &error));
      uint8_t *dense = expected(sizes[i].width, sizes[i].height, COLORIZE_GRAY8, COLORIZE_RGB8);
      CHECK(memcmp(out.pixels, dense, extent(&out)) == 0);
      free(dense);
    }
}

/* A picture of one gray has a lightness that color does not change: green, which carries most of
 * it, stays near. */
static void lightness_stays(void) {
  set_up();
  for (int gray = 0; gray < 256; gray += 51) {
    enum { SIDE = 8 };
    uint8_t in_pixels[SIDE * SIDE], out_pixels[SIDE * SIDE * 3];
    memset(in_pixels, gray, sizeof in_pixels);
    colorize_image in = image(in_pixels, SIDE, SIDE, COLORIZE_GRAY8);
    colorize_image out = image(out_pixels, SIDE, SIDE, COLORIZE_RGB8);
    CHECK_OK(colorize_run(model, &in, &out, &options, &error));
    float rgb[3], lab[3], gray_rgb[3], gray_lab[3];
    for (int i = 0; i < 3; i++)
      rgb[i] = (float)out_pixels[i] / 255, gray_rgb[i] = (float)gray / 255;
    CHECK_OK(colorize_rgb_to_lab(rgb, lab, 1, &error));
    CHECK_OK(colorize_rgb_to_lab(gray_rgb, gray_lab, 1, &error));
    /* Also at the borders of sRGB's gamut. Rounding to 8 bits is 0.4. */
    CHECK_THAT(lab[0] - gray_lab[0] < 0.5f && gray_lab[0] - lab[0] < 0.5f, "L is %g, and was %g", lab[0],
               gray_lab[0]);
  }
}

const test tests[] = {
    {"no byte is touched outside of the pixels, widths 1 to 17", between_fences},
    {"no byte is written around and between rows", around_the_output},
    {"in place as elsewhere", in_place},
    {"side by side is fine, overlap is refused", side_by_side},
    {"formats agree, and alpha is kept", formats_agree},
    {"alpha has no influence on colors", alpha_is_not_looked_at},
    {"from 1x1 to 1048576x1", extreme_sizes},
    {"lightness stays", lightness_stays},
    {NULL, NULL},
};
