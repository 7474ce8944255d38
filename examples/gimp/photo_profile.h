/* Images with a color profile of their own, whose numbers are not sRGB's. */
#ifndef PHOTO_PROFILE_H
#define PHOTO_PROFILE_H

#include <libgimp/gimp.h>

/* What brings an image's numbers to sRGB, from pixels of `own` to pixels of `srgb`. NULL if they
 * are sRGB's, since the image has no profile, or that one. g_object_unref() it. */
GimpColorTransform *photo_to_srgb(gint32 image_id, gboolean alpha, const Babl **own,
                                  const Babl *srgb);

/* And back, for an image that is not gray. */
GimpColorTransform *photo_from_srgb(gint32 image_id, gboolean alpha, const Babl *srgb,
                                    const Babl **own);

#endif
