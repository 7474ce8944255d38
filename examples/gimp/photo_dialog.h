/* The dialog: the picture before and after, and what the user can choose. */
#ifndef PHOTO_DIALOG_H
#define PHOTO_DIALOG_H

#include <glib.h>

#include "photo_settings.h"

/* Shows it until the user has decided. True, with the choice in `settings`, after OK; after
 * anything else they are as they were. `filter` may have another model open then. */
gboolean photo_dialog_run(gint32 image_id, gint32 drawable, layer_filter *filter,
                          photo_settings *settings);

#endif
