/* Colours a PNG file: libpng reads and writes it, libcolorize does the rest, in memory.
 *
 *     cc -std=c99 colorize_png.c $(pkg-config --cflags --libs colorize libpng) -o colorize_png
 *     ./colorize_png photo.png coloured.png
 *
 * Any PNG will do. What libpng cannot give as 8 bits a channel it converts, and a picture with
 * transparency keeps it. Errors go to stderr, and the exit status is then 1.
 */
#include <colorize.h>
#include <png.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  int result = EXIT_FAILURE;
  colorize_model *model = NULL;
  colorize_error error;
  unsigned char *pixels = NULL;  /* what was read */
  unsigned char *colours = NULL; /* what is written */
  png_image file;
  memset(&file, 0, sizeof file);
  file.version = PNG_IMAGE_VERSION;

  if (argc != 3) {
    fprintf(stderr, "usage: %s INPUT.png OUTPUT.png\n", argv[0]);
    goto end;
  }

  /* Read: gray, or colour, or colour with alpha. */
  if (!png_image_begin_read_from_file(&file, argv[1])) {
    fprintf(stderr, "%s: %s\n", argv[1], file.message);
    goto end;
  }
  int has_alpha = (file.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  int is_gray = (file.format & PNG_FORMAT_FLAG_COLOR) == 0 && !has_alpha;
  size_t channels = is_gray ? 1 : has_alpha ? 4 : 3;
  size_t output_channels = has_alpha ? 4 : 3;
  file.format = is_gray ? PNG_FORMAT_GRAY : has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  size_t width = file.width;
  size_t height = file.height;
  pixels = malloc(width * height * channels);
  colours = malloc(width * height * output_channels);
  if (pixels == NULL || colours == NULL) {
    fprintf(stderr, "%s: not enough memory\n", argv[1]);
    goto end;
  }
  if (!png_image_finish_read(&file, NULL, pixels, 0, NULL)) {
    fprintf(stderr, "%s: %s\n", argv[1], file.message);
    goto end;
  }

  /* Colour, with the model inside the library. */
  if (colorize_model_open_default(&model, &error) != COLORIZE_OK) {
    fprintf(stderr, "cannot open the model: %s\n", error.message);
    goto end;
  }
  colorize_image in = {0};
  in.pixels = pixels;
  in.row_bytes = width * channels;
  in.width = file.width;
  in.height = file.height;
  in.format = is_gray ? COLORIZE_GRAY8 : has_alpha ? COLORIZE_RGBA8 : COLORIZE_RGB8;
  colorize_image out = in;
  out.pixels = colours;
  out.row_bytes = width * output_channels;
  out.format = has_alpha ? COLORIZE_RGBA8 : COLORIZE_RGB8;
  if (colorize_run(model, &in, &out, NULL, &error) != COLORIZE_OK) {
    fprintf(stderr, "%s: %s\n", argv[1], error.message);
    goto end;
  }

  /* Write. If that fails, libpng removes the file. */
  file.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  if (!png_image_write_to_file(&file, argv[2], 0, colours, 0, NULL)) {
    fprintf(stderr, "%s: %s\n", argv[2], file.message);
    goto end;
  }
  result = EXIT_SUCCESS;

end:
  png_image_free(&file);
  colorize_model_close(model);
  free(colours);
  free(pixels);
  return result;
}
