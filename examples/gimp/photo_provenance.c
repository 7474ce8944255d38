/* photo_provenance.h says what this is for.
 *
 * GIMP holds metadata as a text of tags, of which exporters make EXIF and XMP. Tags are added to the text: the library
 * behind it, gexiv2, is not needed for that. What an image had of these before is replaced, for the last one counts.
 */
#include "photo_provenance.h"

#include <libgimp/gimp.h>

/* As the command has it: docs/archive.md. */
#define SOURCE_TYPE "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

static void add_tag(GString *tags, const gchar *name, const gchar *value) {
  gchar *text = g_markup_printf_escaped("  <tag name=\"%s\">%s</tag>\n", name, value);
  g_string_append(tags, text);
  g_free(text);
}

/* GIMP gives metadata from one process to the next, and there drops tags of namespaces that are not known: the command's own
 * would be lost. IPTC's are known. */
static GString *our_tags(const layer_filter *filter) {
  GString *tags = g_string_new(NULL);
  add_tag(tags, "Xmp.iptcExt.DigitalSourceType", SOURCE_TYPE);
  colorize_model_description description = {.struct_size = sizeof description};
  if (filter->library->model_info(filter->model, &description) == COLORIZE_OK) {
    gchar *system = g_strdup_printf("libcolorize, network %s", description.architecture);
    add_tag(tags, "Xmp.iptcExt.AISystemUsed", system);
    g_free(system);
  }
  const guint32 version = filter->library->version();
  gchar *number = g_strdup_printf("%u.%u.%u", version / 1000000, version / 1000 % 1000, version % 1000);
  add_tag(tags, "Xmp.iptcExt.AISystemVersionUsed", number);
  g_free(number);
  return tags;
}

void photo_say_provenance(gint32 image_id, const layer_filter *filter) {
  static const gchar end[] = "</metadata>";
  GimpMetadata *old = gimp_image_get_metadata(image_id);
  if (old == NULL) old = gimp_metadata_new();
  gchar *text = old == NULL ? NULL : gimp_metadata_serialize(old);
  gchar *place = text == NULL ? NULL : g_strrstr(text, end);
  if (place != NULL) {
    GString *tags = our_tags(filter);
    *place = 0;
    gchar *all = g_strconcat(text, tags->str, end, "\n", NULL);
    GimpMetadata *metadata = gimp_metadata_deserialize(all);
    if (metadata != NULL) {
      gimp_image_set_metadata(image_id, metadata);
      g_object_unref(metadata);
    }
    g_free(all);
    g_string_free(tags, TRUE);
  }
  g_free(text);
  if (old != NULL) g_object_unref(old);
}
