/* tiff.c: TIFF through libtiff 4.5.
 *
 * C, because libtiff's functions take any number of arguments. It is loaded when the first TIFF is read or written: Debian's
 * brings libjbig along, whose licence (GPL) must not become that of a wheel that holds the command. Its errors come to a function that is
 * set for the one file that is open; that of the whole process, which would print, is never reached.
 * What the samples mean is worked out here: libtiff's own reader for display gives 8 bits.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <unistd.h>

#include "directory.h"
#include "format.h"
#include "runtime_library.h"

#define TIFF_FUNCTIONS(EACH)                  \
  EACH(TIFFClientOpenExt)                     \
  EACH(TIFFClose)                             \
  EACH(TIFFComputeTile)                       \
  EACH(TIFFCurrentDirOffset)                  \
  EACH(TIFFGetField)                          \
  EACH(TIFFGetFieldDefaulted)                 \
  EACH(TIFFGetStrileByteCount)                \
  EACH(TIFFGetStrileOffset)                   \
  EACH(TIFFIsCODECConfigured)                 \
  EACH(TIFFIsTiled)                           \
  EACH(TIFFLastDirectory)                     \
  EACH(TIFFNumberOfStrips)                    \
  EACH(TIFFNumberOfTiles)                     \
  EACH(TIFFOpenOptionsAlloc)                  \
  EACH(TIFFOpenOptionsFree)                   \
  EACH(TIFFOpenOptionsSetErrorHandlerExtR)    \
  EACH(TIFFOpenOptionsSetMaxSingleMemAlloc)   \
  EACH(TIFFOpenOptionsSetWarningHandlerExtR)  \
  EACH(TIFFReadDirectory)                     \
  EACH(TIFFReadEncodedTile)                   \
  EACH(TIFFReadRGBAImageOriented)             \
  EACH(TIFFReadScanline)                      \
  EACH(TIFFScanlineSize64)                    \
  EACH(TIFFSetField)                          \
  EACH(TIFFTileSize64)                        \
  EACH(TIFFWriteDirectory)                    \
  EACH(TIFFWriteEncodedStrip)
/* The first with TIFFOpenOptions (libtiff 4.5), by which a file has its own limits and messages. */
RUNTIME_LIBRARY(libtiff, "libtiff.so.6", TIFF_FUNCTIONS);

enum {
  maximum_samples = 16,
  maximum_pages = 1000,  /* and directories that are gone through for each */
  thumbnail_side = 320,  /* of a smaller copy, at most, that is for a list of pictures */
  strip_bytes = 1 << 18, /* of a file that is written */
  deflate_level = 4      /* 2 % larger than the usual 6, in a third of the time */
};

typedef struct tiff_work {
  TIFF *tiff;
  FILE *file;
  const image_file_reading *reading; /* NULL: it is written */
  image_file_stop stop;
  char *message;
  const char *failure; /* what it is called when the system refuses to read, or to write */
  bool has_failed;     /* it has; the message says why */
  bool is_cut;         /* more was to be read than there is */
  bool reads_pixels;   /* then a warning is damage, too: libtiff makes up what is missing */
  bool ignores_warnings;
  bool is_damaged;
  uint32_t lost; /* salvaging: rows or tiles that are not whole */
  bool has_lost_pages;
  bool has_thumbnails, has_copies; /* smaller ones and masks, which are no pages */
} tiff_work;

/* ---- libtiff's callbacks --------------------------------------------------------------------- */

/* The first sentence is the one that says why. */
static void say(const tiff_work *work, const char *format, va_list arguments) {
  if (work->message[0] != 0) return;
  char text[IMAGE_FILE_MESSAGE_SIZE];
  vsnprintf(text, sizeof text, format, arguments);
  image_say(work->message, "libtiff: %s", text);
}

static int on_error(TIFF *tiff, void *data, const char *module, const char *format,
                    va_list arguments) {
  (void)tiff;
  (void)module;
  tiff_work *work = data;
  say(work, format, arguments);
  work->is_damaged = work->reads_pixels;
  return 1; /* dealt with: nothing is printed */
}

/* Before the pixels, what libtiff warns of is in tags that a picture does not need; it leaves them
 * out. */
static int on_warning(TIFF *tiff, void *data, const char *module, const char *format,
                      va_list arguments) {
  /* How libtiff warns of what leaves the pixels whole: LZW with its bits the other way round, more
   * in a strip than its rows, JPEG with bytes that belong to no segment. */
  static const char *const harmless[] = {"Old-style LZW", "Discarding %"};
  const tiff_work *work = data;
  if (!work->reads_pixels || work->ignores_warnings) return 1;
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
    if (strncmp(format, harmless[i], strlen(harmless[i])) == 0) return 1;
  char text[IMAGE_FILE_MESSAGE_SIZE];
  va_list copy;
  va_copy(copy, arguments);
  vsnprintf(text, sizeof text, format, copy);
  va_end(copy);
  if (strstr(text, "extraneous bytes before marker") != NULL) return 1;
  return on_error(tiff, data, module, format, arguments);
}

static tmsize_t on_read(thandle_t handle, void *bytes, tmsize_t size) {
  tiff_work *work = handle;
  const size_t count = fread(bytes, 1, (size_t)size, work->file);
  if (count == (size_t)size) return size;
  if (ferror(work->file)) {
    image_say_errno(work->message, work->failure);
    work->has_failed = true;
  }
  work->is_cut = true;
  return (tmsize_t)count;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t size) {
  tiff_work *work = handle;
  const size_t count = fwrite(bytes, 1, (size_t)size, work->file);
  if (count < (size_t)size) image_say_errno(work->message, work->failure);
  return (tmsize_t)count;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  const tiff_work *work = handle;
  if (offset <= INT64_MAX && fseeko(work->file, (off_t)offset, whence) == 0)
    return (toff_t)ftello(work->file);
  /* What was written before may turn out only now not to fit. */
  if (ferror(work->file)) image_say_errno(work->message, work->failure);
  return (toff_t)-1;
}

static toff_t on_size(thandle_t handle) {
  const tiff_work *work = handle;
  const off_t here = ftello(work->file);
  if (fseeko(work->file, 0, SEEK_END) != 0) return 0;
  const off_t size = ftello(work->file);
  fseeko(work->file, here, SEEK_SET);
  return size < 0 ? 0 : (toff_t)size;
}

/* Nothing to do: whoever opened the file closes it. */
static int on_close(thandle_t handle) {
  (void)handle;
  return 0;
}

/* What libtiff needs of small memory, with a margin. */
enum { reserve_bytes = 256 << 10 };

/* What pixels may take of memory, or of a file that they are copied to. */
static uint64_t pixel_limit(const image_file_reading *reading) {
  const uint64_t largest = (uint64_t)IMAGE_FILE_MAXIMUM_MEGABYTES << 20;
  const bool is_lower =
      reading != NULL && reading->maximum_bytes > 0 && reading->maximum_bytes < largest;
  return is_lower ? reading->maximum_bytes : largest;
}

static bool open_tiff(tiff_work *work, const char *mode) {
  if (!runtime_library_load(&libtiff_file, "TIFF", "libtiff 4.5 or later", "libtiff6", work->message))
    return false;
  /* It does not live through the refusal of some of it (4.5.0: the array of fields). */
  void *reserve = malloc(reserve_bytes);
  if (reserve == NULL) {
    image_say(work->message, "needs memory, which was refused");
    return false;
  }
  free(reserve);
  TIFFOpenOptions *options = libtiff.TIFFOpenOptionsAlloc();
  if (options != NULL) {
    libtiff.TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, work);
    libtiff.TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, work);
    /* Also of tags, which libtiff reads before anybody has asked for them. */
    libtiff.TIFFOpenOptionsSetMaxSingleMemAlloc(
        options, (tmsize_t)(pixel_limit(work->reading) + IMAGE_METADATA_BYTES));
    work->tiff = libtiff.TIFFClientOpenExt("", mode, work, on_read, on_write, on_seek, on_close, on_size,
                                   NULL, NULL, options);
    libtiff.TIFFOpenOptionsFree(options);
  }
  if (work->tiff == NULL && work->message[0] == 0)
    image_say(work->message, "libtiff cannot open it");
  return work->tiff != NULL;
}

/* ---- What a file's samples are --------------------------------------------------------------- */

/* How a picture lies in the file. Channels are the image's, samples the file's. */
typedef struct tiff_layout {
  uint32_t width, height;
  uint16_t photometric;
  uint16_t bits;    /* of a sample */
  uint16_t samples; /* of a pixel */
  bool is_planar;   /* a picture for each sample, one after the other */
  bool is_ycc;      /* libtiff makes RGB of it, of 8 bits */
  bool is_float;
  int channels;
  int sample_bytes; /* of the image */
  image_space space;
  uint16_t source[4];    /* the sample that each channel comes from */
  bool is_associated;    /* color is multiplied by alpha */
  unsigned char tables[4][256]; /* samples of up to 8 bits to channels */
} tiff_layout;

static bool refuse(const tiff_work *work, const char *what) {
  image_say(work->message, "is a TIFF of %s, which is not read: convert it to gray or RGB first",
            what);
  return false;
}

/* Whether libtiff can decode it, and is known to do it well. */
static bool check_compression(const tiff_work *work) {
  uint16_t compression;
  libtiff.TIFFGetFieldDefaulted(work->tiff, TIFFTAG_COMPRESSION, &compression);
  switch (compression) {
  case COMPRESSION_NONE:
  case COMPRESSION_CCITTRLE:
  case COMPRESSION_CCITTRLEW:
  case COMPRESSION_CCITTFAX3:
  case COMPRESSION_CCITTFAX4:
  case COMPRESSION_LZW:
  case COMPRESSION_JPEG:
  case COMPRESSION_ADOBE_DEFLATE:
  case COMPRESSION_DEFLATE:
  case COMPRESSION_PACKBITS:
  case COMPRESSION_LZMA:
  case COMPRESSION_ZSTD:
  case COMPRESSION_WEBP:
    if (libtiff.TIFFIsCODECConfigured(compression)) return true;
    break;
  case COMPRESSION_OJPEG:
    if (libtiff.TIFFIsCODECConfigured(compression)) return true;
    image_say(work->message,
              "is a TIFF with JPEG of the old kind, which this libtiff does not read: convert it first");
    return false;
  default: break;
  }
  image_say(work->message, "is a TIFF with compression %u, which is not read", compression);
  return false;
}

/* How many of the samples are color; 0: the message says why it is not read. */
static uint16_t color_samples(const tiff_work *work, uint16_t photometric) {
  uint16_t compression, inks;
  switch (photometric) {
  case PHOTOMETRIC_MINISWHITE:
  case PHOTOMETRIC_MINISBLACK:
  case PHOTOMETRIC_PALETTE: return 1;
  case PHOTOMETRIC_RGB: return 3;
  case PHOTOMETRIC_YCBCR:
    libtiff.TIFFGetFieldDefaulted(work->tiff, TIFFTAG_COMPRESSION, &compression);
    if (compression == COMPRESSION_JPEG) {
      libtiff.TIFFSetField(work->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      return 3;
    }
    return 3;
  case PHOTOMETRIC_SEPARATED:
    libtiff.TIFFGetFieldDefaulted(work->tiff, TIFFTAG_INKSET, &inks);
    if (inks == INKSET_CMYK) return 4;
    refuse(work, "inks other than CMYK");
    return 0;
  case PHOTOMETRIC_CIELAB:
  case PHOTOMETRIC_ICCLAB: return 3;
  case PHOTOMETRIC_ITULAB: refuse(work, "ITU Lab (fax)"); return 0;
  case PHOTOMETRIC_CFA: refuse(work, "raw sensor data"); return 0;
  default:
    image_say(work->message, "is a TIFF of color space %u, which is not read", photometric);
    return 0;
  }
}

/* Fills the tables for samples of up to 8 bits. */
static bool fill_tables(const tiff_work *work, tiff_layout *layout) {
  const unsigned largest = (1u << layout->bits) - 1;
  for (unsigned value = 0; value <= largest; value++)
    for (int channel = 0; channel < 4; channel++)
      layout->tables[channel][value] =
          (unsigned char)((value * 2 * 255 + largest) / (2 * largest));
  if (layout->photometric != PHOTOMETRIC_PALETTE) return true;
  const uint16_t *palette[3];
  if (libtiff.TIFFGetField(work->tiff, TIFFTAG_COLORMAP, &palette[0], &palette[1], &palette[2]) != 1) {
    image_say(work->message, "is a palette TIFF without a palette");
    return false;
  }
  /* Of 16 bits, whose upper 8 are the color: programs fill the lower ones in different ways. */
  for (unsigned value = 0; value <= largest; value++)
    for (int channel = 0; channel < 3; channel++)
      layout->tables[channel][value] = (unsigned char)(palette[channel][value] >> 8);
  return true;
}

/* Reads the layout of the current page. */
static bool read_layout(const tiff_work *work, tiff_layout *layout, int *left_out) {
  TIFF *tiff = work->tiff;
  uint16_t format, planar;
  if (!check_compression(work)) return false;
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout->bits);
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout->samples);
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
  if (libtiff.TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout->width) != 1 ||
      libtiff.TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout->height) != 1) {
    image_say(work->message, "is a TIFF that does not say its size");
    return false;
  }
  if (libtiff.TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &layout->photometric) != 1) {
    image_say(work->message, "is a TIFF that does not say what its samples mean");
    return false;
  }
  const uint16_t colors = color_samples(work, layout->photometric);
  if (colors == 0) return false;
  const bool has_palette = layout->photometric == PHOTOMETRIC_PALETTE;
  if (layout->samples < colors || layout->samples > maximum_samples) {
    image_say(work->message, "is a TIFF of %u samples a pixel; %u to %d are read", layout->samples,
              colors, maximum_samples);
    return false;
  }
  uint16_t compression;
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
  layout->is_ycc = compression == COMPRESSION_OJPEG ||
                   (layout->photometric == PHOTOMETRIC_YCBCR && compression != COMPRESSION_JPEG);
  const bool is_float = format == SAMPLEFORMAT_IEEEFP && layout->bits == 32 && !has_palette;
  const bool is_integer =
      (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) && layout->bits >= 1 &&
      (layout->bits <= (has_palette || layout->is_ycc ? 8 : 16) ||
       (layout->bits == 32 && !has_palette && !layout->is_ycc));
  if (!is_float && !is_integer) {
    static const char *const kinds[] = {"samples", "integers", "signed integers", "floats"};
    image_say(work->message,
              "is a TIFF of %s of %u bits; what is read has 1 to %d%s",
              kinds[format <= SAMPLEFORMAT_IEEEFP ? format : 0], layout->bits,
              has_palette || layout->is_ycc ? 8 : 16,
              has_palette || layout->is_ycc ? "" : ", or 32, as integers or floats");
    return false;
  }
  if (layout->photometric == PHOTOMETRIC_SEPARATED) layout->space = IMAGE_SPACE_CMYK;
  if (layout->photometric == PHOTOMETRIC_CIELAB || layout->photometric == PHOTOMETRIC_ICCLAB)
    layout->space = IMAGE_SPACE_LAB;
  if (layout->space != IMAGE_SPACE_OWN && (is_float || (layout->bits != 8 && layout->bits != 16))) {
    image_say(work->message, "is a TIFF of CMYK or Lab of %u bits a sample; 8 and 16 are read",
              layout->bits);
    return false;
  }
  layout->is_planar = planar == PLANARCONFIG_SEPARATE && layout->samples > 1;
  layout->is_float = is_float;
  layout->sample_bytes = is_float ? 4 : layout->bits > 8 ? 2 : 1;
  layout->channels = has_palette ? 3 : colors;
  for (uint16_t i = 0; i < 4; i++) layout->source[i] = has_palette ? 0 : i;

  uint16_t extra_count = 0;
  const uint16_t *extras = NULL;
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extras);
  /* Of CMYK it is left out: an image has four channels. */
  for (uint16_t i = 0; i < extra_count && colors + i < layout->samples && colors < 4; i++)
    if (extras[i] == EXTRASAMPLE_ASSOCALPHA || extras[i] == EXTRASAMPLE_UNASSALPHA) {
      layout->source[layout->channels++] = (uint16_t)(colors + i);
      layout->is_associated = extras[i] == EXTRASAMPLE_ASSOCALPHA;
      break;
    }
  if (layout->is_ycc) {
    layout->is_associated = false;
    layout->channels = 3;
  }
  *left_out = layout->samples - colors - (layout->channels > (has_palette ? 3 : colors));
  return layout->bits > 8 || fill_tables(work, layout);
}

/* ---- Pixels ---------------------------------------------------------------------------------- */

/* `count` samples of one channel: each `from_step` samples on, to each `to_step` channels on. */
typedef struct sample_run {
  const unsigned char *from; /* a row of the file */
  size_t first, from_step;
  unsigned char *to;
  size_t to_step;
  size_t count;
} sample_run;

static void convert(const sample_run *run, const tiff_layout *layout, const unsigned char *table) {
  const unsigned bits = layout->bits;
  unsigned char *to = run->to;
  if (bits == 32 && !layout->is_float) {
    for (size_t i = 0; i < run->count; i++) {
      uint32_t value;
      memcpy(&value, run->from + (run->first + i * run->from_step) * 4, 4);
      const uint16_t upper = (uint16_t)((value * UINT64_C(65535) + UINT32_MAX / 2) / UINT32_MAX);
      memcpy(to + i * run->to_step * 2, &upper, 2);
    }
    return;
  }
  if (bits == 8) {
    const unsigned char *from = run->from + run->first;
    for (size_t i = 0; i < run->count; i++) to[i * run->to_step] = table[from[i * run->from_step]];
    return;
  }
  if (bits == 16 || bits == 32) {
    const size_t bytes = bits / 8;
    const unsigned char *from = run->from + run->first * bytes;
    for (size_t i = 0; i < run->count; i++)
      memcpy(to + i * run->to_step * bytes, from + i * run->from_step * bytes, bytes);
    return;
  }
  /* Packed, the upper bits first (TIFF 6.0, section 3). */
  const uint32_t largest = (1u << bits) - 1;
  for (size_t i = 0; i < run->count; i++) {
    const size_t position = (run->first + i * run->from_step) * bits;
    const size_t end = position + bits;
    uint32_t value = 0;
    for (size_t byte = position / 8; byte < (end + 7) / 8; byte++)
      value = value << 8 | run->from[byte];
    value = value >> ((8 - end % 8) % 8) & largest;
    if (bits < 8) {
      to[i * run->to_step] = table[value];
    } else {
      const uint16_t wide = (uint16_t)((value * 2 * UINT64_C(65535) + largest) / (2 * largest));
      memcpy(to + i * run->to_step * 2, &wide, 2);
    }
  }
}

/* Converts a row of the file's samples, of all or of one plane, to `count` pixels at (x, y). */
static void convert_row(const tiff_layout *layout, const unsigned char *row, uint16_t plane,
                        image_file *image, uint32_t x, uint32_t y, uint32_t count) {
  const size_t pixel = (size_t)layout->channels * (size_t)layout->sample_bytes;
  for (int channel = 0; channel < layout->channels; channel++) {
    const uint16_t source = layout->source[channel];
    if (layout->is_planar && source != plane) continue;
    const sample_run run = {.from = row,
                            .first = layout->is_planar ? 0 : source,
                            .from_step = layout->is_planar ? 1 : layout->samples,
                            .to = image->pixels + y * image->row_bytes + x * pixel +
                                  (size_t)(channel * layout->sample_bytes),
                            .to_step = (size_t)layout->channels,
                            .count = count};
    convert(&run, layout, layout->tables[channel]);
  }
}

/* Whether the file's rows are the image's. */
static bool is_direct(const tiff_layout *layout) {
  return !layout->is_planar && layout->samples == layout->channels &&
         layout->photometric != PHOTOMETRIC_PALETTE &&
         (layout->bits == 8 || layout->bits == 16 || layout->is_float);
}

static bool is_needed(const tiff_layout *layout, uint16_t plane) {
  if (!layout->is_planar) return true;
  for (int channel = 0; channel < layout->channels; channel++)
    if (layout->source[channel] == plane) return true;
  return false;
}

/* Bytes of `count` pixels in the file, of all or of one plane. */
static uint64_t packed_bytes(const tiff_layout *layout, uint32_t count) {
  const uint64_t samples = layout->is_planar ? 1 : layout->samples;
  return (count * samples * layout->bits + 7) / 8;
}

/* Memory for what libtiff decodes at once; NULL: the message says why. */
static unsigned char *decoding_memory(const tiff_work *work, uint64_t size, uint64_t expected) {
  if (size != expected || size > (uint64_t)IMAGE_FILE_MAXIMUM_MEGABYTES << 20) {
    image_say(work->message, "is a TIFF of tiles or rows of %llu bytes, which should have %llu",
              (unsigned long long)size, (unsigned long long)expected);
    return NULL;
  }
  unsigned char *memory = calloc(1, (size_t)size);
  if (memory == NULL)
    image_say(work->message, "needs %llu MB of memory, more than there is",
              (unsigned long long)(size >> 20));
  return memory;
}

/* Whether each strip or tile lies somewhere: libtiff would take what is missing from the file's
 * start. */
static bool check_places(const tiff_work *work) {
  if (work->reading->salvages) return true;
  const uint32_t count =
      libtiff.TIFFIsTiled(work->tiff) ? libtiff.TIFFNumberOfTiles(work->tiff) : libtiff.TIFFNumberOfStrips(work->tiff);
  for (uint32_t i = 0; i < count; i++)
    if (libtiff.TIFFGetStrileOffset(work->tiff, i) == 0 || libtiff.TIFFGetStrileByteCount(work->tiff, i) == 0) {
      image_say(work->message, "is a TIFF of %lu strips or tiles, of which number %lu is missing",
                (unsigned long)count, (unsigned long)i + 1);
      return false;
    }
  return true;
}

static image_file_status read_rows(tiff_work *work, const tiff_layout *layout,
                                   unsigned char *row, image_file *image) {
  const uint16_t planes = layout->is_planar ? layout->samples : 1;
  for (uint16_t plane = 0; plane < planes; plane++) {
    if (!is_needed(layout, plane)) continue;
    for (uint32_t y = 0; y < layout->height; y++) {
      if (work->stop != NULL && work->stop()) return IMAGE_FILE_STOPPED;
      unsigned char *to = is_direct(layout) ? image->pixels + y * image->row_bytes : row;
      if (libtiff.TIFFReadScanline(work->tiff, to, y, plane) != 1 || work->is_damaged) {
        if (!work->reading->salvages) return IMAGE_FILE_FAILED;
        work->lost++;
        work->is_damaged = false;
      }
      if (to == row) convert_row(layout, row, plane, image, 0, y, layout->width);
    }
  }
  return IMAGE_FILE_OK;
}

static image_file_status read_tiles(tiff_work *work, const tiff_layout *layout, uint32_t width,
                                    uint32_t height, unsigned char *tile, image_file *image) {
  const size_t row_bytes = (size_t)packed_bytes(layout, width);
  const uint16_t planes = layout->is_planar ? layout->samples : 1;
  for (uint16_t plane = 0; plane < planes; plane++) {
    if (!is_needed(layout, plane)) continue;
    for (uint32_t top = 0; top < layout->height; top += height)
      for (uint32_t left = 0; left < layout->width; left += width) {
        if (work->stop != NULL && work->stop()) return IMAGE_FILE_STOPPED;
        const uint32_t number = libtiff.TIFFComputeTile(work->tiff, left, top, 0, plane);
        const tmsize_t size = (tmsize_t)(row_bytes * height);
        if (libtiff.TIFFReadEncodedTile(work->tiff, number, tile, size) != size || work->is_damaged) {
          if (!work->reading->salvages) return IMAGE_FILE_FAILED;
          work->lost++;
          work->is_damaged = false;
        }
        const uint32_t count = width < layout->width - left ? width : layout->width - left;
        for (uint32_t y = 0; y < height && top + y < layout->height; y++)
          convert_row(layout, tile + y * row_bytes, plane, image, left, top + y, count);
      }
  }
  return IMAGE_FILE_OK;
}

/* Has libtiff make RGB of YCbCr, whose colors may be of a part of the picture's size, and of JPEG of the old kind. */
static image_file_status read_ycc(tiff_work *work, const tiff_layout *layout, image_file *image) {
  /* Of JPEG of the old kind libtiff warns in any case, of that it is one, and of tags that it puts right. */
  uint16_t compression;
  libtiff.TIFFGetFieldDefaulted(work->tiff, TIFFTAG_COMPRESSION, &compression);
  work->ignores_warnings = compression == COMPRESSION_OJPEG;
  const image_shape shape = {layout->width, layout->height, 4, 1, 0};
  if (!image_allocate(image, &shape, work->reading, work->message)) return IMAGE_FILE_FAILED;
  /* Turning is the caller's. */
  uint16_t orientation;
  libtiff.TIFFGetFieldDefaulted(work->tiff, TIFFTAG_ORIENTATION, &orientation);
  libtiff.TIFFSetField(work->tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  work->reads_pixels = true;
  const bool is_whole =
      libtiff.TIFFReadRGBAImageOriented(work->tiff, layout->width, layout->height,
                                        (uint32_t *)(void *)image->pixels, ORIENTATION_TOPLEFT,
                                        !work->reading->salvages) == 1 &&
      !work->is_damaged;
  work->reads_pixels = false;
  libtiff.TIFFSetField(work->tiff, TIFFTAG_ORIENTATION, orientation);
  if (!is_whole && !work->reading->salvages) return IMAGE_FILE_FAILED;
  if (!is_whole) work->lost++;
  /* A pixel is a number of 32 bits, red the lowest. */
  for (uint32_t y = 0; y < image->height; y++)
    for (uint32_t x = 0; x < image->width; x++) {
      uint32_t pixel;
      memcpy(&pixel, image->pixels + ((size_t)y * image->width + x) * 4, 4);
      for (int k = 0; k < 3; k++)
        image->pixels[((size_t)y * image->width + x) * 3 + (size_t)k] =
            (unsigned char)(pixel >> (8 * k));
    }
  image->channels = 3;
  image->row_bytes = (size_t)image->width * 3;
  return IMAGE_FILE_OK;
}

static image_file_status read_pixels(tiff_work *work, const tiff_layout *layout,
                                     image_file *image) {
  TIFF *tiff = work->tiff;
  const image_shape shape = {
      layout->width, layout->height, layout->channels, layout->sample_bytes, 0};
  if (!image_allocate(image, &shape, work->reading, work->message) || !check_places(work))
    return IMAGE_FILE_FAILED;
  uint32_t width = layout->width, height = 1;
  uint64_t size = libtiff.TIFFScanlineSize64(tiff);
  const bool is_tiled = libtiff.TIFFIsTiled(tiff) != 0;
  if (is_tiled) {
    width = height = 0;
    libtiff.TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
    libtiff.TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height);
    size = libtiff.TIFFTileSize64(tiff);
    if (width == 0 || height == 0) {
      image_say(work->message, "is a TIFF of tiles of %lu x %lu pixels", (unsigned long)width,
                (unsigned long)height);
      return IMAGE_FILE_FAILED;
    }
  }
  unsigned char *memory = decoding_memory(work, size, packed_bytes(layout, width) * height);
  if (memory == NULL) return IMAGE_FILE_FAILED;
  work->reads_pixels = true;
  const image_file_status status = is_tiled
                                       ? read_tiles(work, layout, width, height, memory, image)
                                       : read_rows(work, layout, memory, image);
  work->reads_pixels = false;
  free(memory);
  return status;
}

/* ---- Alpha and white ------------------------------------------------------------------------- */

/* Divides a pixel's color by its alpha. */
static void divide_by_alpha(unsigned char *pixel, int colors, int sample_bytes) {
  const unsigned char *last = pixel + colors * sample_bytes;
  if (sample_bytes == 1) {
    const unsigned alpha = *last;
    for (int i = 0; i < colors && alpha > 0; i++) {
      const unsigned value = (pixel[i] * 255u + alpha / 2) / alpha;
      pixel[i] = (unsigned char)(value < 255 ? value : 255);
    }
  } else if (sample_bytes == 2) {
    uint16_t alpha, color;
    memcpy(&alpha, last, 2);
    for (int i = 0; i < colors && alpha > 0; i++) {
      memcpy(&color, pixel + 2 * i, 2);
      const uint32_t value = (color * UINT32_C(65535) + alpha / 2u) / alpha;
      color = (uint16_t)(value < 65535 ? value : 65535);
      memcpy(pixel + 2 * i, &color, 2);
    }
  } else {
    float alpha, color;
    memcpy(&alpha, last, 4);
    for (int i = 0; i < colors && alpha > 0; i++) {
      memcpy(&color, pixel + 4 * i, 4);
      color /= alpha;
      memcpy(pixel + 4 * i, &color, 4);
    }
  }
}

static void invert(unsigned char *sample, int sample_bytes) {
  if (sample_bytes == 4) {
    float value;
    memcpy(&value, sample, 4);
    value = 1 - value;
    memcpy(sample, &value, 4);
  } else {
    for (int byte = 0; byte < sample_bytes; byte++) sample[byte] = (unsigned char)~sample[byte];
  }
}

/* As ICC encodes Lab since its version 4: of 8 bits 100 is 255, and 0 of a and b 128; of 16 bits 257 times as much. In
 * CIELab of TIFF a and b have a sign; ICCLab of 16 bits is that of ICC's version 2, of which 256 times as much. */
static void encode_lab(unsigned char *pixel, const tiff_layout *layout) {
  const bool is_icc = layout->photometric == PHOTOMETRIC_ICCLAB;
  for (int i = is_icc ? 0 : 1; i < 3; i++) {
    if (layout->sample_bytes == 1) {
      if (!is_icc) pixel[i] ^= 0x80;
      continue;
    }
    uint16_t value;
    memcpy(&value, pixel + 2 * i, 2);
    if (!is_icc) value ^= 0x8000;
    const uint32_t wide = value * UINT32_C(257) / 256;
    value = (uint16_t)(wide < 65535 ? wide : 65535);
    memcpy(pixel + 2 * i, &value, 2);
  }
}

static void finish_colors(const tiff_layout *layout, image_file *image) {
  const bool is_inverted = layout->photometric == PHOTOMETRIC_MINISWHITE;
  const bool is_lab = layout->space == IMAGE_SPACE_LAB;
  if (!layout->is_associated && !is_inverted && !is_lab) return;
  const size_t pixel = (size_t)layout->channels * (size_t)layout->sample_bytes;
  for (uint32_t y = 0; y < image->height; y++)
    for (uint32_t x = 0; x < image->width; x++) {
      unsigned char *first = image->pixels + y * image->row_bytes + x * pixel;
      if (layout->is_associated)
        divide_by_alpha(first, layout->channels - 1, layout->sample_bytes);
      if (is_inverted) invert(first, layout->sample_bytes);
      if (is_lab) encode_lab(first, layout);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Whether the current directory is a page: no smaller copy of another one, and no mask. */
static bool is_page(TIFF *tiff) {
  uint32_t kind = 0;
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
  return (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) == 0;
}

static bool is_stopped(const tiff_work *work) { return work->stop != NULL && work->stop(); }

/* The longer side of the current directory's picture; 0: it does not say. */
static uint32_t longer_side(TIFF *tiff) {
  uint32_t width = 0, height = 0;
  libtiff.TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  libtiff.TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  return width > height ? width : height;
}

/* Goes on to the next page after the current directory; false if there is none. */
static bool next_page(tiff_work *work) {
  for (int i = 0; i < maximum_pages; i++) {
    if (!is_page(work->tiff)) {
      const bool is_small = longer_side(work->tiff) <= thumbnail_side;
      *(is_small ? &work->has_thumbnails : &work->has_copies) = true;
    }
    if (is_stopped(work) || libtiff.TIFFLastDirectory(work->tiff)) return false;
    if (!libtiff.TIFFReadDirectory(work->tiff)) {
      work->has_lost_pages = true;
      return false;
    }
    if (is_page(work->tiff)) return true;
  }
  return false;
}

/* What the pixels of the current page take once they have color. */
static uint64_t page_bytes(TIFF *tiff) {
  const uint64_t largest = (uint64_t)IMAGE_FILE_MAXIMUM_MEGABYTES << 20;
  uint32_t width = 0, height = 0;
  uint16_t bits, samples;
  libtiff.TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
  libtiff.TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  const uint64_t pixels = (uint64_t)width * height;
  const uint64_t each = (bits > 16 ? 4 : bits > 8 ? 2 : 1) * (samples % 2 == 0 ? 4 : 3);
  return pixels > largest / each ? largest : pixels * each;
}

/* Goes through the pages behind the first one. False: the message says why they cannot be read. */
static bool count_pages(tiff_work *work, image_file *image) {
  image->page_count = 1;
  image->all_page_bytes = page_bytes(work->tiff);
  while (image->page_count <= maximum_pages && next_page(work)) {
    image->page_count++;
    image->all_page_bytes += page_bytes(work->tiff);
  }
  image->has_more_pages = work->reading->page == 0 && image->page_count > 1;
  image->metadata->has_thumbnail = image->metadata->has_thumbnail || work->has_thumbnails;
  if (work->has_copies) image_note(image, "has smaller copies or masks beside its pages, which are left out");
  if (!work->reading->wants_all_pages) return true;
  if (image->page_count > maximum_pages) {
    image_say(work->message, "has more than %d pages: color each by --pages", maximum_pages);
    return false;
  }
  if (!work->has_lost_pages && !work->is_cut) return true;
  if (work->reading->salvages) {
    image_note(image, "is damaged or cut off behind page %lu", (unsigned long)image->page_count);
    work->is_cut = work->has_lost_pages = false;
    return true;
  }
  if (!work->has_failed)
    image_say(work->message, "is damaged or cut off behind page %lu; --pages takes one that is whole",
              (unsigned long)image->page_count);
  work->is_cut = false;
  return false;
}

static bool keep_bytes(TIFF *tiff, uint32_t tag, image_file *image, image_bytes *bytes) {
  uint32_t size = 0;
  const void *data = NULL;
  if (libtiff.TIFFGetField(tiff, tag, &size, &data) != 1 || size == 0 || data == NULL) return true;
  if (size > IMAGE_METADATA_BYTES) {
    image_note(image, "has more than %d MB of metadata, of which some are left out",
               IMAGE_FILE_MAXIMUM_METADATA_MEGABYTES);
    return true;
  }
  return image_bytes_copy(bytes, data, size);
}

static bool is_density(float value) { return value > 0 && value <= (float)IMAGE_DENSITY_MAXIMUM; }

/* Photoshop's own TIFFs may have it among their resources only. */
static bool keep_iptc_of_photoshop(TIFF *tiff, image_file *image) {
  struct image_metadata *metadata = image->metadata;
  image_bytes resources = {0};
  const bool has_memory =
      keep_bytes(tiff, TIFFTAG_PHOTOSHOP, image, &resources) &&
      (metadata->iptc.size > 0 || photoshop_iptc(&resources, 0, &metadata->iptc));
  if (photoshop_drop_thumbnail(&resources, 0)) metadata->has_thumbnail = true;
  free(resources.data);
  return has_memory;
}

static bool keep_metadata(tiff_work *work, tiff_kind kind, image_file *image) {
  TIFF *tiff = work->tiff;
  struct image_metadata *metadata = image->metadata;
  uint16_t orientation;
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
  metadata->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;

  float x, y;
  uint16_t unit;
  libtiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_RESOLUTIONUNIT, &unit);
  if (libtiff.TIFFGetField(tiff, TIFFTAG_XRESOLUTION, &x) == 1 && is_density(x) &&
      libtiff.TIFFGetField(tiff, TIFFTAG_YRESOLUTION, &y) == 1 && is_density(y)) {
    metadata->density_unit = unit == RESUNIT_CENTIMETER ? IMAGE_DENSITY_PER_CENTIMETRE
                             : unit == RESUNIT_INCH     ? IMAGE_DENSITY_PER_INCH
                                                        : IMAGE_DENSITY_RATIO;
    metadata->density_x = x;
    metadata->density_y = y;
  }

  tiff_directory directory = {0};
  bool is_cut;
  bool has_memory = keep_bytes(tiff, TIFFTAG_ICCPROFILE, image, &metadata->icc) &&
                    keep_bytes(tiff, TIFFTAG_XMLPACKET, image, &metadata->xmp) &&
                    tiff_directory_read(work->file, kind, libtiff.TIFFCurrentDirOffset(tiff),
                                        TIFF_DESCRIPTIONS, &directory, &is_cut);
  if (has_memory) {
    work->is_cut = work->is_cut || is_cut;
    tiff_entry iptc;
    if (tiff_directory_take(&directory, iptc_tag, &iptc)) {
      metadata->iptc = iptc.value;
      metadata->iptc_type = iptc.type;
    }
    if (tiff_directory_drop_maker_notes(&directory))
      image_note(image, "has maker notes, which hold only in their own file and are left out");
    if (directory.count > 0) has_memory = tiff_stream_of(&directory, kind, &metadata->exif);
  }
  tiff_directory_free(&directory);
  has_memory = has_memory && keep_iptc_of_photoshop(tiff, image) &&
               tiff_directory_read(work->file, kind, libtiff.TIFFCurrentDirOffset(tiff),
                                   TIFF_GEOREFERENCE, &directory, &is_cut);
  if (has_memory) {
    work->is_cut = work->is_cut || is_cut;
    if (directory.count > 0)
      has_memory = tiff_stream_of(&directory, kind, &metadata->georeference);
  }
  tiff_directory_free(&directory);
  return has_memory;
}

/* Floats go from 0 to 1. A picture whose mean lies outside of that counts otherwise: it would come out
 * white, or black. False: the message says so. */
static bool check_floats(const tiff_work *work, const image_file *image) {
  const int colors = image->channels <= 2 ? 1 : 3;
  double sum = 0, count = 0, largest = 0;
  for (uint32_t y = 0; y < image->height; y++)
    for (uint32_t x = 0; x < image->width; x++)
      for (int i = 0; i < colors; i++) {
        float value;
        memcpy(&value, image->pixels + y * image->row_bytes + 4 * ((size_t)x * image->channels + i),
               4);
        /* Neither what is not a number nor infinity. */
        if (value - value != 0) continue;
        sum += value;
        count += 1;
        if (value > largest) largest = value;
      }
  if (count == 0 || (sum >= 0 && sum <= count)) return true;
  if (sum < 0)
    image_say(work->message, "is a TIFF of floats below 0: they are to go from 0 (black) to 1 (white)");
  else
    image_say(work->message,
              "is a TIFF of floats up to %g, which are to go from 0 (black) to 1 (white): divide "
              "them by %g first",
              largest, largest <= 255 ? 255 : largest <= 65535 ? 65535 : largest);
  return false;
}

static image_file_status read_picture(tiff_work *work, tiff_kind kind, image_file *image) {
  tiff_layout layout = {0};
  if (!is_page(work->tiff) && !next_page(work)) {
    image_say(work->message, "is a TIFF without a page of full size: a camera's raw file?");
    return IMAGE_FILE_FAILED;
  }
  const uint32_t wanted = work->reading->page;
  for (uint32_t page = 1; page < wanted; page++)
    if (!next_page(work)) {
      if (is_stopped(work)) return IMAGE_FILE_STOPPED;
      image_say(work->message, "has %lu page%s, and --pages asks for number %lu",
                (unsigned long)page, page == 1 ? "" : "s", (unsigned long)wanted);
      return IMAGE_FILE_FAILED;
    }
  if (!read_layout(work, &layout, &image->left_out_channels)) return IMAGE_FILE_FAILED;
  /* Of the directory, in which its palette may be. */
  if (work->is_cut && !work->reading->salvages) return IMAGE_FILE_FAILED;
  const image_file_status status =
      layout.is_ycc ? read_ycc(work, &layout, image) : read_pixels(work, &layout, image);
  if (status != IMAGE_FILE_OK) return status;
  if (work->is_cut && !work->reading->salvages) return IMAGE_FILE_FAILED;
  if (work->lost > 0)
    image_note(image, "is damaged: %lu of its rows or tiles are not whole",
               (unsigned long)work->lost);
  if (layout.sample_bytes == 4 && !check_floats(work, image)) return IMAGE_FILE_FAILED;
  finish_colors(&layout, image);
  image->metadata->space = layout.space;
  work->is_cut = false;
  if (!keep_metadata(work, kind, image)) {
    image_say(work->message, "needs more memory for its metadata than there is");
    return IMAGE_FILE_FAILED;
  }
  const bool lacks_descriptions = work->is_cut;
  work->is_cut = false;
  if (wanted <= 1 && !count_pages(work, image))
    return is_stopped(work) ? IMAGE_FILE_STOPPED : IMAGE_FILE_FAILED;
  if (is_stopped(work)) return IMAGE_FILE_STOPPED;
  /* The pixels are there, and what is behind them is not: later pages, or descriptions. */
  if ((lacks_descriptions || work->is_cut || work->has_lost_pages) && !work->has_failed) {
    image_note(image, "is damaged or cut off behind its pixels, which are whole");
    work->is_cut = false;
  }
  return IMAGE_FILE_OK;
}

/* A TIFF is read from here and there; what comes through a pipe goes to a nameless file first. */
static FILE *copied(image_source *source, char *message) {
  /* As much as pixels, uncompressed, and metadata could take. */
  const uint64_t largest = pixel_limit(source->reading) + IMAGE_METADATA_BYTES;
  const image_file_stop stop = source->reading->stop;
  FILE *copy = tmpfile();
  if (copy == NULL) {
    image_say_errno(message, "cannot be copied from its pipe");
    return NULL;
  }
  unsigned char buffer[65536];
  uint64_t total = 0;
  size_t size;
  while (total <= largest && (stop == NULL || !stop()) &&
         (size = image_source_read(source, buffer, sizeof buffer)) > 0) {
    if (fwrite(buffer, 1, size, copy) != size) break;
    total += size;
  }
  if (ferror(source->file)) image_say_errno(message, "cannot be read");
  else if (total > largest)
    image_say(message, "comes through a pipe and is larger than the %llu MB that are read",
              (unsigned long long)(largest >> 20));
  else if (ferror(copy) || fflush(copy) != 0)
    image_say_errno(message, "cannot be copied from its pipe");
  else return copy;
  fclose(copy);
  return NULL;
}

static bool keep_copy(FILE *file, image_file *image, char *message) {
  /* Not 0, which says that there is none. */
  const int descriptor = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (descriptor < 0) image_say_errno(message, "cannot be copied from its pipe");
  else image->copy = descriptor;
  return descriptor >= 0;
}

static image_file_status read_file(image_source *source, image_file *image, char *message) {
  static const unsigned char no_offset[8] = {0};
  tiff_kind kind;
  tiff_kind_of(source->start, &kind);
  const size_t first = kind.is_big ? 8 : 4;
  if (source->start_size >= 2 * first && memcmp(source->start + first, no_offset, first) == 0) {
    image_say(message, "is a TIFF without a picture");
    return IMAGE_FILE_FAILED;
  }
  const int descriptor = fileno(source->file); /* -1: memory */
  const bool is_pipe = descriptor >= 0 && lseek(descriptor, 0, SEEK_CUR) < 0;
  tiff_work work = {.file = is_pipe ? copied(source, message) : source->file,
                    .reading = source->reading,
                    .stop = source->reading->stop,
                    .message = message,
                    .failure = "cannot be read"};
  image_file_status status = IMAGE_FILE_FAILED;
  if (work.file != NULL) {
    if (fseeko(work.file, 0, SEEK_SET) != 0) image_say_errno(message, "cannot be read");
    else if (open_tiff(&work, "rm")) status = read_picture(&work, kind, image);
    if (work.tiff != NULL) libtiff.TIFFClose(work.tiff);
    if (is_pipe && status == IMAGE_FILE_OK && image->page_count > 1 && source->reading->wants_all_pages &&
        !keep_copy(work.file, image, message))
      status = IMAGE_FILE_FAILED;
    if (is_pipe) fclose(work.file);
  }
  if (work.is_cut && status != IMAGE_FILE_STOPPED) {
    if (!work.has_failed)
      image_say(message, "ends too early: the file is cut off or damaged");
    return IMAGE_FILE_FAILED;
  }
  if (status == IMAGE_FILE_OK) message[0] = 0;
  else if (message[0] == 0) image_say(message, "libtiff cannot read it");
  return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void set_density(TIFF *tiff, const struct image_metadata *metadata) {
  uint16_t unit = RESUNIT_NONE;
  double scale = 1;
  switch (metadata->density_unit) {
  case IMAGE_DENSITY_NONE: return;
  case IMAGE_DENSITY_RATIO: break;
  case IMAGE_DENSITY_PER_INCH: unit = RESUNIT_INCH; break;
  case IMAGE_DENSITY_PER_CENTIMETRE: unit = RESUNIT_CENTIMETER; break;
  case IMAGE_DENSITY_PER_METRE:
    unit = RESUNIT_CENTIMETER;
    scale = 0.01;
    break;
  }
  libtiff.TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, unit);
  libtiff.TIFFSetField(tiff, TIFFTAG_XRESOLUTION, metadata->density_x * scale);
  libtiff.TIFFSetField(tiff, TIFFTAG_YRESOLUTION, metadata->density_y * scale);
}

static bool set_fields(TIFF *tiff, const image_file *image, uint32_t rows) {
  const struct image_metadata *metadata = image->metadata;
  const bool is_float = image->sample_bytes == 4;
  const uint16_t alpha = EXTRASAMPLE_UNASSALPHA;
  bool is_set = libtiff.TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, image->width) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, image->height) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8 * image->sample_bytes) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, image->channels) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT,
                             is_float ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, deflate_level) &&
                libtiff.TIFFSetField(tiff, TIFFTAG_PREDICTOR,
                             is_float ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL);
  if (image->channels == 4) is_set = is_set && libtiff.TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &alpha);
  if (image->last_page > 1)
    is_set = is_set && libtiff.TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_PAGE) &&
             libtiff.TIFFSetField(tiff, TIFFTAG_PAGENUMBER, image->page - 1, image->last_page);
  set_density(tiff, metadata);
  if (metadata->icc.size > 0)
    libtiff.TIFFSetField(tiff, TIFFTAG_ICCPROFILE, (uint32_t)metadata->icc.size, metadata->icc.data);
  if (metadata->xmp.size > 0)
    libtiff.TIFFSetField(tiff, TIFFTAG_XMLPACKET, (uint32_t)metadata->xmp.size, metadata->xmp.data);
  return is_set;
}

static image_file_status write_picture(tiff_work *work, const image_file *image) {
  const uint64_t all_rows = strip_bytes / image->row_bytes;
  const uint32_t rows = all_rows < 1 ? 1 : all_rows < image->height ? (uint32_t)all_rows
                                                                    : image->height;
  if (!set_fields(work->tiff, image, rows)) return IMAGE_FILE_FAILED;
  for (uint32_t top = 0, strip = 0; top < image->height; top += rows, strip++) {
    if (is_stopped(work)) return IMAGE_FILE_STOPPED;
    const uint32_t count = rows < image->height - top ? rows : image->height - top;
    if (libtiff.TIFFWriteEncodedStrip(work->tiff, strip, image->pixels + top * image->row_bytes,
                              (tmsize_t)(count * image->row_bytes)) < 0)
      return IMAGE_FILE_FAILED;
  }
  return libtiff.TIFFWriteDirectory(work->tiff) == 1 ? IMAGE_FILE_OK : IMAGE_FILE_FAILED;
}

/* Adds what a stream holds, for a file of another kind. False if memory was refused. */
static bool add_stream(const image_bytes *stream, tiff_selection selection, tiff_kind to,
                       tiff_directory *all) {
  tiff_directory added = {0};
  tiff_kind kind;
  if (stream->size < 8 || !tiff_kind_of(stream->data, &kind)) return true;
  FILE *file = fmemopen(stream->data, stream->size, "rb");
  uint64_t offset;
  bool is_cut;
  if (file == NULL) return false;
  bool has_memory = !tiff_first_directory(file, kind, &offset) ||
                    tiff_directory_read(file, kind, offset, selection, &added, &is_cut);
  fclose(file);
  if (kind.big_endian != to.big_endian) tiff_directory_swap(&added);
  has_memory = has_memory && tiff_directory_merge(all, &added);
  tiff_directory_free(&added);
  return has_memory;
}

/* Everything that is added to a file's directory. False if memory was refused. */
static bool read_descriptions(const struct image_metadata *metadata, tiff_kind to,
                              tiff_directory *all) {
  *all = (tiff_directory){0};
  if (!add_stream(&metadata->exif, TIFF_DESCRIPTIONS, to, all) ||
      !add_stream(&metadata->georeference, TIFF_GEOREFERENCE, to, all))
    return false;
  if (metadata->iptc.size == 0) return true;
  /* Bytes, whatever they are called. */
  const bool is_long = metadata->iptc_type == TIFF_LONG && metadata->iptc.size % 4 == 0;
  tiff_entry iptc = {.tag = iptc_tag,
                     .type = is_long ? TIFF_LONG : TIFF_UNDEFINED,
                     .count = metadata->iptc.size / (is_long ? 4 : 1)};
  tiff_directory one = {.entries = &iptc, .count = 1};
  const bool has_memory =
      image_bytes_copy(&iptc.value, metadata->iptc.data, metadata->iptc.size) &&
      tiff_directory_merge(all, &one);
  free(iptc.value.data);
  return has_memory;
}

/* Writes the file's last directory again, with the descriptions. */
static bool add_descriptions(FILE *file, tiff_kind kind, tiff_directory *descriptions) {
  if (descriptions->count == 0) return true;
  uint64_t offset, place;
  bool is_cut;
  tiff_directory directory = {0};
  const bool is_added =
      fflush(file) == 0 && tiff_last_directory(file, kind, &offset, &place) &&
      tiff_directory_read(file, kind, offset, TIFF_ALL, &directory, &is_cut) && !is_cut &&
      tiff_directory_merge(&directory, descriptions) &&
      tiff_directory_append(file, kind, &directory, &offset) &&
      tiff_set_offset(file, kind, place, offset);
  tiff_directory_free(&directory);
  return is_added;
}

/* Writes a page into a file of a kind, as libtiff's `mode` says. */
static image_file_status write_page(FILE *file, tiff_kind kind, const char *mode, const image_file *image,
                                    image_file_stop stop, char *message) {
  tiff_work work = {
      .file = file, .stop = stop, .message = message, .failure = "cannot be written"};
  tiff_directory descriptions;
  image_file_status status = IMAGE_FILE_FAILED;
  bool has_lost_notes = false;
  if (read_descriptions(image->metadata, kind, &descriptions)) {
    has_lost_notes = tiff_directory_drop_maker_notes(&descriptions);
    if (open_tiff(&work, mode)) status = write_picture(&work, image);
    if (work.tiff != NULL) libtiff.TIFFClose(work.tiff);
    if (status == IMAGE_FILE_OK && !add_descriptions(file, kind, &descriptions)) {
      image_say_errno(message, "cannot be written");
      status = IMAGE_FILE_FAILED;
    }
  }
  tiff_directory_free(&descriptions);
  if (status == IMAGE_FILE_OK) message[0] = 0;
  if (has_lost_notes && status == IMAGE_FILE_OK)
    image_say_too(message, "its maker notes, which hold only in their own file, are left out");
  else if (status == IMAGE_FILE_FAILED && message[0] == 0)
    image_say(message, "libtiff cannot write it");
  return status;
}

static image_file_status write_file(FILE *file, const image_file *image, image_file_stop stop,
                                    char *message) {
  /* The processor's order of bytes. Half a gigabyte of room is for what deflate makes longer, and
   * for metadata. */
  const uint64_t own = (uint64_t)image->row_bytes * image->height;
  const uint64_t bytes = image->last_page > 1 && image->all_page_bytes > own ? image->all_page_bytes : own;
  const tiff_kind kind = {.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
                          .is_big = bytes > UINT64_C(7) << 29};
  return write_page(file, kind, kind.is_big ? "w8m" : "wm", image, stop, message);
}

static image_file_status append_file(FILE *file, const image_file *image, image_file_stop stop,
                                     char *message) {
  unsigned char start[4];
  tiff_kind kind;
  if (fseeko(file, 0, SEEK_SET) != 0 || fread(start, 1, sizeof start, file) != sizeof start ||
      !tiff_kind_of(start, &kind) || fseeko(file, 0, SEEK_SET) != 0) {
    image_say_errno(message, "cannot be written");
    return IMAGE_FILE_FAILED;
  }
  return write_page(file, kind, "am", image, stop, message);
}

/* ---- The table's row ------------------------------------------------------------------------- */

static bool begins(const unsigned char *start, size_t size) {
  tiff_kind kind;
  return size >= 4 && tiff_kind_of(start, &kind);
}

const image_format image_tiff = {.kind = {.format = IMAGE_FILE_TIFF,
                                          .name = "TIFF",
                                          .suffixes = "tif tiff btf",
                                          .is_written = true,
                                          .sample_bytes = 4,
                                          .maximum_side = IMAGE_FILE_MAXIMUM_SIDE,
                                          .has_alpha = true,
                                          .has_pages = true},
                                 .begins = begins,
                                 .read = read_file,
                                 .write = write_file,
                                 .append = append_file};
