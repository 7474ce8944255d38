/* photo_profile.h says what this is for. */
#include "photo_profile.h"

/* An image's numbers as floats, without any change. */
static const Babl *own_format(gint32 image_id, gboolean alpha) {
  gboolean gray = gimp_image_base_type(image_id) == GIMP_GRAY;
  switch (gimp_image_get_precision(image_id)) {
    case GIMP_PRECISION_U8_LINEAR:
    case GIMP_PRECISION_U16_LINEAR:
    case GIMP_PRECISION_U32_LINEAR:
    case GIMP_PRECISION_HALF_LINEAR:
    case GIMP_PRECISION_FLOAT_LINEAR:
    case GIMP_PRECISION_DOUBLE_LINEAR:
      if (gray) return babl_format(alpha ? "YA float" : "Y float");
      return babl_format(alpha ? "RGBA float" : "RGB float");
    default:
      if (gray) return babl_format(alpha ? "Y'A float" : "Y' float");
      return babl_format(alpha ? "R'G'B'A float" : "R'G'B' float");
  }
}

static GimpColorTransform *transform(gint32 image_id, gboolean to_srgb, const Babl *own,
                                     const Babl *srgb) {
  GimpColorProfile *profile = gimp_image_get_color_profile(image_id);
  if (profile == NULL) return NULL;
  GimpColorProfile *target = gimp_color_profile_new_rgb_srgb();
  GimpColorTransform *result = NULL;
  if (!gimp_color_transform_can_gegl_copy(profile, target)) {
    result = gimp_color_transform_new(to_srgb ? profile : target, to_srgb ? own : srgb,
                                      to_srgb ? target : profile, to_srgb ? srgb : own,
                                      GIMP_COLOR_RENDERING_INTENT_RELATIVE_COLORIMETRIC,
                                      GIMP_COLOR_TRANSFORM_FLAGS_BLACK_POINT_COMPENSATION);
  }
  g_object_unref(target);
  g_object_unref(profile);
  return result;
}

GimpColorTransform *photo_to_srgb(gint32 image_id, gboolean alpha, const Babl **own,
                                  const Babl *srgb) {
  *own = own_format(image_id, alpha);
  return transform(image_id, TRUE, *own, srgb);
}

GimpColorTransform *photo_from_srgb(gint32 image_id, gboolean alpha, const Babl *srgb,
                                    const Babl **own) {
  *own = own_format(image_id, alpha);
  return transform(image_id, FALSE, *own, srgb);
}
