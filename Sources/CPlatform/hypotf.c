/* hypotf.c: hypotf, in the place of glibc's.
 *
 * The Swift runtime refers to hypotf, of which glibc 2.35 made a new version: linked with that or a
 * later one, the library and the command would not load on systems with an older glibc, for a
 * function that nothing calls. */
#include <math.h>

__attribute__((visibility("hidden"))) float hypotf(float x, float y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  return (float)sqrt((double)x * x + (double)y * y);
}
