/* Pixels between GIMP and memory of our own: GEGL buffers on one side, a colorize_image on the
 * other. */
#ifndef PHOTO_PIXELS_H
#define PHOTO_PIXELS_H

#include <libgimp/gimp.h>

#include "colorize_layer.h"

/* Why a drawable cannot be colored, as a sentence for the user; NULL if it can. */
const gchar *photo_refusal(gint32 drawable);

/* Why a layer cannot be the one with hints for a drawable, as a sentence; NULL if it can. */
const gchar *photo_hints_refusal(gint32 hints, gint32 drawable);

/* The layers of the drawable's image that can be the one with hints, as gint32. g_array_unref() it.
 */
GArray *photo_hints_layers(gint32 drawable);

/* The first of these layers that has this name, in any case of its letters, or -1. */
gint32 photo_find_hints(const gchar *name, gint32 drawable);

/* The whole layer as RGB or RGBA, in as many bits as it has, in memory that photo_free frees.
 * False, with a message in `error`, if there is not enough. */
gboolean photo_read(gint32 drawable, colorize_image *image, colorize_error *error);

/* The whole layer as RGBA, with 8 bits a channel. */
gboolean photo_read_rgba8(gint32 drawable, colorize_image *image, colorize_error *error);

/* Takes the hints of a layer for a drawable that was shrunk by `factor` to width x height. */
gboolean photo_read_hints(gint32 hints_layer, gint32 drawable, const layer_filter *filter,
                          uint32_t factor, uint32_t width, uint32_t height, layer_hints *hints,
                          colorize_error *error);

/* How much of the layer is selected, 0 to 255, as [height, width], brought to these sides; NULL if
 * nothing is selected, which means everything. g_free() it. */
guchar *photo_read_selection(gint32 image_id, gint32 drawable, gint width, gint height);

/* Puts the whole layer into the image as one step of its history, where it is selected; a gray
 * image becomes RGB, and its metadata say what `filter` has made. False, with a message in `error`,
 * if GIMP does not allow it. */
gboolean photo_write(gint32 image_id, gint32 drawable, const colorize_image *image,
                     const layer_filter *filter, colorize_error *error);

void photo_free(colorize_image *image);

#endif
