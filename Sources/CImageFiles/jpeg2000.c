/* jpeg2000.c: JPEG 2000, in a JP2 file or as a bare codestream, through OpenJPEG, which is loaded when it is needed.
 *
 * C, because OpenJPEG's structs are. A file that was built without its header still knows what a JPEG 2000 is, and says what
 * is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "runtime_library.h"

static const char needed[] = "OpenJPEG 2.1 or later";
static const char jp2_start[] = "\0\0\0\x0cjP  \r\n\x87\n";

#if __has_include(<openjpeg-2.5/openjpeg.h>)

#include <openjpeg-2.5/openjpeg.h>

#define OPENJPEG_FUNCTIONS(EACH)      \
  EACH(opj_create_decompress)         \
  EACH(opj_decode)                    \
  EACH(opj_destroy_codec)             \
  EACH(opj_end_decompress)            \
  EACH(opj_image_destroy)             \
  EACH(opj_read_header)               \
  EACH(opj_set_default_decoder_parameters) \
  EACH(opj_set_error_handler)         \
  EACH(opj_setup_decoder)             \
  EACH(opj_stream_default_create)     \
  EACH(opj_stream_destroy)            \
  EACH(opj_stream_set_read_function)  \
  EACH(opj_stream_set_seek_function)  \
  EACH(opj_stream_set_skip_function)  \
  EACH(opj_stream_set_user_data)      \
  EACH(opj_stream_set_user_data_length)
RUNTIME_LIBRARY(openjpeg, "libopenjp2.so.7", OPENJPEG_FUNCTIONS);

/* A file in memory, and where in it the decoder is. */
typedef struct memory_stream {
  const unsigned char *data;
  size_t size, position;
} memory_stream;

static OPJ_SIZE_T on_read(void *buffer, OPJ_SIZE_T size, void *data) {
  memory_stream *stream = data;
  const size_t left = stream->size - stream->position;
  if (left == 0) return (OPJ_SIZE_T)-1;
  const size_t count = size < left ? size : left;
  memcpy(buffer, stream->data + stream->position, count);
  stream->position += count;
  return count;
}

static OPJ_BOOL on_seek(OPJ_OFF_T position, void *data) {
  memory_stream *stream = data;
  if (position < 0 || (uint64_t)position > stream->size) return OPJ_FALSE;
  stream->position = (size_t)position;
  return OPJ_TRUE;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T count, void *data) {
  memory_stream *stream = data;
  if (count < 0 || (uint64_t)count > stream->size - stream->position) return -1;
  stream->position += (size_t)count;
  return count;
}

/* The first sentence is the one that says why. */
static void on_error(const char *text, void *data) {
  char *message = data;
  if (message[0] != 0) return;
  image_say(message, "OpenJPEG: %s", text);
  for (size_t end = strlen(message); end > 0 && message[end - 1] == '\n'; end--) message[end - 1] = 0;
}

/* ---- Pixels ---------------------------------------------------------------------------------- */

/* A component's value at a pixel, from 0 to `full`; components may be of a part of the picture's size. */
static uint32_t sample(const opj_image_comp_t *component, uint32_t x, uint32_t y, uint32_t full) {
  uint32_t column = x / component->dx, row = y / component->dy;
  if (column >= component->w) column = component->w - 1;
  if (row >= component->h) row = component->h - 1;
  int64_t value = component->data[(size_t)row * component->w + column];
  const int64_t largest = (INT64_C(1) << component->prec) - 1;
  if (component->sgnd) value += INT64_C(1) << (component->prec - 1);
  if (value < 0) value = 0;
  if (value > largest) value = largest;
  return (uint32_t)((value * full + largest / 2) / largest);
}

/* YCbCr of the full range, as JFIF has it. */
static void convert_ycc(uint32_t pixel[4], uint32_t full) {
  const double y = pixel[0], half = (full + 1) / 2;
  const double cb = pixel[1] - half, cr = pixel[2] - half;
  const double rgb[3] = {y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb};
  for (int k = 0; k < 3; k++)
    pixel[k] = rgb[k] <= 0 ? 0 : rgb[k] >= full ? full : (uint32_t)(rgb[k] + 0.5);
}

static bool check_components(const opj_image_t *picture, char *message) {
  for (uint32_t i = 0; i < picture->numcomps; i++) {
    const opj_image_comp_t *component = &picture->comps[i];
    if (component->prec < 1 || component->prec > 31 || component->dx < 1 || component->dy < 1) {
      image_say(message, "is a JPEG 2000 of %u bits a channel; 1 to 31 are read", component->prec);
      return false;
    }
  }
  return true;
}

/* Asks for the picture's memory; the header has been read. */
static bool allocate(const opj_image_t *picture, const image_file_reading *reading,
                     image_file *image, char *message) {
  if (picture->numcomps < 1 || picture->comps == NULL || picture->x1 <= picture->x0 ||
      picture->y1 <= picture->y0) {
    image_say(message, "is a JPEG 2000 without a picture");
    return false;
  }
  if (!check_components(picture, message)) return false;
  const uint32_t count = picture->numcomps < 4 ? picture->numcomps : 4;
  const bool is_deep = picture->comps[0].prec > 8;
  const image_shape shape = {
      picture->x1 - picture->x0, picture->y1 - picture->y0, (int)count, is_deep ? 2 : 1,
      (uint64_t)(picture->x1 - picture->x0) * (picture->y1 - picture->y0) * picture->numcomps * 8};
  image->left_out_channels = (int)(picture->numcomps - count);
  return image_allocate(image, &shape, reading, message);
}

static bool convert(const opj_image_t *picture, const image_file_reading *reading,
                    image_file *image, char *message) {
  if (!check_components(picture, message)) return false;
  for (int k = 0; k < image->channels; k++)
    if (picture->comps[k].data == NULL || picture->comps[k].w < 1 || picture->comps[k].h < 1) {
      image_say(message, "is damaged: OpenJPEG gives channel %d no pixels", k + 1);
      return false;
    }
  const uint32_t full = image->sample_bytes == 2 ? 65535 : 255;
  const bool is_ycc = image->channels >= 3 && (picture->color_space == OPJ_CLRSPC_SYCC ||
                                               (picture->color_space != OPJ_CLRSPC_SRGB &&
                                                picture->comps[0].dx != picture->comps[1].dx));
  if (picture->color_space == OPJ_CLRSPC_CMYK && image->channels == 4)
    image->metadata->space = IMAGE_SPACE_CMYK;
  for (uint32_t y = 0; y < image->height; y++) {
    if (reading->stop != NULL && reading->stop()) return true; /* the caller asks again */
    unsigned char *to = image->pixels + y * image->row_bytes;
    for (uint32_t x = 0; x < image->width; x++) {
      uint32_t pixel[4] = {0};
      for (int k = 0; k < image->channels; k++) pixel[k] = sample(&picture->comps[k], x, y, full);
      if (is_ycc) convert_ycc(pixel, full);
      for (int k = 0; k < image->channels; k++) {
        const size_t place = (size_t)x * (size_t)image->channels + (size_t)k;
        const uint16_t wide = (uint16_t)pixel[k];
        if (full == 255) to[place] = (unsigned char)wide;
        else memcpy(to + 2 * place, &wide, 2);
      }
    }
  }
  return true;
}

static bool decode(opj_codec_t *codec, opj_stream_t *stream, opj_image_t **picture,
                   const image_file_reading *reading, image_file *image, char *message) {
  opj_dparameters_t parameters;
  openjpeg.opj_set_default_decoder_parameters(&parameters);
  openjpeg.opj_set_error_handler(codec, on_error, message);
  if (!openjpeg.opj_setup_decoder(codec, &parameters) ||
      !openjpeg.opj_read_header(stream, codec, picture) ||
      !allocate(*picture, reading, image, message))
    return false;
  const bool is_whole = openjpeg.opj_decode(codec, stream, *picture) &&
                        openjpeg.opj_end_decompress(codec, stream);
  if (!is_whole && !reading->salvages) return false;
  if (!is_whole) image_note(image, "is damaged or cut off: some of its pixels are missing");
  message[0] = 0;
  const opj_image_t *decoded = *picture;
  if (decoded->icc_profile_len > 0 && decoded->icc_profile_len <= IMAGE_METADATA_BYTES &&
      !image_bytes_copy(&image->metadata->icc, decoded->icc_profile_buf, decoded->icc_profile_len))
    return false;
  return convert(decoded, reading, image, message);
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  image_bytes bytes;
  if (!runtime_library_load(&openjpeg_file, "JPEG 2000", needed, "libopenjp2-7", message) ||
      !image_source_all(source, &bytes, message))
    return IMAGE_FILE_FAILED;
  const bool is_jp2 = bytes.data[0] == 0;
  memory_stream memory = {.data = bytes.data, .size = bytes.size};
  opj_codec_t *codec = openjpeg.opj_create_decompress(is_jp2 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
  opj_stream_t *stream = openjpeg.opj_stream_default_create(OPJ_TRUE);
  opj_image_t *picture = NULL;
  bool is_read = false;
  if (codec != NULL && stream != NULL) {
    openjpeg.opj_stream_set_read_function(stream, on_read);
    openjpeg.opj_stream_set_seek_function(stream, on_seek);
    openjpeg.opj_stream_set_skip_function(stream, on_skip);
    openjpeg.opj_stream_set_user_data(stream, &memory, NULL);
    openjpeg.opj_stream_set_user_data_length(stream, bytes.size);
    is_read = decode(codec, stream, &picture, source->reading, image, message);
  }
  if (!is_read && message[0] == 0) image_say(message, "OpenJPEG cannot read it: it is damaged");
  if (picture != NULL) openjpeg.opj_image_destroy(picture);
  if (stream != NULL) openjpeg.opj_stream_destroy(stream);
  if (codec != NULL) openjpeg.opj_destroy_codec(codec);
  free(bytes.data);
  return is_read ? IMAGE_FILE_OK : IMAGE_FILE_FAILED;
}

#else

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  (void)source;
  (void)image;
  runtime_library_say_absent("JPEG 2000", needed, message);
  return IMAGE_FILE_FAILED;
}

#endif

static bool begins(const unsigned char *start, size_t size) {
  return size >= 12 &&
         (memcmp(start, jp2_start, 12) == 0 || memcmp(start, "\xff\x4f\xff\x51", 4) == 0);
}

const image_format image_jpeg2000 = {.kind = {.format = IMAGE_FILE_JPEG2000,
                                              .name = "JPEG 2000",
                                              .suffixes = "jp2 j2k j2c jpc jpf jpx",
                                              .written_as = IMAGE_FILE_PNG,
                                              .sample_bytes = 2,
                                              .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                              .has_alpha = true},
                                     .begins = begins,
                                     .read = read_file};
