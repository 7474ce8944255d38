/* What the user has chosen, kept from one use to the next and from one session of GIMP to the next.
 */
#ifndef PHOTO_SETTINGS_H
#define PHOTO_SETTINGS_H

#include <glib.h>

#include "colorize_layer.h"

/* Zeroes are the defaults. */
typedef struct photo_settings {
  layer_settings layer;
  gchar *model_file; /* owned; layer.model_file is NULL or points to it */
  gchar *
      hints; /* owned: the name of the layer with hints; "": none; NULL: "hints", if there is one */
} photo_settings;

/* The settings of the last use, or the defaults where there was none or its file is not readable.
 */
void photo_settings_load(photo_settings *settings);

/* Keeps them for the next use. That they cannot be written is no reason to fail. */
void photo_settings_save(const photo_settings *settings);

/* Sets a model file; NULL or "": the model inside the library. */
void photo_settings_set_model_file(photo_settings *settings, const gchar *model_file);

/* Sets the name of the layer with hints. */
void photo_settings_set_hints(photo_settings *settings, const gchar *hints);

/* Makes them the same as others. */
void photo_settings_copy(photo_settings *settings, const photo_settings *others);

/* Frees what they hold; they are the defaults then. */
void photo_settings_clear(photo_settings *settings);

#endif
