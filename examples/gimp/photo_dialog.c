/* photo_dialog.h says what this is for. */
#include "photo_dialog.h"

#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>

#include "photo_pixels.h"

/* The preview is coloured at the layer's own size up to WORK_SIDE, since the colours of a smaller
 * picture are not quite the same, and shown at PREVIEW_SIDE. */
enum { WORK_SIDE = 1024, PREVIEW_SIDE = 320, RESPONSE_RESET = 1, DELAY_MS = 80 };

static const gdouble default_temperature = 0.38;

/* The dialog while it is there. */
typedef struct dialog {
  layer_filter *filter;
  photo_settings *settings;
  colorize_image photo; /* the layer, RGBA8, at most about WORK_SIDE */
  guchar *coloured;     /* the same in colour */
  GdkPixbuf *before;    /* both as they are shown */
  GdkPixbuf *after;
  guchar *selected; /* what is selected of them, [height, width], or NULL: everything */
  guint pending;    /* the timer after which the preview is made again, or 0 */
  gboolean busy;    /* the preview is being made */
  gboolean stale;   /* nobody is waiting for it any more */

  GtkWidget *window;
  GtkWidget *before_area;
  GtkWidget *after_area;
  GtkWidget *message;
  GtkWidget *model;
  GtkWidget *model_file;
  GtkWidget *network_size;
  GtkObject *temperature;
} dialog;

/* What the widgets say. */
static void read_widgets(dialog *self) {
  gboolean from_file = gtk_combo_box_get_active(GTK_COMBO_BOX(self->model)) == 1;
  gchar *file =
      from_file ? gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(self->model_file)) : NULL;
  photo_settings_set_model_file(self->settings, file);
  g_free(file);
  gtk_widget_set_sensitive(self->model_file, from_file);
  gdouble temperature = gtk_adjustment_get_value(GTK_ADJUSTMENT(self->temperature));
  self->settings->layer.temperature = (float)temperature;
  gint network_size;
  gimp_int_combo_box_get_active(GIMP_INT_COMBO_BOX(self->network_size), &network_size);
  self->settings->layer.network_size = (uint32_t)network_size;
}

/* The other way round. */
static void set_widgets(dialog *self) {
  const layer_settings *layer = &self->settings->layer;
  gboolean from_file = layer->model_file != NULL;
  gdouble temperature = layer->temperature > 0 ? (gdouble)layer->temperature : default_temperature;
  gint network_size = (gint)layer->network_size;
  if (from_file)
    gtk_file_chooser_set_filename(GTK_FILE_CHOOSER(self->model_file), layer->model_file);
  gtk_widget_set_sensitive(self->model_file, from_file);
  gtk_combo_box_set_active(GTK_COMBO_BOX(self->model), from_file);
  gtk_adjustment_set_value(GTK_ADJUSTMENT(self->temperature), temperature);
  if (!gimp_int_combo_box_set_active(GIMP_INT_COMBO_BOX(self->network_size), network_size)) {
    gimp_int_combo_box_set_active(GIMP_INT_COMBO_BOX(self->network_size), 0);
  }
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

/* Colours the photo as the widgets say. */
static colorize_status color(dialog *self, colorize_error *error) {
  const layer_settings *settings = &self->settings->layer;
  colorize_image image = self->photo;
  image.pixels = self->coloured;
  read_widgets(self);
  if (settings->model_file == NULL && gtk_combo_box_get_active(GTK_COMBO_BOX(self->model)) == 1) {
    g_strlcpy(error->message, "Choose a model file.", sizeof error->message);
    return COLORIZE_INVALID_ARGUMENT;
  }
  colorize_status status = layer_filter_open(self->filter, settings->model_file, error);
  if (status != COLORIZE_OK) return status;
  memcpy(self->coloured, self->photo.pixels, image.row_bytes * image.height);
  return layer_filter_run(self->filter, settings, &image, on_progress, self, error);
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
  self->after = preview_of(self, done ? self->coloured : self->photo.pixels);
  keep_unselected(self);
  gtk_label_set_text(GTK_LABEL(self->message), done ? "" : error.message);
  gtk_dialog_set_response_sensitive(GTK_DIALOG(self->window), GTK_RESPONSE_OK, done);
  draw(self->after_area, self->after);
  return G_SOURCE_REMOVE;
}

/* A dial has been moved: the preview follows when it rests for a moment. */
static void on_change(dialog *self) {
  self->stale = TRUE;
  if (self->pending != 0) g_source_remove(self->pending);
  self->pending = g_timeout_add(DELAY_MS, on_timer, self);
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

static void add_model(dialog *self, GtkTable *table, gint row) {
  GtkWidget *box = gtk_hbox_new(FALSE, 6);
  self->model = gtk_combo_box_text_new();
  gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(self->model), "Built in");
  gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(self->model), "From a file:");
  self->model_file = gtk_file_chooser_button_new("A model", GTK_FILE_CHOOSER_ACTION_OPEN);
  GtkFileFilter *models = gtk_file_filter_new();
  gtk_file_filter_set_name(models, "Models (*.safetensors, *.pth)");
  gtk_file_filter_add_pattern(models, "*.safetensors");
  gtk_file_filter_add_pattern(models, "*.pth");
  gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(self->model_file), models);
  gtk_box_pack_start(GTK_BOX(box), self->model, FALSE, FALSE, 0);
  gtk_box_pack_start(GTK_BOX(box), self->model_file, TRUE, TRUE, 0);
  gimp_table_attach_aligned(table, 0, row, "_Model:", 0, 0.5, box, 2, FALSE);
  g_signal_connect_swapped(self->model, "changed", G_CALLBACK(on_change), self);
  g_signal_connect_swapped(self->model_file, "file-set", G_CALLBACK(on_change), self);
}

static void add_network_size(dialog *self, GtkTable *table, gint row) {
  self->network_size = gimp_int_combo_box_new("The model's own", 0, "128 pixels", 128, "256 pixels",
                                              256, "384 pixels", 384, "512 pixels", 512,
                                              "1024 pixels", 1024, "2048 pixels", 2048, NULL);
  gimp_help_set_help_data(self->network_size, "At which size the network sees the photograph",
                          NULL);
  gimp_table_attach_aligned(table, 0, row, "_Network's size:", 0, 0.5, self->network_size, 2,
                            FALSE);
  g_signal_connect_swapped(self->network_size, "changed", G_CALLBACK(on_change), self);
}

static void build(dialog *self) {
  self->window = gimp_dialog_new("Colorize photo", "colorize-photo", NULL, 0, NULL, NULL,
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

  GtkWidget *table = gtk_table_new(3, 3, FALSE);
  gtk_table_set_col_spacings(GTK_TABLE(table), 6);
  gtk_table_set_row_spacings(GTK_TABLE(table), 6);
  gtk_box_pack_start(GTK_BOX(content), table, FALSE, FALSE, 0);
  add_model(self, GTK_TABLE(table), 0);
  self->temperature = gimp_scale_entry_new(GTK_TABLE(table), 0, 1, "_Temperature:", 200, 6,
                                           default_temperature, 0.05, 1.5, 0.01, 0.1, 2, TRUE, 0, 0,
                                           "Low: vivid and patchy. High: even and dull.", NULL);
  g_signal_connect_swapped(self->temperature, "value-changed", G_CALLBACK(on_change), self);
  add_network_size(self, GTK_TABLE(table), 2);
  gtk_widget_show_all(content);
}

/* Takes the layer, and makes the pictures that the dialog shows first. */
static gboolean take_layer(dialog *self, gint32 image_id, gint32 drawable) {
  colorize_error error;
  if (!photo_read_rgba8(drawable, &self->photo, &error)) {
    g_message("%s", error.message);
    return FALSE;
  }
  uint32_t longer = MAX(self->photo.width, self->photo.height);
  uint32_t shorter = MIN(self->photo.width, self->photo.height);
  layer_shrink(&self->photo, MIN((longer + WORK_SIDE - 1) / WORK_SIDE, shorter));
  self->coloured = g_malloc(self->photo.row_bytes * self->photo.height);
  self->before = preview_of(self, self->photo.pixels);
  self->after = g_object_ref(self->before);
  self->selected = photo_read_selection(image_id, drawable, gdk_pixbuf_get_width(self->before),
                                        gdk_pixbuf_get_height(self->before));
  return TRUE;
}

gboolean photo_dialog_run(gint32 image_id, gint32 drawable, layer_filter *filter,
                          photo_settings *settings) {
  gimp_ui_init("colorize-photo", FALSE);
  photo_settings chosen = {0};
  dialog self = {.filter = filter, .settings = &chosen};
  if (!take_layer(&self, image_id, drawable)) return FALSE;
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
  g_free(self.selected);
  g_object_unref(self.after);
  g_object_unref(self.before);
  g_free(self.coloured);
  photo_free(&self.photo);
  return response == GTK_RESPONSE_OK;
}
