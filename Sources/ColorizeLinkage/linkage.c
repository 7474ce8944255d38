/* This target carries the link settings of libcolorize.so (Package.swift says why they are not on
 * ColorizeCAPI), and what its link alone needs.
 *
 * The Swift runtime refers to hypotf, of which glibc 2.35 made a new version: linked with that or a
 * later one, the library would not load on systems with an older glibc, for a function that nothing
 * calls. So it has one of its own, which the version script keeps inside. */
#include <math.h>

float hypotf(float x, float y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  return (float)sqrt((double)x * x + (double)y * y);
}
