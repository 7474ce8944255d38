/* photo_dialog.h says what this is for. */
#include "photo_dialog.h"

#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>

#include "photo_models.h"
#include "photo_pixels.h"

/* The preview is colored at the layer's own size up to WORK_SIDE, since the colors of a smaller
 * picture are not quite the same, and shown at PREVIEW_SIDE. */
enum { WORK_SIDE = 1024, PREVIEW_SIDE = 320, RESPONSE_RESET = 1, DELAY_MS = 80 };

/* The last entry of the list of styles: the dials. */
enum { OWN_STYLE = COLORIZE_STYLE_VIVID + 1, VARIANTS = 4 };

/* What the styles set the dials to, as colorize.h has it. */
static const gdouble style_temperature[] = {0.38, 0.6, 0.25};
static const gdouble style_saturation[] = {1, 0.9, 1.3};

/* The dialog while it is there. */
typedef struct dialog {
  layer_filter *filter;
  photo_settings *settings;
  gint32 drawable;
  colorize_image photo; /* the layer, RGBA8, at most about WORK_SIDE */
  uint32_t factor;      /* by how much it was shrunk */
  guchar *colored;     /* the same in color */
  GdkPixbuf *before;    /* both as they are shown */
  GdkPixbuf *after;
  guchar *selected;   /* what is selected of them, [height, width], or NULL: everything */
  guint pending;      /* the timer after which the preview is made again, or 0 */
  gint32 hints_layer; /* the layer that `hints` were taken from, or -1 */
  layer_hints hints;
  gboolean busy;  /* the preview is being made */
  gboolean stale; /* nobody is waiting for it any more */

  GtkWidget *window;
  GtkWidget *before_area;
  GtkWidget *after_area;
  GtkWidget *message;
  GtkWidget *model;
  GtkWidget *model_file;
  gchar **models; /* those that are here: a name and a file each */
  GtkWidget *hints_list;
  GtkWidget *variant;
  GtkWidget *network_size;
  GtkWidget *style;
  GtkObject *temperature;
  GtkObject *saturation;
  GtkWidget *edges;
} dialog;

static gint active(GtkWidget *combo_box) {
  gint value = -1;
  gimp_int_combo_box_get_active(GIMP_INT_COMBO_BOX(combo_box), &value);
  return value;
}

/* Chooses an entry, or the one of `otherwise` where there is none of `value`. */
static void set_active(GtkWidget *combo_box, gint value, gint otherwise) {
  if (!gimp_int_combo_box_set_active(GIMP_INT_COMBO_BOX(combo_box), value)) {
    gimp_int_combo_box_set_active(GIMP_INT_COMBO_BOX(combo_box), otherwise);
  }
}

static float dial(GtkObject *adjustment) {
  return (float)gtk_adjustment_get_value(GTK_ADJUSTMENT(adjustment));
}

/* What the widgets say. */
static void read_widgets(dialog *self) {
  layer_settings *layer = &self->settings->layer;
  gint model = active(self->model);
  gchar *file = NULL;
  if (model == 1) {
    file = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(self->model_file));
  } else if (model > 1) {
    file = g_strdup(self->models[2 * (model - 2) + 1]);
  }
  photo_settings_set_model_file(self->settings, file);
  g_free(file);
  gint32 hints_layer = active(self->hints_list);
  gchar *name = hints_layer == -1 ? g_strdup("") : gimp_item_get_name(hints_layer);
  photo_settings_set_hints(self->settings, name);
  g_free(name);
  layer->variant = (uint32_t)active(self->variant);
  layer->network_size = (uint32_t)active(self->network_size);
  gint style = active(self->style);
  gboolean own = style == OWN_STYLE;
  layer->style = own ? COLORIZE_STYLE_DEFAULT : style;
  layer->temperature = own ? dial(self->temperature) : 0;
  layer->saturation = own ? dial(self->saturation) : 0;
  gboolean edges = gtk_toggle_button_get_active(GTK_TOGGLE_BUTTON(self->edges));
  layer->upsampling = edges ? COLORIZE_UPSAMPLING_DEFAULT : COLORIZE_UPSAMPLING_BILINEAR;
}

/* The dials show a style, or may be turned. */
static void show_style(dialog *self) {
  gint style = active(self->style);
  gboolean own = style == OWN_STYLE;
  gimp_scale_entry_set_sensitive(self->temperature, own);
  gimp_scale_entry_set_sensitive(self->saturation, own);
  if (own) return;
  gtk_adjustment_set_value(GTK_ADJUSTMENT(self->temperature), style_temperature[style]);
  gtk_adjustment_set_value(GTK_ADJUSTMENT(self->saturation), style_saturation[style]);
}

/* The other way round. */
static void set_widgets(dialog *self) {
  const layer_settings *layer = &self->settings->layer;
  gboolean own = layer->temperature > 0 || layer->saturation > 0;
  const gchar *hints = self->settings->hints == NULL ? "hints" : self->settings->hints;
  gint model = layer->model_file != NULL;
  for (gint i = 0; model != 0 && self->models[2 * i] != NULL; i++) {
    if (strcmp(self->models[2 * i + 1], layer->model_file) == 0) model = i + 2;
  }
  if (model == 1) {
    gtk_file_chooser_set_filename(GTK_FILE_CHOOSER(self->model_file), layer->model_file);
  }
  set_active(self->model, model, 0);
  set_active(self->hints_list, photo_find_hints(hints, self->drawable), -1);
  set_active(self->variant, (gint)layer->variant, 0);
  set_active(self->network_size, (gint)layer->network_size, 0);
  set_active(self->style, layer->style, 0);
  show_style(self);
  if (own) set_active(self->style, OWN_STYLE, 0);
  if (layer->temperature > 0) {
    gtk_adjustment_set_value(GTK_ADJUSTMENT(self->temperature), (gdouble)layer->temperature);
  }
  if (layer->saturation > 0) {
    gtk_adjustment_set_value(GTK_ADJUSTMENT(self->saturation), (gdouble)layer->saturation);
  }
  gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(self->edges),
                               layer->upsampling != COLORIZE_UPSAMPLING_BILINEAR);
}

/* RGBA8 pixels of the photo's size at the preview's size. */
static GdkPixbuf *preview_of(const dialog *self, const guchar *pixels) {
  gint width = (gint)self->photo.width;
  gint height = (gint)self->photo.height;
  gdouble scale = MIN(1, (gdouble)PREVIEW_SIDE / MAX(width, height));
  GdkPixbuf *whole = gdk_pixbuf_new_from_data(pixels, GDK_COLORSPACE_RGB, TRUE, 8, width, height,
                                              4 * width, NULL, NULL);
  GdkPixbuf *small = gdk_pixbuf_scale_simple(whole, MAX(1, (gint)(width * scale)),
                                             MAX(1, (gint)(height * scale)), GDK_INTERP_BILINEAR);
  g_object_unref(whole);
  return small;
}

/* Where not all is selected, `after` is what `before` is. */
static void keep_unselected(dialog *self) {
  if (self->selected == NULL) return;
  const guchar *before = gdk_pixbuf_get_pixels(self->before);
  guchar *after = gdk_pixbuf_get_pixels(self->after);
  gint width = gdk_pixbuf_get_width(self->after);
  gint row_bytes = gdk_pixbuf_get_rowstride(self->after);
  for (gint y = 0; y < gdk_pixbuf_get_height(self->after); y++) {
    for (gint i = 0; i < 4 * width; i++) {
      gint share = self->selected[y * width + i / 4];
      gint at = y * row_bytes + i;
      after[at] = (guchar)((before[at] * (255 - share) + after[at] * share + 127) / 255);
    }
  }
}

static void draw(GtkWidget *area, const GdkPixbuf *picture) {
  gimp_preview_area_draw(GIMP_PREVIEW_AREA(area), 0, 0, gdk_pixbuf_get_width(picture),
                         gdk_pixbuf_get_height(picture), GIMP_RGBA_IMAGE,
                         gdk_pixbuf_get_pixels(picture), gdk_pixbuf_get_rowstride(picture));
}

/* The dialog stays alive while the preview is made, and ends that when something else is wanted. */
static int32_t on_progress(void *user_data, float fraction) {
  (void)fraction;
  dialog *self = user_data;
  while (!self->stale && gtk_events_pending()) gtk_main_iteration();
  return self->stale;
}

/* Takes the hints, unless they are there already, or the model takes none. */
static gboolean take_hints(dialog *self, colorize_error *error) {
  gint32 layer = self->filter->takes_hints ? active(self->hints_list) : -1;
  gtk_widget_set_sensitive(self->hints_list, self->filter->takes_hints);
  if (layer == self->hints_layer) return TRUE;
  layer_hints_free(&self->hints);
  self->hints_layer = -1;
  if (layer != -1 &&
      !photo_read_hints(layer, self->drawable, self->filter, self->factor, self->photo.width,
                        self->photo.height, &self->hints, error)) {
    return FALSE;
  }
  self->hints_layer = layer;
  return TRUE;
}

/* Colors the photo as the widgets say. */
static colorize_status color(dialog *self, colorize_error *error) {
  const layer_settings *settings = &self->settings->layer;
  colorize_image image = self->photo;
  image.pixels = self->colored;
  read_widgets(self);
  if (settings->model_file == NULL && active(self->model) == 1) {
    g_strlcpy(error->message, "Choose a model file.", sizeof error->message);
    return COLORIZE_INVALID_ARGUMENT;
  }
  colorize_status status = layer_filter_open(self->filter, settings->model_file, error);
  if (status != COLORIZE_OK) return status;
  if (!take_hints(self, error)) return error->status;
  memcpy(self->colored, self->photo.pixels, image.row_bytes * image.height);
  return layer_filter_run(self->filter, settings, &self->hints, &image, on_progress, self, error);
}

/* Makes the preview again, or says why it cannot be made. */
static gboolean on_timer(gpointer user_data) {
  dialog *self = user_data;
  colorize_error error;
  if (self->busy) return G_SOURCE_CONTINUE;
  self->pending = 0;
  self->busy = TRUE;
  self->stale = FALSE;
  colorize_status status = color(self, &error);
  self->busy = FALSE;
  if (status == COLORIZE_CANCELLED) return G_SOURCE_REMOVE;
  gboolean done = status == COLORIZE_OK;
  g_object_unref(self->after);
  self->after = preview_of(self, done ? self->colored : self->photo.pixels);
  keep_unselected(self);
  gtk_label_set_text(GTK_LABEL(self->message), done ? "" : error.message);
  gtk_dialog_set_response_sensitive(GTK_DIALOG(self->window), GTK_RESPONSE_OK, done);
  draw(self->after_area, self->after);
  return G_SOURCE_REMOVE;
}

/* A dial has been moved: the preview follows when it rests for a moment. */
static void on_change(dialog *self) {
  self->stale = TRUE;
  gtk_widget_set_sensitive(self->model_file, active(self->model) == 1);
  if (self->pending != 0) g_source_remove(self->pending);
  self->pending = g_timeout_add(DELAY_MS, on_timer, self);
}

static void on_style(dialog *self) {
  show_style(self);
  on_change(self);
}

/* The user has decided. */
static void on_response(dialog *self) {
  self->stale = TRUE;
}

/* What was drawn is lost when an area gets its size. */
static void on_size(GtkWidget *area, GtkAllocation *allocation, dialog *self) {
  (void)allocation;
  draw(area, area == self->before_area ? self->before : self->after);
}

/* A framed preview area under a title. */
static GtkWidget *add_area(dialog *self, GtkWidget *box, const gchar *title) {
  GtkWidget *column = gtk_vbox_new(FALSE, 6);
  GtkWidget *label = gtk_label_new(title);
  GtkWidget *frame = gtk_aspect_frame_new(NULL, 0.5F, 0.5F, 1, TRUE);
  GtkWidget *area = gimp_preview_area_new();
  gtk_frame_set_shadow_type(GTK_FRAME(frame), GTK_SHADOW_IN);
  gtk_widget_set_size_request(area, gdk_pixbuf_get_width(self->before),
                              gdk_pixbuf_get_height(self->before));
  gtk_container_add(GTK_CONTAINER(frame), area);
  gtk_box_pack_start(GTK_BOX(column), label, FALSE, FALSE, 0);
  gtk_box_pack_start(GTK_BOX(column), frame, TRUE, TRUE, 0);
  gtk_box_pack_start(GTK_BOX(box), column, TRUE, TRUE, 0);
  g_signal_connect(area, "size-allocate", G_CALLBACK(on_size), self);
  return area;
}

/* A row of a table: a label and a widget. */
static void add_row(GtkWidget *table, gint row, const gchar *label, GtkWidget *widget,
                    const gchar *help) {
  if (help != NULL) gimp_help_set_help_data(widget, help, NULL);
  gimp_table_attach_aligned(GTK_TABLE(table), 0, row, label, 0, 0.5, widget, 2, FALSE);
}

/* A list, which is a row. */
static void add_list(dialog *self, GtkWidget *table, gint row, const gchar *label, GtkWidget *list,
                     const gchar *help) {
  add_row(table, row, label, list, help);
  g_signal_connect_swapped(list, "changed", G_CALLBACK(on_change), self);
}

static GtkObject *add_dial(dialog *self, GtkWidget *table, gint row, const gchar *label,
                           gdouble least, gdouble most, const gchar *help) {
  GtkObject *adjustment = gimp_scale_entry_new(GTK_TABLE(table), 0, row, label, 100, 5, least,
                                               least, most, 0.01, 0.1, 2, TRUE, 0, 0, help, NULL);
  g_signal_connect_swapped(adjustment, "value-changed", G_CALLBACK(on_change), self);
  return adjustment;
}

static void append(GtkWidget *list, gint value, const gchar *label) {
  gimp_int_combo_box_append(GIMP_INT_COMBO_BOX(list), GIMP_INT_STORE_VALUE, value,
                            GIMP_INT_STORE_LABEL, label, -1);
}

static void add_hints(dialog *self, GtkWidget *table, gint row) {
  self->hints_list = gimp_int_combo_box_new("None", -1, NULL);
  GArray *layers = photo_hints_layers(self->drawable);
  for (guint i = 0; i < layers->len; i++) {
    gint32 layer = g_array_index(layers, gint32, i);
    gchar *name = gimp_item_get_name(layer);
    append(self->hints_list, layer, name);
    g_free(name);
  }
  g_array_unref(layers);
  add_list(self, table, row, "_Hints:", self->hints_list,
           gimp_drawable_is_gray(self->drawable)
               ? "Strokes on a transparent layer. A gray image has no colors for them: choose "
                 "Image > Mode > RGB, and add a layer."
               : "A transparent layer with strokes in the colors that things have there");
}

static void add_model(dialog *self, GtkWidget *table, gint row) {
  self->model = gimp_int_combo_box_new("Built in", 0, "From a file", 1, NULL);
  self->models = photo_models_here();
  for (gint i = 0; self->models[2 * i] != NULL; i++) append(self->model, i + 2, self->models[2 * i]);
  add_list(self, table, row, "_Model:", self->model, NULL);
  self->model_file = gtk_file_chooser_button_new("A model", GTK_FILE_CHOOSER_ACTION_OPEN);
  GtkFileFilter *models = gtk_file_filter_new();
  gtk_file_filter_set_name(models, "Models (*.safetensors, *.pth)");
  gtk_file_filter_add_pattern(models, "*.safetensors");
  gtk_file_filter_add_pattern(models, "*.pth");
  gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(self->model_file), models);
  add_row(table, row + 1, "_File:", self->model_file,
          "A checkpoint of a published network, or what `libcolorize train` has made");
  g_signal_connect_swapped(self->model_file, "file-set", G_CALLBACK(on_change), self);
}

static GtkWidget *new_table(GtkWidget *box, guint rows) {
  GtkWidget *table = gtk_table_new(rows, 3, FALSE);
  gtk_table_set_col_spacings(GTK_TABLE(table), 6);
  gtk_table_set_row_spacings(GTK_TABLE(table), 6);
  /* In a box of its own it is not made higher than it is. */
  GtkWidget *column = gtk_vbox_new(FALSE, 0);
  gtk_box_pack_start(GTK_BOX(column), table, FALSE, FALSE, 0);
  gtk_box_pack_start(GTK_BOX(box), column, TRUE, TRUE, 0);
  return table;
}

/* What is done. */
static void add_left(dialog *self, GtkWidget *table) {
  add_model(self, table, 0);
  add_hints(self, table, 2);
  self->variant = gimp_int_combo_box_new("The most likely", 0, NULL);
  for (gint i = 1; i <= VARIANTS; i++) {
    gchar *label = g_strdup_printf("Another, %d", i);
    append(self->variant, i, label);
    g_free(label);
  }
  add_list(self, table, 3, "Co_loring:", self->variant,
           "Other plausible colorings (not siggraph17)");
  self->network_size = gimp_int_combo_box_new("The model's own", 0, "128 pixels", 128, "256 pixels",
                                              256, "384 pixels", 384, "512 pixels", 512,
                                              "1024 pixels", 1024, "2048 pixels", 2048, NULL);
  add_list(self, table, 4, "_Network's size:", self->network_size,
           "The size at which the network sees the photograph");
}

/* How it looks. */
static void add_right(dialog *self, GtkWidget *table) {
  self->style =
      gimp_int_combo_box_new("Default", COLORIZE_STYLE_DEFAULT, "Natural", COLORIZE_STYLE_NATURAL,
                             "Vivid", COLORIZE_STYLE_VIVID, "My own", OWN_STYLE, NULL);
  add_row(table, 0, "_Style:", self->style, NULL);
  g_signal_connect_swapped(self->style, "changed", G_CALLBACK(on_style), self);
  self->temperature = add_dial(self, table, 1, "_Temperature:", 0.05, 1.5,
                               "Low: vivid and patchy. High: even and dull.");
  self->saturation = add_dial(self, table, 2, "S_aturation:", 0.05, 3, NULL);
  self->edges = gtk_check_button_new_with_mnemonic("Colors end at _edges");
  gtk_table_attach(GTK_TABLE(table), self->edges, 0, 3, 3, 4, GTK_FILL, GTK_FILL, 0, 0);
  g_signal_connect_swapped(self->edges, "toggled", G_CALLBACK(on_change), self);
}

static void build(dialog *self) {
  self->window = gimp_dialog_new("Colorize photo", "libcolorize-photo", NULL, 0, NULL, NULL,
                                 GIMP_STOCK_RESET, RESPONSE_RESET, GTK_STOCK_CANCEL,
                                 GTK_RESPONSE_CANCEL, GTK_STOCK_OK, GTK_RESPONSE_OK, NULL);
  gtk_dialog_set_alternative_button_order(GTK_DIALOG(self->window), RESPONSE_RESET, GTK_RESPONSE_OK,
                                          GTK_RESPONSE_CANCEL, -1);
  gtk_dialog_set_default_response(GTK_DIALOG(self->window), GTK_RESPONSE_OK);
  g_signal_connect_swapped(self->window, "response", G_CALLBACK(on_response), self);
  gimp_window_set_transient(GTK_WINDOW(self->window));

  GtkWidget *content = gtk_vbox_new(FALSE, 12);
  gtk_container_set_border_width(GTK_CONTAINER(content), 12);
  GtkWidget *box = gtk_dialog_get_content_area(GTK_DIALOG(self->window));
  gtk_box_pack_start(GTK_BOX(box), content, TRUE, TRUE, 0);

  GtkWidget *pictures = gtk_hbox_new(TRUE, 12);
  gtk_box_pack_start(GTK_BOX(content), pictures, TRUE, TRUE, 0);
  self->before_area = add_area(self, pictures, "Before");
  self->after_area = add_area(self, pictures, "After");

  self->message = gtk_label_new(NULL);
  gtk_label_set_line_wrap(GTK_LABEL(self->message), TRUE);
  gtk_widget_set_size_request(self->message, 2 * PREVIEW_SIDE, -1);
  gtk_box_pack_start(GTK_BOX(content), self->message, FALSE, FALSE, 0);

  GtkWidget *tables = gtk_hbox_new(TRUE, 12);
  gtk_box_pack_start(GTK_BOX(content), tables, FALSE, FALSE, 0);
  add_left(self, new_table(tables, 5));
  add_right(self, new_table(tables, 4));
  gtk_widget_show_all(content);
}

/* Takes the layer, and makes the pictures that the dialog shows first. */
static gboolean take_layer(dialog *self, gint32 image_id) {
  colorize_error error;
  if (!photo_read_rgba8(self->drawable, &self->photo, &error)) {
    g_message("%s", error.message);
    return FALSE;
  }
  uint32_t longer = MAX(self->photo.width, self->photo.height);
  uint32_t shorter = MIN(self->photo.width, self->photo.height);
  self->factor = MIN((longer + WORK_SIDE - 1) / WORK_SIDE, shorter);
  layer_shrink(&self->photo, self->factor);
  self->colored = g_malloc(self->photo.row_bytes * self->photo.height);
  self->before = preview_of(self, self->photo.pixels);
  self->after = g_object_ref(self->before);
  self->selected =
      photo_read_selection(image_id, self->drawable, gdk_pixbuf_get_width(self->before),
                           gdk_pixbuf_get_height(self->before));
  return TRUE;
}

gboolean photo_dialog_run(gint32 image_id, gint32 drawable, layer_filter *filter,
                          photo_settings *settings) {
  gimp_ui_init("libcolorize-photo", FALSE);
  photo_settings chosen = {0};
  dialog self = {.filter = filter, .settings = &chosen, .drawable = drawable, .hints_layer = -1};
  if (!take_layer(&self, image_id)) return FALSE;
  photo_settings_copy(&chosen, settings);

  build(&self);
  set_widgets(&self);
  on_change(&self);
  /* Return is OK, and does not open the first list. */
  gtk_widget_grab_focus(
      gtk_dialog_get_widget_for_response(GTK_DIALOG(self.window), GTK_RESPONSE_OK));
  gtk_widget_show(self.window);
  gint response;
  while ((response = gimp_dialog_run(GIMP_DIALOG(self.window))) == RESPONSE_RESET) {
    photo_settings_clear(&chosen);
    set_widgets(&self);
  }
  if (self.pending != 0) g_source_remove(self.pending);
  if (response == GTK_RESPONSE_OK) {
    read_widgets(&self);
    photo_settings_copy(settings, &chosen);
  }
  gtk_widget_destroy(self.window);
  photo_settings_clear(&chosen);
  layer_hints_free(&self.hints);
  g_strfreev(self.models);
  g_free(self.selected);
  g_object_unref(self.after);
  g_object_unref(self.before);
  g_free(self.colored);
  photo_free(&self.photo);
  return response == GTK_RESPONSE_OK;
}
