/* Filters > Colorize photo...: libcolorize as a plug-in of GIMP 2.10.
 *
 * This is what GIMP sees: a procedure, its arguments, and the order in which things happen. Cancel
 * in GIMP ends a plug-in's process, wherever it is; so the layer is read and colored in memory of
 * our own, and the image is not touched before the result is complete. The progress bar, and with
 * it the cancel button, is gone by then.
 */
#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>

#include "photo_dialog.h"
#include "photo_models.h"
#include "photo_pixels.h"
#include "photo_settings.h"

#define PROCEDURE "plug-in-colorize-photo"

/* The arguments, in their order. */
enum {
  RUN_MODE,
  IMAGE,
  DRAWABLE,
  MODEL,
  STYLE,
  TEMPERATURE,
  SATURATION,
  EDGES,
  VARIANT,
  HINTS,
  NETWORK_SIZE,
  ARGUMENT_COUNT
};

/* In the place of a layer with hints: none, or the one that the settings name. */
enum { NO_HINTS = -1, NAMED_HINTS = -2 };

static void query(void) {
  static const GimpParamDef arguments[] = {
      {GIMP_PDB_INT32, "run-mode",
       "{ RUN-INTERACTIVE (0), RUN-NONINTERACTIVE (1), RUN-WITH-LAST-VALS (2) }"},
      {GIMP_PDB_IMAGE, "image", "The image; a gray one becomes RGB"},
      {GIMP_PDB_DRAWABLE, "drawable", "The layer that is colored, where it is selected"},
      {GIMP_PDB_STRING, "model", "A model file, a name of `libcolorize models`, or \"\" for the model inside the library"},
      {GIMP_PDB_INT32, "style", "Default (0), natural (1) or vivid (2)"},
      {GIMP_PDB_FLOAT, "temperature", "0.01 (vivid, patchy) to 10 (dull, even), or 0: the style's"},
      {GIMP_PDB_FLOAT, "saturation", "0.01 to 10, or 0: the style's"},
      {GIMP_PDB_INT32, "edges", "Colors end at edges (0 or 2) or not (1)"},
      {GIMP_PDB_INT32, "variant", "The most likely coloring (0) or another one (1 to 4)"},
      {GIMP_PDB_LAYER, "hints", "A transparent layer with strokes of colors, or -1"},
      {GIMP_PDB_INT32, "network-size", "The side in pixels at which the network sees it, or 0"},
  };
  G_STATIC_ASSERT(G_N_ELEMENTS(arguments) == ARGUMENT_COUNT);
  gimp_install_procedure(
      PROCEDURE, "Color a grayscale photograph",
      "Guesses the colors of a photograph with a neural network, and keeps its lightness. "
      "Works on a layer of any size and precision, with and without alpha, which stays as it is.",
      "The libcolorize authors", "BSD-2-Clause", "2026", "Colorize _photo...", "RGB*, GRAY*",
      GIMP_PLUGIN, ARGUMENT_COUNT, 0, arguments, NULL);
  gimp_plugin_menu_register(PROCEDURE, "<Image>/Filters");
}

/* GIMP is told of whole percents only: each is a message to another process. */
static int32_t on_progress(void *user_data, float fraction) {
  gint *shown = user_data;
  gint percent = (gint)(100 * fraction);
  if (percent > *shown) {
    *shown = percent;
    gimp_progress_update(percent / 100.0);
  }
  return 0;
}

/* The layer with hints that the settings name, or -1; also where the model takes none. */
static gint32 named_hints(const photo_settings *settings, const layer_filter *filter,
                          gint32 drawable) {
  if (!filter->takes_hints) return -1;
  return photo_find_hints(settings->hints == NULL ? "hints" : settings->hints, drawable);
}

/* Colors the layer. `hints_layer` may be NO_HINTS or NAMED_HINTS. False after an error, with
 * nothing done to the image. */
static gboolean color(gint32 image_id, gint32 drawable, gint32 hints_layer, layer_filter *filter,
                      const photo_settings *settings, colorize_error *error) {
  colorize_image image = {0};
  layer_hints hints = {0};
  gint percent = 0;
  gimp_progress_init("Coloring the photograph");
  gboolean done = layer_filter_open(filter, settings->layer.model_file, error) == COLORIZE_OK &&
                  photo_read(drawable, &image, error);
  if (done && hints_layer == NAMED_HINTS) hints_layer = named_hints(settings, filter, drawable);
  if (done && hints_layer != NO_HINTS) {
    done = photo_read_hints(hints_layer, drawable, filter, 1, image.width, image.height, &hints,
                            error);
  }
  done = done && layer_filter_run(filter, &settings->layer, &hints, &image, on_progress, &percent,
                                  error) == COLORIZE_OK;
  layer_hints_free(&hints);
  gimp_progress_end();
  done = done && photo_write(image_id, drawable, &image, filter, error);
  photo_free(&image);
  return done;
}

/* FALSE: the message says why not. */
static gboolean set_arguments(photo_settings *settings, const GimpParam *arguments, colorize_error *error) {
  gchar *file = photo_model_file(arguments[MODEL].data.d_string, error->message, sizeof error->message);
  if (file == NULL) return FALSE;
  photo_settings_set_model_file(settings, file);
  g_free(file);
  settings->layer.style = arguments[STYLE].data.d_int32;
  settings->layer.temperature = (float)arguments[TEMPERATURE].data.d_float;
  settings->layer.saturation = (float)arguments[SATURATION].data.d_float;
  settings->layer.upsampling = arguments[EDGES].data.d_int32;
  settings->layer.variant = (uint32_t)arguments[VARIANT].data.d_int32;
  settings->layer.network_size = (uint32_t)arguments[NETWORK_SIZE].data.d_int32;
  return TRUE;
}

static void run(const gchar *name, gint count, const GimpParam *arguments, gint *result_count,
                GimpParam **results) {
  (void)name;
  static GimpParam values[2];
  static colorize_error error;
  values[0].type = GIMP_PDB_STATUS;
  values[0].data.d_status = GIMP_PDB_SUCCESS;
  *results = values;
  *result_count = 1;

  gegl_init(NULL, NULL);
  GimpRunMode mode = (GimpRunMode)arguments[RUN_MODE].data.d_int32;
  gint32 image_id = arguments[IMAGE].data.d_image;
  gint32 drawable = arguments[DRAWABLE].data.d_drawable;
  photo_settings settings = {0};
  layer_filter filter = {0};
  gboolean wanted = TRUE;
  gboolean done = FALSE;
  const gchar *refusal = photo_refusal(drawable);
  if (refusal != NULL) {
    g_strlcpy(error.message, refusal, sizeof error.message);
  } else if (mode == GIMP_RUN_NONINTERACTIVE) {
    if (count != ARGUMENT_COUNT) {
      values[0].data.d_status = GIMP_PDB_CALLING_ERROR;
      return;
    }
    gint32 hints = arguments[HINTS].data.d_layer;
    refusal = hints == NO_HINTS ? NULL : photo_hints_refusal(hints, drawable);
    if (refusal != NULL) {
      g_strlcpy(error.message, refusal, sizeof error.message);
    } else if (set_arguments(&settings, arguments, &error)) {
      done = color(image_id, drawable, hints, &filter, &settings, &error);
    }
  } else {
    photo_settings_load(&settings);
    wanted =
        mode == GIMP_RUN_WITH_LAST_VALS || photo_dialog_run(image_id, drawable, &filter, &settings);
    if (wanted) {
      if (mode == GIMP_RUN_INTERACTIVE) photo_settings_save(&settings);
      done = color(image_id, drawable, NAMED_HINTS, &filter, &settings, &error);
      gimp_displays_flush();
    }
  }
  if (!wanted) {
    values[0].data.d_status = GIMP_PDB_CANCEL;
  } else if (!done) {
    values[0].data.d_status = GIMP_PDB_EXECUTION_ERROR;
    values[1].type = GIMP_PDB_STRING;
    values[1].data.d_string = error.message;
    *result_count = 2;
  }
  layer_filter_close(&filter);
  photo_settings_clear(&settings);
}

const GimpPlugInInfo PLUG_IN_INFO = {NULL, NULL, query, run};

MAIN()
