/* toolbox.h: what every format needs, and which needs none of them. */
#ifndef IMAGE_FILES_TOOLBOX_H
#define IMAGE_FILES_TOOLBOX_H

#include <stdarg.h>

#include "include/image_files.h"

/* Bytes of malloc. */
typedef struct image_bytes {
  unsigned char *data;
  size_t size;
} image_bytes;

/* A JPEG marker segment as it stands in the file, without its code and length. */
typedef struct image_marker {
  int code;
  image_bytes body;
} image_marker;

/* A text chunk of a PNG; strings of malloc, ending in zero. Language and translated key: iTXt only, else NULL. */
typedef struct image_text {
  int compression; /* libpng's PNG_TEXT_COMPRESSION_..., which also tells the kind of chunk */
  char *key;
  char *text;
  char *language;
  char *translated_key;
} image_text;

typedef enum image_density_unit {
  IMAGE_DENSITY_NONE = 0,      /* the file says nothing */
  IMAGE_DENSITY_RATIO,         /* no unit: x / y is the pixel's shape */
  IMAGE_DENSITY_PER_INCH,
  IMAGE_DENSITY_PER_CENTIMETRE,
  IMAGE_DENSITY_PER_METRE
} image_density_unit;

#define IMAGE_DENSITY_MAXIMUM 1e7
#define IMAGE_METADATA_BYTES ((uint64_t)IMAGE_FILE_MAXIMUM_METADATA_MEGABYTES << 20)

/* What the channels of a picture are that has just been read. */
typedef enum image_space {
  IMAGE_SPACE_OWN = 0, /* gray or RGB, of sRGB or of its profile */
  IMAGE_SPACE_CMYK,    /* 4 channels of 1 or 2 bytes; 0: no ink */
  IMAGE_SPACE_LAB      /* 3 or 4 channels of 1 or 2 bytes, as ICC.1:2022 encodes CIE Lab */
} image_space;

struct image_metadata {
  /* For every format. */
  image_bytes exif; /* a TIFF stream, as exif_normalise leaves it */
  image_bytes icc;  /* the profile: of an RGB space, or of the space that the pixels were converted from */
  image_space space;
  bool is_converted;     /* the pixels are sRGB, whatever the profile says */
  bool has_lost_profile; /* writing: it was to be kept, and cannot hold colors */
  bool has_thumbnail;    /* the file had one, which shows the picture before; it is not here */
  image_bytes xmp;  /* the XMP packet, followed by a zero byte that `size` does not count */
  image_bytes iptc; /* the IPTC record: IIM as it stands in the file */
  image_density_unit density_unit;
  double density_x, density_y; /* above 0, at most IMAGE_DENSITY_MAXIMUM */

  /* Of a TIFF, 1 to 8; 0: EXIF says it. */
  int orientation;

  /* For TIFF only: where the picture lies on the earth (GeoTIFF), a TIFF stream; and what IPTC calls its bytes. */
  image_bytes georeference;
  uint16_t iptc_type;

  /* For JPEG only: Photoshop's resources, comments and XMP's extensions, in the file's order. */
  image_marker *markers;
  size_t marker_count;

  /* For PNG only. */
  image_text *texts;
  size_t text_count;
  bool has_time, has_rendering_intent, has_gamma, has_chromaticities;
  uint16_t time_year;
  uint8_t time_month, time_day, time_hour, time_minute, time_second;
  int rendering_intent;        /* sRGB */
  int32_t gamma;               /* gAMA, times 100000 */
  int32_t chromaticities[8];   /* cHRM: x and y of white, red, green and blue, times 100000 */
};

/* Writes one sentence to a message of IMAGE_FILE_MESSAGE_SIZE bytes, cut where it would not fit. */
void image_say(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "cannot be read: ..." from errno. */
void image_say_errno(char *message, const char *what);

/* Adds to what there is to say of a file that was read; cut where it would not fit. */
void image_note(image_file *image, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for one that is written: to a message that is empty or says what its format could not take. */
void image_say_too(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A picture as a format finds it. */
typedef struct image_shape {
  uint32_t width, height;
  int channels, sample_bytes;
  uint64_t further_bytes; /* that are needed to decode it */
} image_shape;

/* Checks a picture's measures and asks for the memory of its pixels, which are black. False: the
 * message says why. */
bool image_allocate(image_file *image, const image_shape *shape, const image_file_reading *reading,
                    char *message);

/* A copy; false if memory was refused. `size` 0 is an empty copy. A zero byte follows the copy. */
bool image_bytes_copy(image_bytes *copy, const void *data, size_t size);

/* Whether an ICC profile describes an RGB space. A gray one would be wrong on a colored picture. */
bool icc_is_rgb(const image_bytes *profile);

void image_free_metadata(image_file *image);

/* pixels.c */

/* Rounds an image to 8 bits, and makes RGBA of gray with alpha. False: the message says why. */
bool image_round_to_8_bits(image_file *image, const image_file_reading *reading, char *message);

/* Puts each pixel where the orientation (EXIF 2.32, 4.6.4, tag 274) says that it is to be seen.
 * False: the message says why. */
bool image_turn(image_file *image, int orientation, const image_file_reading *reading,
                char *message);

/* Makes a picture smaller whose longer side has more than reading->maximum_side pixels: each new pixel is the mean of
 * those that it covers, weighed by how much and by their alpha. */
image_file_status image_shrink(image_file *image, const image_file_reading *reading, char *message);

/* Gives an image the pixels of another one, which has none afterwards. */
void image_take_pixels(image_file *image, image_file *other);

/* color_profile.c */

/* Converts an image to sRGB: from its ICC profile or a PNG's chunks if reading->applies_profile, from CMYK and Lab in any
 * case. Of 8 bits it makes 16, so that no level is lost. A profile that makes no sense is noted, and sRGB. False: the
 * message says why. */
bool image_to_srgb(image_file *image, const image_file_reading *reading, char *message);

/* Converts an image that is to be written, in place, from sRGB to image->profile and its depth to file_sample_bytes, and
 * gives its metadata that profile. False: the message says why. */
bool image_from_srgb(image_file *image, char *message);

/* thumbnail.c */

/* Gives EXIF a thumbnail of a picture that is to be written, sRGB. False if memory was refused; what has no room is left out,
 * which `message` says. */
bool add_thumbnail(image_file *image, char *message);

/* foreign.c */

/* What a file is that is none of the table's formats, and what to do about it; NULL: not known. */
typedef struct image_foreign {
  const char *name, *advice;
} image_foreign;

const image_foreign *image_foreign_of(const unsigned char *start, size_t size);

/* exif.c */

/* Reads the orientation, 1 to 8, from a TIFF stream and sets it to 1 there, and cuts the thumbnail off; *has_thumbnail is set
 * if there was one. 1 if there is no orientation. False if this is no TIFF stream. */
bool exif_normalise(image_bytes *exif, int *orientation, bool *has_thumbnail);

/* Adds a thumbnail, a JPEG, to a stream that has none, or to an empty one. False: there is no room for it, or memory was
 * refused; the stream is as it was. */
bool exif_add_thumbnail(image_bytes *exif, const image_bytes *jpeg);

/* Whether EXIF says that the picture is Adobe RGB, as cameras do without a profile: a color space that is none of EXIF's,
 * and the interoperability index R03 (DCF 2.0, 5.3). */
bool exif_is_adobe_rgb(const image_bytes *exif);

/* Has EXIF say that the picture is sRGB, or of a profile that it does not know, where it says anything. */
void exif_set_color_space(image_bytes *exif, bool is_srgb);

/* Takes away what HEIF and JPEG XL have before the TIFF stream: four bytes, which say how much more there is (ISO 23008-12,
 * A.2.1). */
void exif_drop_offset(image_bytes *exif);

/* Takes the density of EXIF where the file itself says none. */
void exif_density(struct image_metadata *metadata);

/* Sets the picture's measures where EXIF has them. */
void exif_set_size(image_bytes *exif, uint32_t width, uint32_t height);

/* Sets every tiff:Orientation of an XMP packet to 1. */
void xmp_reset_orientation(image_bytes *xmp);

/* Blanks out what an XMP packet says of pictures that stood behind the first one in the file (a gain map, a film): there is
 * only one now, and a reader would look for the others. False: it says nothing of such. */
bool xmp_drop_other_pictures(image_bytes *xmp);

/* Blanks out the thumbnails of an XMP packet; false: it has none. */
bool xmp_drop_thumbnails(image_bytes *xmp);

/* Sets Software, replacing what was there: a new first directory at the end of the stream, so that all else stays where it
 * is, maker notes too. A stream that cannot grow, or would no longer fit into a JPEG, stays as it was. False if memory was
 * refused. */
bool exif_set_software(image_bytes *exif, const char *software);

/* photoshop.c */

/* Takes the IPTC record from Photoshop's resources, which begin at `start`, if there is one. False if memory was refused. */
bool photoshop_iptc(const image_bytes *bytes, size_t start, image_bytes *iptc);

/* Takes Photoshop's thumbnails away; false: there are none. */
bool photoshop_drop_thumbnail(image_bytes *bytes, size_t start);

/* Photoshop's resources with an IPTC record. False if memory was refused. */
bool photoshop_of_iptc(const image_bytes *iptc, image_bytes *bytes);

#endif
