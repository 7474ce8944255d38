/* jpeg.c: JPEG through libjpeg-turbo.
 *
 * C, because libjpeg reports errors with a longjmp of its caller. The setjmp stands in a function
 * of its own, whose state is in a struct of its caller: what is changed between setjmp and longjmp
 * is then never a local variable in a register.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
/* needs the types of jpeglib.h */
#include <jerror.h>

#include "format.h"

enum {
  exif_and_xmp_marker = JPEG_APP0 + 1,
  icc_marker = JPEG_APP0 + 2, /* and that of further pictures */
  iptc_marker = JPEG_APP0 + 13,
  maximum_segment = 65533, /* a marker segment's length is 16 bits and counts its own two bytes */
  /* Each scan of a progressive file costs a pass over the picture, and a file of some kilobytes
   * could ask for tens of thousands; real ones have ten or so. */
  maximum_scans = 100,
  buffer_size = 65536
};

/* How the marker segments of EXIF and XMP begin; the final zero belongs to them. */
static const char exif_name[] = "Exif\0";
static const char xmp_name[] = "http://ns.adobe.com/xap/1.0/";
static const char extended_xmp_name[] = "http://ns.adobe.com/xmp/extension/";
static const char photoshop_name[] = "Photoshop 3.0";
/* CIPA DC-007, 5.1: the list of the pictures in a file. */
static const char multiple_name[] = "MPF";

/* Each of libjpeg's managers is the first member of the struct that it stands in, which is how the
 * callbacks, who are given only the manager, come to the rest. */
typedef struct error_manager {
  struct jpeg_error_mgr base;
  jmp_buf failed;
  image_file_status status;
  char *message;
  /* Reading. */
  bool salvages;
  bool is_cut;     /* more was to be read than there is */
  bool has_strays; /* bytes between segments that belong to none */
  bool is_damaged; /* and some pixels are made up */
  uint64_t kept;   /* bytes of marker segments */
} error_manager;

typedef struct progress_manager {
  struct jpeg_progress_mgr base;
  image_file_stop stop;
} progress_manager;

typedef struct source_manager {
  struct jpeg_source_mgr base;
  image_source *source;
  JOCTET buffer[buffer_size];
} source_manager;

typedef struct destination_manager {
  struct jpeg_destination_mgr base;
  FILE *file;
  JOCTET buffer[buffer_size];
} destination_manager;

/* ---- Errors and stopping --------------------------------------------------------------------- */

static void give_up(j_common_ptr codec, image_file_status status) {
  error_manager *errors = (error_manager *)codec->err;
  errors->status = status;
  longjmp(errors->failed, 1);
}

static void on_error(j_common_ptr codec) {
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  const error_manager *errors = (const error_manager *)codec->err;
  const int code = codec->err->msg_code, value = codec->err->msg_parm.i[0];
  enum { lossless = 0xc3, arithmetic_lossless = 0xcb };
  if (errors->is_cut) image_say(errors->message, "ends too early: the file is cut off");
  else if (code == JERR_BAD_PRECISION)
    image_say(errors->message,
              "is a JPEG of %d bits a channel, which is not read: convert it to PNG or TIFF first", value);
  else if (code == JERR_SOF_UNSUPPORTED && (value == lossless || value == arithmetic_lossless))
    image_say(errors->message, "is a lossless JPEG, which is not read: convert it to PNG or TIFF first");
  else image_say(errors->message, "libjpeg: %s", text);
  give_up(codec, IMAGE_FILE_FAILED);
}

static bool is_kept(int marker) {
  return marker == exif_and_xmp_marker || marker == icc_marker || marker == iptc_marker ||
         marker == JPEG_COM;
}

/* libjpeg calls damage a warning and makes up the missing pixels; here it is an error. Not so for
 * what leaves the pixels whole: odd headers, and bytes that belong to no segment, as some cameras
 * leave them before markers. */
static void on_message(j_common_ptr codec, int level) {
  error_manager *errors = (error_manager *)codec->err;
  if (level >= 0) {
    /* Each marker segment is told of when it has been read, and kept. */
    if (errors->base.msg_code != JTRC_MISC_MARKER || !is_kept(errors->base.msg_parm.i[0])) return;
    errors->kept += (uint64_t)errors->base.msg_parm.i[1];
    if (errors->kept <= IMAGE_METADATA_BYTES) return;
    image_say(errors->message, "has more than %d MB of metadata",
              IMAGE_FILE_MAXIMUM_METADATA_MEGABYTES);
    give_up(codec, IMAGE_FILE_FAILED);
  }
  switch (errors->base.msg_code) {
  case JWRN_EXTRANEOUS_DATA: errors->has_strays = true; return;
  case JWRN_ARITH_BAD_CODE:
  case JWRN_BOGUS_PROGRESSION:
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_JPEG_EOF:
  case JWRN_MUST_RESYNC: break;
  default: return;
  }
  errors->is_damaged = true;
  if (!errors->salvages) on_error(codec);
}

static void on_output(j_common_ptr codec) { (void)codec; }

static struct jpeg_error_mgr *set_up(error_manager *errors, char *message) {
  jpeg_std_error(&errors->base);
  errors->base.error_exit = on_error;
  errors->base.emit_message = on_message;
  errors->base.output_message = on_output;
  errors->message = message;
  return &errors->base;
}

static void on_progress(j_common_ptr codec) {
  progress_manager *progress = (progress_manager *)codec->progress;
  if (progress->stop != NULL && progress->stop()) give_up(codec, IMAGE_FILE_STOPPED);
  if (codec->is_decompressor && ((j_decompress_ptr)codec)->input_scan_number > maximum_scans) {
    image_say(((error_manager *)codec->err)->message, "is a progressive JPEG of more than %d scans",
              maximum_scans);
    give_up(codec, IMAGE_FILE_FAILED);
  }
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct jpeg_reader {
  struct jpeg_decompress_struct codec;
  error_manager errors;
  progress_manager progress;
  source_manager source;
} jpeg_reader;

static void start_source(j_decompress_ptr codec) { (void)codec; }
static void end_source(j_decompress_ptr codec) { (void)codec; }

static boolean fill_source(j_decompress_ptr codec) {
  source_manager *manager = (source_manager *)codec->src;
  size_t size = image_source_read(manager->source, manager->buffer, sizeof manager->buffer);
  if (size == 0) {
    error_manager *errors = (error_manager *)codec->err;
    if (ferror(manager->source->file)) {
      image_say_errno(errors->message, "cannot be read");
      give_up((j_common_ptr)codec, IMAGE_FILE_FAILED);
    }
    /* An end marker in its place: whether pixels are missing shows when they are asked for. */
    errors->is_cut = true;
    manager->buffer[0] = 0xff;
    manager->buffer[1] = JPEG_EOI;
    size = 2;
  }
  manager->base.next_input_byte = manager->buffer;
  manager->base.bytes_in_buffer = size;
  return TRUE;
}

static void skip_source(j_decompress_ptr codec, long count) {
  struct jpeg_source_mgr *source = codec->src;
  while (count > 0) {
    if (source->bytes_in_buffer == 0) fill_source(codec);
    const size_t step =
        (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
    source->next_input_byte += step;
    source->bytes_in_buffer -= step;
    count -= (long)step;
  }
}

static bool begins_with(const struct jpeg_marker_struct *marker, const char *name, size_t size) {
  return marker->data_length >= size && memcmp(marker->data, name, size) == 0;
}

static bool keep_marker(struct image_metadata *metadata, const struct jpeg_marker_struct *marker) {
  const size_t count = metadata->marker_count + 1;
  image_marker *markers = realloc(metadata->markers, count * sizeof *markers);
  if (markers == NULL) return false;
  metadata->markers = markers;
  metadata->markers[count - 1] = (image_marker){.code = marker->marker};
  metadata->marker_count = count;
  return image_bytes_copy(&markers[count - 1].body, marker->data, marker->data_length);
}

static bool keep_metadata(j_decompress_ptr codec, image_file *image) {
  struct image_metadata *metadata = image->metadata;
  bool has_others = false;
  for (const struct jpeg_marker_struct *marker = codec->marker_list; marker != NULL;
       marker = marker->next) {
    bool kept = true;
    if (marker->marker == icc_marker && begins_with(marker, multiple_name, sizeof multiple_name))
      has_others = true;
    if (marker->marker == exif_and_xmp_marker) {
      if (begins_with(marker, exif_name, sizeof exif_name) && metadata->exif.data == NULL)
        kept = image_bytes_copy(&metadata->exif, marker->data + sizeof exif_name,
                                marker->data_length - sizeof exif_name);
      else if (begins_with(marker, xmp_name, sizeof xmp_name) && metadata->xmp.data == NULL)
        kept = image_bytes_copy(&metadata->xmp, marker->data + sizeof xmp_name,
                                marker->data_length - sizeof xmp_name);
      else if (begins_with(marker, extended_xmp_name, sizeof extended_xmp_name))
        kept = keep_marker(metadata, marker);
    } else if (marker->marker == iptc_marker || marker->marker == JPEG_COM) {
      kept = keep_marker(metadata, marker);
      if (kept && begins_with(marker, photoshop_name, sizeof photoshop_name)) {
        image_bytes *body = &metadata->markers[metadata->marker_count - 1].body;
        if (photoshop_drop_thumbnail(body, sizeof photoshop_name)) metadata->has_thumbnail = true;
        if (metadata->iptc.data == NULL)
          kept = photoshop_iptc(body, sizeof photoshop_name, &metadata->iptc);
      }
    }
    if (!kept) return false;
  }

  if (has_others)
    image_note(image, "has further pictures behind its first one, which are left out");
  JOCTET *profile;
  unsigned profile_size;
  if (jpeg_read_icc_profile(codec, &profile, &profile_size)) {
    metadata->icc.data = profile;
    metadata->icc.size = profile_size;
  }

  if (codec->saw_JFIF_marker && codec->X_density > 0 && codec->Y_density > 0) {
    static const image_density_unit units[] = {IMAGE_DENSITY_RATIO, IMAGE_DENSITY_PER_INCH,
                                               IMAGE_DENSITY_PER_CENTIMETRE};
    if (codec->density_unit < sizeof units / sizeof units[0])
      metadata->density_unit = units[codec->density_unit];
    metadata->density_x = codec->X_density;
    metadata->density_y = codec->Y_density;
  }
  return true;
}

/* The part of its size, 1/1 to 1/8, at which a picture is decoded. */
static unsigned reduction(const struct jpeg_decompress_struct *codec, uint32_t shorter_side) {
  const JDIMENSION side = codec->image_width < codec->image_height ? codec->image_width
                                                                   : codec->image_height;
  unsigned part = 1;
  while (shorter_side > 0 && part < 8 && side / (2 * part) >= shorter_side) part *= 2;
  return part;
}

/* Whether pixels may be missing of a file that is cut off, though no scan is broken off: it may have
 * had more scans. */
static bool lacks_scans(const struct jpeg_decompress_struct *codec) {
  if (codec->coef_bits == NULL)
    return codec->num_components > 1 && codec->comps_in_scan < codec->num_components;
  for (int i = 0; i < codec->num_components; i++)
    for (int k = 0; k < DCTSIZE2; k++)
      if (codec->coef_bits[i][k] != 0) return true;
  return false;
}

/* The memory in which libjpeg collects the coefficients of a file of several scans. */
static uint64_t coefficient_bytes(j_decompress_ptr codec) {
  uint64_t bytes = 0;
  for (int i = 0; i < codec->num_components && jpeg_has_multiple_scans(codec); i++) {
    const jpeg_component_info *component = &codec->comp_info[i];
    bytes += (uint64_t)component->width_in_blocks * component->height_in_blocks * sizeof(JBLOCK);
  }
  return bytes;
}

static image_file_status read_picture(jpeg_reader *reader, image_file *image) {
  j_decompress_ptr codec = &reader->codec;
  error_manager *errors = &reader->errors;
  char *message = errors->message;
  if (setjmp(errors->failed)) {
    if (!errors->salvages || errors->status == IMAGE_FILE_STOPPED || image->pixels == NULL)
      return errors->status;
    image_note(image, "is damaged (%s): %lu of its %lu rows are there", message,
               (unsigned long)codec->output_scanline, (unsigned long)image->height);
    message[0] = 0;
    return IMAGE_FILE_OK;
  }
  jpeg_create_decompress(codec);
  codec->src = &reader->source.base;
  codec->progress = &reader->progress.base;
  for (int marker = 0; marker <= 0xff; marker++)
    if (is_kept(marker)) jpeg_save_markers(codec, marker, 0xffff);
  jpeg_read_header(codec, TRUE);

  switch (codec->jpeg_color_space) {
  case JCS_GRAYSCALE: codec->out_color_space = JCS_GRAYSCALE; break;
  case JCS_YCbCr:
  case JCS_RGB: codec->out_color_space = JCS_RGB; break;
  case JCS_CMYK:
  case JCS_YCCK:
    codec->out_color_space = JCS_CMYK;
    image->metadata->space = IMAGE_SPACE_CMYK;
    break;
  default:
    image_say(message, "is a JPEG of %d channels without a known color space",
              codec->num_components);
    return IMAGE_FILE_FAILED;
  }
  codec->scale_num = 1;
  codec->scale_denom = reduction(codec, reader->source.source->shorter_side);
  jpeg_calc_output_dimensions(codec);
  const image_shape shape = {codec->output_width, codec->output_height,
                             codec->out_color_space == JCS_GRAYSCALE ? 1
                             : codec->out_color_space == JCS_CMYK    ? 4
                                                                     : 3,
                             1,
                             coefficient_bytes(codec)};
  if (!image_allocate(image, &shape, reader->source.source->reading, message))
    return IMAGE_FILE_FAILED;

  jpeg_start_decompress(codec);
  while (codec->output_scanline < codec->output_height) {
    JSAMPROW row = image->pixels + codec->output_scanline * image->row_bytes;
    jpeg_read_scanlines(codec, &row, 1);
    /* Adobe's programs, and those that follow them, store what is left of the light. */
    if (codec->out_color_space == JCS_CMYK && codec->saw_Adobe_marker)
      for (size_t i = 0; i < image->row_bytes; i++) row[i] = (JSAMPLE)~row[i];
  }
  /* Before the end, which frees them; after the pixels, since markers may stand between a
   * progressive file's scans. */
  if (!keep_metadata(codec, image)) {
    image_say(message, "needs more memory for its metadata than there is");
    return IMAGE_FILE_FAILED;
  }
  /* It lets them go. */
  const bool may_lack_scans = lacks_scans(codec);
  jpeg_finish_decompress(codec);
  if (errors->is_cut && (may_lack_scans || errors->is_damaged)) {
    if (!errors->salvages) {
      image_say(message, "ends too early: the file is cut off");
      return IMAGE_FILE_FAILED;
    }
    errors->is_damaged = true;
  }
  if (errors->is_damaged) image_note(image, "is damaged: some of its pixels are made up");
  else if (errors->is_cut) image_note(image, "has no end marker; its pixels are whole");
  else if (errors->has_strays)
    image_note(image, "has bytes that belong to nothing, which are passed over");
  return IMAGE_FILE_OK;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  jpeg_reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) {
    image_say_errno(message, "cannot be read");
    return IMAGE_FILE_FAILED;
  }
  reader->codec.err = set_up(&reader->errors, message);
  reader->errors.salvages = source->reading->salvages;
  reader->progress.base.progress_monitor = on_progress;
  reader->progress.stop = source->reading->stop;
  reader->source.source = source;
  reader->source.base.init_source = start_source;
  reader->source.base.fill_input_buffer = fill_source;
  reader->source.base.skip_input_data = skip_source;
  reader->source.base.resync_to_restart = jpeg_resync_to_restart;
  reader->source.base.term_source = end_source;
  const image_file_status status = read_picture(reader, image);
  jpeg_destroy_decompress(&reader->codec);
  free(reader);
  return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct jpeg_writer {
  struct jpeg_compress_struct codec;
  error_manager errors;
  progress_manager progress;
  destination_manager destination;
  bool is_thumbnail;
} jpeg_writer;

static void write_out(j_compress_ptr codec, size_t size) {
  destination_manager *manager = (destination_manager *)codec->dest;
  if (fwrite(manager->buffer, 1, size, manager->file) != size) {
    image_say_errno(((error_manager *)codec->err)->message, "cannot be written");
    give_up((j_common_ptr)codec, IMAGE_FILE_FAILED);
  }
  manager->base.next_output_byte = manager->buffer;
  manager->base.free_in_buffer = sizeof manager->buffer;
}

static void start_destination(j_compress_ptr codec) { write_out(codec, 0); }

static boolean empty_destination(j_compress_ptr codec) {
  write_out(codec, sizeof((destination_manager *)codec->dest)->buffer);
  return TRUE;
}

static void end_destination(j_compress_ptr codec) {
  write_out(codec,
            sizeof((destination_manager *)codec->dest)->buffer - codec->dest->free_in_buffer);
}

/* Writes `name` and `bytes` as one segment; false if they do not fit into one. */
static bool write_segment(j_compress_ptr codec, int marker, const char *name, size_t name_size,
                          const image_bytes *bytes) {
  if (name_size + bytes->size > maximum_segment) return false;
  jpeg_write_m_header(codec, marker, (unsigned)(name_size + bytes->size));
  for (size_t i = 0; i < name_size; i++) jpeg_write_m_byte(codec, name[i]);
  for (size_t i = 0; i < bytes->size; i++) jpeg_write_m_byte(codec, bytes->data[i]);
  return true;
}

static void set_density(j_compress_ptr codec, const struct image_metadata *metadata) {
  static const uint32_t largest = 65535;
  double x = metadata->density_x, y = metadata->density_y;
  int unit = 0;
  switch (metadata->density_unit) {
  case IMAGE_DENSITY_NONE: return;
  case IMAGE_DENSITY_RATIO: break;
  case IMAGE_DENSITY_PER_INCH: unit = 1; break;
  case IMAGE_DENSITY_PER_CENTIMETRE: unit = 2; break;
  case IMAGE_DENSITY_PER_METRE:
    unit = 1;
    x *= 0.0254;
    y *= 0.0254;
    break;
  }
  if (x < 0.5 || y < 0.5 || x > largest || y > largest) return;
  codec->density_unit = (UINT8)unit;
  codec->X_density = (UINT16)(x + 0.5);
  codec->Y_density = (UINT16)(y + 0.5);
}

/* Photoshop's resources of a JPEG have it; of another file's IPTC record they are made. */
static void write_iptc(j_compress_ptr codec, const struct image_metadata *metadata, char *message) {
  for (size_t i = 0; i < metadata->marker_count; i++)
    if (metadata->markers[i].code == iptc_marker) return;
  image_bytes resources = {0};
  if (metadata->iptc.size == 0) return;
  if (!photoshop_of_iptc(&metadata->iptc, &resources) ||
      !write_segment(codec, iptc_marker, photoshop_name, sizeof photoshop_name, &resources))
    image_say_too(message, "its IPTC record has more bytes than JPEG takes and was left out");
  free(resources.data);
}

static void write_metadata(j_compress_ptr codec, const struct image_metadata *metadata,
                           char *message) {
  if (metadata->exif.size > 0 &&
      !write_segment(codec, exif_and_xmp_marker, exif_name, sizeof exif_name, &metadata->exif))
    image_say_too(message, "its EXIF has more bytes than JPEG takes and was left out");
  if (metadata->xmp.size > 0 &&
      !write_segment(codec, exif_and_xmp_marker, xmp_name, sizeof xmp_name, &metadata->xmp))
    image_say_too(message, "its XMP has more bytes than JPEG takes and was left out");
  if (metadata->icc.size > 0)
    jpeg_write_icc_profile(codec, metadata->icc.data, (unsigned)metadata->icc.size);
  for (size_t i = 0; i < metadata->marker_count; i++)
    write_segment(codec, metadata->markers[i].code, "", 0, &metadata->markers[i].body);
  write_iptc(codec, metadata, message);
}

static image_file_status write_picture(jpeg_writer *writer, const image_file *image) {
  j_compress_ptr codec = &writer->codec;
  if (setjmp(writer->errors.failed)) return writer->errors.status;
  jpeg_create_compress(codec);
  codec->dest = &writer->destination.base;
  codec->progress = &writer->progress.base;
  codec->image_width = image->width;
  codec->image_height = image->height;
  codec->input_components = 3;
  codec->in_color_space = JCS_RGB;
  jpeg_set_defaults(codec);
  jpeg_set_quality(codec, image->quality > 0 ? image->quality : IMAGE_FILE_JPEG_QUALITY, TRUE);
  if (writer->is_thumbnail) {
    codec->write_JFIF_header = FALSE; /* EXIF 2.32, 4.5.8 */
  } else {
    for (int i = 0; i < codec->num_components; i++)
      codec->comp_info[i].h_samp_factor = codec->comp_info[i].v_samp_factor = 1;
    set_density(codec, image->metadata);
  }

  jpeg_start_compress(codec, TRUE);
  if (!writer->is_thumbnail) write_metadata(codec, image->metadata, writer->errors.message);
  while (codec->next_scanline < codec->image_height) {
    JSAMPROW row = image->pixels + codec->next_scanline * image->row_bytes;
    jpeg_write_scanlines(codec, &row, 1);
  }
  jpeg_finish_compress(codec);
  return IMAGE_FILE_OK;
}

static image_file_status write_to(FILE *file, const image_file *image, bool is_thumbnail,
                                 image_file_stop stop, char *message) {
  jpeg_writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL) {
    image_say_errno(message, "cannot be written");
    return IMAGE_FILE_FAILED;
  }
  writer->codec.err = set_up(&writer->errors, message);
  writer->progress.base.progress_monitor = on_progress;
  writer->progress.stop = stop;
  writer->is_thumbnail = is_thumbnail;
  writer->destination.file = file;
  writer->destination.base.init_destination = start_destination;
  writer->destination.base.empty_output_buffer = empty_destination;
  writer->destination.base.term_destination = end_destination;
  const image_file_status status = write_picture(writer, image);
  jpeg_destroy_compress(&writer->codec);
  free(writer);
  return status;
}

static image_file_status write_file(FILE *file, const image_file *image, image_file_stop stop,
                                  char *message) {
  return write_to(file, image, false, stop, message);
}

bool jpeg_thumbnail(const image_file *image, image_bytes *jpeg) {
  char message[IMAGE_FILE_MESSAGE_SIZE] = "";
  char *data = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&data, &size);
  if (file == NULL) return false;
  bool is_written = write_to(file, image, true, NULL, message) == IMAGE_FILE_OK;
  is_written = fclose(file) == 0 && is_written && image_bytes_copy(jpeg, data, size);
  free(data);
  return is_written;
}

/* ---- The table's row ------------------------------------------------------------------------- */

static bool begins(const unsigned char *start, size_t size) {
  return size >= 3 && memcmp(start, "\xff\xd8\xff", 3) == 0;
}

const image_format image_jpeg = {.kind = {.format = IMAGE_FILE_JPEG,
                                          .name = "JPEG",
                                          .suffixes = "jpg jpeg jpe jfif",
                                          .is_written = true,
                                          .sample_bytes = 1,
                                          .maximum_side = IMAGE_FILE_MAXIMUM_JPEG_SIDE,
                                          .has_alpha = false},
                                 .begins = begins,
                                 .read = read_file,
                                 .write = write_file};
