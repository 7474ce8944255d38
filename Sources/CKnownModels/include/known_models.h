/* The table of published weights, which lies in the Python package, as bytes. C, because Swift has no way to embed a
 * file. */
#ifndef KNOWN_MODELS_H
#define KNOWN_MODELS_H

#include <stddef.h>

/* Text; its first lines say what is in it. */
extern const unsigned char *const _Nonnull known_models;
extern const size_t known_models_size;

#endif
