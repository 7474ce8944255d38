/* What a caller steers: dials, hints, palettes, variants; and sessions, which do the same again and again. */
#define _GNU_SOURCE
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 75, HEIGHT = 50, BYTES = WIDTH * HEIGHT * 3 };

static colorize_model *model;
static uint8_t *gray;

static void set_up(void) {
  model = default_model();
  gray = picture(WIDTH, HEIGHT);
}

static colorize_image input(void) { return image(gray, WIDTH, HEIGHT, COLORIZE_GRAY8); }

static colorize_status run(uint8_t *rgb, const colorize_options *options, colorize_error *error) {
  colorize_image in = input();
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  return colorize_run(model, &in, &out, options, error);
}

/* The mean distance of the bytes of two pictures. */
static double distance(const uint8_t *first, const uint8_t *second) {
  double sum = 0;
  for (int i = 0; i < BYTES; i++) sum += abs(first[i] - second[i]);
  return sum / BYTES;
}

/* a and b of a pixel. */
static void ab_of(const uint8_t *rgb, int x, int y, float ab[2]) {
  float values[3], lab[3];
  for (int i = 0; i < 3; i++) values[i] = (float)rgb[3 * (y * WIDTH + x) + i] / 255;
  CHECK_OK(colorize_rgb_to_lab(values, lab, 1, &error));
  ab[0] = lab[1], ab[1] = lab[2];
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void refuses(const colorize_options *options, const char *word) {
  uint8_t rgb[BYTES], untouched[BYTES];
  poison(rgb, BYTES);
  poison(untouched, BYTES);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word, run(rgb, options, &error));
  CHECK(memcmp(rgb, untouched, BYTES) == 0);
  colorize_session *session;
  colorize_image in = input(), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  CHECK_OK(colorize_session_open(model, &in, NULL, &session, &error));
  if (options->network_fit == 0)
    CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word,
               colorize_session_run(session, &out, options, &error));
  CHECK(memcmp(rgb, untouched, BYTES) == 0);
  colorize_session_close(session);
}

static void options_are_checked(void) {
  set_up();
#define REFUSED(word, ...)                                                         \
  do {                                                                             \
    colorize_options options = {.struct_size = sizeof options, __VA_ARGS__};       \
    at("%s", #__VA_ARGS__);                                                        \
    refuses(&options, word);                                                       \
  } while (0)
  REFUSED("network_fit is 3", .network_fit = 3);
  REFUSED("network_fit is -1", .network_fit = -1);
  REFUSED("style is 3; it must be 0 to 2", .style = 3);
  REFUSED("saturation is -1", .saturation = -1);
  REFUSED("saturation is 10.5; it must be 0.01 to 10", .saturation = 10.5f);
  REFUSED("saturation is nan", .saturation = NAN);
  REFUSED("upsampling is 3", .upsampling = 3);
  REFUSED("gamut_mapping is 9", .gamut_mapping = 9);
  REFUSED("variant is 5; it must be 0 to 4", .variant = 5);
  REFUSED("variant is 4294967295", .variant = UINT32_MAX);
  REFUSED("palette_strength is 1.5", .palette_strength = 1.5f);
  REFUSED("hint_reach is -1.0; it must be 0 or more", .hint_reach = -1);
  REFUSED("hint_reach is nan", .hint_reach = NAN);
  REFUSED("hints is NULL", .hint_count = 1);
  REFUSED("hint_count is 1048577", .hint_count = 1048577, .hints = (void *)gray);
  REFUSED("hint_count is 18446744073709551615", .hint_count = SIZE_MAX, .hints = (void *)gray);

  colorize_hint hint;
#define REFUSED_HINT(word, ...)                                                    \
  do {                                                                             \
    hint = (colorize_hint){__VA_ARGS__};                                           \
    if (hint.space == 0) hint.space = COLORIZE_COLOR_AB;                           \
    REFUSED(word, .hints = &hint, .hint_count = 1);                                \
  } while (0)
  REFUSED_HINT("hints[0].x is -1.0; it must be 0 to 75", .x = -1);
  REFUSED_HINT("hints[0].x is 75.5", .x = 75.5f);
  REFUSED_HINT("hints[0].y is 51.0; it must be 0 to 50", .y = 51);
  REFUSED_HINT("hints[0].y is nan", .y = NAN);
  REFUSED_HINT("hints[0].radius is -1.0", .radius = -1);
  REFUSED_HINT("hints[0].radius is inf", .radius = INFINITY);
  REFUSED_HINT("which is outside sRGB", .color = {-100, 0});
  REFUSED_HINT("which is outside sRGB", .color = {NAN, 0});
  REFUSED_HINT("hints[0].color[2] is 1.0", .color = {0, 0, 1});
  REFUSED_HINT("hints[0].space is 3", .space = 3);
  REFUSED_HINT("hints[0].color[1] is 1.1", .space = COLORIZE_COLOR_RGB, .color = {0, 1.1f, 0});
  REFUSED_HINT("hints[0].color[0] is nan", .space = COLORIZE_COLOR_RGB, .color = {NAN, 0, 0});
  REFUSED_HINT("hints[0].reserved is 1", .reserved = 1);

  float *ab = calloc(2 * WIDTH * HEIGHT, sizeof *ab);
  uint8_t *mask = calloc(WIDTH, HEIGHT);
  const colorize_hint_map whole = {sizeof whole, ab, 8 * WIDTH, mask, WIDTH};
  colorize_hint_map map;
#define REFUSED_MAP(word, change)                 \
  do {                                            \
    map = whole;                                  \
    change;                                       \
    REFUSED(word, .hint_map = &map);              \
  } while (0)
  REFUSED_MAP("struct_size", map.struct_size = 0);
  REFUSED_MAP("hint_map->ab is NULL", map.ab = NULL);
  REFUSED_MAP("hint_map->mask is NULL", map.mask = NULL);
  REFUSED_MAP("ab_row_bytes is 599", map.ab_row_bytes = 8 * WIDTH - 1);
  REFUSED_MAP("ab_row_bytes is 601", map.ab_row_bytes = 8 * WIDTH + 1);
  REFUSED_MAP("ab_row_bytes", map.ab_row_bytes = SIZE_MAX - 3);
  REFUSED_MAP("mask_row_bytes is 74; it must be at least 75", map.mask_row_bytes = WIDTH - 1);
  mask[7 * WIDTH + 3] = 200;
  ab[2 * (7 * WIDTH + 3)] = NAN;
  REFUSED_MAP("(3, 7)", (void)0);
  ab[2 * (7 * WIDTH + 3)] = 120;
  REFUSED_MAP("(3, 7)", (void)0);

  uint8_t pixel[3] = {0};
  colorize_image palette = image(pixel, 1, 1, COLORIZE_GRAY8);
  REFUSED("palette", .palette = &palette);
  palette = image(pixel, 0, 1, COLORIZE_RGB8);
  REFUSED("options->palette->width is 0", .palette = &palette);
  palette = image(NULL, 1, 1, COLORIZE_RGB8);
  REFUSED("options->palette->pixels is NULL", .palette = &palette);
}

/* ---- What dials do --------------------------------------------------------------------------- */

static void dials_change_the_picture(void) {
  set_up();
  uint8_t plain[BYTES], other[BYTES];
  colorize_options options = small_options();
  CHECK_OK(run(plain, &options, &error));
#define CHANGES(field, value)                                         \
  do {                                                                \
    at(#field " " #value);                                            \
    options = small_options();                                        \
    options.field = value;                                            \
    CHECK_OK(run(other, &options, &error));                           \
    CHECK_THAT(distance(plain, other) > 0.1, "%g", distance(plain, other)); \
  } while (0)
#define CHANGES_NOTHING(field, value)                                 \
  do {                                                                \
    at(#field " " #value);                                            \
    options = small_options();                                        \
    options.field = value;                                            \
    CHECK_OK(run(other, &options, &error));                           \
    CHECK(memcmp(plain, other, BYTES) == 0);                          \
  } while (0)
  CHANGES(saturation, 0.3f);
  CHANGES(saturation, 2);
  CHANGES_NOTHING(saturation, 1);
  CHANGES(style, COLORIZE_STYLE_NATURAL);
  CHANGES(style, COLORIZE_STYLE_VIVID);
  CHANGES_NOTHING(network_fit, COLORIZE_FIT_SQUARE);
  CHANGES_NOTHING(gamut_mapping, COLORIZE_GAMUT_KEEP_HUE);
  CHANGES_NOTHING(upsampling, COLORIZE_UPSAMPLING_GUIDED);
  for (uint32_t variant = 1; variant <= 4; variant++) CHANGES(variant, variant);

  /* The style is what is not said otherwise. */
  options = small_options();
  options.style = COLORIZE_STYLE_VIVID;
  options.temperature = 0.38f;
  options.saturation = 1;
  CHECK_OK(run(other, &options, &error));
  CHECK(memcmp(plain, other, BYTES) == 0);

  /* 75 x 50 with as many pixels as 48 x 48 is 64 x 32. */
  options = small_options();
  options.network_size = 48;
  options.network_fit = COLORIZE_FIT_ASPECT;
  CHECK_OK(run(other, &options, &error));
  options.network_fit = COLORIZE_FIT_SQUARE;
  CHECK_OK(run(plain, &options, &error));
  CHECK(memcmp(plain, other, BYTES) != 0);
}

static void hints_reach_as_far_as_they_may(void) {
  set_up();
  const colorize_hint hint = {.x = 20, .y = 25, .radius = 3, .space = COLORIZE_COLOR_AB, .color = {60, -60}};
  uint8_t plain[BYTES], thing[BYTES], near[BYTES], everywhere[BYTES];
  colorize_options options = small_options();
  options.network_size = 64;
  options.upsampling = COLORIZE_UPSAMPLING_BILINEAR;
  CHECK_OK(run(plain, &options, &error));
  options.hints = &hint;
  options.hint_count = 1;
  CHECK_OK(run(thing, &options, &error));
  options.hint_reach = 20;
  CHECK_OK(run(near, &options, &error));
  options.hint_reach = INFINITY;
  CHECK_OK(run(everywhere, &options, &error));
  CHECK_THAT(distance(near, plain) > 0.1, "%g", distance(near, plain));
  CHECK_THAT(distance(near, plain) < distance(thing, plain), "%g", distance(near, plain));
  CHECK_THAT(distance(everywhere, plain) > distance(near, plain), "%g", distance(everywhere, plain));
  CHECK_THAT(distance(everywhere, thing) > 0.1, "%g", distance(everywhere, thing));
  /* Further away there is nothing; colors are enlarged from cells of up to five pixels, two and two. */
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      if (hypot(x - hint.x, y - hint.y) > 20 + 3 + 20)
        CHECK_THAT(memcmp(near + 3 * (y * WIDTH + x), plain + 3 * (y * WIDTH + x), 3) == 0, "(%d, %d)", x, y);

  /* The preset reference has no other reach than the whole picture's. */
  options = small_options();
  options.preset = COLORIZE_PRESET_REFERENCE;
  options.hint_reach = INFINITY;
  CHECK_OK(run(plain, &options, &error));
  options.hint_reach = 9;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "hint_reach is 9.0; preset reference",
             run(plain, &options, &error));
}

static void a_palette_is_taken(void) {
  set_up();
  /* All of it blue, in any format. */
  static const uint8_t blue[4] = {40, 60, 200, 7}, blue_reversed[4] = {200, 60, 40, 7};
  uint8_t first[BYTES], second[BYTES];
  colorize_image palette = image((void *)blue, 1, 1, COLORIZE_RGBA8);
  colorize_options options = small_options();
  options.palette = &palette;
  CHECK_OK(run(first, &options, &error));
  float values[3] = {40 / 255.f, 60 / 255.f, 200 / 255.f}, wanted[3];
  CHECK_OK(colorize_rgb_to_lab(values, wanted, 1, &error));
  int near = 0;
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) {
      float ab[2];
      ab_of(first, x, y, ab);
      /* The hue; the chroma is what there is at the pixel's lightness. Dark colors are rounded. */
      if (hypotf(ab[0], ab[1]) < 10) continue;
      float turn = atan2f(ab[1], ab[0]) - atan2f(wanted[2], wanted[1]);
      near += fabsf(turn) < 0.2f;
      CHECK_THAT(fabsf(turn) < 0.5f, "(%d, %d) has a %g, b %g", x, y, ab[0], ab[1]);
    }
  CHECK_THAT(near > WIDTH * HEIGHT / 3, "only %d pixels", near);
  palette = image((void *)blue_reversed, 1, 1, COLORIZE_BGRA8);
  CHECK_OK(run(second, &options, &error));
  CHECK(memcmp(first, second, BYTES) == 0);
  options.palette_strength = 0.5f;
  CHECK_OK(run(second, &options, &error));
  CHECK(memcmp(first, second, BYTES) != 0);
}

/* ---- Hints ----------------------------------------------------------------------------------- */

static void hints_are_kept(void) {
  set_up();
  memset(gray, 128, WIDTH * HEIGHT);
  uint8_t plain[BYTES], rgb[BYTES];
  colorize_options options = {.struct_size = sizeof options};
  CHECK_OK(run(plain, &options, &error));
  static const float colors[][2] = {{40, 30}, {-35, 25}, {5, -40}, {0, 0}};
  int far = 0;
  for (int i = 0; i < 4; i++) {
    at("color %d", i);
    colorize_hint hint = {.x = 37.5f, .y = 25, .radius = 6, .space = COLORIZE_COLOR_AB};
    hint.color[0] = colors[i][0], hint.color[1] = colors[i][1];
    options.hints = &hint;
    options.hint_count = 1;
    CHECK_OK(run(rgb, &options, &error));
    float ab[2], before[2];
    ab_of(rgb, 37, 25, ab);
    ab_of(plain, 37, 25, before);
    CHECK_THAT(hypotf(ab[0] - colors[i][0], ab[1] - colors[i][1]) < 5, "a %g, b %g", ab[0], ab[1]);
    far += hypotf(before[0] - colors[i][0], before[1] - colors[i][1]) > 20;
  }
  /* Without the hints the pixel has one of the colors at most. */
  CHECK_THAT(far >= 2, "%d colors are far from what the network says by itself", far);
}

static void hints_in_every_form(void) {
  set_up();
  uint8_t first[BYTES], second[BYTES], plain[BYTES];
  colorize_options options = small_options();
  CHECK_OK(run(plain, &options, &error));
  /* The same color as red, green and blue. */
  float ab[3] = {50, 30, -20}, rgb[3];
  CHECK_OK(colorize_lab_to_rgb(ab, rgb, 1, 0, &error));
  colorize_hint hint = {.x = 20, .y = 30, .radius = 4, .space = COLORIZE_COLOR_AB, .color = {30, -20}};
  options.hints = &hint;
  options.hint_count = 1;
  CHECK_OK(run(first, &options, &error));
  CHECK(distance(first, plain) > 0.1);
  hint.space = COLORIZE_COLOR_RGB;
  memcpy(hint.color, rgb, sizeof rgb);
  CHECK_OK(run(second, &options, &error));
  CHECK(distance(first, second) < 0.05);

  /* A point is at least one of the network's pixels, also on the picture's edges. */
  for (int corner = 0; corner < 4; corner++) {
    at("corner %d", corner);
    hint = (colorize_hint){.x = corner % 2 ? WIDTH : 0,
                           .y = corner / 2 ? HEIGHT : 0,
                           .space = COLORIZE_COLOR_AB,
                           .color = {60, 40}};
    CHECK_OK(run(second, &options, &error));
    CHECK(memcmp(second, plain, BYTES) != 0);
  }

  /* A map of one pixel is a point in its middle; what is not masked is not looked at. */
  hint = (colorize_hint){.x = 20.5f, .y = 30.5f, .space = COLORIZE_COLOR_AB, .color = {30, -20}};
  CHECK_OK(run(first, &options, &error));
  enum { AB_ROW = 8 * WIDTH + 12, MASK_ROW = WIDTH + 3 };
  float *map_ab = malloc(AB_ROW * HEIGHT);
  uint8_t *mask = calloc(MASK_ROW, HEIGHT);
  for (int i = 0; i < AB_ROW / 4 * HEIGHT; i++) map_ab[i] = NAN;
  mask[30 * MASK_ROW + 20] = 1;
  map_ab[30 * AB_ROW / 4 + 40] = 30;
  map_ab[30 * AB_ROW / 4 + 41] = -20;
  const colorize_hint_map map = {sizeof map, map_ab, AB_ROW, mask, MASK_ROW};
  options.hints = NULL;
  options.hint_count = 0;
  options.hint_map = &map;
  CHECK_OK(run(second, &options, &error));
  CHECK(memcmp(first, second, BYTES) == 0);

  /* Two in one place are their mean. */
  colorize_hint two[2] = {
      {.x = 20.5f, .y = 30.5f, .space = COLORIZE_COLOR_AB, .color = {50, -10}},
      {.x = 20.5f, .y = 30.5f, .space = COLORIZE_COLOR_AB, .color = {10, -30}}};
  options.hint_map = NULL;
  options.hints = two;
  options.hint_count = 2;
  CHECK_OK(run(second, &options, &error));
  CHECK(memcmp(first, second, BYTES) == 0);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static void sessions_are_runs(void) {
  set_up();
  uint8_t expected[BYTES], rgb[BYTES];
  colorize_image in = input(), out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_hint hint = {.x = 10, .y = 10, .radius = 3, .space = COLORIZE_COLOR_AB, .color = {40, 0}};
  for (int preset = 0; preset < 2; preset++)
    for (int kind = 0; kind < 5; kind++) {
      at("preset %d, kind %d", preset, kind);
      colorize_options options = small_options();
      options.preset = preset;
      if (kind == 1) options.network_fit = COLORIZE_FIT_ASPECT;
      if (kind == 2) options.hints = &hint, options.hint_count = 1;
      if (kind == 3) options.variant = 2, options.saturation = 1.5f;
      if (kind == 4) options.temperature = 1, options.threads = 3;
      CHECK_OK(run(expected, &options, &error));
      colorize_model *other;
      CHECK_OK(colorize_model_open_default(&other, &error));
      uint8_t *copy = malloc(WIDTH * HEIGHT);
      memcpy(copy, gray, WIDTH * HEIGHT);
      in.pixels = copy;
      colorize_session *session;
      CHECK_OK(colorize_session_open(other, &in, &options, &session, &error));
      /* Neither is needed any more. */
      colorize_model_close(other);
      memset(copy, 0, WIDTH * HEIGHT);
      free(copy);
      for (int again = 0; again < 2; again++) {
        poison(rgb, BYTES);
        CHECK_OK(colorize_session_run(session, &out, &options, &error));
        CHECK(memcmp(rgb, expected, BYTES) == 0);
      }
      colorize_session_close(session);
    }
  colorize_session_close(NULL);
}

static void sessions_are_checked(void) {
  set_up();
  colorize_image in = input();
  colorize_session *session = (void *)gray;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "session is NULL",
             colorize_session_open(model, &in, NULL, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "model is NULL",
             colorize_session_open(NULL, &in, NULL, &session, &error));
  CHECK(session == NULL);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "in is NULL",
             colorize_session_open(model, NULL, NULL, &session, &error));
  colorize_options options = {.struct_size = sizeof options, .network_size = 17};
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "network_size is 17",
             colorize_session_open(model, &in, &options, &session, &error));
  CHECK_OK(colorize_session_open(model, &in, NULL, &session, &error));
  uint8_t rgb[BYTES];
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_GRAY8);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "no color",
             colorize_session_run(session, &out, NULL, &error));
  out = image(rgb, WIDTH - 1, HEIGHT, COLORIZE_RGB8);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "74x50",
             colorize_session_run(session, &out, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "session is NULL",
             colorize_session_run(NULL, &out, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "out is NULL",
             colorize_session_run(session, NULL, NULL, &error));

  float points[4] = {1, 1, WIDTH, HEIGHT}, confidence[WIDTH * HEIGHT];
  colorize_suggestion suggestions[2], untouched[2];
  poison(suggestions, sizeof suggestions);
  poison(untouched, sizeof untouched);
#define SUGGEST(word, points, count, colors) \
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, word, \
             colorize_session_suggest(session, points, count, colors, NULL, suggestions, &error))
  SUGGEST("points is NULL", NULL, 1, 1);
  SUGGEST("count is 0", points, 0, 1);
  SUGGEST("count is 65537", points, 65537, 1);
  SUGGEST("colors is 0", points, 1, 0);
  SUGGEST("colors is 33; it must be 1 to 32", points, 1, 33);
  points[2] = WIDTH + 1;
  SUGGEST("points[1].x is 76.0", points, 2, 1);
  points[2] = NAN;
  SUGGEST("points[1].x is nan", points, 2, 1);
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "suggestions is NULL",
             colorize_session_suggest(session, points, 1, 1, NULL, NULL, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "row_bytes is 299",
             colorize_session_confidence(session, NULL, confidence, 4 * WIDTH - 1, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "confidence is NULL",
             colorize_session_confidence(session, NULL, NULL, 4 * WIDTH, &error));
  CHECK(memcmp(suggestions, untouched, sizeof untouched) == 0);
  colorize_session_close(session);
}

static void suggestions_are_sound(void) {
  set_up();
  colorize_image in = input();
  colorize_session *session;
  CHECK_OK(colorize_session_open(model, &in, NULL, &session, &error));
  enum { POINTS = 4, COLORS = 9 };
  const float points[2 * POINTS] = {0, 0, 37.5f, 25, WIDTH, HEIGHT, 1.25f, 48};
  colorize_suggestion found[POINTS * COLORS];
  CHECK_OK(colorize_session_suggest(session, points, POINTS, COLORS, NULL, found, &error));
  for (int point = 0; point < POINTS; point++) {
    int x = (int)fminf(points[2 * point], WIDTH - 1), y = (int)fminf(points[2 * point + 1], HEIGHT - 1);
    float value = (float)gray[y * WIDTH + x] / 255, rgb[3] = {value, value, value}, lab[3];
    CHECK_OK(colorize_rgb_to_lab(rgb, lab, 1, &error));
    float sum = 0, last = 1;
    for (int i = 0; i < COLORS; i++) {
      const colorize_suggestion *one = &found[point * COLORS + i];
      at("point %d, color %d", point, i);
      sum += one->probability;
      CHECK(one->probability >= 0 && one->probability <= last);
      last = one->probability;
      if (one->probability == 0) continue;
      float made[3];
      CHECK_OK(colorize_rgb_to_lab(one->rgb, made, 1, &error));
      CHECK_THAT(fabsf(made[0] - lab[0]) < 0.1f, "L is %g, and the pixel's %g", made[0], lab[0]);
      CHECK(fabsf(made[1] - one->a) < 0.2f && fabsf(made[2] - one->b) < 0.2f);
      for (int channel = 0; channel < 3; channel++)
        CHECK(one->rgb[channel] >= 0 && one->rgb[channel] <= 1);
      for (int other = 0; other < i; other++)
        CHECK(found[point * COLORS + other].a != one->a || one->a == 0);
    }
    CHECK_THAT(sum > 0.99f && sum < 1.0001f, "probabilities sum up to %g", sum);
  }
  /* A hint decides what was open. */
  colorize_hint hint = {.x = 37.5f, .y = 25, .radius = 10, .space = COLORIZE_COLOR_AB, .color = {20, 40}};
  colorize_options options = {.struct_size = sizeof options, .hints = &hint, .hint_count = 1};
  colorize_suggestion after[COLORS];
  CHECK_OK(colorize_session_suggest(session, points + 2, 1, COLORS, &options, after, &error));
  CHECK(after[0].probability != found[COLORS].probability);

  /* More confidence at a lower temperature; nothing between the rows. */
  enum { STRIDE = WIDTH + 3 };
  float confidence[2][STRIDE * HEIGHT];
  for (int i = 0; i < 2; i++) {
    options.temperature = i ? 0.2f : 1;
    poison(confidence[i], sizeof confidence[i]);
    CHECK_OK(colorize_session_confidence(session, &options, confidence[i], 4 * STRIDE, &error));
  }
  float pattern[1];
  poison(pattern, sizeof pattern);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < STRIDE; x++) {
      if (x < WIDTH) {
        CHECK(confidence[0][y * STRIDE + x] >= 0 && confidence[1][y * STRIDE + x] <= 1);
        CHECK(confidence[0][y * STRIDE + x] < confidence[1][y * STRIDE + x]);
      } else {
        CHECK(memcmp(&confidence[0][y * STRIDE + x], pattern, sizeof pattern) == 0);
      }
    }
  colorize_session_close(session);
}

static int32_t count_to(void *data, float fraction) {
  int *left = data;
  CHECK(fraction >= 0 && fraction <= 1 && *left >= 0);
  return (*left)-- == 0;
}

static void sessions_can_be_cancelled(void) {
  set_up();
  colorize_image in = input();
  uint8_t rgb[BYTES], untouched[BYTES];
  poison(rgb, BYTES);
  poison(untouched, BYTES);
  colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  float confidence[WIDTH * HEIGHT], points[2] = {3, 3};
  colorize_suggestion suggestion, before;
  poison(confidence, sizeof confidence);
  poison(&suggestion, sizeof suggestion);
  poison(&before, sizeof before);
  colorize_session *session;
  for (int calls = 0; calls < 4; calls++) {
    at("after %d calls", calls);
    int left = calls;
    colorize_options options = {
        .struct_size = sizeof options, .progress = count_to, .user_data = &left};
    if (calls < 2) {
      CHECK_CALL(COLORIZE_CANCELLED, "callback",
                 colorize_session_open(model, &in, &options, &session, &error));
      CHECK(session == NULL);
    }
    CHECK_OK(colorize_session_open(model, &in, NULL, &session, &error));
    left = calls;
    CHECK_CALL(COLORIZE_CANCELLED, "callback",
               colorize_session_run(session, &out, &options, &error));
    left = calls;
    CHECK_CALL(COLORIZE_CANCELLED, "callback",
               colorize_session_suggest(session, points, 1, 1, &options, &suggestion, &error));
    left = calls;
    CHECK_CALL(COLORIZE_CANCELLED, "callback",
               colorize_session_confidence(session, &options, confidence, 4 * WIDTH, &error));
    CHECK(memcmp(rgb, untouched, BYTES) == 0);
    CHECK(memcmp(&suggestion, &before, sizeof before) == 0);
    CHECK(memcmp(confidence, untouched, BYTES) == 0);
    colorize_session_close(session);
  }
}

/* What threads share: a session, and what it gives when nothing else runs. */
static struct {
  colorize_session *session;
  uint8_t rgb[BYTES];
  float confidence[WIDTH * HEIGHT];
  colorize_suggestion suggestions[3];
} shared;

/* Two threads for each call, and calls that are cancelled between. */
static void *uses_the_session(void *argument) {
  static const float points[2] = {3, 3};
  for (int round = 0; round < 6; round++) {
    uint8_t rgb[BYTES];
    float confidence[WIDTH * HEIGHT];
    colorize_suggestion suggestions[3];
    colorize_image out = image(rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
    int left = round;
    colorize_options options = {.struct_size = sizeof options, .threads = 2}, cancelled = options;
    cancelled.progress = count_to;
    cancelled.user_data = &left;
    CHECK_CALL(COLORIZE_CANCELLED, "callback",
               colorize_session_run(shared.session, &out, &cancelled, &error));
    CHECK_OK(colorize_session_run(shared.session, &out, &options, &error));
    CHECK(memcmp(rgb, shared.rgb, BYTES) == 0);
    CHECK_OK(colorize_session_confidence(shared.session, &options, confidence, 4 * WIDTH, &error));
    CHECK(memcmp(confidence, shared.confidence, sizeof confidence) == 0);
    CHECK_OK(colorize_session_suggest(shared.session, points, 1, 3, &options, suggestions, &error));
    CHECK(memcmp(suggestions, shared.suggestions, sizeof suggestions) == 0);
  }
  return argument;
}

static void threads_share_a_session(void) {
  enum { THREADS = 4 };
  static const float points[2] = {3, 3};
  set_up();
  colorize_image in = input(), out = image(shared.rgb, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = small_options();
  options.network_size = 64;
  CHECK_OK(colorize_session_open(model, &in, &options, &shared.session, &error));
  options = (colorize_options){.struct_size = sizeof options, .threads = 1};
  CHECK_OK(colorize_session_run(shared.session, &out, &options, &error));
  CHECK_OK(colorize_session_confidence(shared.session, &options, shared.confidence, 4 * WIDTH, &error));
  CHECK_OK(colorize_session_suggest(shared.session, points, 1, 3, &options, shared.suggestions, &error));
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, uses_the_session, NULL) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  colorize_session_close(shared.session);
}

/* ---- The gamut ------------------------------------------------------------------------------- */

static void chroma_is_on_the_border(void) {
  float hues[72], chroma[72];
  for (int i = 0; i < 72; i++) hues[i] = (float)(5 * i - 180);
  for (int lightness = 10; lightness <= 90; lightness += 20) {
    CHECK_OK(colorize_gamut_chroma((float)lightness, hues, chroma, 72, &error));
    for (int i = 0; i < 72; i++)
      for (int beyond = 0; beyond < 2; beyond++) {
        at("L %d, hue %g", lightness, hues[i]);
        const float angle = hues[i] * 3.14159265f / 180, c = chroma[i] + (beyond ? 0.5f : -0.1f);
        const float lab[3] = {(float)lightness, c * cosf(angle), c * sinf(angle)};
        float rgb[3];
        CHECK_OK(colorize_lab_to_rgb(lab, rgb, 1, 0, &error));
        bool inside = true;
        for (int channel = 0; channel < 3; channel++)
          inside = inside && rgb[channel] >= -1e-4f && rgb[channel] <= 1 + 1e-4f;
        CHECK_THAT(inside != (bool)beyond, "chroma %g", c);
      }
  }
  CHECK_OK(colorize_gamut_chroma(50, hues, hues, 72, &error));
  CHECK(hues[0] > 20 && hues[0] < 134);
  CHECK_OK(colorize_gamut_chroma(50, NULL, NULL, 0, &error));
  hues[5] = NAN;
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "hues[5] is nan",
             colorize_gamut_chroma(50, hues, chroma, 72, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "lightness is 101.0; it must be 0 to 100",
             colorize_gamut_chroma(101, hues, chroma, 1, &error));
  CHECK_CALL(COLORIZE_INVALID_ARGUMENT, "chroma is NULL",
             colorize_gamut_chroma(1, hues, NULL, 1, &error));
}

const test tests[] = {
    {"options, hints and palettes are checked", options_are_checked},
    {"dials change the picture", dials_change_the_picture},
    {"hints reach as far as they may", hints_reach_as_far_as_they_may},
    {"a palette is taken", a_palette_is_taken},
    {"hints are kept", hints_are_kept},
    {"hints in every form", hints_in_every_form},
    {"sessions are runs", sessions_are_runs},
    {"sessions are checked", sessions_are_checked},
    {"suggestions and confidence are sound", suggestions_are_sound},
    {"sessions can be cancelled", sessions_can_be_cancelled},
    {"threads share a session", threads_share_a_session},
    {"chroma is on the border of the gamut", chroma_is_on_the_border},
    {NULL, NULL},
};
