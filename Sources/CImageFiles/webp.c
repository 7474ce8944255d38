/* webp.c: WebP through libwebp, which is loaded when it is needed.
 *
 * C, because libwebp's structs carry the version of their header. A file that was built without that header still knows
 * what a WebP is, and says what is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "runtime_library.h"

static const char needed[] = "libwebp 1.0 or later";

#if __has_include(<webp/decode.h>)

#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#define CODEC_FUNCTIONS(EACH)      \
  EACH(WebPConfigInitInternal)     \
  EACH(WebPDecode)                 \
  EACH(WebPEncode)                 \
  EACH(WebPFree)                   \
  EACH(WebPGetFeaturesInternal)    \
  EACH(WebPInitDecoderConfigInternal) \
  EACH(WebPMemoryWrite)            \
  EACH(WebPMemoryWriterClear)      \
  EACH(WebPMemoryWriterInit)       \
  EACH(WebPPictureFree)            \
  EACH(WebPPictureImportRGB)       \
  EACH(WebPPictureImportRGBA)      \
  EACH(WebPPictureInitInternal)
RUNTIME_LIBRARY(libwebp, "libwebp.so.7", CODEC_FUNCTIONS);

#define DEMUX_FUNCTIONS(EACH)       \
  EACH(WebPDemuxDelete)             \
  EACH(WebPDemuxGetChunk)           \
  EACH(WebPDemuxGetFrame)           \
  EACH(WebPDemuxGetI)               \
  EACH(WebPDemuxInternal)           \
  EACH(WebPDemuxReleaseChunkIterator) \
  EACH(WebPDemuxReleaseIterator)
RUNTIME_LIBRARY(libwebpdemux, "libwebpdemux.so.2", DEMUX_FUNCTIONS);

#define MUX_FUNCTIONS(EACH) \
  EACH(WebPMuxAssemble)     \
  EACH(WebPMuxDelete)       \
  EACH(WebPMuxSetChunk)     \
  EACH(WebPMuxSetImage)     \
  EACH(WebPNewInternal)
RUNTIME_LIBRARY(libwebpmux, "libwebpmux.so.3", MUX_FUNCTIONS);

static bool load(runtime_library *library, const char *package, char *message) {
  return runtime_library_load(&libwebp_file, "WebP", needed, "libwebp7", message) &&
         runtime_library_load(library, "WebP", needed, package, message);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool keep_chunk(const WebPDemuxer *demuxer, const char *name, image_file *image,
                       image_bytes *bytes) {
  WebPChunkIterator chunk;
  if (!libwebpdemux.WebPDemuxGetChunk(demuxer, name, 1, &chunk)) return true;
  bool has_memory = true;
  if (chunk.chunk.size <= IMAGE_METADATA_BYTES)
    has_memory = image_bytes_copy(bytes, chunk.chunk.bytes, chunk.chunk.size);
  else
    image_note(image, "has more than %d MB of metadata, of which some are left out",
               IMAGE_FILE_MAXIMUM_METADATA_MEGABYTES);
  libwebpdemux.WebPDemuxReleaseChunkIterator(&chunk);
  return has_memory;
}

/* Some writers put the name of a JPEG's segment before it. */
static void drop_exif_name(image_bytes *exif) {
  static const char name[] = "Exif\0";
  if (exif->size < sizeof name || memcmp(exif->data, name, sizeof name) != 0) return;
  exif->size -= sizeof name;
  memmove(exif->data, exif->data + sizeof name, exif->size);
}

static image_file_status damaged(image_file *image, const image_file_reading *reading,
                                 char *message) {
  if (reading->salvages && image->pixels != NULL) {
    image_note(image, "is damaged or cut off: some of its rows are missing");
    return IMAGE_FILE_OK;
  }
  image_say(message, "ends too early or is damaged, as libwebp finds");
  return IMAGE_FILE_FAILED;
}

/* Decodes a frame to its place in the picture. */
static image_file_status read_frame(const WebPIterator *frame, size_t file_bytes, bool has_alpha,
                                    uint32_t width, uint32_t height, image_source *source,
                                    image_file *image, char *message) {
  const image_file_reading *reading = source->reading;
  const image_shape shape = {width, height, has_alpha ? 4 : 3, 1, file_bytes};
  if (!image_allocate(image, &shape, reading, message)) return IMAGE_FILE_FAILED;
  WebPDecoderConfig config;
  if (!libwebp.WebPInitDecoderConfigInternal(&config, WEBP_DECODER_ABI_VERSION)) {
    image_say(message, "needs a libwebp that is no older than the one it was built with");
    return IMAGE_FILE_FAILED;
  }
  const size_t start = (size_t)frame->y_offset * image->row_bytes +
                       (size_t)frame->x_offset * (size_t)image->channels;
  const VP8StatusCode status = libwebp.WebPGetFeaturesInternal(
      frame->fragment.bytes, frame->fragment.size, &config.input, WEBP_DECODER_ABI_VERSION);
  const bool fits = frame->x_offset >= 0 && frame->y_offset >= 0 && config.input.width > 0 &&
                    config.input.height > 0 &&
                    (uint32_t)frame->x_offset + (uint32_t)config.input.width <= width &&
                    (uint32_t)frame->y_offset + (uint32_t)config.input.height <= height;
  if (status != VP8_STATUS_OK || !fits) return damaged(image, reading, message);
  config.output.colorspace = has_alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image->pixels + start;
  config.output.u.RGBA.stride = (int)image->row_bytes;
  config.output.u.RGBA.size = image->row_bytes * height - start;
  if (libwebp.WebPDecode(frame->fragment.bytes, frame->fragment.size, &config) != VP8_STATUS_OK)
    return damaged(image, reading, message);
  return IMAGE_FILE_OK;
}

static image_file_status read_picture(const WebPDemuxer *demuxer, size_t file_bytes,
                                      image_source *source, image_file *image, char *message) {
  const uint32_t width = libwebpdemux.WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
  const uint32_t height = libwebpdemux.WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
  const uint32_t flags = libwebpdemux.WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS);
  WebPIterator frame;
  if (!libwebpdemux.WebPDemuxGetFrame(demuxer, 1, &frame)) return damaged(image, source->reading, message);
  const bool is_all = frame.x_offset == 0 && frame.y_offset == 0 &&
                      (uint32_t)frame.width == width && (uint32_t)frame.height == height;
  const bool has_alpha = (flags & ALPHA_FLAG) != 0 || frame.has_alpha || !is_all;
  image->has_more_frames = libwebpdemux.WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT) > 1;
  const image_file_status status =
      read_frame(&frame, file_bytes, has_alpha, width, height, source, image, message);
  libwebpdemux.WebPDemuxReleaseIterator(&frame);
  struct image_metadata *metadata = image->metadata;
  if (status == IMAGE_FILE_OK && (!keep_chunk(demuxer, "ICCP", image, &metadata->icc) ||
                                  !keep_chunk(demuxer, "EXIF", image, &metadata->exif) ||
                                  !keep_chunk(demuxer, "XMP ", image, &metadata->xmp))) {
    image_say(message, "needs more memory for its metadata than there is");
    return IMAGE_FILE_FAILED;
  }
  drop_exif_name(&metadata->exif);
  return status;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  image_bytes bytes;
  if (!load(&libwebpdemux_file, "libwebpdemux2", message) ||
      !image_source_all(source, &bytes, message))
    return IMAGE_FILE_FAILED;
  const WebPData data = {bytes.data, bytes.size};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  WebPDemuxer *demuxer =
      libwebpdemux.WebPDemuxInternal(&data, 1, &state, WEBP_DEMUX_ABI_VERSION);
  image_file_status status = IMAGE_FILE_FAILED;
  if (demuxer == NULL || state < WEBP_DEMUX_PARSED_HEADER ||
      (state != WEBP_DEMUX_DONE && !source->reading->salvages))
    damaged(image, source->reading, message);
  else status = read_picture(demuxer, bytes.size, source, image, message);
  libwebpdemux.WebPDemuxDelete(demuxer);
  free(bytes.data);
  return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int on_progress(int percent, const WebPPicture *picture) {
  (void)percent;
  const image_file_stop *stop = picture->user_data;
  return *stop == NULL || !(*stop)();
}

static bool set_chunk(WebPMux *mux, const char *name, const image_bytes *bytes) {
  const WebPData data = {bytes->data, bytes->size};
  return bytes->size == 0 || libwebpmux.WebPMuxSetChunk(mux, name, &data, 0) == WEBP_MUX_OK;
}

/* Writes an encoded picture with its metadata. */
static image_file_status write_out(FILE *file, const WebPMemoryWriter *encoded,
                                   const struct image_metadata *metadata, char *message) {
  const WebPData picture = {encoded->mem, encoded->size};
  WebPData all = {0};
  WebPMux *mux = libwebpmux.WebPNewInternal(WEBP_MUX_ABI_VERSION);
  const bool is_whole = mux != NULL &&
                        libwebpmux.WebPMuxSetImage(mux, &picture, 0) == WEBP_MUX_OK &&
                        set_chunk(mux, "ICCP", &metadata->icc) &&
                        set_chunk(mux, "EXIF", &metadata->exif) &&
                        set_chunk(mux, "XMP ", &metadata->xmp) &&
                        libwebpmux.WebPMuxAssemble(mux, &all) == WEBP_MUX_OK;
  const bool is_written = is_whole && fwrite(all.bytes, 1, all.size, file) == all.size;
  if (!is_whole) image_say(message, "libwebp cannot put the file together: memory was refused");
  else if (!is_written) image_say_errno(message, "cannot be written");
  libwebp.WebPFree((void *)all.bytes);
  libwebpmux.WebPMuxDelete(mux);
  return is_written ? IMAGE_FILE_OK : IMAGE_FILE_FAILED;
}

static image_file_status write_file(FILE *file, const image_file *image, image_file_stop stop,
                                    char *message) {
  WebPConfig config;
  WebPPicture picture;
  if (!load(&libwebpmux_file, "libwebpmux3", message)) return IMAGE_FILE_FAILED;
  const float quality = image->quality > 0 ? (float)image->quality : IMAGE_FILE_JPEG_QUALITY;
  if (!libwebp.WebPConfigInitInternal(&config, WEBP_PRESET_DEFAULT, quality,
                                      WEBP_ENCODER_ABI_VERSION) ||
      !libwebp.WebPPictureInitInternal(&picture, WEBP_ENCODER_ABI_VERSION)) {
    image_say(message, "needs a libwebp that is no older than the one it was built with");
    return IMAGE_FILE_FAILED;
  }
  /* WebP stores color at half the resolution; this way it stays where the edges are. */
  config.use_sharp_yuv = 1;
  WebPMemoryWriter writer;
  libwebp.WebPMemoryWriterInit(&writer);
  picture.use_argb = 1;
  picture.width = (int)image->width;
  picture.height = (int)image->height;
  picture.writer = libwebp.WebPMemoryWrite;
  picture.custom_ptr = &writer;
  picture.progress_hook = on_progress;
  picture.user_data = &stop;
  const bool is_encoded =
      (image->channels == 4
           ? libwebp.WebPPictureImportRGBA(&picture, image->pixels, (int)image->row_bytes)
           : libwebp.WebPPictureImportRGB(&picture, image->pixels, (int)image->row_bytes)) &&
      libwebp.WebPEncode(&config, &picture);
  image_file_status status = IMAGE_FILE_FAILED;
  if (is_encoded) status = write_out(file, &writer, image->metadata, message);
  else if (picture.error_code == VP8_ENC_ERROR_USER_ABORT) status = IMAGE_FILE_STOPPED;
  else
    image_say(message, "libwebp cannot write it: error %d (of WebPEncodingError)",
              (int)picture.error_code);
  libwebp.WebPPictureFree(&picture);
  libwebp.WebPMemoryWriterClear(&writer);
  return status;
}

#else

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  (void)source;
  (void)image;
  runtime_library_say_absent("WebP", needed, message);
  return IMAGE_FILE_FAILED;
}

static image_file_status write_file(FILE *file, const image_file *image, image_file_stop stop,
                                    char *message) {
  (void)file;
  (void)image;
  (void)stop;
  runtime_library_say_absent("WebP", needed, message);
  return IMAGE_FILE_FAILED;
}

#endif

/* ---- The table's row ------------------------------------------------------------------------- */

static bool begins(const unsigned char *start, size_t size) {
  return size >= 12 && memcmp(start, "RIFF", 4) == 0 && memcmp(start + 8, "WEBP", 4) == 0;
}

const image_format image_webp = {.kind = {.format = IMAGE_FILE_WEBP,
                                          .name = "WebP",
                                          .suffixes = "webp",
                                          .is_written = true,
                                          .sample_bytes = 1,
                                          .maximum_side = 16383,
                                          .has_alpha = true},
                                 .begins = begins,
                                 .read = read_file,
                                 .write = write_file};
