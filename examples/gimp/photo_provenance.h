/* What an image says once a layer of it has colors that a network has made. */
#ifndef PHOTO_PROVENANCE_H
#define PHOTO_PROVENANCE_H

#include <glib.h>

#include "colorize_layer.h"

/* Adds to the image's metadata, which GIMP's exports take along: XMP of IPTC that says that a part of the picture was made
 * by a trained network (DigitalSourceType), by which (AISystemUsed) and which version (AISystemVersionUsed). What it says
 * besides stays. */
void photo_say_provenance(gint32 image_id, const layer_filter *filter);

#endif
