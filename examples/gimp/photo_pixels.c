/* photo_pixels.h says what this is for. */
#include "photo_pixels.h"

#include "photo_profile.h"
#include "photo_provenance.h"

static gboolean fail(colorize_error *error, colorize_status status, const char *message) {
  error->status = status;
  g_strlcpy(error->message, message, sizeof error->message);
  return FALSE;
}

const gchar *photo_refusal(gint32 drawable) {
  if (!gimp_item_is_drawable(drawable)) return "There is no layer to color.";
  if (gimp_item_is_layer_mask(drawable))
    return "This is a layer's mask, which has no colors. Choose the layer itself.";
  if (!gimp_item_is_layer(drawable))
    return "This is a channel, which has no colors. Choose a layer.";
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
    return "A gray image has no colors to give hints with. Choose Image > Mode > RGB first.";
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

/* The library's format of sRGB pixels that has a layer's bits. What is neither 8 nor 16 bits of
 * sRGB is taken as floats. */
static colorize_format pixel_format(gint32 drawable) {
  gint32 image_id = gimp_item_get_image(drawable);
  gboolean alpha = gimp_drawable_has_alpha(drawable);
  const Babl *own;
  GimpColorTransform *transform = photo_to_srgb(image_id, FALSE, &own, babl_format("R'G'B' float"));
  if (transform != NULL) {
    g_object_unref(transform);
    return alpha ? COLORIZE_RGBA_FLOAT : COLORIZE_RGB_FLOAT;
  }
  switch (gimp_image_get_precision(image_id)) {
    case GIMP_PRECISION_U8_GAMMA:
      return alpha ? COLORIZE_RGBA8 : COLORIZE_RGB8;
    case GIMP_PRECISION_U16_GAMMA:
      return alpha ? COLORIZE_RGBA16 : COLORIZE_RGB16;
    default:
      return alpha ? COLORIZE_RGBA_FLOAT : COLORIZE_RGB_FLOAT;
  }
}

/* The same for GEGL. */
static const Babl *babl_of(colorize_format format) {
  switch (format) {
    case COLORIZE_RGB8:
      return babl_format("R'G'B' u8");
    case COLORIZE_RGBA8:
      return babl_format("R'G'B'A u8");
    case COLORIZE_RGB16:
      return babl_format("R'G'B' u16");
    case COLORIZE_RGBA16:
      return babl_format("R'G'B'A u16");
    case COLORIZE_RGB_FLOAT:
      return babl_format("R'G'B' float");
    default:
      return babl_format("R'G'B'A float");
  }
}

/* Reads a layer of an image with a profile of its own: rows, as high as GIMP's tiles, are brought
 * to sRGB one after the other. */
static gboolean read_by_profile(GeglBuffer *buffer, GimpColorTransform *transform, const Babl *own,
                                const Babl *srgb, const colorize_image *image) {
  gint width = (gint)image->width;
  gint height = (gint)image->height;
  gint rows = 64;
  gint row_bytes = width * babl_format_get_bytes_per_pixel(own);
  guchar *band = g_try_malloc_n((gsize)rows, (gsize)row_bytes);
  if (band == NULL) return FALSE;
  for (gint y = 0; y < height; y += rows) {
    gint count = MIN(rows, height - y);
    gegl_buffer_get(buffer, GEGL_RECTANGLE(0, y, width, count), 1, own, band, row_bytes,
                    GEGL_ABYSS_NONE);
    gimp_color_transform_process_pixels(transform, own, band, srgb,
                                        (guchar *)image->pixels + (gsize)y * image->row_bytes,
                                        (gsize)width * (gsize)count);
  }
  g_free(band);
  return TRUE;
}

/* The whole layer, as sRGB of image->format. */
static gboolean read_layer(gint32 drawable, colorize_image *image, colorize_error *error) {
  const Babl *format = babl_of(image->format);
  const Babl *own;
  gint width = gimp_drawable_width(drawable);
  gint height = gimp_drawable_height(drawable);
  image->width = (uint32_t)width;
  image->height = (uint32_t)height;
  image->row_bytes = (size_t)width * (size_t)babl_format_get_bytes_per_pixel(format);
  image->pixels = g_try_malloc_n((gsize)height, image->row_bytes);
  gboolean done = image->pixels != NULL;
  if (done) {
    GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
    GimpColorTransform *transform = photo_to_srgb(gimp_item_get_image(drawable),
                                                  babl_format_has_alpha(format) != 0, &own, format);
    if (transform != NULL) {
      done = read_by_profile(buffer, transform, own, format, image);
      g_object_unref(transform);
    } else {
      gegl_buffer_get(buffer, GEGL_RECTANGLE(0, 0, width, height), 1, format, image->pixels,
                      (gint)image->row_bytes, GEGL_ABYSS_NONE);
    }
    g_object_unref(buffer);
  }
  if (!done) fail(error, COLORIZE_OUT_OF_MEMORY, "there is not enough memory for the layer");
  return done;
}

gboolean photo_read(gint32 drawable, colorize_image *image, colorize_error *error) {
  *image = (colorize_image){.format = pixel_format(drawable)};
  return read_layer(drawable, image, error);
}

gboolean photo_read_rgba8(gint32 drawable, colorize_image *image, colorize_error *error) {
  *image = (colorize_image){.format = COLORIZE_RGBA8};
  return read_layer(drawable, image, error);
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

/* Brings pixels to the numbers of an image that has a profile of its own, in place; the format of
 * what they are then. A gray image is none: converted to RGB, it has sRGB's profile. */
static const Babl *to_own_numbers(gint32 image_id, const colorize_image *image) {
  const Babl *format = babl_of(image->format);
  const Babl *own;
  if (gimp_image_base_type(image_id) == GIMP_GRAY) return format;
  GimpColorTransform *transform =
      photo_from_srgb(image_id, babl_format_has_alpha(format) != 0, format, &own);
  if (transform == NULL) return format;
  for (uint32_t y = 0; y < image->height; y++) {
    guchar *row = (guchar *)image->pixels + y * image->row_bytes;
    gimp_color_transform_process_pixels(transform, format, row, own, row, image->width);
  }
  g_object_unref(transform);
  return own;
}

gboolean photo_write(gint32 image_id, gint32 drawable, const colorize_image *image,
                     const layer_filter *filter, colorize_error *error) {
  gboolean done = FALSE;
  gint width = (gint)image->width;
  gint height = (gint)image->height;
  const Babl *format = to_own_numbers(image_id, image);
  gimp_image_undo_group_start(image_id);
  if (gimp_drawable_is_gray(drawable) && !gimp_image_convert_rgb(image_id)) {
    fail(error, COLORIZE_INVALID_ARGUMENT, "GIMP cannot convert the image to RGB");
  } else {
    /* Everything is written to the layer's shadow; merging takes what is selected, and makes the
     * history. */
    GeglBuffer *shadow = gimp_drawable_get_shadow_buffer(drawable);
    gegl_buffer_set(shadow, GEGL_RECTANGLE(0, 0, width, height), 0, format, image->pixels,
                    (gint)image->row_bytes);
    g_object_unref(shadow);
    done = gimp_drawable_merge_shadow(drawable, TRUE) &&
           gimp_drawable_update(drawable, 0, 0, width, height);
    if (done) photo_say_provenance(image_id, filter);
    else fail(error, COLORIZE_INVALID_ARGUMENT, "GIMP does not let the layer be changed");
  }
  gimp_image_undo_group_end(image_id);
  return done;
}

void photo_free(colorize_image *image) {
  g_free(image->pixels);
  *image = (colorize_image){0};
}
