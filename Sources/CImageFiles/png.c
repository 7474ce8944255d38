/* png.c: PNG through libpng 1.6.
 *
 * C, because libpng reports errors with longjmp. The setjmp stands in a function of its own, whose
 * state is in a struct of its caller: what is changed between setjmp and longjmp is then never a
 * local variable in a register.
 */
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

/* docs/png-compression.md */
enum { default_level = 3 };

static const char xmp_key[] = "XML:com.adobe.xmp";

/* Samples of 16 bits are big-endian in a PNG. */
static const bool is_little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

typedef struct png_work {
  jmp_buf failed;
  png_structp png;
  png_infop info;
  image_source *source; /* reading */
  image_file *image;    /* reading */
  uint64_t held;        /* bytes that libpng has asked for and not given back */
  bool was_refused;     /* memory: libpng goes on without it where it can do with less metadata */
  bool has_left_out;    /* reading: metadata, for want of room */
  bool has_pixels;      /* reading: all of them */
  bool has_bad_profile; /* reading: libpng leaves it out */
  uint32_t rows;        /* reading: of the last pass, that are there */
  FILE *file;           /* writing */
  image_file_stop stop; /* writing */
  char *message;
} png_work;

/* ---- libpng's callbacks ---------------------------------------------------------------------- */

static void on_error(png_structp png, png_const_charp text) {
  png_work *work = png_get_error_ptr(png);
  image_say(work->message, "libpng: %s", text);
  longjmp(work->failed, 1);
}

/* All of libpng's memory is counted: a file of some kilobytes could have it unpack gigabytes of text when it is read.
 * The size stands before the bytes, which keep malloc's alignment. */
enum { size_room = 16 };

static png_voidp on_malloc(png_structp png, png_alloc_size_t size) {
  png_work *work = png_get_mem_ptr(png);
  /* Beside the metadata, what decoding takes: some rows and zlib's window. */
  const uint64_t limit = IMAGE_METADATA_BYTES + (UINT64_C(64) << 20);
  if (work->source != NULL && size > limit - work->held) {
    /* What follows is not even unpacked. */
    if (work->png != NULL) png_set_chunk_cache_max(png, 1);
    work->has_left_out = true;
    return NULL;
  }
  unsigned char *memory = malloc(size + size_room);
  if (memory == NULL) {
    work->was_refused = true;
    return NULL;
  }
  const uint64_t held = size;
  memcpy(memory, &held, sizeof held);
  work->held += held;
  return memory + size_room;
}

static void on_free(png_structp png, png_voidp pointer) {
  if (pointer == NULL) return;
  png_work *work = png_get_mem_ptr(png);
  unsigned char *memory = (unsigned char *)pointer - size_room;
  uint64_t held;
  memcpy(&held, memory, sizeof held);
  work->held -= held;
  free(memory);
}

/* An animation says how many frames it has (PNG 3, 11.3.4.1). */
static int on_unknown_chunk(png_structp png, png_unknown_chunkp chunk) {
  png_work *work = png_get_user_chunk_ptr(png);
  if (memcmp(chunk->name, "acTL", 4) == 0 && chunk->size == 8 &&
      png_get_uint_32(chunk->data) > 1)
    work->image->has_more_frames = true;
  return 0; /* libpng does with it what it does with all that it does not know */
}

/* What libpng warns of is in chunks that a picture does not need; it leaves them out. */
static void on_warning(png_structp png, png_const_charp text) {
  if (strncmp(text, "iCCP", 4) == 0) ((png_work *)png_get_error_ptr(png))->has_bad_profile = true;
}

static bool is_in_pixels(png_structp png) {
  static const png_uint_32 idat = 0x49444154;
  return png_get_io_chunk_type(png) == idat && (png_get_io_state(png) & PNG_IO_CHUNK_HDR) == 0;
}

static void on_read(png_structp png, png_bytep data, size_t size) {
  png_work *work = png_get_io_ptr(png);
  const size_t count = image_source_read(work->source, data, size);
  if (count == size) return;
  /* libpng takes pixels by blocks: what there is of the last one is worth unpacking. */
  if (count > 0 && work->source->reading->salvages && is_in_pixels(png)) {
    memset(data + count, 0, size - count);
    return;
  }
  if (ferror(work->source->file)) image_say_errno(work->message, "cannot be read");
  else image_say(work->message, "ends too early: the file is cut off");
  longjmp(work->failed, 1);
}

static void on_write(png_structp png, png_bytep data, size_t size) {
  png_work *work = png_get_io_ptr(png);
  if (fwrite(data, 1, size, work->file) == size) return;
  image_say_errno(work->message, "cannot be written");
  longjmp(work->failed, 1);
}

/* Nothing to do: fclose writes what is left, and is checked. */
static void on_flush(png_structp png) { (void)png; }

/* ---- Reading --------------------------------------------------------------------------------- */

/* Whether libpng would write this as a keyword (PNG 1.2, 4.2.3); it gives up on a file with a bad
 * one. */
static bool is_keyword(const char *key) {
  const size_t length = strlen(key);
  if (length < 1 || length > 79 || key[0] == ' ' || key[length - 1] == ' ') return false;
  for (size_t i = 0; i < length; i++) {
    const unsigned char character = (unsigned char)key[i];
    if (character < 32 || (character > 126 && character < 161)) return false;
    if (character == ' ' && key[i + 1] == ' ') return false;
  }
  return true;
}

static char *copy_string(const char *string) {
  if (string == NULL) string = "";
  const size_t size = strlen(string) + 1;
  char *copy = malloc(size);
  if (copy != NULL) memcpy(copy, string, size);
  return copy;
}

static bool keep_texts(const png_work *work, struct image_metadata *metadata) {
  png_textp texts;
  const int count = png_get_text(work->png, work->info, &texts, NULL);
  if (count <= 0) return true;
  metadata->texts = calloc((size_t)count, sizeof *metadata->texts);
  if (metadata->texts == NULL) return false;
  for (int i = 0; i < count; i++) {
    if (!is_keyword(texts[i].key) || texts[i].text == NULL) continue;
    const bool international = texts[i].compression >= PNG_ITXT_COMPRESSION_NONE;
    if (international && strcmp(texts[i].key, xmp_key) == 0) {
      if (!image_bytes_copy(&metadata->xmp, texts[i].text, strlen(texts[i].text))) return false;
      continue;
    }
    image_text *text = &metadata->texts[metadata->text_count++];
    text->compression = texts[i].compression;
    text->key = copy_string(texts[i].key);
    text->text = copy_string(texts[i].text);
    text->language = copy_string(international ? texts[i].lang : NULL);
    text->translated_key = copy_string(international ? texts[i].lang_key : NULL);
    if (text->key == NULL || text->text == NULL || text->language == NULL ||
        text->translated_key == NULL)
      return false;
  }
  return true;
}

static bool keep_metadata(const png_work *work, struct image_metadata *metadata) {
  png_structp png = work->png;
  png_infop info = work->info;

  png_uint_32 exif_size;
  png_bytep exif;
  if (png_get_eXIf_1(png, info, &exif_size, &exif) != 0 &&
      !image_bytes_copy(&metadata->exif, exif, exif_size))
    return false;

  png_charp profile_name;
  int profile_compression;
  png_bytep profile;
  png_uint_32 profile_size;
  if (png_get_iCCP(png, info, &profile_name, &profile_compression, &profile, &profile_size) != 0 &&
      !image_bytes_copy(&metadata->icc, profile, profile_size))
    return false;
  if (work->has_bad_profile && metadata->icc.size == 0)
    image_note(work->image, "has a damaged color profile, or one for other colors: it is taken as sRGB");

  png_uint_32 density_x, density_y;
  int unit;
  if (png_get_pHYs(png, info, &density_x, &density_y, &unit) != 0 && density_x > 0 &&
      density_y > 0 && density_x <= IMAGE_DENSITY_MAXIMUM && density_y <= IMAGE_DENSITY_MAXIMUM) {
    metadata->density_unit =
        unit == PNG_RESOLUTION_METER ? IMAGE_DENSITY_PER_METRE : IMAGE_DENSITY_RATIO;
    metadata->density_x = density_x;
    metadata->density_y = density_y;
  }

  png_timep time;
  if (png_get_tIME(png, info, &time) != 0) {
    metadata->has_time = true;
    metadata->time_year = time->year;
    metadata->time_month = time->month;
    metadata->time_day = time->day;
    metadata->time_hour = time->hour;
    metadata->time_minute = time->minute;
    metadata->time_second = time->second;
  }

  metadata->has_rendering_intent = png_get_sRGB(png, info, &metadata->rendering_intent) != 0;
  metadata->has_gamma = png_get_gAMA_fixed(png, info, &metadata->gamma) != 0;
  int32_t *xy = metadata->chromaticities;
  metadata->has_chromaticities = png_get_cHRM_fixed(png, info, &xy[0], &xy[1], &xy[2], &xy[3],
                                                    &xy[4], &xy[5], &xy[6], &xy[7]) != 0;
  return keep_texts(work, metadata);
}

static image_file_status read_picture(png_work *work, image_file *image) {
  const image_file_reading *reading = work->source->reading;
  if (setjmp(work->failed)) {
    /* Behind the last bytes of pixels nothing costs any of them. */
    if (work->has_pixels && !is_in_pixels(work->png))
      image_note(image, "is damaged or cut off behind its pixels, which are whole");
    else if (reading->salvages && image->pixels != NULL)
      image_note(image, "is damaged (%s): %lu of its %lu rows are whole", work->message,
                 (unsigned long)work->rows, (unsigned long)image->height);
    else return IMAGE_FILE_FAILED;
    work->message[0] = 0;
    return IMAGE_FILE_OK;
  }
  png_structp png = work->png;
  png_infop info = work->info;
  png_set_read_fn(png, work, on_read);
  png_set_read_user_chunk_fn(png, work, on_unknown_chunk);
  png_set_user_limits(png, IMAGE_FILE_MAXIMUM_SIDE, IMAGE_FILE_MAXIMUM_SIDE);
  png_set_chunk_malloc_max(png, IMAGE_METADATA_BYTES);
  png_read_info(png, info);

  const int color = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
  const bool keyed = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (keyed) png_set_tRNS_to_alpha(png);
  if (depth == 16 && is_little_endian) png_set_swap(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);

  const image_shape shape = {.width = png_get_image_width(png, info),
                             .height = png_get_image_height(png, info),
                             .channels = png_get_channels(png, info),
                             .sample_bytes = depth == 16 ? 2 : 1};
  if (!image_allocate(image, &shape, reading, work->message)) return IMAGE_FILE_FAILED;
  if (png_get_rowbytes(png, info) != image->row_bytes) png_error(png, "unexpected row size");
  for (int pass = 0; pass < passes; pass++)
    for (uint32_t y = 0; y < image->height; y++) {
      if (reading->stop != NULL && reading->stop()) return IMAGE_FILE_STOPPED;
      png_read_row(png, image->pixels + y * image->row_bytes, NULL);
      if (pass == passes - 1) work->rows = y + 1;
    }
  work->has_pixels = true;
  /* Texts, EXIF and time may also come after the pixels. */
  png_read_end(png, info);
  return IMAGE_FILE_OK;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  png_work work = {.source = source, .image = image, .message = message};
  work.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &work, on_error, on_warning, &work,
                                      on_malloc, on_free);
  if (work.png != NULL) work.info = png_create_info_struct(work.png);
  image_file_status status = IMAGE_FILE_FAILED;
  if (work.info == NULL) image_say(message, "libpng cannot be started");
  else status = read_picture(&work, image);
  if (status == IMAGE_FILE_OK && (work.was_refused || !keep_metadata(&work, image->metadata))) {
    image_say(message, "needs more memory for its metadata than there is");
    status = IMAGE_FILE_FAILED;
  }
  if (status == IMAGE_FILE_OK && work.has_left_out)
    image_note(image, "has more than %d MB of metadata, of which some are left out",
               IMAGE_FILE_MAXIMUM_METADATA_MEGABYTES);
  png_destroy_read_struct(&work.png, &work.info, NULL);
  return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void set_density(const png_work *work, const struct image_metadata *metadata) {
  double scale = 1;
  switch (metadata->density_unit) {
  case IMAGE_DENSITY_NONE: return;
  case IMAGE_DENSITY_RATIO: break;
  case IMAGE_DENSITY_PER_INCH: scale = 1 / 0.0254; break;
  case IMAGE_DENSITY_PER_CENTIMETRE: scale = 100; break;
  case IMAGE_DENSITY_PER_METRE: break;
  }
  const double x = metadata->density_x * scale, y = metadata->density_y * scale;
  if (x < 0.5 || y < 0.5) return;
  png_set_pHYs(work->png, work->info, (png_uint_32)(x + 0.5), (png_uint_32)(y + 0.5),
               metadata->density_unit == IMAGE_DENSITY_RATIO ? PNG_RESOLUTION_UNKNOWN
                                                             : PNG_RESOLUTION_METER);
}

static void set_metadata(const png_work *work, const struct image_metadata *metadata) {
  png_structp png = work->png;
  png_infop info = work->info;
  if (metadata->has_rendering_intent) png_set_sRGB(png, info, metadata->rendering_intent);
  if (metadata->has_gamma) png_set_gAMA_fixed(png, info, metadata->gamma);
  const int32_t *xy = metadata->chromaticities;
  if (metadata->has_chromaticities)
    png_set_cHRM_fixed(png, info, xy[0], xy[1], xy[2], xy[3], xy[4], xy[5], xy[6], xy[7]);
  if (metadata->icc.size > 0) {
    png_set_iCCP(png, info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, metadata->icc.data,
                 (png_uint_32)metadata->icc.size);
    if (png_get_valid(png, info, PNG_INFO_iCCP) == 0)
      image_say(work->message, "its ICC profile is damaged and was left out");
  }
  if (metadata->exif.size > 0)
    png_set_eXIf_1(png, info, (png_uint_32)metadata->exif.size, metadata->exif.data);
  set_density(work, metadata);
  if (metadata->has_time) {
    const png_time time = {.year = metadata->time_year,
                           .month = metadata->time_month,
                           .day = metadata->time_day,
                           .hour = metadata->time_hour,
                           .minute = metadata->time_minute,
                           .second = metadata->time_second};
    png_set_tIME(png, info, &time);
  }
  if (metadata->xmp.size > 0) {
    png_text xmp = {.compression = PNG_ITXT_COMPRESSION_NONE,
                    .key = (png_charp)xmp_key,
                    .text = (png_charp)metadata->xmp.data,
                    .lang = "",
                    .lang_key = ""};
    png_set_text(png, info, &xmp, 1);
  }
  for (size_t i = 0; i < metadata->text_count; i++) {
    const image_text *kept = &metadata->texts[i];
    png_text text = {.compression = kept->compression,
                     .key = kept->key,
                     .text = kept->text,
                     .lang = kept->language,
                     .lang_key = kept->translated_key};
    png_set_text(png, info, &text, 1);
  }
}

static image_file_status write_picture(png_work *work, const image_file *image) {
  if (setjmp(work->failed)) return IMAGE_FILE_FAILED;
  png_structp png = work->png;
  png_infop info = work->info;
  png_set_write_fn(png, work, on_write, on_flush);
  /* A fault in the metadata that were kept must not cost the picture. */
  png_set_benign_errors(png, 1);
  png_set_user_limits(png, IMAGE_FILE_MAXIMUM_SIDE, IMAGE_FILE_MAXIMUM_SIDE);
  png_set_IHDR(png, info, image->width, image->height, 8 * image->sample_bytes,
               image->channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, image->compression > 0 ? image->compression : default_level);
  set_metadata(work, image->metadata);
  png_write_info(png, info);
  if (image->sample_bytes == 2 && is_little_endian) png_set_swap(png);
  for (uint32_t y = 0; y < image->height; y++) {
    if (work->stop != NULL && work->stop()) return IMAGE_FILE_STOPPED;
    png_write_row(png, image->pixels + y * image->row_bytes);
  }
  /* Metadata stand before the pixels; given them, libpng would write EXIF once more. */
  png_write_end(png, NULL);
  return IMAGE_FILE_OK;
}

static image_file_status write_file(FILE *file, const image_file *image, image_file_stop stop,
                                 char *message) {
  png_work work = {.file = file, .stop = stop, .message = message};
  work.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &work, on_error, on_warning, &work,
                                       on_malloc, on_free);
  if (work.png != NULL) work.info = png_create_info_struct(work.png);
  image_file_status status = IMAGE_FILE_FAILED;
  if (work.info == NULL) image_say(message, "libpng cannot be started");
  else status = write_picture(&work, image);
  if (status == IMAGE_FILE_OK && work.was_refused) {
    image_say(message, "memory for its metadata was refused");
    status = IMAGE_FILE_FAILED;
  }
  png_destroy_write_struct(&work.png, &work.info);
  return status;
}

/* ---- The table's row ------------------------------------------------------------------------- */

static bool begins(const unsigned char *start, size_t size) {
  return size >= 8 && memcmp(start, "\x89PNG\r\n\x1a\n", 8) == 0;
}

const image_format image_png = {.kind = {.format = IMAGE_FILE_PNG,
                                         .name = "PNG",
                                         .suffixes = "png apng",
                                         .is_written = true,
                                         .sample_bytes = 2,
                                         .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                         .has_alpha = true},
                                .begins = begins,
                                .read = read_file,
                                .write = write_file};
