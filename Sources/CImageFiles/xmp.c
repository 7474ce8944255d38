/* xmp.c: properties of XMP packets: some are taken out of a packet and others put into it, and all the rest stays as it
 * stands, byte for byte.
 *
 * C, because expat is, which finds out where an element begins and ends; and what it finds no fault with is safe to look
 * into. XMP is RDF (ISO 16684-1, 7): the properties are the children of rdf:Description, or its attributes.
 */
#include <ctype.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xmp.h"

static const char rdf[] = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/* What stands between the parts of a name that expat gives: namespace, local name, prefix. */
static const char separator = '\n';

/* A part of a packet that is left out. */
typedef struct cut {
  size_t start, end;
} cut;

typedef struct scan {
  XML_Parser parser;
  const image_bytes *packet;
  const xmp_name *names; /* that are looked for */
  size_t count;
  char **values; /* [count]: what they are; NULL: there is none, or nobody asks */
  cut *cuts;
  size_t cut_count;
  int depth;
  int description; /* depth of rdf:Description; 0: not in one */
  int found;       /* depth of the element that is looked for; 0: not in one */
  size_t found_start;
  size_t found_index;
  image_bytes text; /* of that element */
  size_t insertion; /* where </rdf:RDF> begins; 0: there is none */
  bool has_failed;  /* memory was refused */
} scan;

static bool is_name(const char *name, const char *space, const char *local) {
  const size_t space_size = strlen(space), local_size = strlen(local);
  return strncmp(name, space, space_size) == 0 && name[space_size] == separator &&
         strncmp(name + space_size + 1, local, local_size) == 0 &&
         (name[space_size + 1 + local_size] == separator || name[space_size + 1 + local_size] == 0);
}

/* The number of a name among those that are looked for; count: it is none of them. */
static size_t index_of(const scan *work, const char *name) {
  size_t i = 0;
  while (i < work->count && !is_name(name, work->names[i].space, work->names[i].local)) i++;
  return i;
}

static void stop(scan *work) {
  work->has_failed = true;
  XML_StopParser(work->parser, XML_FALSE);
}

static void keep_value(scan *work, size_t index, const char *value, size_t size) {
  if (work->values == NULL || work->values[index] != NULL) return;
  char *copy = malloc(size + 1);
  if (copy == NULL) {
    stop(work);
    return;
  }
  memcpy(copy, value, size);
  copy[size] = 0;
  work->values[index] = copy;
}

static void add_cut(scan *work, size_t start, size_t end) {
  cut *cuts = realloc(work->cuts, (work->cut_count + 1) * sizeof *cuts);
  if (cuts == NULL) {
    stop(work);
    return;
  }
  work->cuts = cuts;
  cuts[work->cut_count++] = (cut){start, end};
}

/* Cuts an attribute, whose name is as expat gives it, out of the tag from `start` to `end`. */
static void cut_attribute(scan *work, const char *name, size_t start, size_t end) {
  const char *local = strchr(name, separator);
  const char *prefix = local == NULL ? NULL : strchr(local + 1, separator);
  char written[256];
  const int length = prefix == NULL ? 0
                                    : snprintf(written, sizeof written, "%s:%.*s", prefix + 1,
                                               (int)(prefix - local - 1), local + 1);
  if (length <= 0 || (size_t)length >= sizeof written) return;
  const char *data = (const char *)work->packet->data;
  /* The tag is sound: names and quoted values take turns. */
  for (size_t at = start; at < end; at++) {
    if (data[at] == '"' || data[at] == '\'') {
      const char quote = data[at++];
      while (at < end && data[at] != quote) at++;
      continue;
    }
    if (!isspace((unsigned char)data[at]) || end - at <= (size_t)length + 1 ||
        memcmp(data + at + 1, written, (size_t)length) != 0)
      continue;
    size_t after = at + 1 + (size_t)length;
    while (after < end && isspace((unsigned char)data[after])) after++;
    if (after >= end || data[after] != '=') continue;
    for (after++; after < end && isspace((unsigned char)data[after]);) after++;
    if (after >= end) continue;
    const char quote = data[after++];
    while (after < end && data[after] != quote) after++;
    if (after < end) add_cut(work, at, after + 1);
    return;
  }
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes) {
  scan *work = user;
  const size_t start = (size_t)XML_GetCurrentByteIndex(work->parser);
  const size_t end = start + (size_t)XML_GetCurrentByteCount(work->parser);
  work->depth++;
  if (work->found != 0) return;
  if (work->description == 0) {
    if (!is_name(name, rdf, "Description")) return;
    work->description = work->depth;
    for (; attributes[0] != NULL; attributes += 2) {
      const size_t index = index_of(work, attributes[0]);
      if (index == work->count) continue;
      keep_value(work, index, attributes[1], strlen(attributes[1]));
      cut_attribute(work, attributes[0], start, end);
    }
    return;
  }
  const size_t index = index_of(work, name);
  if (work->depth != work->description + 1 || index == work->count) return;
  work->found = work->depth;
  work->found_start = start;
  work->found_index = index;
  work->text.size = 0;
}

static void on_end(void *user, const XML_Char *name) {
  scan *work = user;
  if (work->depth == work->found) {
    keep_value(work, work->found_index, (const char *)work->text.data, work->text.size);
    /* An empty element, <a/>, is told of as a start and an end at one place. */
    const size_t end = (size_t)XML_GetCurrentByteIndex(work->parser) +
                       (size_t)XML_GetCurrentByteCount(work->parser);
    add_cut(work, work->found_start, end > work->found_start ? end : work->found_start);
    work->found = 0;
  }
  if (work->depth == work->description) work->description = 0;
  if (is_name(name, rdf, "RDF") && work->description == 0)
    work->insertion = (size_t)XML_GetCurrentByteIndex(work->parser);
  work->depth--;
}

static void on_text(void *user, const XML_Char *text, int length) {
  scan *work = user;
  if (work->found == 0 || work->depth != work->found || work->values == NULL) return;
  unsigned char *data = realloc(work->text.data, work->text.size + (size_t)length);
  if (data == NULL && length > 0) {
    stop(work);
    return;
  }
  work->text.data = data;
  memcpy(data + work->text.size, text, (size_t)length);
  work->text.size += (size_t)length;
}

/* Entities of its own are no part of XMP, and could make a packet grow. */
static void on_doctype(void *user, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int has_internal) {
  (void)name;
  (void)system;
  (void)public;
  (void)has_internal;
  XML_StopParser(((scan *)user)->parser, XML_FALSE);
}

/* False: this is no XMP packet that can be looked into. */
static bool run(scan *work) {
  size_t size = work->packet->size;
  while (size > 0 && work->packet->data[size - 1] == 0) size--;
  if (size == 0 || size > IMAGE_METADATA_BYTES) return false;
  /* Places are counted in the packet's bytes, whose encoding must be the one that is written. */
  work->parser = XML_ParserCreateNS("UTF-8", separator);
  if (work->parser == NULL) {
    work->has_failed = true;
    return false;
  }
  XML_SetReturnNSTriplet(work->parser, 1);
  XML_SetUserData(work->parser, work);
  XML_SetElementHandler(work->parser, on_start, on_end);
  XML_SetCharacterDataHandler(work->parser, on_text);
  XML_SetStartDoctypeDeclHandler(work->parser, on_doctype);
  const bool is_sound = XML_Parse(work->parser, (const char *)work->packet->data,
                                  (int)size, 1) == XML_STATUS_OK;
  if (!is_sound && XML_GetErrorCode(work->parser) == XML_ERROR_NO_MEMORY) work->has_failed = true;
  XML_ParserFree(work->parser);
  free(work->text.data);
  return is_sound && !work->has_failed && work->insertion > 0;
}

xmp_status xmp_values(const image_bytes *packet, const xmp_name *names, size_t count,
                      char **values) {
  memset(values, 0, count * sizeof *values);
  scan work = {.packet = packet, .names = names, .count = count, .values = values};
  const bool is_sound = run(&work);
  free(work.cuts);
  if (work.has_failed) return XMP_NO_MEMORY;
  return is_sound ? XMP_OK : XMP_UNSOUND;
}

static int by_start(const void *first, const void *second) {
  const size_t a = ((const cut *)first)->start, b = ((const cut *)second)->start;
  return (a > b) - (a < b);
}

/* Where the white space begins that stands in front of <?xpacket end...: room for changes, which is not needed. */
static size_t start_of_padding(const image_bytes *packet, size_t from, size_t *trailer) {
  static const char mark[] = "<?xpacket end";
  *trailer = packet->size;
  for (size_t at = from; at + sizeof mark - 1 <= packet->size; at++)
    if (memcmp(packet->data + at, mark, sizeof mark - 1) == 0) *trailer = at;
  size_t start = *trailer;
  while (start > from && isspace(packet->data[start - 1])) start--;
  return start;
}

static void write_part(FILE *file, const image_bytes *packet, size_t start, size_t end) {
  if (end > start) fwrite(packet->data + start, 1, end - start, file);
}

static xmp_status write_changed(const scan *work, image_bytes *packet, const char *description) {
  char *data = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&data, &size);
  if (file == NULL) return XMP_NO_MEMORY;
  size_t at = 0;
  for (size_t i = 0; i < work->cut_count; i++) {
    write_part(file, packet, at, work->cuts[i].start);
    at = work->cuts[i].end;
  }
  write_part(file, packet, at, work->insertion);
  fputs(description, file);
  size_t trailer;
  write_part(file, packet, work->insertion, start_of_padding(packet, work->insertion, &trailer));
  fputc('\n', file);
  write_part(file, packet, trailer, packet->size);
  const bool is_written = ferror(file) == 0;
  const bool is_kept = fclose(file) == 0 && is_written && image_bytes_copy(packet, data, size);
  free(data);
  return is_kept ? XMP_OK : XMP_NO_MEMORY;
}

xmp_status xmp_change(image_bytes *packet, const xmp_name *names, size_t count,
                      const char *description) {
  scan work = {.packet = packet, .names = names, .count = count};
  xmp_status status = run(&work) ? XMP_OK : work.has_failed ? XMP_NO_MEMORY : XMP_UNSOUND;
  if (status != XMP_OK) {
    free(work.cuts);
    return status;
  }
  if (work.cut_count > 0) qsort(work.cuts, work.cut_count, sizeof *work.cuts, by_start);
  status = write_changed(&work, packet, description);
  free(work.cuts);
  return status;
}
