/* The model that lies inside the library, as bytes. C, because Swift has no way to embed a file of
 * this size: an array literal of it takes minutes to compile, C23's #embed less than a second. */
#ifndef DEFAULT_MODEL_H
#define DEFAULT_MODEL_H

#include <stddef.h>

/* A safetensors file, aligned to 64 bytes; MODEL_CARD.md says what is in it. A pointer, because Swift
 * does not import arrays of unknown length. */
extern const unsigned char *const _Nonnull colorize_default_model;
extern const size_t colorize_default_model_size;

#endif
