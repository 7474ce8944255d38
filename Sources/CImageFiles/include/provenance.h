/* provenance.h: what a colored picture says of how it was made: put into the metadata that it is written with, and read
 * from those of a picture that was read. Also SHA-256 of files, by which it names them.
 *
 * C, because image_files.c is, whose metadata these are, and because expat calls back.
 */
#ifndef PROVENANCE_H
#define PROVENANCE_H

#include "image_files.h"

/* The XML namespace of our own properties; nothing is there to be fetched. */
#define PROVENANCE_NAMESPACE "http://ns.libcolorize/1.0/"

enum { PROVENANCE_DIGEST_SIZE = 32, PROVENANCE_HEX_SIZE = 2 * PROVENANCE_DIGEST_SIZE + 1 };

/* A property of XMP: `name` is one of our namespace's. */
typedef struct provenance_property {
  const char *name;
  const char *value; /* UTF-8 */
} provenance_property;

/* Adds to the metadata of `image`:
 *
 *   - XMP: `properties` in our namespace; Iptc4xmpExt:DigitalSourceType; xmp:CreatorTool; and xmpMM:DerivedFrom, with
 *     the input's SHA-256 and what identified it. The input's own xmpMM:DocumentID and InstanceID go there, since this is
 *     another picture. Of its other properties each stays byte for byte
 *   - EXIF: Software
 *
 * An XMP packet that is not sound XML, or that a JPEG has no room for, is left out, which `message` says. `creator` is
 * the program with its version; `input` the SHA-256 in hexadecimal, or empty. False if memory was refused. */
bool provenance_add(image_file *image, image_file_format format, const provenance_property *properties, size_t count,
                    const char *creator, const char *input, char *message);

/* The value of one of our properties, in memory of malloc; NULL: there is none. */
char *provenance_value(const image_file *image, const char *name);

/* The SHA-256 of bytes, and of a whole file, in hexadecimal; false: errno says why it cannot be read. */
void provenance_hash(const void *bytes, size_t size, char hex[PROVENANCE_HEX_SIZE]);
bool provenance_hash_file(const char *path, image_file_stop stop, char hex[PROVENANCE_HEX_SIZE]);

/* The versions of the libraries that read and write picture files, as one line. A static string. */
const char *provenance_libraries(void);

#endif
