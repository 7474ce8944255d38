// The bytes of the table. C for the reason that known_models.h gives.
#include "known_models.h"

// See default_model.c.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char bytes[] = {
#embed "../../bindings/python/src/libcolorize/models.tsv"
};

const unsigned char *const known_models = bytes;
const size_t known_models_size = sizeof bytes;
