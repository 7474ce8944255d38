/* Colors a PNG file: libpng reads and writes it, libcolorize does the rest, in memory.
 *
 *     cc -std=c99 colorize_png.c $(pkg-config --cflags --libs libcolorize libpng) -o colorize_png
 *     ./colorize_png photo.png colored.png
 *     ./colorize_png --model colorization_release_v2-9b330a0b.pth photo.png colored.png
 *
 * The model is the one inside the library, or a file: a checkpoint of PyTorch as the authors of eccv16
 * and siggraph17 released theirs, or safetensors. Any PNG will do. What libpng cannot give as 8 bits a channel it converts, and a picture with
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
  unsigned char *colors = NULL; /* what is written */
  png_image file;
  memset(&file, 0, sizeof file);
  file.version = PNG_IMAGE_VERSION;

  const char *model_file = NULL;
  if (argc == 5 && strcmp(argv[1], "--model") == 0) {
    model_file = argv[2];
  } else if (argc != 3) {
    fprintf(stderr, "usage: %s [--model FILE] INPUT.png OUTPUT.png\n", argv[0]);
    goto end;
  }
  const char *input_file = argv[argc - 2];
  const char *output_file = argv[argc - 1];

  /* Read: gray, or color, or color with alpha. */
  if (!png_image_begin_read_from_file(&file, input_file)) {
    fprintf(stderr, "%s: %s\n", input_file, file.message);
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
  colors = malloc(width * height * output_channels);
  if (pixels == NULL || colors == NULL) {
    fprintf(stderr, "%s: not enough memory\n", input_file);
    goto end;
  }
  if (!png_image_finish_read(&file, NULL, pixels, 0, NULL)) {
    fprintf(stderr, "%s: %s\n", input_file, file.message);
    goto end;
  }

  /* Color. */
  colorize_status status = model_file == NULL ? colorize_model_open_default(&model, &error)
                                              : colorize_model_open(model_file, NULL, &model, &error);
  if (status != COLORIZE_OK) {
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
  out.pixels = colors;
  out.row_bytes = width * output_channels;
  out.format = has_alpha ? COLORIZE_RGBA8 : COLORIZE_RGB8;
  if (colorize_run(model, &in, &out, NULL, &error) != COLORIZE_OK) {
    fprintf(stderr, "%s: %s\n", input_file, error.message);
    goto end;
  }

  /* Write. If that fails, libpng removes the file. */
  file.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  if (!png_image_write_to_file(&file, output_file, 0, colors, 0, NULL)) {
    fprintf(stderr, "%s: %s\n", output_file, file.message);
    goto end;
  }
  result = EXIT_SUCCESS;

end:
  png_image_free(&file);
  colorize_model_close(model);
  free(colors);
  free(pixels);
  return result;
}
