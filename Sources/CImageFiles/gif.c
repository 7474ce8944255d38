/* gif.c: the first frame of a GIF through giflib, which is loaded when it is needed.
 *
 * C, because giflib's structs are. A file that was built without its header still knows what a GIF is, and says what is
 * missing.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "runtime_library.h"

static const char needed[] = "giflib 5.1 or later";

#if __has_include(<gif_lib.h>)

#include <gif_lib.h>

#define GIF_FUNCTIONS(EACH) \
  EACH(DGifCloseFile)       \
  EACH(DGifGetExtension)    \
  EACH(DGifGetExtensionNext) \
  EACH(DGifGetImageDesc)    \
  EACH(DGifGetLine)         \
  EACH(DGifGetRecordType)   \
  EACH(DGifOpen)            \
  EACH(GifErrorString)
RUNTIME_LIBRARY(giflib, "libgif.so.7", GIF_FUNCTIONS);

enum { maximum_records = 1000, no_index = -1 };

static int on_read(GifFileType *gif, GifByteType *bytes, int size) {
  return (int)image_source_read(gif->UserData, bytes, (size_t)size);
}

/* Passes over an extension; of a graphics control it takes the index that is transparent. */
static bool read_extension(GifFileType *gif, int *transparent) {
  int code;
  GifByteType *block;
  if (giflib.DGifGetExtension(gif, &code, &block) != GIF_OK) return false;
  if (code == GRAPHICS_EXT_FUNC_CODE && block != NULL && block[0] >= 4)
    *transparent = (block[1] & 1) != 0 ? block[4] : no_index;
  while (block != NULL)
    if (giflib.DGifGetExtensionNext(gif, &block) != GIF_OK) return false;
  return true;
}

/* Goes on to the next frame; false: there is none. */
static bool next_frame(GifFileType *gif, int *transparent) {
  for (int i = 0; i < maximum_records; i++) {
    GifRecordType record;
    if (giflib.DGifGetRecordType(gif, &record) != GIF_OK) return false;
    if (record == IMAGE_DESC_RECORD_TYPE) return true;
    if (record != EXTENSION_RECORD_TYPE || !read_extension(gif, transparent)) return false;
  }
  return false;
}

/* Without colors its numbers are gray. */
static void convert_row(const GifByteType *row, const ColorMapObject *colors, int transparent,
                        int count, unsigned char *to, int channels) {
  for (int x = 0; x < count; x++, to += channels) {
    const GifByteType index = row[x];
    if (index == transparent) continue;
    GifColorType color = {index, index, index};
    if (colors != NULL) color = index < colors->ColorCount ? colors->Colors[index] : (GifColorType){0};
    to[0] = color.Red;
    to[1] = color.Green;
    to[2] = color.Blue;
    if (channels == 4) to[3] = 255;
  }
}

static image_file_status read_picture(GifFileType *gif, const image_file_reading *reading,
                                      image_file *image, char *message) {
  int transparent = no_index;
  if (!next_frame(gif, &transparent) || giflib.DGifGetImageDesc(gif) != GIF_OK) {
    image_say(message, "is a GIF without a picture, or ends too early");
    return IMAGE_FILE_FAILED;
  }
  const GifImageDesc frame = gif->Image;
  const ColorMapObject *colors = frame.ColorMap != NULL ? frame.ColorMap : gif->SColorMap;
  if (frame.Width < 1 || frame.Height < 1 || frame.Left < 0 || frame.Top < 0) {
    image_say(message, "is a GIF of no size");
    return IMAGE_FILE_FAILED;
  }
  /* Some are larger than the screen that they say. */
  const int width = gif->SWidth > frame.Left + frame.Width ? gif->SWidth : frame.Left + frame.Width;
  const int height = gif->SHeight > frame.Top + frame.Height ? gif->SHeight : frame.Top + frame.Height;
  const bool is_all = frame.Width == width && frame.Height == height;
  const image_shape shape = {(uint32_t)width, (uint32_t)height,
                             is_all && transparent == no_index ? 3 : 4, 1, 0};
  if (!image_allocate(image, &shape, reading, message)) return IMAGE_FILE_FAILED;
  GifByteType *row = malloc((size_t)frame.Width);
  if (row == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  /* Interlaced: every 8th row, those between them, and so on (GIF 89a, appendix E). */
  static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
  image_file_status status = IMAGE_FILE_OK;
  int rows = 0;
  for (int pass = 0; pass < (frame.Interlace ? 4 : 1) && status == IMAGE_FILE_OK; pass++)
    for (int y = frame.Interlace ? starts[pass] : 0; y < frame.Height && status == IMAGE_FILE_OK;
         y += frame.Interlace ? steps[pass] : 1, rows++) {
      if (reading->stop != NULL && reading->stop()) status = IMAGE_FILE_STOPPED;
      else if (giflib.DGifGetLine(gif, row, frame.Width) != GIF_OK) status = IMAGE_FILE_FAILED;
      else
        convert_row(row, colors, transparent, frame.Width,
                    image->pixels + (size_t)(frame.Top + y) * image->row_bytes +
                        (size_t)(frame.Left * image->channels),
                    image->channels);
    }
  free(row);
  if (status == IMAGE_FILE_FAILED) {
    const char *why = giflib.GifErrorString(gif->Error);
    if (!reading->salvages) {
      image_say(message, "ends too early or is damaged: giflib: %s", why != NULL ? why : "unknown");
      return status;
    }
    image_note(image, "is damaged: %d of its %d rows are whole", rows - 1, frame.Height);
    return IMAGE_FILE_OK;
  }
  if (status == IMAGE_FILE_OK) image->has_more_frames = next_frame(gif, &transparent);
  return status;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  if (!runtime_library_load(&giflib_file, "GIF", needed, "libgif7", message))
    return IMAGE_FILE_FAILED;
  int error = 0;
  GifFileType *gif = giflib.DGifOpen(source, on_read, &error);
  if (gif == NULL) {
    const char *why = giflib.GifErrorString(error);
    image_say(message, "ends too early or is damaged: giflib: %s", why != NULL ? why : "unknown");
    return IMAGE_FILE_FAILED;
  }
  const image_file_status status = read_picture(gif, source->reading, image, message);
  giflib.DGifCloseFile(gif, &error);
  return status;
}

#else

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  (void)source;
  (void)image;
  runtime_library_say_absent("GIF", needed, message);
  return IMAGE_FILE_FAILED;
}

#endif

static bool begins(const unsigned char *start, size_t size) {
  return size >= 6 && (memcmp(start, "GIF87a", 6) == 0 || memcmp(start, "GIF89a", 6) == 0);
}

const image_format image_gif = {.kind = {.format = IMAGE_FILE_GIF,
                                         .name = "GIF",
                                         .suffixes = "gif",
                                         .written_as = IMAGE_FILE_PNG,
                                         .sample_bytes = 1,
                                         .maximum_side = 65535,
                                         .has_alpha = true},
                                .begins = begins,
                                .read = read_file};
