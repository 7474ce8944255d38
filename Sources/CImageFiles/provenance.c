/* provenance.c: see include/provenance.h.
 *
 * C, because image_files.c is, whose metadata these are.
 */
#define _POSIX_C_SOURCE 200809L
#include <png.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "include/provenance.h"
#include "xmp.h"

/* IPTC's vocabulary, as of 2024-10-23, calls it "Edited using Generative AI": the lightness is the photograph's, and the
 * colors are a trained network's. */
#define SOURCE_TYPE "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

#define IPTC_EXTENSION "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
#define XMP "http://ns.adobe.com/xap/1.0/"
#define MEDIA_MANAGEMENT "http://ns.adobe.com/xap/1.0/mm/"
#define RESOURCE_REFERENCE "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
#define RDF "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

/* What an XMP packet stands in (ISO 16684-1, 7.3.2); the three bytes are a byte order mark. */
static const char empty_packet[] =
    "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
    " <rdf:RDF xmlns:rdf=\"" RDF "\">\n"
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    "<?xpacket end=\"w\"?>";

/* What is known of ours, in the order in which it is taken out of a packet. */
static const char *const own_names[] = {"Version",     "Model",      "ModelSHA256",    "Options",
                                        "InputSHA256", "Hints",      "HintsSHA256",    "PaletteSHA256",
                                        "Libraries",   "Processor"};

enum {
  own_count = sizeof own_names / sizeof own_names[0],
  others_count = 5,
  /* What a JPEG takes in a segment, without its name: XMP part 3, 1.1.3. */
  largest_packet = 65502
};

/* All names that are taken out: ours, and those that are set anew. */
static void name_all(xmp_name names[own_count + others_count]) {
  for (size_t i = 0; i < own_count; i++) names[i] = (xmp_name){PROVENANCE_NAMESPACE, own_names[i]};
  names[own_count] = (xmp_name){IPTC_EXTENSION, "DigitalSourceType"};
  names[own_count + 1] = (xmp_name){XMP, "CreatorTool"};
  names[own_count + 2] = (xmp_name){MEDIA_MANAGEMENT, "DerivedFrom"};
  names[own_count + 3] = (xmp_name){MEDIA_MANAGEMENT, "DocumentID"};
  names[own_count + 4] = (xmp_name){MEDIA_MANAGEMENT, "InstanceID"};
}

/* Text as XML has it, without what XML 1.0 has not. */
static void write_text(FILE *file, const char *text) {
  for (; *text != 0; text++) switch (*text) {
    case '&': fputs("&amp;", file); break;
    case '<': fputs("&lt;", file); break;
    case '>': fputs("&gt;", file); break;
    case '"': fputs("&quot;", file); break;
    default: fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
}

static void write_element(FILE *file, const char *prefix, const char *name, const char *value) {
  fprintf(file, "   <%s:%s>", prefix, name);
  write_text(file, value);
  fprintf(file, "</%s:%s>\n", prefix, name);
}

/* The rdf:Description that is added. Of malloc; NULL if memory was refused. */
static char *describe(const provenance_property *properties, size_t count, const char *creator,
                      const char *input, const char *document, const char *instance) {
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  if (file == NULL) return NULL;
  fputs("<rdf:Description rdf:about=\"\" xmlns:rdf=\"" RDF "\"\n"
        "   xmlns:Iptc4xmpExt=\"" IPTC_EXTENSION "\"\n"
        "   xmlns:xmp=\"" XMP "\"\n"
        "   xmlns:xmpMM=\"" MEDIA_MANAGEMENT "\"\n"
        "   xmlns:stRef=\"" RESOURCE_REFERENCE "\"\n"
        "   xmlns:libcolorize=\"" PROVENANCE_NAMESPACE "\">\n",
        file);
  write_element(file, "Iptc4xmpExt", "DigitalSourceType", SOURCE_TYPE);
  write_element(file, "xmp", "CreatorTool", creator);
  fputs("   <xmpMM:DerivedFrom rdf:parseType=\"Resource\">\n", file);
  if (document != NULL) write_element(file, "stRef", "documentID", document);
  if (instance != NULL) write_element(file, "stRef", "instanceID", instance);
  if (instance == NULL && input[0] != 0) {
    char name[8 + PROVENANCE_HEX_SIZE];
    snprintf(name, sizeof name, "sha256:%s", input);
    write_element(file, "stRef", "instanceID", name);
  }
  fputs("   </xmpMM:DerivedFrom>\n", file);
  for (size_t i = 0; i < count; i++)
    write_element(file, "libcolorize", properties[i].name, properties[i].value);
  if (input[0] != 0) write_element(file, "libcolorize", "InputSHA256", input);
  fputs("  </rdf:Description>\n ", file);
  const bool is_written = ferror(file) == 0;
  if (fclose(file) == 0 && is_written) return text;
  free(text);
  return NULL;
}

/* Puts the description into a packet, or into a new one. */
static bool add_description(image_bytes *packet, const char *description, bool takes_any_size,
                            char *message) {
  xmp_name names[own_count + others_count];
  name_all(names);
  xmp_status status = XMP_UNSOUND;
  image_bytes changed = {0};
  if (packet->size > 0) {
    if (!image_bytes_copy(&changed, packet->data, packet->size)) return false;
    status = xmp_change(&changed, names, own_count + others_count, description);
    const bool is_too_large = status == XMP_OK && !takes_any_size && changed.size > largest_packet;
    if (is_too_large) image_say_too(message, "its XMP has more bytes than JPEG takes and was left out");
    if (status == XMP_UNSOUND) image_say_too(message, "its XMP is damaged and was left out");
    if (is_too_large) status = XMP_UNSOUND;
  }
  if (status == XMP_UNSOUND) {
    if (!image_bytes_copy(&changed, empty_packet, sizeof empty_packet - 1)) status = XMP_NO_MEMORY;
    else status = xmp_change(&changed, names, own_count + others_count, description);
  }
  if (status != XMP_OK) {
    free(changed.data);
    return false;
  }
  free(packet->data);
  *packet = changed;
  return true;
}

bool provenance_add(image_file *image, image_file_format format,
                    const provenance_property *properties, size_t count, const char *creator,
                    const char *input, char *message) {
  enum { document, instance, known };
  static const xmp_name identity[known] = {{MEDIA_MANAGEMENT, "DocumentID"},
                                           {MEDIA_MANAGEMENT, "InstanceID"}};
  message[0] = 0;
  if (image->metadata == NULL) image->metadata = calloc(1, sizeof *image->metadata);
  struct image_metadata *metadata = image->metadata;
  if (metadata == NULL) return false;
  char *ids[known];
  bool has_memory = xmp_values(&metadata->xmp, identity, known, ids) != XMP_NO_MEMORY;
  char *description =
      has_memory ? describe(properties, count, creator, input, ids[document], ids[instance]) : NULL;
  has_memory = description != NULL &&
               add_description(&metadata->xmp, description, format != IMAGE_FILE_JPEG, message) &&
               exif_set_software(&metadata->exif, creator);
  free(description);
  for (size_t i = 0; i < known; i++) free(ids[i]);
  return has_memory;
}

char *provenance_value(const image_file *image, const char *name) {
  const xmp_name wanted = {PROVENANCE_NAMESPACE, name};
  char *value = NULL;
  if (image->metadata == NULL || image->metadata->xmp.size == 0) return NULL;
  xmp_values(&image->metadata->xmp, &wanted, 1, &value);
  return value;
}

static char libraries[160];

static void name_libraries(void) {
  /* libjpeg-turbo has no way to ask the one that is loaded. */
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)
#ifdef LIBJPEG_TURBO_VERSION
  static const char jpeg[] = "libjpeg-turbo " TEXT_OF(LIBJPEG_TURBO_VERSION);
#else
  static const char jpeg[] = "libjpeg " TEXT_OF(JPEG_LIB_VERSION);
#endif
  snprintf(libraries, sizeof libraries, "libpng %s; %s", png_get_libpng_ver(NULL), jpeg);
}

const char *provenance_libraries(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, name_libraries);
  return libraries;
}
