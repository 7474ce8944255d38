/* image_files.h: reads image files into memory and writes them, with their metadata.
 *
 * C, because libpng and libjpeg report errors with longjmp, which must not cross Swift frames, and libtiff's functions
 * take any number of arguments, which Swift cannot give: every call to them, and the setjmp that catches an error, is
 * in this module. Nothing here prints, and nothing ends the process.
 */
#ifndef IMAGE_FILES_H
#define IMAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  IMAGE_FILE_MAXIMUM_SIDE = 1048576,    /* of a picture that is read, in pixels */
  IMAGE_FILE_MAXIMUM_JPEG_SIDE = 65500, /* of a picture that is written as JPEG: libjpeg's own limit */
  IMAGE_FILE_MAXIMUM_MEGABYTES = 2048,  /* of the decoded pixels; checked before memory is asked for */
  IMAGE_FILE_MAXIMUM_METADATA_MEGABYTES = 32, /* of texts, profiles and the like that are kept */
  IMAGE_FILE_JPEG_QUALITY = 95,         /* at which JPEG is written by default, with color at full resolution (4:4:4) */
  IMAGE_FILE_MESSAGE_SIZE = 512
};

typedef enum image_file_status {
  IMAGE_FILE_OK = 0,
  IMAGE_FILE_FAILED = 1, /* the message says why */
  IMAGE_FILE_STOPPED = 2 /* the caller's stop function returned true */
} image_file_status;

typedef enum image_file_format {
  IMAGE_FILE_PNG = 1,
  IMAGE_FILE_JPEG = 2,
  IMAGE_FILE_TIFF = 3,
  IMAGE_FILE_WEBP = 4,
  IMAGE_FILE_HEIC = 5,
  IMAGE_FILE_AVIF = 6,
  IMAGE_FILE_JPEG2000 = 7,
  IMAGE_FILE_JPEGXL = 8,
  IMAGE_FILE_GIF = 9,
  IMAGE_FILE_BMP = 10,
  IMAGE_FILE_PNM = 11
} image_file_format;

/* A format of image files. */
typedef struct image_file_kind {
  image_file_format format;
  const char *name;
  const char *suffixes; /* of file names, in lower case, without dots, with spaces between them; the usual one first */
  bool is_written;      /* else it is only read, and the rest is of no meaning but: */
  image_file_format written_as; /* what the output of such an input is, if nobody says anything else */
  int sample_bytes;        /* of a channel, at most */
  uint32_t maximum_side;   /* in pixels */
  bool has_alpha;
  bool has_pages; /* a file may have several pictures: image_file_add */
} image_file_kind;

/* The formats, by number from 0; NULL behind the last one. */
const image_file_kind *image_file_kind_at(size_t index);

/* The format that a file begins as; NULL: none of them, or it cannot be read. */
const image_file_kind *image_file_kind_of(const char *path);

/* How many bytes of each channel are kept. */
typedef enum image_file_depth {
  IMAGE_FILE_ALL_BITS = 1, /* as the file has them */
  IMAGE_FILE_8_BITS = 2    /* rounded to 8 bits a channel, and gray with alpha as RGBA */
} image_file_depth;

/* Asked from time to time (about once a row) whether to stop. May be NULL. */
typedef bool (*image_file_stop)(void);

/* The color profile that a file is written with. */
typedef enum image_file_profile {
  IMAGE_FILE_PROFILE_SRGB = 0,
  IMAGE_FILE_PROFILE_KEEP = 1, /* that of the file that was read, if it is one for RGB */
  IMAGE_FILE_PROFILE_DISPLAY_P3 = 2
} image_file_profile;

/* How a file is read. */
typedef struct image_file_reading {
  image_file_depth depth;
  /* The file's color profile is applied, so that the pixels are sRGB; else they are as the file has them. */
  bool applies_profile;
  uint32_t page; /* of a TIFF of several, from 1; 0: the first */
  /* The other pages of a TIFF will be read, too: what hides some of them is damage that costs pixels. */
  bool wants_all_pages;
  int copy; /* image_file.copy of the first page, which is read instead of `path`; 0: there is none */
  /* Damage costs those pixels that it hides, which are black, and not the picture; the note says so. */
  bool salvages;
  /* Limit of the memory for pixels: the input's, with the output's of a colored picture that is made of it, or with a
   * second copy of the input (to turn it) where that is more, with the coefficients of a progressive JPEG. 0: only
   * IMAGE_FILE_MAXIMUM_MEGABYTES for the input. */
  uint64_t maximum_bytes;
  int output_sample_bytes; /* the most that a channel of the output has; 0: none is made */
  uint32_t maximum_side; /* pictures with a longer one are made smaller; 0: none is */
  bool is_hashed;        /* the SHA-256 of the whole file is wanted */
  /* If not NULL, called with the memory that the picture needs for its pixels, as it is counted for maximum_bytes, before
   * any of it is asked for: who colors several pictures at a time can wait here until there is room. Where a picture is
   * turned or made anew at another depth it is called again. */
  void (*claim)(uint64_t bytes, void *context);
  void *claim_context;
  image_file_stop stop;
} image_file_reading;

/* What a file says beside its pixels; see image_file_read. Opaque. */
struct image_metadata;

/* A picture in memory, sRGB-encoded; alpha is not premultiplied. Rows are packed: row_bytes is width * channels *
 * sample_bytes. */
typedef struct image_file {
  image_file_format format; /* of the file that was read */
  unsigned char *pixels; /* [height, width, channels] */
  size_t row_bytes;
  uint32_t width;
  uint32_t height;
  int channels;          /* 1: gray, 2: gray and alpha, 3: RGB, 4: RGBA */
  int sample_bytes;      /* 1: 0 to 255, 2: 0 to 65535 in the processor's byte order, 4: floats, 0 to 1 */
  /* Of the file that was read; where 8 bits have a profile that was applied, sample_bytes is 2. A file that is written gets
   * no more than this; 0: sample_bytes. */
  int file_sample_bytes;
  image_file_profile profile; /* writing */
  int left_out_channels; /* how many more the file has */
  bool has_more_pages;   /* than this one, which is the first */
  /* Of a TIFF that was read for its first page: how many pages it has, and what the pixels of all of them take once they
   * have color. */
  uint32_t page_count;
  uint64_t all_page_bytes;
  /* A nameless copy of such a TIFF that came through a pipe, for its other pages, which image_file_free closes; 0: there is none. */
  int copy;
  uint32_t page, last_page; /* writing: its number of how many; 0: it is the only one */
  bool has_more_frames;  /* it is an animation, and this the picture of those who show none */
  unsigned permissions;  /* of the file that was read; 0: it was not a regular one */
  int compression;       /* of a PNG that is written: 1 (fast) to 9 (small); 0: the default */
  int quality;           /* of a JPEG or WebP that is written: 1 to 100; 0: the default */
  char sha256[65];       /* of the file that was read, in hexadecimal; empty: nobody wanted it */
  /* What else there is to say of a file that was read, or empty. */
  char note[IMAGE_FILE_MESSAGE_SIZE];
  struct image_metadata *metadata;
} image_file;

/* Reads an image file, whose format its content says; "-" is standard input. The caller ends `image` with image_file_free, whatever
 * the status was.
 *
 *   PNG   1 to 16 bits, gray, palette and RGB, with and without transparency, interlaced or not
 *   JPEG  gray, color and CMYK; baseline, progressive and arithmetic
 *   TIFF  1 to 16 bits and floats of 32 bits, gray (either end white), palette and RGB, with and without alpha, in strips
 *         or tiles, channels together or apart; uncompressed or in CCITT's codes, LZW, Deflate, PackBits, JPEG, Zstandard,
 *         LZMA or WebP; BigTIFF, too. Of several pages that of `reading`, or the first, of channels that are neither color nor alpha none.
 *         YCbCr that is not in JPEG, and raw sensor data are refused
 *   WebP  lossy and lossless; of an animation the first frame, as of a GIF
 *   HEIC, AVIF, JPEG XL, JPEG 2000  1 to 16 bits; JPEG XL of floats, too
 *   BMP   1 to 32 bits, bit fields, run lengths
 *   PNM   PBM, PGM, PPM and PAM of any depth
 *
 * libtiff, libwebp, libheif, libjxl, OpenJPEG and giflib are loaded when a file first needs them; the message says what to
 * install.
 *
 * Less than 8 bits are widened to 8, 9 to 15 to 16. Associated alpha is divided out.
 *
 * The orientation, of EXIF or the TIFF, is applied to the pixels, and reads 1 in the metadata that are kept. A file that
 * ends too early or is damaged is an error where that costs pixels, even where the library could deliver others; it is a
 * note where it does not (bytes between the segments of a JPEG, a missing end marker, trouble in a TIFF's later pages).
 * A color profile (ICC, or the gAMA and cHRM chunks of a PNG) is applied if `reading` says so. A TIFF of floats whose mean is not between 0 and 1 is an error.
 *
 * What is kept: EXIF (but for its thumbnail, which is made anew of what is written), XMP, density and the ICC profile, unless
 * it is one for gray that is sRGB's, for images of any format; the IPTC record for JPEG and TIFF; the comments, Photoshop's resources
 * and XMP's extensions of a JPEG, the text, time, sRGB, gAMA and cHRM chunks of a PNG and the georeference of a TIFF for
 * an image of the same format. EXIF of a TIFF are its descriptions (title, author, date, ...) and its EXIF and GPS
 * directories. Maker notes are kept where they stand where they stood, or hold anywhere. The note says what is left
 * out, and so does image_file_write.
 *
 * `message` has IMAGE_FILE_MESSAGE_SIZE bytes; on IMAGE_FILE_FAILED it says why, without the file's name. */
image_file_status image_file_read(const char *path, const image_file_reading *reading, image_file *image,
                                  char *message);

/* As image_file_read, from memory, at 8 bits, without applying a profile and without keeping metadata. A JPEG is decoded at 1/2, 1/4 or 1/8 of its
 * size, which is faster, where its shorter side still has `shorter_side` pixels; 0: never. */
image_file_status image_file_read_memory(const void *bytes, size_t size, uint32_t shorter_side, image_file *image,
                                         char *message);

/* Writes `image`, which has 3 or 4 channels (JPEG: 3) of 1, 2 (PNG, TIFF) or 4 bytes (TIFF), and metadata or NULL, to
 * `path`: as output_file.h says, with image->permissions. "-" is standard output.
 *
 * The pixels are sRGB, and become those of image->profile: in place, where that is another one. It stands in the file, and
 * so does sRGB where the file that was read had another one.
 *
 * A TIFF is written in strips, with Deflate and the predictor of its samples; as BigTIFF where it might pass 4 GB.
 *
 * On IMAGE_FILE_OK `message` is empty, or says which metadata the format could not take. */
image_file_status image_file_write(const char *path, image_file_format format, const image_file *image,
                                   image_file_stop stop, char *message);

/* A file that is written, a page at a time: a TIFF may have several, another format has one. */
typedef struct image_file_writer image_file_writer;

/* Begins a file, as image_file_write does; NULL: the message says why not. */
image_file_writer *image_file_begin(const char *path, image_file_format format, unsigned permissions, char *message);

/* Adds a page, as image_file_write writes it. After a failure only image_file_discard is left to do. */
image_file_status image_file_add(image_file_writer *writer, const image_file *image, image_file_stop stop,
                                 char *message);

/* Gives the file its name and ends `writer`, whatever the status is. is_synced: the disk has it when this returns. */
image_file_status image_file_end(image_file_writer *writer, bool is_synced, image_file_stop stop, char *message);

/* Ends `writer`, of whose file nothing is left. NULL is a no-op. */
void image_file_discard(image_file_writer *writer);

/* Frees what belongs to `image` and zeroes it. */
void image_file_free(image_file *image);

#endif
