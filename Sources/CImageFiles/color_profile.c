/* color_profile.c: what the numbers of a picture mean, through Little CMS 2: from its ICC profile to sRGB, which
 * coloring works in, and from there to the profile that a file is written with.
 *
 * C, because the formats are. Little CMS never ends the process and prints nothing: it returns NULL. A profile comes from
 * a file and is hostile until Little CMS has opened it; what it does not take counts as sRGB, and a note says so.
 */
#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

#include "toolbox.h"

/* Media white becomes white, and the darkest ink black, as in every program that shows pictures. */
static const cmsUInt32Number intent = INTENT_RELATIVE_COLORIMETRIC;
static const cmsUInt32Number common_flags = cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE;

enum {
  maximum_level = 65535,
  srgb_gamma = 45455, /* of a gAMA chunk, times 100000: by convention the curve of sRGB, not a power */
  icc_date = 24,      /* ICC.1:2022, table 17: where the header has the time at which the profile was made */
  icc_date_size = 12,
};

/* ---- Profiles -------------------------------------------------------------------------------- */

static const cmsCIExyY d65 = {0.3127, 0.3290, 1};

static cmsToneCurve *srgb_curve(cmsContext context) {
  /* IEC 61966-2-1, as ICC's parametric curve 4 (type 3). */
  const cmsFloat64Number parameters[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  return cmsBuildParametricToneCurve(context, 4, parameters);
}

/* An RGB profile, or a gray one, of a curve, which is ended here. */
static cmsHPROFILE profile_of(cmsContext context, const cmsCIExyY *white,
                              const cmsCIExyYTRIPLE *primaries, cmsToneCurve *curve) {
  if (curve == NULL) return NULL;
  cmsToneCurve *curves[3] = {curve, curve, curve};
  cmsHPROFILE profile = primaries == NULL ? cmsCreateGrayProfileTHR(context, white, curve)
                                          : cmsCreateRGBProfileTHR(context, white, primaries, curves);
  cmsFreeToneCurve(curve);
  return profile;
}

static const cmsCIExyYTRIPLE srgb_primaries = {
    {0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}};
/* SMPTE EG 432-1, with the curve and the white of sRGB. */
static const cmsCIExyYTRIPLE display_p3_primaries = {
    {0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};

static cmsHPROFILE srgb_profile(cmsContext context, bool is_gray) {
  return profile_of(context, &d65, is_gray ? NULL : &srgb_primaries, srgb_curve(context));
}

/* Adobe RGB (1998), 4.3. */
static cmsHPROFILE adobe_rgb_profile(cmsContext context, bool is_gray) {
  static const cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
  return profile_of(context, &d65, is_gray ? NULL : &primaries,
                    cmsBuildGamma(context, 563.0 / 256));
}

/* What the chunks gAMA and cHRM of a PNG say; NULL: they make no sense. */
static cmsHPROFILE png_profile(cmsContext context, const struct image_metadata *metadata,
                               bool is_gray) {
  const int32_t *xy = metadata->chromaticities;
  cmsCIExyY white = d65;
  cmsCIExyYTRIPLE primaries = srgb_primaries;
  if (metadata->has_chromaticities && !is_gray) {
    cmsCIExyY *const places[] = {&white, &primaries.Red, &primaries.Green, &primaries.Blue};
    for (int i = 0; i < 4; i++) {
      if (xy[2 * i] < 0 || xy[2 * i + 1] <= 0 || xy[2 * i] + xy[2 * i + 1] > 100000) return NULL;
      *places[i] = (cmsCIExyY){xy[2 * i] / 1e5, xy[2 * i + 1] / 1e5, 1};
    }
  }
  const bool is_power = metadata->has_gamma && metadata->gamma != srgb_gamma;
  /* From nearly black to nearly white; the curve is the inverse of the power that has been applied. */
  if (is_power && (metadata->gamma < 10000 || metadata->gamma > 1000000)) return NULL;
  cmsToneCurve *curve =
      is_power ? cmsBuildGamma(context, 1e5 / metadata->gamma) : srgb_curve(context);
  return profile_of(context, &white, is_gray ? NULL : &primaries, curve);
}

/* A profile as the bytes of a file, always the same ones. False if memory was refused. */
static bool save_profile(cmsHPROFILE profile, image_bytes *bytes) {
  cmsUInt32Number size = 0;
  if (!cmsSaveProfileToMem(profile, NULL, &size)) return false;
  unsigned char *data = malloc(size + 1);
  if (data == NULL || !cmsSaveProfileToMem(profile, data, &size)) {
    free(data);
    return false;
  }
  /* 1 January 2024, whenever it is: the same picture gives the same bytes. */
  static const unsigned char date[icc_date_size] = {0x07, 0xe8, 0, 1, 0, 1};
  if (size >= icc_date + icc_date_size) memcpy(data + icc_date, date, icc_date_size);
  data[size] = 0;
  free(bytes->data);
  *bytes = (image_bytes){data, size};
  return true;
}

static void name_profile(cmsHPROFILE profile, const char *name) {
  cmsMLU *text = cmsMLUalloc(cmsGetProfileContextID(profile), 1);
  if (text == NULL) return;
  cmsMLUsetASCII(text, "en", "US", name);
  cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);
  cmsMLUfree(text);
}

static cmsUInt32Number channels_of(cmsColorSpaceSignature space) {
  switch (space) {
  case cmsSigGrayData: return 1;
  case cmsSigRgbData:
  case cmsSigLabData: return 3;
  case cmsSigCmykData: return 4;
  default: return 0;
  }
}

/* Opens the profile of a picture of some space; NULL: it is damaged, or of another kind. A profile for RGB serves gray,
 * as the gray of RGB. */
static cmsHPROFILE open_profile(cmsContext context, const image_bytes *icc,
                                cmsColorSpaceSignature space) {
  cmsHPROFILE profile = cmsOpenProfileFromMemTHR(context, icc->data, (cmsUInt32Number)icc->size);
  if (profile == NULL) return NULL;
  const cmsColorSpaceSignature found = cmsGetColorSpace(profile);
  const cmsProfileClassSignature kind = cmsGetDeviceClass(profile);
  const bool is_device = kind == cmsSigInputClass || kind == cmsSigDisplayClass ||
                         kind == cmsSigOutputClass || kind == cmsSigColorSpaceClass;
  if (is_device && (found == space || (found == cmsSigRgbData && space == cmsSigGrayData)))
    return profile;
  cmsCloseProfile(profile);
  return NULL;
}

/* ---- Transforms ------------------------------------------------------------------------------ */

/* Little CMS' word for samples, without alpha. */
static cmsUInt32Number type_of(cmsColorSpaceSignature space, int sample_bytes, int further) {
  const int pixel_type = space == cmsSigGrayData   ? PT_GRAY
                         : space == cmsSigCmykData ? PT_CMYK
                         : space == cmsSigLabData  ? PT_Lab
                                                   : PT_RGB;
  return COLORSPACE_SH(pixel_type) | CHANNELS_SH(channels_of(space)) | EXTRA_SH(further) |
         BYTES_SH(sample_bytes) | FLOAT_SH(sample_bytes == 4);
}

typedef struct color_transform {
  cmsHTRANSFORM handle;
  cmsColorSpaceSignature from, to;
  int from_bytes, to_bytes; /* of a sample */
  int alpha;                /* 1: a channel of it is there, and kept */
} color_transform;

/* handle is NULL afterwards if there is no way. */
static void create(color_transform *transform, cmsContext context, cmsHPROFILE from,
                   cmsHPROFILE to) {
  /* Of 8 bits its short cut for matrices is good to 0.3 of a level of 8 bits; between 16 and 16 it makes a table, which is
   * off by up to 20. */
  const bool is_exact = transform->from_bytes > 1 || transform->from == cmsSigGrayData;
  transform->handle = cmsCreateTransformTHR(
      context, from, type_of(transform->from, transform->from_bytes, transform->alpha), to,
      type_of(transform->to, transform->to_bytes, transform->alpha), intent,
      common_flags | (is_exact ? cmsFLAGS_NOOPTIMIZE : 0) |
          (transform->alpha ? cmsFLAGS_COPY_ALPHA : 0));
}

/* Whether sRGB goes through a transform to 16 bits as it is, to a level of 8 bits: most profiles are one of sRGB. */
static bool changes_nothing(const color_transform *transform, cmsContext context,
                            cmsHPROFILE from, cmsHPROFILE to) {
  enum { steps = 9, step = 8191, tolerance = 257 };
  color_transform wide = *transform;
  wide.from_bytes = wide.to_bytes = 2;
  wide.alpha = 0;
  create(&wide, context, from, to);
  if (wide.handle == NULL) return false;
  bool is_same = true;
  for (int i = 0; i < steps * steps * steps && is_same; i++) {
    /* All combinations; of gray, steps of it. */
    const int positions[3] = {i % steps, i / steps % steps, i / steps / steps};
    uint16_t before[3], after[3];
    for (int k = 0; k < 3; k++) before[k] = (uint16_t)(positions[k] * step);
    cmsDoTransform(wide.handle, before, after, 1);
    for (cmsUInt32Number k = 0; k < channels_of(wide.to); k++)
      is_same = is_same && abs((int)before[k] - (int)after[k]) <= tolerance;
  }
  cmsDeleteTransform(wide.handle);
  return is_same;
}

static void say_refused(char *message) {
  image_say(message, "needs memory for its color profile, which was refused");
}

/* ---- To sRGB --------------------------------------------------------------------------------- */

static cmsColorSpaceSignature space_of(const image_file *image) {
  if (image->metadata->space == IMAGE_SPACE_CMYK) return cmsSigCmykData;
  if (image->metadata->space == IMAGE_SPACE_LAB) return cmsSigLabData;
  return image->channels <= 2 ? cmsSigGrayData : cmsSigRgbData;
}

/* CMYK of which nobody knows which inks are meant: what each leaves of the light, as plain as it is. */
static void convert_plain_cmyk(const unsigned char *from, unsigned char *to, uint32_t count,
                               int sample_bytes) {
  for (uint32_t x = 0; x < count; x++)
    for (int i = 0; i < 3; i++) {
      if (sample_bytes == 1) {
        const uint32_t left = (255u - from[4 * x + i]) * (255u - from[4 * x + 3]);
        const uint16_t value = (uint16_t)((left * 257u + 127) / 255);
        memcpy(to + 2 * (3 * (size_t)x + i), &value, 2);
      } else {
        uint16_t ink, black;
        memcpy(&ink, from + 2 * (4 * (size_t)x + i), 2);
        memcpy(&black, from + 2 * (4 * (size_t)x + 3), 2);
        const uint64_t left = (uint64_t)(maximum_level - ink) * (uint64_t)(maximum_level - black);
        const uint16_t value = (uint16_t)((left + maximum_level / 2) / maximum_level);
        memcpy(to + 2 * (3 * (size_t)x + i), &value, 2);
      }
    }
}

/* Gray to the gray of RGB, with or without alpha. */
static void widen_gray(const unsigned char *from, unsigned char *to, uint32_t count, int alpha,
                       int sample_bytes) {
  for (size_t x = 0; x < count; x++) {
    const unsigned char *gray = from + x * (size_t)((1 + alpha) * sample_bytes);
    unsigned char *pixel = to + x * (size_t)((3 + alpha) * sample_bytes);
    for (int i = 0; i < 3 + alpha; i++)
      memcpy(pixel + i * sample_bytes, gray + (i < 3 ? 0 : sample_bytes), (size_t)sample_bytes);
  }
}

/* Gray of 8 or 16 bits takes each of its values once; the table has them as 16 bits. NULL: memory was refused. */
static uint16_t *table_of(const color_transform *transform, int sample_bytes) {
  const uint32_t count = sample_bytes == 1 ? 256 : maximum_level + 1;
  uint16_t *table = malloc(count * sizeof *table);
  for (uint32_t value = 0; table != NULL && value < count; value++) {
    const uint16_t level = (uint16_t)(sample_bytes == 1 ? value * 257 : value);
    const uint16_t before[3] = {level, level, level}; /* of gray, the first */
    cmsDoTransform(transform->handle, before, &table[value], 1);
  }
  return table;
}

static void look_up(const uint16_t *table, const unsigned char *from, unsigned char *to,
                    uint32_t count, int alpha, int sample_bytes) {
  for (size_t i = 0; i < (size_t)count * (size_t)(1 + alpha); i++) {
    uint16_t value = from[i];
    if (sample_bytes == 2) memcpy(&value, from + 2 * i, 2);
    const bool is_alpha = alpha == 1 && i % 2 == 1;
    if (!is_alpha) value = table[value];
    else if (sample_bytes == 1) value = (uint16_t)(value * 257);
    memcpy(to + 2 * i, &value, 2);
  }
}

/* How a picture's rows become sRGB. */
typedef struct row_converter {
  color_transform transform;
  uint16_t *table;         /* of gray of 8 or 16 bits, else NULL */
  unsigned char *gray_row; /* as RGB: floats of gray with a profile for RGB, else NULL */
} row_converter;

static void convert_row(const row_converter *converter, const image_file *image,
                        const unsigned char *from, unsigned char *to) {
  const color_transform *transform = &converter->transform;
  if (converter->table != NULL) {
    look_up(converter->table, from, to, image->width, transform->alpha, image->sample_bytes);
  } else if (transform->handle == NULL) {
    convert_plain_cmyk(from, to, image->width, image->sample_bytes);
  } else {
    const unsigned char *row = from;
    if (converter->gray_row != NULL) {
      widen_gray(from, converter->gray_row, image->width, transform->alpha, image->sample_bytes);
      row = converter->gray_row;
    }
    cmsDoTransform(transform->handle, row, to, image->width);
  }
}

static bool convert_rows(const row_converter *converter, image_file *image,
                         const image_file_reading *reading, char *message) {
  image_file converted = {0};
  const color_transform *transform = &converter->transform;
  const image_shape shape = {image->width, image->height,
                             (int)channels_of(transform->to) + transform->alpha,
                             transform->to_bytes, (uint64_t)image->row_bytes * image->height};
  if (!image_allocate(&converted, &shape, reading, message)) return false;
  for (uint32_t y = 0; y < image->height; y++) {
    if (reading->stop != NULL && reading->stop()) break; /* the caller asks again */
    convert_row(converter, image, image->pixels + y * image->row_bytes,
                converted.pixels + y * converted.row_bytes);
  }
  image_take_pixels(image, &converted);
  return true;
}

/* Converts a picture. False: the message says why not. *is_known: whether there is a way from its profile. */
static bool convert(image_file *image, cmsContext context, cmsHPROFILE from, cmsHPROFILE to,
                    const image_file_reading *reading, bool *is_known, char *message) {
  struct image_metadata *metadata = image->metadata;
  const bool is_gray = image->channels <= 2;
  const bool has_table = is_gray && image->sample_bytes < 4;
  const int colors = metadata->space == IMAGE_SPACE_CMYK ? 4 : is_gray ? 1 : 3;
  row_converter converter = {
      .transform = {.from = from != NULL ? cmsGetColorSpace(from) : cmsSigCmykData,
                    .to = is_gray ? cmsSigGrayData : cmsSigRgbData,
                    .from_bytes = has_table ? 2 : image->sample_bytes,
                    .to_bytes = image->sample_bytes == 4 ? 4 : 2,
                    .alpha = has_table ? 0 : image->channels - colors}};
  color_transform *transform = &converter.transform;
  *is_known = true;
  if (from != NULL) {
    if (metadata->space == IMAGE_SPACE_OWN && changes_nothing(transform, context, from, to))
      return true;
    create(transform, context, from, to);
    *is_known = transform->handle != NULL;
    if (!*is_known) return true;
  }
  transform->alpha = image->channels - colors;
  bool has_memory = true;
  if (has_table) {
    converter.table = table_of(transform, image->sample_bytes);
    has_memory = converter.table != NULL;
  } else if (is_gray && transform->from == cmsSigRgbData) {
    converter.gray_row = malloc((size_t)image->width * (size_t)(3 + transform->alpha) * 4);
    has_memory = converter.gray_row != NULL;
  }
  if (has_memory) metadata->is_converted = convert_rows(&converter, image, reading, message);
  else say_refused(message);
  free(converter.table);
  free(converter.gray_row);
  if (transform->handle != NULL) cmsDeleteTransform(transform->handle);
  return metadata->is_converted;
}

/* Of a PNG. */
static bool has_chunks(const struct image_metadata *metadata) {
  return metadata->has_gamma || metadata->has_chromaticities;
}

/* Whether there is anything that says what the numbers mean, but that they are sRGB. */
static bool is_tagged(const struct image_metadata *metadata) {
  if (metadata->icc.size > 0) return true;
  if (metadata->has_rendering_intent) return false;
  return has_chunks(metadata) || exif_is_adobe_rgb(&metadata->exif);
}

static bool to_srgb(image_file *image, cmsContext context, const image_file_reading *reading,
                    char *message) {
  struct image_metadata *metadata = image->metadata;
  const cmsColorSpaceSignature space = space_of(image);
  cmsHPROFILE to = srgb_profile(context, space == cmsSigGrayData), from = NULL;
  if (metadata->icc.size > 0) from = open_profile(context, &metadata->icc, space);
  else if (metadata->space == IMAGE_SPACE_OWN && has_chunks(metadata))
    from = png_profile(context, metadata, space == cmsSigGrayData);
  else if (metadata->space == IMAGE_SPACE_OWN)
    from = adobe_rgb_profile(context, space == cmsSigGrayData);
  if (from == NULL && space == cmsSigLabData) from = cmsCreateLab4ProfileTHR(context, NULL);

  bool is_done = to != NULL, is_known = false;
  if (!is_done) say_refused(message);
  if (is_done && from != NULL)
    is_done = convert(image, context, from, to, reading, &is_known, message);
  if (is_done && !is_known && space == cmsSigCmykData) {
    image_note(image, "is CMYK without a sound color profile: how dark its inks are is a guess");
    is_done = convert(image, context, NULL, to, reading, &is_known, message);
  } else if (is_done && !is_known) {
    image_note(image, "has a damaged color profile, or one for other colors: it is taken as sRGB");
    metadata->icc.size = 0;
  }
  /* So that it can be kept. */
  if (is_done && metadata->is_converted && metadata->icc.size == 0 && from != NULL) {
    is_done = save_profile(from, &metadata->icc);
    if (!is_done) say_refused(message);
  }
  if (from != NULL) cmsCloseProfile(from);
  if (to != NULL) cmsCloseProfile(to);
  return is_done;
}

bool image_to_srgb(image_file *image, const image_file_reading *reading, char *message) {
  struct image_metadata *metadata = image->metadata;
  image->file_sample_bytes = image->sample_bytes;
  if (metadata->space == IMAGE_SPACE_OWN &&
      (!reading->applies_profile || !is_tagged(metadata)))
    return true;
  cmsContext context = cmsCreateContext(NULL, NULL);
  if (context == NULL) say_refused(message);
  const bool is_done = context != NULL && to_srgb(image, context, reading, message);
  if (context != NULL) cmsDeleteContext(context);
  metadata->space = IMAGE_SPACE_OWN;
  return is_done;
}

/* ---- From sRGB ------------------------------------------------------------------------------- */

/* Converts the rows of a picture in place, to the depth of `sample_bytes`, which is no greater than theirs. False: memory
 * was refused, or there is no way to this profile. */
static bool convert_in_place(image_file *image, cmsContext context, cmsHPROFILE to,
                             int sample_bytes) {
  color_transform transform = {.from = cmsSigRgbData,
                               .to = cmsSigRgbData,
                               .from_bytes = image->sample_bytes,
                               .to_bytes = sample_bytes,
                               .alpha = image->channels - 3};
  const size_t row_bytes = (size_t)image->width * (size_t)(image->channels * sample_bytes);
  cmsHPROFILE from = srgb_profile(context, false);
  unsigned char *row = malloc(row_bytes);
  if (from != NULL && row != NULL) create(&transform, context, from, to);
  for (uint32_t y = 0; transform.handle != NULL && y < image->height; y++) {
    cmsDoTransform(transform.handle, image->pixels + y * image->row_bytes, row, image->width);
    memcpy(image->pixels + y * row_bytes, row, row_bytes);
  }
  const bool is_done = transform.handle != NULL;
  if (is_done) {
    image->sample_bytes = sample_bytes;
    image->row_bytes = row_bytes;
    cmsDeleteTransform(transform.handle);
  }
  free(row);
  if (from != NULL) cmsCloseProfile(from);
  return is_done;
}

static bool from_srgb(image_file *image, cmsContext context, int sample_bytes, char *message) {
  struct image_metadata *metadata = image->metadata;
  const bool is_p3 = image->profile == IMAGE_FILE_PROFILE_DISPLAY_P3;
  if (image->profile == IMAGE_FILE_PROFILE_KEEP) {
    cmsHPROFILE to = open_profile(context, &metadata->icc, cmsSigRgbData);
    const bool is_kept = to != NULL && convert_in_place(image, context, to, sample_bytes);
    if (to != NULL) cmsCloseProfile(to);
    if (is_kept) return true;
    metadata->has_lost_profile = true;
  }
  cmsHPROFILE to = is_p3 ? profile_of(context, &d65, &display_p3_primaries, srgb_curve(context))
                         : srgb_profile(context, false);
  if (to != NULL) name_profile(to, is_p3 ? "Display P3" : "sRGB");
  /* Of sRGB only the depth may change. */
  const bool converts = is_p3 || sample_bytes != image->sample_bytes;
  const bool is_done = to != NULL &&
                       (!converts || convert_in_place(image, context, to, sample_bytes)) &&
                       save_profile(to, &metadata->icc);
  if (to != NULL) cmsCloseProfile(to);
  if (!is_done) say_refused(message);
  return is_done;
}

bool image_from_srgb(image_file *image, char *message) {
  struct image_metadata *metadata = image->metadata;
  const int sample_bytes =
      image->file_sample_bytes > 0 && image->file_sample_bytes < image->sample_bytes
          ? image->file_sample_bytes
          : image->sample_bytes;
  const bool is_plain = !metadata->is_converted && sample_bytes == image->sample_bytes;
  if (is_plain && image->profile != IMAGE_FILE_PROFILE_DISPLAY_P3) return true;
  cmsContext context = cmsCreateContext(NULL, NULL);
  if (context == NULL) say_refused(message);
  const bool is_done = context != NULL && from_srgb(image, context, sample_bytes, message);
  if (context != NULL) cmsDeleteContext(context);
  const bool is_srgb = image->profile == IMAGE_FILE_PROFILE_SRGB || metadata->has_lost_profile;
  if (image->profile != IMAGE_FILE_PROFILE_KEEP || is_srgb)
    exif_set_color_space(&metadata->exif, is_srgb);
  /* The profile says it. */
  metadata->has_rendering_intent = metadata->has_gamma = metadata->has_chromaticities = false;
  return is_done;
}
