// The bytes of the default model. C for the reason that default_model.h gives.
#include "default_model.h"

#include <stdalign.h>

// The package's C standard is C11, and SwiftPM puts that flag behind a target's own; clang has #embed
// in every standard, and would only warn that it is new.
#pragma clang diagnostic ignored "-Wc23-extensions"

alignas(64) static const unsigned char bytes[] = {
#embed "default.safetensors"
};

const unsigned char *const colorize_default_model = bytes;
const size_t colorize_default_model_size = sizeof bytes;
