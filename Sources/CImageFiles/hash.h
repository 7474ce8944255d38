/* hash.h: the SHA-256 of a file while it is read. */
#ifndef IMAGE_FILES_HASH_H
#define IMAGE_FILES_HASH_H

#include "include/provenance.h"

typedef struct image_hash image_hash;

/* NULL if memory was refused. */
image_hash *image_hash_begin(void);
void image_hash_add(image_hash *hash, const void *bytes, size_t size);

/* Ends `hash`. */
void image_hash_end(image_hash *hash, char hex[PROVENANCE_HEX_SIZE]);

/* Of a whole open file that can be read from anywhere; its place stays. False: errno says why it cannot be read. */
bool image_hash_descriptor(int descriptor, image_file_stop stop, char hex[PROVENANCE_HEX_SIZE]);

#endif
