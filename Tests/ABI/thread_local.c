/* A host with much thread-local memory, for which the C library takes room from the stack of every thread. */
#include "test.h"

#include <string.h>

enum { WIDTH = 70, HEIGHT = 53, BYTES = WIDTH * HEIGHT * 3 };

static __thread volatile char memory_of_thread[505 << 10];

static void threads_have_their_stacks(void) {
  static uint8_t expected[BYTES], rgb[BYTES];
  memory_of_thread[0] = 1;
  colorize_model *model = default_model();
  colorize_image in = image(picture(WIDTH, HEIGHT), WIDTH, HEIGHT, COLORIZE_GRAY8);
  colorize_image out = image(expected, WIDTH, HEIGHT, COLORIZE_RGB8);
  colorize_options options = {.struct_size = sizeof options, .network_size = 256, .threads = 1};
  CHECK_OK(colorize_run(model, &in, &out, &options, &error));
  out.pixels = rgb;
  for (options.threads = 2; options.threads <= 8; options.threads *= 2) {
    CHECK_OK(colorize_run(model, &in, &out, &options, &error));
    CHECK(memcmp(rgb, expected, BYTES) == 0);
  }
}

const test tests[] = {
    {"a host with much thread-local memory", threads_have_their_stacks},
    {NULL, NULL},
};
