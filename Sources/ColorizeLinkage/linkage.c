/* This target carries the link settings of libcolorize.so (Package.swift says why they are not on
 * ColorizeCAPI). A target has a source. */
#include "linkage.h"
