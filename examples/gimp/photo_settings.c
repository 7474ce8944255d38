/* photo_settings.h says what this is for. They lie in libcolorize-photo.ini in the user's GIMP folder;
 * numbers that libcolorize would not take, from another version or another hand, are replaced by
 * the defaults. */
#include "photo_settings.h"

#include <libgimp/gimp.h>

static const char group[] = "libcolorize-photo";

static gchar *file_name(void) {
  return gimp_personal_rc_file("libcolorize-photo.ini");
}

/* A number of the file, or 0, the default, if it has none between the two. */
static gdouble number(GKeyFile *file, const char *key, gdouble least, gdouble most) {
  gdouble value = g_key_file_get_double(file, group, key, NULL);
  return value >= least && value <= most ? value : 0;
}

void photo_settings_load(photo_settings *settings) {
  gchar *name = file_name();
  GKeyFile *file = g_key_file_new();
  *settings = (photo_settings){0};
  if (g_key_file_load_from_file(file, name, G_KEY_FILE_NONE, NULL)) {
    gchar *model_file = g_key_file_get_string(file, group, "model", NULL);
    photo_settings_set_model_file(settings, model_file);
    g_free(model_file);
    settings->hints = g_key_file_get_string(file, group, "hints", NULL);
    settings->layer.style = (colorize_style)number(file, "style", 0, COLORIZE_STYLE_VIVID);
    settings->layer.temperature = (float)number(file, "temperature", 0.01, 10);
    settings->layer.saturation = (float)number(file, "saturation", 0.01, 10);
    settings->layer.upsampling =
        (colorize_upsampling)number(file, "edges", 0, COLORIZE_UPSAMPLING_GUIDED);
    settings->layer.variant = (uint32_t)number(file, "variant", 0, 4);
    settings->layer.network_size = (uint32_t)number(file, "network-size", 16, 2048);
  }
  g_key_file_free(file);
  g_free(name);
}

void photo_settings_save(const photo_settings *settings) {
  const layer_settings *layer = &settings->layer;
  gchar *name = file_name();
  GKeyFile *file = g_key_file_new();
  g_key_file_set_string(file, group, "model",
                        settings->model_file == NULL ? "" : settings->model_file);
  if (settings->hints != NULL) g_key_file_set_string(file, group, "hints", settings->hints);
  g_key_file_set_integer(file, group, "style", layer->style);
  g_key_file_set_double(file, group, "temperature", (gdouble)layer->temperature);
  g_key_file_set_double(file, group, "saturation", (gdouble)layer->saturation);
  g_key_file_set_integer(file, group, "edges", layer->upsampling);
  g_key_file_set_integer(file, group, "variant", (gint)layer->variant);
  g_key_file_set_integer(file, group, "network-size", (gint)layer->network_size);
  g_key_file_save_to_file(file, name, NULL);
  g_key_file_free(file);
  g_free(name);
}

void photo_settings_set_model_file(photo_settings *settings, const gchar *model_file) {
  gchar *copy = model_file == NULL || *model_file == 0 ? NULL : g_strdup(model_file);
  g_free(settings->model_file);
  settings->model_file = copy;
  settings->layer.model_file = copy;
}

void photo_settings_set_hints(photo_settings *settings, const gchar *hints) {
  gchar *copy = g_strdup(hints);
  g_free(settings->hints);
  settings->hints = copy;
}

void photo_settings_copy(photo_settings *settings, const photo_settings *others) {
  settings->layer = others->layer;
  photo_settings_set_model_file(settings, others->model_file);
  photo_settings_set_hints(settings, others->hints);
}

void photo_settings_clear(photo_settings *settings) {
  g_free(settings->model_file);
  g_free(settings->hints);
  *settings = (photo_settings){0};
}
