/* jpegxl.c: JPEG XL through libjxl, which is loaded when it is needed. Debian's prints lines of its own about damaged files to
 * standard error, which it cannot be kept from.
 *
 * C, because libjxl's structs are. A file that was built without its header still knows what a JPEG XL is, and says what is
 * missing.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "runtime_library.h"

static const char needed[] = "libjxl";

#if __has_include(<jxl/decode.h>)

#include <jxl/decode.h>
#include <jxl/version.h>

#define JXL_FUNCTIONS(EACH)          \
  EACH(JxlDecoderCreate)             \
  EACH(JxlDecoderDestroy)            \
  EACH(JxlDecoderGetBasicInfo)       \
  EACH(JxlDecoderGetBoxSizeRaw)      \
  EACH(JxlDecoderGetBoxType)         \
  EACH(JxlDecoderGetColorAsICCProfile) \
  EACH(JxlDecoderGetICCProfileSize)  \
  EACH(JxlDecoderImageOutBufferSize) \
  EACH(JxlDecoderProcessInput)       \
  EACH(JxlDecoderReleaseBoxBuffer)   \
  EACH(JxlDecoderSetBoxBuffer)       \
  EACH(JxlDecoderSetImageOutBuffer)  \
  EACH(JxlDecoderSetInput)           \
  EACH(JxlDecoderSubscribeEvents)
/* Until its version 1 each has an interface of its own, and is a file of its own. */
#define TEXT(x) #x
#define DIGITS(x) TEXT(x)
#if JPEGXL_MAJOR_VERSION == 0
#define JXL_VERSION DIGITS(JPEGXL_MAJOR_VERSION) "." DIGITS(JPEGXL_MINOR_VERSION)
#else
#define JXL_VERSION DIGITS(JPEGXL_MAJOR_VERSION)
#endif
RUNTIME_LIBRARY(libjxl, "libjxl.so." JXL_VERSION, JXL_FUNCTIONS);

/* Since 0.9 the functions of profiles are not told the format of the pixels, which they never used. */
#if JPEGXL_MAJOR_VERSION == 0 && JPEGXL_MINOR_VERSION < 9
#define UNUSED_FORMAT NULL,
#else
#define UNUSED_FORMAT
#endif

typedef struct jxl_reader {
  JxlDecoder *decoder;
  const image_file_reading *reading;
  image_file *image;
  JxlPixelFormat format;
  uint64_t file_bytes;
  image_bytes *box; /* the metadata that is being read; NULL: none is */
  char *message;
} jxl_reader;

static bool allocate(jxl_reader *reader) {
  JxlBasicInfo info;
  if (libjxl.JxlDecoderGetBasicInfo(reader->decoder, &info) != JXL_DEC_SUCCESS) return false;
  const bool is_float = info.exponent_bits_per_sample > 0, is_deep = info.bits_per_sample > 8;
  const int channels = (int)info.num_color_channels + (info.alpha_bits > 0);
  const image_shape shape = {info.xsize, info.ysize, channels, is_float ? 4 : is_deep ? 2 : 1,
                             /* It computes in floats. */
                             (uint64_t)info.xsize * info.ysize * (unsigned)channels * 4 +
                                 reader->file_bytes};
  reader->format = (JxlPixelFormat){
      .num_channels = (uint32_t)channels,
      .data_type = is_float ? JXL_TYPE_FLOAT : is_deep ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
      .endianness = JXL_NATIVE_ENDIAN};
  reader->image->has_more_frames = info.have_animation;
  /* libjxl has turned the picture; EXIF says it once more. */
  reader->image->metadata->orientation = 1;
  return image_allocate(reader->image, &shape, reader->reading, reader->message);
}

static bool give_pixels(const jxl_reader *reader) {
  const image_file *image = reader->image;
  size_t size = 0;
  return image->pixels != NULL &&
         libjxl.JxlDecoderImageOutBufferSize(reader->decoder, &reader->format, &size) ==
             JXL_DEC_SUCCESS &&
         size <= image->row_bytes * image->height &&
         libjxl.JxlDecoderSetImageOutBuffer(reader->decoder, &reader->format, image->pixels,
                                            image->row_bytes * image->height) == JXL_DEC_SUCCESS;
}

/* libjxl makes a profile where the file says its colors in another way. */
static bool keep_profile(const jxl_reader *reader) {
  image_bytes *icc = &reader->image->metadata->icc;
  size_t size = 0;
  if (libjxl.JxlDecoderGetICCProfileSize(reader->decoder, UNUSED_FORMAT JXL_COLOR_PROFILE_TARGET_DATA,
                                         &size) != JXL_DEC_SUCCESS ||
      size == 0 || size > IMAGE_METADATA_BYTES)
    return true;
  unsigned char *data = calloc(1, size + 1);
  if (data == NULL) return false;
  const bool is_there =
      libjxl.JxlDecoderGetColorAsICCProfile(reader->decoder, UNUSED_FORMAT JXL_COLOR_PROFILE_TARGET_DATA,
                                            data, size) == JXL_DEC_SUCCESS;
  free(icc->data);
  *icc = (image_bytes){data, is_there ? size : 0};
  return true;
}

static void end_box(jxl_reader *reader) {
  if (reader->box == NULL) return;
  reader->box->size -= libjxl.JxlDecoderReleaseBoxBuffer(reader->decoder);
  reader->box = NULL;
}

/* EXIF and XMP that are not compressed. */
static bool begin_box(jxl_reader *reader) {
  JxlBoxType type;
  uint64_t size = 0;
  end_box(reader);
  if (libjxl.JxlDecoderGetBoxType(reader->decoder, type, JXL_FALSE) != JXL_DEC_SUCCESS ||
      libjxl.JxlDecoderGetBoxSizeRaw(reader->decoder, &size) != JXL_DEC_SUCCESS)
    return true;
  struct image_metadata *metadata = reader->image->metadata;
  image_bytes *box = memcmp(type, "Exif", 4) == 0   ? &metadata->exif
                     : memcmp(type, "xml ", 4) == 0 ? &metadata->xmp
                                                    : NULL;
  if (memcmp(type, "brob", 4) == 0)
    image_note(reader->image, "has compressed metadata, which is left out");
  if (box == NULL || box->data != NULL || size > reader->file_bytes || size > IMAGE_METADATA_BYTES)
    return true;
  box->data = calloc(1, (size_t)size + 1);
  if (box->data == NULL) return false;
  box->size = (size_t)size;
  reader->box = box;
  return libjxl.JxlDecoderSetBoxBuffer(reader->decoder, box->data, box->size) == JXL_DEC_SUCCESS;
}

/* Until the file ends, whose metadata may stand behind the pixels. */
static image_file_status read_events(jxl_reader *reader) {
  bool has_pixels = false, goes_on = true;
  while (goes_on) {
    const image_file_stop stop = reader->reading->stop;
    if (stop != NULL && stop()) return IMAGE_FILE_STOPPED;
    const JxlDecoderStatus event = libjxl.JxlDecoderProcessInput(reader->decoder);
    switch (event) {
    case JXL_DEC_BASIC_INFO: goes_on = allocate(reader); break;
    case JXL_DEC_COLOR_ENCODING: goes_on = keep_profile(reader); break;
    case JXL_DEC_NEED_IMAGE_OUT_BUFFER: goes_on = !has_pixels && give_pixels(reader); break;
    case JXL_DEC_FULL_IMAGE:
      has_pixels = true;
      /* Of an animation, the first frame. */
      if (reader->image->has_more_frames) goes_on = false;
      break;
    case JXL_DEC_BOX: goes_on = begin_box(reader); break;
    case JXL_DEC_BOX_NEED_MORE_OUTPUT: goes_on = false; break;
    default: goes_on = false; break; /* the end, damage, or more input than there is */
    }
  }
  end_box(reader);
  if (has_pixels) return IMAGE_FILE_OK;
  if (reader->message[0] != 0) return IMAGE_FILE_FAILED;
  if (reader->reading->salvages && reader->image->pixels != NULL) {
    image_note(reader->image, "is damaged or cut off: some of its pixels are missing");
    return IMAGE_FILE_OK;
  }
  image_say(reader->message, "ends too early or is damaged, as libjxl finds");
  return IMAGE_FILE_FAILED;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  image_bytes bytes;
  if (!runtime_library_load(&libjxl_file, "JPEG XL", needed, "libjxl" JXL_VERSION, message) ||
      !image_source_all(source, &bytes, message))
    return IMAGE_FILE_FAILED;
  jxl_reader reader = {.decoder = libjxl.JxlDecoderCreate(NULL),
                       .reading = source->reading,
                       .image = image,
                       .file_bytes = bytes.size,
                       .message = message};
  image_file_status status = IMAGE_FILE_FAILED;
  if (reader.decoder == NULL ||
      libjxl.JxlDecoderSubscribeEvents(reader.decoder, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING |
                                                           JXL_DEC_FULL_IMAGE | JXL_DEC_BOX) !=
          JXL_DEC_SUCCESS ||
      libjxl.JxlDecoderSetInput(reader.decoder, bytes.data, bytes.size) != JXL_DEC_SUCCESS) {
    image_say(message, "needs memory, which was refused");
  } else {
    /* That this is all, it is not told: where that is too early it would print so. */
    status = read_events(&reader);
  }
  if (reader.decoder != NULL) libjxl.JxlDecoderDestroy(reader.decoder);
  free(bytes.data);
  exif_drop_offset(&image->metadata->exif);
  xmp_reset_orientation(&image->metadata->xmp);
  return status;
}

#else

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  (void)source;
  (void)image;
  runtime_library_say_absent("JPEG XL", needed, message);
  return IMAGE_FILE_FAILED;
}

#endif

static bool begins(const unsigned char *start, size_t size) {
  return size >= 12 && (memcmp(start, "\0\0\0\x0cJXL \r\n\x87\n", 12) == 0 ||
                        memcmp(start, "\xff\x0a", 2) == 0);
}

const image_format image_jpegxl = {.kind = {.format = IMAGE_FILE_JPEGXL,
                                            .name = "JPEG XL",
                                            .suffixes = "jxl",
                                            .written_as = IMAGE_FILE_JPEG,
                                            .sample_bytes = 4,
                                            .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                            .has_alpha = true},
                                   .begins = begins,
                                   .read = read_file};
