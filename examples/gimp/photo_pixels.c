/* photo_pixels.h says what this is for. */
#include "photo_pixels.h"

static gboolean fail(colorize_error *error, colorize_status status, const char *message) {
  error->status = status;
  g_strlcpy(error->message, message, sizeof error->message);
  return FALSE;
}

const gchar *photo_refusal(gint32 drawable) {
  if (!gimp_item_is_drawable(drawable)) return "There is no layer to colour.";
  if (gimp_item_is_layer_mask(drawable))
    return "This is a layer's mask, which has no colours. Choose the layer itself.";
  if (!gimp_item_is_layer(drawable))
    return "This is a channel, which has no colours. Choose a layer.";
  if (gimp_item_is_group(drawable))
    return "This is a group of layers. Choose a layer in it, or merge the group.";
  if (gimp_drawable_is_indexed(drawable))
    return "This image has a palette. Choose Image > Mode > RGB first.";
  for (gint32 item = drawable; item != -1; item = gimp_item_get_parent(item)) {
    if (gimp_item_get_lock_content(item))
      return "The pixels of this layer, or of a group that it is in, are locked.";
  }
  return NULL;
}

const gchar *photo_hints_refusal(gint32 hints, gint32 drawable) {
  if (!gimp_item_is_layer(hints) || gimp_item_is_group(hints)) return "The hints must be a layer.";
  if (gimp_item_get_image(hints) != gimp_item_get_image(drawable)) {
    return "The layer with hints is in another image.";
  }
  if (hints == drawable) return "The hints must be another layer than the photograph.";
  if (!gimp_drawable_has_alpha(hints)) {
    return "The layer with hints must be transparent where there is no hint: it has no alpha "
           "channel.";
  }
  if (!gimp_drawable_is_rgb(hints)) {
    return "A gray image has no colours to give hints with. Choose Image > Mode > RGB first.";
  }
  return NULL;
}

/* Adds those among these layers, and in the groups among them. */
static void add_hints_layers(GArray *found, gint32 drawable, const gint *layers, gint count) {
  for (gint i = 0; i < count; i++) {
    if (gimp_item_is_group(layers[i])) {
      gint child_count;
      gint *children = gimp_item_get_children(layers[i], &child_count);
      add_hints_layers(found, drawable, children, child_count);
      g_free(children);
    } else if (photo_hints_refusal(layers[i], drawable) == NULL) {
      g_array_append_val(found, layers[i]);
    }
  }
}

GArray *photo_hints_layers(gint32 drawable) {
  GArray *found = g_array_new(FALSE, FALSE, sizeof(gint32));
  gint count;
  gint *layers = gimp_image_get_layers(gimp_item_get_image(drawable), &count);
  add_hints_layers(found, drawable, layers, count);
  g_free(layers);
  return found;
}

gint32 photo_find_hints(const gchar *name, gint32 drawable) {
  gint32 found = -1;
  GArray *layers = photo_hints_layers(drawable);
  for (guint i = 0; i < layers->len && found == -1; i++) {
    gint32 layer = g_array_index(layers, gint32, i);
    gchar *own = gimp_item_get_name(layer);
    if (g_ascii_strcasecmp(own, name) == 0) found = layer;
    g_free(own);
  }
  g_array_unref(layers);
  return found;
}

/* How a layer's pixels are taken out: sRGB-encoded, and with the bits that the image has. What is
 * neither 8 nor 16 bits of that is taken as floats. */
static const Babl *pixel_format(gint32 drawable, colorize_format *format) {
  gboolean alpha = gimp_drawable_has_alpha(drawable);
  switch (gimp_image_get_precision(gimp_item_get_image(drawable))) {
    case GIMP_PRECISION_U8_GAMMA:
      *format = alpha ? COLORIZE_RGBA8 : COLORIZE_RGB8;
      return babl_format(alpha ? "R'G'B'A u8" : "R'G'B' u8");
    case GIMP_PRECISION_U16_GAMMA:
      *format = alpha ? COLORIZE_RGBA16 : COLORIZE_RGB16;
      return babl_format(alpha ? "R'G'B'A u16" : "R'G'B' u16");
    default:
      *format = alpha ? COLORIZE_RGBA_FLOAT : COLORIZE_RGB_FLOAT;
      return babl_format(alpha ? "R'G'B'A float" : "R'G'B' float");
  }
}

/* The whole layer in a format that image->format and `format` both name. */
static gboolean read_layer(gint32 drawable, const Babl *format, colorize_image *image,
                           colorize_error *error) {
  gint width = gimp_drawable_width(drawable);
  gint height = gimp_drawable_height(drawable);
  image->width = (uint32_t)width;
  image->height = (uint32_t)height;
  image->row_bytes = (size_t)width * (size_t)babl_format_get_bytes_per_pixel(format);
  image->pixels = g_try_malloc_n((gsize)height, image->row_bytes);
  if (image->pixels == NULL)
    return fail(error, COLORIZE_OUT_OF_MEMORY, "there is not enough memory for the layer");
  GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
  gegl_buffer_get(buffer, GEGL_RECTANGLE(0, 0, width, height), 1, format, image->pixels,
                  (gint)image->row_bytes, GEGL_ABYSS_NONE);
  g_object_unref(buffer);
  return TRUE;
}

gboolean photo_read(gint32 drawable, colorize_image *image, colorize_error *error) {
  *image = (colorize_image){0};
  const Babl *format = pixel_format(drawable, &image->format);
  return read_layer(drawable, format, image, error);
}

gboolean photo_read_rgba8(gint32 drawable, colorize_image *image, colorize_error *error) {
  *image = (colorize_image){.format = COLORIZE_RGBA8};
  return read_layer(drawable, babl_format("R'G'B'A u8"), image, error);
}

gboolean photo_read_hints(gint32 hints_layer, gint32 drawable, const layer_filter *filter,
                          uint32_t factor, uint32_t width, uint32_t height, layer_hints *hints,
                          colorize_error *error) {
  colorize_image strokes;
  gint x;
  gint y;
  gint photo_x;
  gint photo_y;
  if (!photo_read_rgba8(hints_layer, &strokes, error)) return FALSE;
  gimp_drawable_offsets(hints_layer, &x, &y);
  gimp_drawable_offsets(drawable, &photo_x, &photo_y);
  colorize_status status = layer_hints_take(hints, filter, &strokes, x - photo_x, y - photo_y,
                                            factor, width, height, error);
  photo_free(&strokes);
  return status == COLORIZE_OK;
}

guchar *photo_read_selection(gint32 image_id, gint32 drawable, gint width, gint height) {
  if (gimp_selection_is_empty(image_id)) return NULL;
  guchar *selected = g_try_malloc_n((gsize)width, (gsize)height);
  if (selected == NULL) return NULL;
  gint x;
  gint y;
  gimp_drawable_offsets(drawable, &x, &y);
  gdouble scale = (gdouble)width / gimp_drawable_width(drawable);
  GeglBuffer *buffer = gimp_drawable_get_buffer(gimp_image_get_selection(image_id));
  gegl_buffer_get(buffer, GEGL_RECTANGLE((gint)(x * scale), (gint)(y * scale), width, height),
                  scale, babl_format("Y u8"), selected, width, GEGL_ABYSS_NONE);
  g_object_unref(buffer);
  return selected;
}

gboolean photo_write(gint32 image_id, gint32 drawable, const colorize_image *image,
                     colorize_error *error) {
  gboolean done = FALSE;
  gint width = (gint)image->width;
  gint height = (gint)image->height;
  gimp_image_undo_group_start(image_id);
  if (gimp_drawable_is_gray(drawable) && !gimp_image_convert_rgb(image_id)) {
    fail(error, COLORIZE_INVALID_ARGUMENT, "GIMP cannot convert the image to RGB");
  } else {
    /* Everything is written to the layer's shadow; merging takes what is selected, and makes the
     * history. */
    colorize_format ignored;
    GeglBuffer *shadow = gimp_drawable_get_shadow_buffer(drawable);
    gegl_buffer_set(shadow, GEGL_RECTANGLE(0, 0, width, height), 0,
                    pixel_format(drawable, &ignored), image->pixels, (gint)image->row_bytes);
    g_object_unref(shadow);
    done = gimp_drawable_merge_shadow(drawable, TRUE) &&
           gimp_drawable_update(drawable, 0, 0, width, height);
    if (!done) fail(error, COLORIZE_INVALID_ARGUMENT, "GIMP does not let the layer be changed");
  }
  gimp_image_undo_group_end(image_id);
  return done;
}

void photo_free(colorize_image *image) {
  g_free(image->pixels);
  *image = (colorize_image){0};
}
