/* heif.c: HEIC and AVIF through libheif, which is loaded when it is needed: it is LGPL, and what it decodes with may be GPL.
 *
 * C, because libheif's header is. A file that was built without it still knows what these are, and says what is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "runtime_library.h"

static const char needed[] = "libheif 1.11 or later";

/* ISO 14496-12, 4.3: the brands of still pictures, of HEVC (ISO 23008-12, 10) and AV1 (AVIF 1.1, 7). */
static bool has_brand(const unsigned char *start, size_t size, const char *const *brands) {
  if (size < 16 || memcmp(start + 4, "ftyp", 4) != 0) return false;
  const size_t box = (size_t)start[2] << 8 | start[3];
  for (; *brands != NULL; brands++)
    /* The major brand, and those that the file is compatible with, as far as they have been read. */
    for (size_t at = 8; at + 4 <= size && at + 4 <= box; at += at == 8 ? 8 : 4)
      if (memcmp(start + at, *brands, 4) == 0) return true;
  return false;
}

static bool begins_heic(const unsigned char *start, size_t size) {
  static const char *const brands[] = {"heic", "heix", "heim", "heis", "hevc", "hevx", NULL};
  return has_brand(start, size, brands);
}

static bool begins_avif(const unsigned char *start, size_t size) {
  static const char *const brands[] = {"avif", "avis", NULL};
  return has_brand(start, size, brands);
}

#if __has_include(<libheif/heif.h>)

#include <libheif/heif.h>

#define HEIF_FUNCTIONS(EACH)                          \
  EACH(heif_context_alloc)                            \
  EACH(heif_context_free)                             \
  EACH(heif_context_get_number_of_top_level_images)   \
  EACH(heif_context_get_primary_image_handle)         \
  EACH(heif_context_read_from_memory_without_copy)    \
  EACH(heif_decode_image)                             \
  EACH(heif_image_get_height)                         \
  EACH(heif_image_get_plane_readonly)                 \
  EACH(heif_image_get_width)                          \
  EACH(heif_image_handle_get_color_profile_type)      \
  EACH(heif_image_handle_get_height)                  \
  EACH(heif_image_handle_get_list_of_metadata_block_IDs) \
  EACH(heif_image_handle_get_luma_bits_per_pixel)     \
  EACH(heif_image_handle_get_metadata)                \
  EACH(heif_image_handle_get_metadata_content_type)   \
  EACH(heif_image_handle_get_metadata_size)           \
  EACH(heif_image_handle_get_metadata_type)           \
  EACH(heif_image_handle_get_nclx_color_profile)      \
  EACH(heif_image_handle_get_number_of_metadata_blocks) \
  EACH(heif_image_handle_get_raw_color_profile)       \
  EACH(heif_image_handle_get_raw_color_profile_size)  \
  EACH(heif_image_handle_get_width)                   \
  EACH(heif_image_handle_has_alpha_channel)           \
  EACH(heif_image_handle_release)                     \
  EACH(heif_image_release)                            \
  EACH(heif_nclx_color_profile_free)
RUNTIME_LIBRARY(libheif, "libheif.so.1", HEIF_FUNCTIONS);

enum { maximum_blocks = 64, bits_of_8 = 8 };

static bool is_ok(struct heif_error error, char *message) {
  if (error.code == heif_error_Ok) return true;
  image_say(message, "libheif: %s", error.message != NULL ? error.message : "unknown");
  return false;
}

/* ---- Metadata -------------------------------------------------------------------------------- */

/* A block of metadata; false: memory was refused. */
static bool keep_block(const struct heif_image_handle *handle, heif_item_id id, image_bytes *bytes) {
  const size_t size = libheif.heif_image_handle_get_metadata_size(handle, id);
  if (bytes->size > 0 || size == 0 || size > IMAGE_METADATA_BYTES) return true;
  unsigned char *data = calloc(1, size + 1);
  if (data == NULL) return false;
  if (libheif.heif_image_handle_get_metadata(handle, id, data).code != heif_error_Ok) {
    free(data);
    return true;
  }
  free(bytes->data);
  *bytes = (image_bytes){data, size};
  return true;
}

/* Primaries and curves that are neither those of sRGB nor a profile: as PNG's chunks would say it. */
static void keep_primaries(const struct heif_image_handle *handle, image_file *image) {
  struct image_metadata *metadata = image->metadata;
  struct heif_color_profile_nclx *colors = NULL;
  if (libheif.heif_image_handle_get_nclx_color_profile(handle, &colors).code != heif_error_Ok ||
      colors == NULL)
    return;
  const enum heif_transfer_characteristics transfer = colors->transfer_characteristics;
  if (transfer == heif_transfer_characteristic_ITU_R_BT_2100_0_PQ ||
      transfer == heif_transfer_characteristic_ITU_R_BT_2100_0_HLG)
    image_note(image, "is HDR (PQ or HLG), which is taken as sRGB: its lightness is wrong");
  const float places[8] = {
      colors->color_primary_white_x, colors->color_primary_white_y, colors->color_primary_red_x,
      colors->color_primary_red_y,   colors->color_primary_green_x, colors->color_primary_green_y,
      colors->color_primary_blue_x,  colors->color_primary_blue_y};
  const enum heif_color_primaries primaries = colors->color_primaries;
  if (primaries != heif_color_primaries_unspecified &&
      primaries != heif_color_primaries_ITU_R_BT_709_5) {
    metadata->has_chromaticities = true;
    for (int i = 0; i < 8; i++) {
      const bool is_place = places[i] > 0 && places[i] <= 1;
      metadata->chromaticities[i] = is_place ? (int32_t)(places[i] * 1e5f + 0.5f) : 0;
    }
  }
  if (transfer == heif_transfer_characteristic_linear) {
    metadata->has_gamma = true;
    metadata->gamma = 100000;
  }
  libheif.heif_nclx_color_profile_free(colors);
}

static bool keep_metadata(const struct heif_image_handle *handle, image_file *image) {
  struct image_metadata *metadata = image->metadata;
  heif_item_id ids[maximum_blocks];
  int count = libheif.heif_image_handle_get_number_of_metadata_blocks(handle, NULL);
  if (count > maximum_blocks) count = maximum_blocks;
  count = libheif.heif_image_handle_get_list_of_metadata_block_IDs(handle, NULL, ids, count);
  bool has_memory = true;
  for (int i = 0; i < count && has_memory; i++) {
    const char *type = libheif.heif_image_handle_get_metadata_type(handle, ids[i]);
    const char *content = libheif.heif_image_handle_get_metadata_content_type(handle, ids[i]);
    if (type != NULL && strcmp(type, "Exif") == 0)
      has_memory = keep_block(handle, ids[i], &metadata->exif);
    else if (content != NULL && strcmp(content, "application/rdf+xml") == 0)
      has_memory = keep_block(handle, ids[i], &metadata->xmp);
  }
  exif_drop_offset(&metadata->exif);
  /* libheif has turned the picture; EXIF says it once more. */
  metadata->orientation = 1;
  xmp_reset_orientation(&metadata->xmp);

  const size_t size = libheif.heif_image_handle_get_raw_color_profile_size(handle);
  const enum heif_color_profile_type kind =
      libheif.heif_image_handle_get_color_profile_type(handle);
  const bool has_icc =
      (kind == heif_color_profile_type_prof || kind == heif_color_profile_type_rICC) && size > 0 &&
      size <= IMAGE_METADATA_BYTES;
  if (has_icc) {
    unsigned char *data = calloc(1, size + 1);
    if (data == NULL) return false;
    metadata->icc = (image_bytes){data, size};
    if (libheif.heif_image_handle_get_raw_color_profile(handle, data).code != heif_error_Ok)
      metadata->icc.size = 0;
  } else {
    keep_primaries(handle, image);
  }
  return has_memory;
}

/* ---- Pixels ---------------------------------------------------------------------------------- */

/* Copies libheif's pixels; of more than 8 bits it leaves the upper ones of 16 empty. */
static bool copy_pixels(const struct heif_image *decoded, int bits, image_file *image,
                        char *message) {
  int stride = 0;
  const unsigned char *plane =
      libheif.heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
  if (plane == NULL || stride < 0 || (size_t)stride < image->row_bytes ||
      libheif.heif_image_get_width(decoded, heif_channel_interleaved) != (int)image->width ||
      libheif.heif_image_get_height(decoded, heif_channel_interleaved) != (int)image->height) {
    image_say(message, "is damaged: libheif gives another size than the file says");
    return false;
  }
  const size_t samples = (size_t)image->width * (size_t)image->channels;
  const uint32_t largest = (1u << bits) - 1;
  for (uint32_t y = 0; y < image->height; y++) {
    const unsigned char *from = plane + (size_t)stride * y;
    unsigned char *to = image->pixels + y * image->row_bytes;
    if (bits == bits_of_8) {
      memcpy(to, from, samples);
      continue;
    }
    for (size_t i = 0; i < samples; i++) {
      const uint32_t value = from[2 * i] | (uint32_t)from[2 * i + 1] << 8;
      const uint16_t wide =
          (uint16_t)(value >= largest ? 65535 : (value * UINT64_C(65535) + largest / 2) / largest);
      memcpy(to + 2 * i, &wide, 2);
    }
  }
  return true;
}

static bool read_pixels(const struct heif_image_handle *handle, image_source *source,
                        image_file *image, char *message) {
  const int bits = libheif.heif_image_handle_get_luma_bits_per_pixel(handle);
  const bool has_alpha = libheif.heif_image_handle_has_alpha_channel(handle) != 0;
  if (bits < bits_of_8 || bits > 16) {
    image_say(message, "has %d bits a channel; 8 to 16 are read", bits);
    return false;
  }
  const int width = libheif.heif_image_handle_get_width(handle);
  const int height = libheif.heif_image_handle_get_height(handle);
  image_shape shape = {(uint32_t)(width > 0 ? width : 0), (uint32_t)(height > 0 ? height : 0),
                       has_alpha ? 4 : 3, bits > bits_of_8 ? 2 : 1, 0};
  /* libheif's planes and their interleaved copy. */
  shape.further_bytes =
      (uint64_t)shape.width * shape.height * (unsigned)(2 * shape.channels * shape.sample_bytes);
  if (!image_allocate(image, &shape, source->reading, message)) return false;
  const enum heif_chroma chroma =
      bits > bits_of_8 ? (has_alpha ? heif_chroma_interleaved_RRGGBBAA_LE : heif_chroma_interleaved_RRGGBB_LE)
                       : (has_alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB);
  struct heif_image *decoded = NULL;
  const bool is_read =
      is_ok(libheif.heif_decode_image(handle, &decoded, heif_colorspace_RGB, chroma, NULL),
            message) &&
      copy_pixels(decoded, bits, image, message);
  if (decoded != NULL) libheif.heif_image_release(decoded);
  return is_read;
}

static image_file_status read_memory(const image_bytes *bytes, image_source *source,
                                     image_file *image, char *message) {
  struct heif_context *context = libheif.heif_context_alloc();
  struct heif_image_handle *handle = NULL;
  if (context == NULL) {
    image_say(message, "needs memory, which was refused");
    return IMAGE_FILE_FAILED;
  }
  bool is_read = is_ok(libheif.heif_context_read_from_memory_without_copy(context, bytes->data,
                                                                          bytes->size, NULL),
                       message) &&
                 is_ok(libheif.heif_context_get_primary_image_handle(context, &handle), message) &&
                 read_pixels(handle, source, image, message);
  if (is_read && !keep_metadata(handle, image)) {
    image_say(message, "needs more memory for its metadata than there is");
    is_read = false;
  }
  image->has_more_pages =
      is_read && libheif.heif_context_get_number_of_top_level_images(context) > 1;
  if (handle != NULL) libheif.heif_image_handle_release(handle);
  libheif.heif_context_free(context);
  return is_read ? IMAGE_FILE_OK : IMAGE_FILE_FAILED;
}

static image_file_status read_file(image_source *source, image_file *image, const char *format,
                                   char *message) {
  image_bytes bytes;
  if (!runtime_library_load(&libheif_file, format, needed, "libheif1", message) ||
      !image_source_all(source, &bytes, message))
    return IMAGE_FILE_FAILED;
  const image_file_status status = read_memory(&bytes, source, image, message);
  free(bytes.data);
  return status;
}

#else

static image_file_status read_file(image_source *source, image_file *image, const char *format,
                                   char *message) {
  (void)source;
  (void)image;
  runtime_library_say_absent(format, needed, message);
  return IMAGE_FILE_FAILED;
}

#endif

/* ---- The table's rows ------------------------------------------------------------------------ */

static image_file_status read_heic(image_source *source, image_file *image, char *message) {
  return read_file(source, image, "HEIC", message);
}

static image_file_status read_avif(image_source *source, image_file *image, char *message) {
  return read_file(source, image, "AVIF", message);
}

const image_format image_heic = {.kind = {.format = IMAGE_FILE_HEIC,
                                          .name = "HEIC",
                                          .suffixes = "heic heif hif",
                                          .written_as = IMAGE_FILE_JPEG,
                                          .sample_bytes = 2,
                                          .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                          .has_alpha = true},
                                 .begins = begins_heic,
                                 .read = read_heic};

const image_format image_avif = {.kind = {.format = IMAGE_FILE_AVIF,
                                          .name = "AVIF",
                                          .suffixes = "avif",
                                          .written_as = IMAGE_FILE_JPEG,
                                          .sample_bytes = 2,
                                          .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                          .has_alpha = true},
                                 .begins = begins_avif,
                                 .read = read_avif};
