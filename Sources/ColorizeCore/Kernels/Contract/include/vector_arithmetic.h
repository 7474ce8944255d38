/* Arithmetic on vectors of 4, 8 and 16 floats, as Swift's SIMD4, SIMD8 and SIMD16<Float>.
 *
 * C, because Swift's own operators on these types are loops over the elements until the optimiser has put
 * them together again. It does so for simple loops; in the transforms of winograd.swift it made other vectors of
 * them, across the lanes, which took twice the time. These are one instruction each, in any context.
 */
#ifndef VECTOR_ARITHMETIC_H
#define VECTOR_ARITHMETIC_H

#define VECTOR_ARITHMETIC(LANES)                                                                          \
  typedef float colorize_vector##LANES __attribute__((ext_vector_type(LANES)));                           \
  typedef int colorize_words##LANES __attribute__((ext_vector_type(LANES)));                              \
  VECTOR_FUNCTION(LANES) colorize_sum##LANES(colorize_vector##LANES a, colorize_vector##LANES b) {        \
    return a + b;                                                                                         \
  }                                                                                                       \
  VECTOR_FUNCTION(LANES) colorize_difference##LANES(colorize_vector##LANES a, colorize_vector##LANES b) { \
    return a - b;                                                                                         \
  }                                                                                                       \
  VECTOR_FUNCTION(LANES) colorize_product##LANES(colorize_vector##LANES a, colorize_vector##LANES b) {    \
    return a * b;                                                                                         \
  }                                                                                                       \
  VECTOR_FUNCTION(LANES) colorize_quotient##LANES(colorize_vector##LANES a, colorize_vector##LANES b) {   \
    return a / b;                                                                                         \
  }                                                                                                       \
  VECTOR_FUNCTION(LANES) colorize_root##LANES(colorize_vector##LANES a) {                                 \
    return __builtin_elementwise_sqrt(a);                                                                 \
  }                                                                                                       \
  /* x where `mask` is above 0 and below `ceiling`, else 0. */                                            \
  VECTOR_FUNCTION(LANES)                                                                                  \
  colorize_masked##LANES(colorize_vector##LANES x, colorize_vector##LANES mask, float ceiling) {          \
    colorize_words##LANES kept = (mask > 0.0f) & (mask < ceiling);                                        \
    return (colorize_vector##LANES)(kept & (colorize_words##LANES)x);                                     \
  }                                                                                                       \
  /* a * b + c, in one rounding where the instruction set has it, else in two. */                         \
  VECTOR_FUNCTION(LANES)                                                                                  \
  colorize_multiply_add##LANES(                                                                           \
      colorize_vector##LANES a, colorize_vector##LANES b, colorize_vector##LANES c) {                     \
    return MULTIPLY_ADD(a, b, c);                                                                         \
  }                                                                                                       \
  /* Whether an element is above `bound`. */                                                              \
  static inline __attribute__((always_inline)) int colorize_any_above##LANES(                             \
      colorize_vector##LANES x, float bound) {                                                            \
    colorize_words##LANES above = x > bound;                                                              \
    return __builtin_reduce_or(above) != 0;                                                               \
  }                                                                                                       \
  /* x < 0 ? slope * x : x, and the ceiling where that is above it */                                     \
  VECTOR_FUNCTION(LANES)                                                                                  \
  colorize_activated##LANES(colorize_vector##LANES x, float slope, float ceiling) {                       \
    colorize_words##LANES negative = x < 0.0f;                                                            \
    colorize_words##LANES scaled = (colorize_words##LANES)(x * slope);                                    \
    colorize_words##LANES bent = (negative & scaled) | (~negative & (colorize_words##LANES)x);            \
    colorize_vector##LANES most = ceiling;                                                                \
    colorize_words##LANES above = (colorize_vector##LANES)bent > most;                                    \
    return (colorize_vector##LANES)((above & (colorize_words##LANES)most) | (~above & bent));             \
  }

#define VECTOR_FUNCTION(LANES) static inline __attribute__((always_inline)) colorize_vector##LANES

#if defined(__FMA__) || defined(__aarch64__)
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

VECTOR_ARITHMETIC(4)
VECTOR_ARITHMETIC(8)
VECTOR_ARITHMETIC(16)

#undef VECTOR_ARITHMETIC
#undef VECTOR_FUNCTION
#undef MULTIPLY_ADD

#endif
