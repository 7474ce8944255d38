/* xmp.h: properties of XMP packets. */
#ifndef IMAGE_FILES_XMP_H
#define IMAGE_FILES_XMP_H

#include "toolbox.h"

typedef struct xmp_name {
  const char *space; /* the namespace */
  const char *local;
} xmp_name;

typedef enum xmp_status {
  XMP_OK,
  XMP_UNSOUND, /* this is no sound XML, or no XMP */
  XMP_NO_MEMORY
} xmp_status;

/* The texts of properties: values[i] of names[i], of malloc, each the caller's to free whatever the status; NULL: there is
 * none. What has structure, as a list, is empty. */
xmp_status xmp_values(const image_bytes *packet, const xmp_name *names, size_t count, char **values);

/* Takes properties out, and puts `description`, a whole rdf:Description, behind all others. After an error the packet is as
 * it was. */
xmp_status xmp_change(image_bytes *packet, const xmp_name *names, size_t count, const char *description);

#endif
