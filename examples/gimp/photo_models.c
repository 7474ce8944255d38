#include "photo_models.h"

#include <string.h>

/* What the command prints, as lines; NULL: it is not there, or fails. */
static gchar **lines(const gchar *name) {
  gchar *arguments[] = {"libcolorize", "models", (gchar *)name, NULL};
  gchar *text = NULL;
  gint status = 0;
  gboolean is_run = g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                                 NULL, &text, NULL, &status, NULL);
  gchar **result = is_run && status == 0 ? g_strsplit(text, "\n", -1) : NULL;
  g_free(text);
  return result;
}

/* What stands behind a word at the beginning of a line, or NULL. */
static const gchar *value(gchar **text, const gchar *word) {
  gsize length = strlen(word);
  for (; *text != NULL; text++)
    if (strncmp(*text, word, length) == 0 && (*text)[length] == ' ') return *text + length + strspn(*text + length, " ");
  return NULL;
}

gchar *photo_model_file(const gchar *given, gchar *message, gsize size) {
  gboolean is_word = *given != 0 && strchr(given, '/') == NULL && *given != '-';
  gchar **text = is_word && !g_file_test(given, G_FILE_TEST_EXISTS) ? lines(given) : NULL;
  if (text == NULL) return g_strdup(given);
  const gchar *file = value(text, "file");
  gboolean is_here = g_strcmp0(value(text, "here"), "yes") == 0;
  gchar *result = is_here ? g_strdup(file) : NULL;
  if (!is_here)
    g_snprintf(message, size, "The model %s is not on this machine yet: `libcolorize fetch %s` downloads it.", given,
               given);
  g_strfreev(text);
  return result;
}

gchar **photo_models_here(void) {
  GPtrArray *here = g_ptr_array_new();
  gchar **table = lines(NULL);
  /* Behind its heading; "yes" or "no" ends a line. */
  for (gchar **line = table; line != NULL && *line != NULL; line++) {
    if (line == table || !g_str_has_suffix(*line, " yes")) continue;
    gchar *name = g_strndup(*line, strcspn(*line, " "));
    gchar **text = lines(name);
    const gchar *file = text == NULL ? NULL : value(text, "file");
    if (file != NULL) {
      g_ptr_array_add(here, name);
      g_ptr_array_add(here, g_strdup(file));
    } else {
      g_free(name);
    }
    g_strfreev(text);
  }
  g_strfreev(table);
  g_ptr_array_add(here, NULL);
  return (gchar **)g_ptr_array_free(here, FALSE);
}
