/* photo_models.h: published weights by their names, of which the command libcolorize has the table. */
#ifndef PHOTO_MODELS_H
#define PHOTO_MODELS_H

#include <glib.h>

/* The file of what a script names: a file, or a name that `libcolorize models` lists. A file goes before a name.
 * NULL: the name is known, but its file is not on this machine; `message`, of `size` bytes, says how to get it. Of
 * anything else, and where the command is not installed, a copy of what was given, which opening will complain about. */
gchar *photo_model_file(const gchar *given, gchar *message, gsize size);

/* The names and the files of those that are on this machine: name, file, name, file, ..., NULL. For g_strfreev. */
gchar **photo_models_here(void);

#endif
