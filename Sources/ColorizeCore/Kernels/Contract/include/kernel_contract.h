/* What the micro-kernels are called with.
 *
 * C, because these structs must mean the same in targets compiled for different instruction sets,
 * and because a pointer to a function of C's calling convention is what a table of kernels can hold
 * without Swift's runtime: kernel targets hold raw pointers and SIMD only.
 *
 * All floats are IEEE single precision. A vector is the instruction set's: 16 floats for AVX-512,
 * 8 for AVX2, 4 for the baseline. Reads and writes may be unaligned.
 */
#ifndef KERNEL_CONTRACT_H
#define KERNEL_CONTRACT_H

#include <stdint.h>

#include "training_contract.h"
#include "vector_arithmetic.h"

/* The left matrix is packed in blocks of this many columns, a row behind the other. */
enum { COLORIZE_GEMM_BLOCK = 256 };

/* One tile of a matrix product, with its epilogue:
 *
 *     sum[r][c]    = sum over k < depth of left[r][k] * right[k][c]      r < tile rows, c < panel
 *     x            = sum[r][c] + bias[c] + residual[r][c]                r < rows
 *     output[r][c] = min(x < 0 ? slope * x : x, ceiling) * scale[c] + shift[c]
 *
 * "tile rows" and "panel" (columns) are the kernel's own, and part of its name: gemm13x32.
 *
 * A deeper product is done a block at a time: all blocks but the first take the sums so far, which are
 * in `output`, as their residual.
 */
typedef struct colorize_gemm_tile {
  const float *left;     /* [tile rows, left_stride], `depth` columns; rows past `rows` are read */
  intptr_t left_stride;  /* BLOCK, or anything if the instruction set's `gemmTakesAnyStride` */
  const float *right;    /* [depth, panel] */
  intptr_t depth;        /* 1 to BLOCK */
  const float *bias;     /* [panel] */
  const float *residual; /* [rows, panel], a row every `residual_stride` floats; NULL: none */
  intptr_t residual_stride;
  float *output; /* [rows, panel], a row every `output_stride` floats */
  intptr_t output_stride;
  intptr_t rows; /* 1 to tile rows */
  intptr_t is_narrow; /* not 0: all columns of `right` past the first vector are zero, and are not multiplied */
  const float *scale; /* [panel]; NULL: 1, and a shift of 0 */
  const float *shift; /* [panel] */
  float slope;        /* 1: no activation; 0: ReLU; between: leaky ReLU */
  float ceiling;      /* 6: ReLU6; infinity: none */
} colorize_gemm_tile;

/* The sums of a matrix product, without an epilogue, of as many left matrices as there are:
 *
 *     sums[r][c] = (adds ? sums[r][c] : 0) + sum over k < depth of left[r][k] * right[k][c]
 *
 * for r < rows, c < panel. Row r is row r % matrix_rows of left matrix r / matrix_rows. */
enum { COLORIZE_GEMM_SUMS_DEPTH = 64 };

typedef struct colorize_gemm_sums {
  const float *left; /* [tile rows, DEPTH], `depth` columns; rows past `rows` are read */
  intptr_t matrix_rows; /* 1 to tile rows */
  intptr_t matrix_stride; /* from a left matrix to the next one */
  const float *right; /* [depth, panel] */
  intptr_t depth; /* 1 to DEPTH */
  float *sums; /* [rows, panel] */
  intptr_t rows;
  intptr_t adds;
  intptr_t next; /* from a left matrix to that of the next call, fetched into the cache meanwhile */
  const float *later; /* what is read after that: as much of it as there is time for, likewise */
  intptr_t later_count;
} colorize_gemm_sums;

/* The product of a transposed matrix and another one, as training has it for the gradients of weights:
 *
 *     sums[r][c] = (adds ? sums[r][c] : 0) + sum over k < depth of left[k][r] * right[k][c]
 *
 * for r < rows, c < panel. */
typedef struct colorize_gemm_outer {
  const float *left; /* [depth, tile rows], a row every `left_stride` floats; columns past `rows` are read */
  intptr_t left_stride;
  const float *right; /* [depth, panel], a row every `right_stride` floats */
  intptr_t right_stride;
  intptr_t depth;
  float *sums; /* [rows, panel] */
  intptr_t rows; /* 1 to tile rows */
  intptr_t adds;
} colorize_gemm_outer;

/* Into the first-level cache, the second-level cache, and to be written. */
static inline void colorize_prefetch(const float *address) { __builtin_prefetch(address, 0, 3); }
static inline void colorize_prefetch_later(const float *address) { __builtin_prefetch(address, 0, 2); }
static inline void colorize_prefetch_to_write(const float *address) { __builtin_prefetch(address, 1, 3); }

/* The annealed mean of one pixel:
 *
 *     weights[i] = exp(scale * (logits[i] - max of logits))      i < count
 *     sums       = { sum of weights, of weights * a, of weights * b }
 *
 * Reads and writes in whole vectors: every array has room for `count` rounded up to 16. */
typedef struct colorize_annealed_mean {
  const float *logits;
  const float *a; /* the bins' centres */
  const float *b;
  float *weights;
  float *sums; /* [3] */
  intptr_t count;
  float scale;
} colorize_annealed_mean;

/* A weighted sum of four pixels, plus a fifth, through a ReLU:
 *
 *     output[c] = activation(sum over i < 4 of weight[i] * corner[i][c] + residual[c])
 *
 * `count` is a multiple of 16. */
typedef struct colorize_blend {
  const float *corner[4];
  float weight[4];
  const float *residual; /* NULL: none */
  float *output;
  intptr_t count;
  intptr_t relu;
} colorize_blend;

/* A row of a depthwise convolution, or of its adjoint: for each position x < count
 *
 *     column(t)          = x * input_step + tap_column[t]
 *     sum[c]             = bias[c] + sum over t with 0 <= column(t) < input_width of
 *                          tap_row[t][column(t) * input_stride + c] * tap_weight[t][c]
 *     output[x * output_stride + c] =
 *         (adds ? what is there : 0) + min(sum[c] < 0 ? slope * sum[c] : sum[c], ceiling)
 *
 * and the gradient of its weights, where `output` is the gradient of its output, which is only read:
 *
 *     tap_gradient[t][c] = tap_gradient[t][c] + sum over x of
 *                          tap_row[t][column(t) * input_stride + c] * output[x * output_stride + c]
 *
 * `channels` is a multiple of 16; pointers have room for it. */
typedef struct colorize_depthwise {
  const float *const *tap_row;    /* [taps]: the row of the input, from its column 0 on */
  const intptr_t *tap_column;     /* [taps] */
  const float *const *tap_weight; /* [taps][channels] */
  float *const *tap_gradient;     /* [taps][channels], of the gradient alone */
  const float *bias;              /* [channels]; NULL: 0 */
  float *output;
  intptr_t taps;
  intptr_t channels;
  intptr_t count;
  intptr_t input_step;
  intptr_t input_stride;
  intptr_t input_width;
  intptr_t output_stride;
  intptr_t adds;
  float slope;
  float ceiling; /* infinity: none */
} colorize_depthwise;

/* Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2016): 4x4 outputs of a 3x3 convolution from 6x6 inputs by 36 multiplications instead of 144.
 * The 36 are numbered row by row, and called positions. Which points they interpolate at is the
 * kernels' business. */
enum { COLORIZE_WINOGRAD_POINTS = 6, COLORIZE_WINOGRAD_POSITIONS = 36, COLORIZE_WINOGRAD_TILE = 4 };

/* The input's side, B' d B, of one tile:
 *
 *     output[p * position_stride + c] = position p of the transform of pixel[0...35][first_channel + c]
 *
 * for c < channels, a multiple of 16, and the positions of the rows from first_row to before end_row. */
typedef struct colorize_winograd_input {
  const float *const *pixel; /* 36 times [channels], row by row */
  float *output;
  intptr_t position_stride;
  float *workspace; /* [36, 16], overwritten */
  intptr_t first_channel;
  intptr_t channels;
  intptr_t first_row;
  intptr_t end_row;
  intptr_t next; /* from a pixel's first_channel to what the next call reads: fetched meanwhile */
} colorize_winograd_input;

/* The weights' side, G g G', for `count` rows of a panel: the four positions of two rows and two columns.
 * Pair 0 are rows 0 and 5, pair 1 rows 1 and 2, pair 2 rows 3 and 4, and columns likewise:
 *
 *     output[2 * i + j][k][c] = position (row i of pair `rows`, column j of pair `columns`) of the transform of
 *         tap[0...8][k][c]
 *
 * for i < 2, j < 2, k < count, c < panel. What comes out is 32 KB at most, and is still in the first-level cache
 * when it is multiplied with. */
typedef struct colorize_winograd_weights {
  const float *tap[9]; /* [count, panel], row by row */
  float *output;       /* [count, panel] of the next one of the four every `position_stride` floats */
  intptr_t position_stride;
  intptr_t count;
  intptr_t rows;    /* 0 to 2 */
  intptr_t columns; /* 0 to 2 */
} colorize_winograd_weights;

/* The output's side, A' m A, of one tile, with the epilogue of colorize_gemm_tile. Of the 4x4 pixels those
 * of the first `rows` rows and `columns` columns are written. */
typedef struct colorize_winograd_output {
  const float *sums;         /* [panel] of position p at sums + p * position_stride */
  intptr_t position_stride;
  const float *bias;         /* [panel] */
  const float *residual;     /* pixel (y, x) at + y * row_stride + x * pixel_stride; NULL: none */
  float *output;             /* likewise */
  intptr_t row_stride;
  intptr_t pixel_stride;
  float *workspace;          /* [36, 16], overwritten */
  intptr_t rows;             /* 1 to 4 */
  intptr_t columns;          /* 1 to 4 */
  const float *scale;        /* [panel]; NULL: 1, and a shift of 0 */
  const float *shift;        /* [panel] */
  float slope;
  float ceiling;             /* infinity: none */
  const float *addend;       /* like `residual`, but added last of all */
  const float *next; /* the next tile's output, of which all 16 pixels are fetched to be written */
} colorize_winograd_output;

/* How a pixel is laid out. Whole numbers are in the processor's byte order; nothing is aligned. */
typedef struct colorize_pixel_layout {
  intptr_t bytes; /* of a pixel */
  int32_t depth;  /* bytes of a channel: 1 or 2, a whole number; 4, a float of which 0 to 1 is used */
  int32_t red;    /* which channel it is; one for all three: gray */
  int32_t green;
  int32_t blue;
  int32_t alpha; /* negative: none */
} colorize_pixel_layout;

/* A row of a picture from its own lightness and a network's colors to sRGB:
 *
 *     Y       = luminance of the source's pixel
 *     a[x]    = between the columns c and c + 1 of a row that is between upper_a and lower_a; b likewise
 *     target  = sRGB of Lab(L of Y, a[x], b[x]), brought into 0 to 1, and rounded where it is a whole number; alpha is
 *               the source's or 1
 *
 * Guided, each of the four values is weighted by its bilinear share over 1 + (difference of guides)^2.
 *
 * The columns of x are c and c + 1 where starts[c] <= x < starts[c + 1]; the last one has itself for a right
 * neighbour. Source and target may be the same pixels. */
typedef struct colorize_render_row {
  const uint8_t *source; /* [count, source_layout.bytes] */
  colorize_pixel_layout source_layout;
  uint8_t *target; /* [count, target_layout.bytes] */
  colorize_pixel_layout target_layout; /* not gray */
  intptr_t count;
  const float *luminance; /* as colorize_lightness has it, for 8 bits a channel */
  const float *upper_a;   /* [columns] each */
  const float *lower_a;
  const float *upper_b;
  const float *lower_b;
  /* [columns] each: lightness of what the colors are of, times guide_scale, for colors that follow the pixels' lightness.
   * NULL: bilinear */
  const float *upper_guide;
  const float *lower_guide;
  float guide_scale;
  float row_share;       /* of the lower ones, 0 to 1 */
  const int32_t *starts; /* [columns + 1], rising, from 0 to `count` */
  intptr_t columns;
  const float *share; /* [count], of the right column, 0 to 1; read up to 15 floats further */
  float *scratch;     /* [4, RENDER_CHUNK + 16] */
  intptr_t keeps_hue; /* a color outside sRGB at its L gets the largest chroma at its hue; 0: clipped only */
} colorize_render_row;

/* So many pixels of a row are finished before the next ones are begun: what is between the steps stays in the
 * first-level cache. */
enum { COLORIZE_RENDER_CHUNK = 512 };

/* Lightness (L of CIE Lab, 0 to 100) of 8-bit pixels. */
typedef struct colorize_lightness {
  const uint8_t *source;  /* [count, source_bytes] */
  intptr_t source_bytes;  /* 1: gray, 3: RGB, 4: RGBA */
  const float *luminance; /* [4, 256]: what each byte adds to Y as red, green and blue, and what it is as gray */
  float *lightness;       /* [count], written in whole vectors: room for `count` rounded up to 16 */
  intptr_t count;
} colorize_lightness;

/* sRGB-encoded floats to L, a, b, or back; may work in place. */
typedef struct colorize_convert {
  const float *source; /* [count, 3] */
  float *target;       /* [count, 3] */
  intptr_t count;
  intptr_t clip; /* to sRGB: bring each value into 0 to 1 */
} colorize_convert;

/* Bits behind the point of a resampling weight: 32, less 8 for the pixel and 2 for sums beyond its range. */
enum { COLORIZE_RESAMPLE_FRACTION_BITS = 22 };

/* The pixels that a resampled one is made of. */
typedef struct colorize_taps {
  int32_t first;
  int32_t count;
} colorize_taps;

/* A row of a picture, resampled horizontally:
 *
 *     sum          = 1/2 + sum over k < taps[x].count of source[taps[x].first + k][c] * weights[x][k]
 *     output[x][c] = sum, rounded down, brought into 0 to 255
 *
 * in fixed-point numbers, modulo 2^32. Weights are read in whole vectors: behind the last one they are zero, up to
 * a multiple of 16. */
typedef struct colorize_resample_row {
  const uint8_t *source; /* [source_count, source_layout.bytes]; more than 8 bits are rounded to 8 */
  colorize_pixel_layout source_layout;
  intptr_t source_count;
  uint8_t *planes;       /* scratch [channels, plane_stride] */
  intptr_t plane_stride; /* at least source_count + 15 */
  const colorize_taps *taps; /* [count] */
  const int32_t *weights;    /* [count, weight_stride] */
  intptr_t weight_stride;
  int32_t *output; /* [count, channels], of 1 or 3 channels */
  intptr_t count;
} colorize_resample_row;

/* What is known of a row that is seen in parts: of those until now. */
typedef struct colorize_softmax_parts {
  float maximum; /* of the values */
  float sum;     /* of exp(value - maximum); 0 before the first part */
  float scale;   /* what a sum of earlier weights has to be multiplied by, now that the maximum is another */
} colorize_softmax_parts;

/* The softmax of a row of a packed left matrix, in place:
 *
 *     values[i] = sum * exp(values[i] - max of values) / sum over j of exp(values[j] - max of values)      i < count
 *
 * Of a part of a row (parts is not NULL) only exp(values[i] - the maximum until now); `parts` goes on. Reads and writes
 * in whole vectors: there is room for `count` rounded up to BLOCK. */
typedef struct colorize_softmax {
  float *values;         /* BLOCK of them, and then the next ones */
  intptr_t count;
  intptr_t block_stride; /* from the first of BLOCK values to the first of the next ones */
  float sum;             /* of the results; of a whole row only */
  colorize_softmax_parts *parts; /* NULL: it is a whole row */
} colorize_softmax;

/* Layer normalisation: of each pixel, over its channels,
 *
 *     output[c] = (input[c] - mean) / sqrt(variance + epsilon) * weight[c] + bias[c]      c < count
 *
 * Reads and writes in whole vectors: there is room for `count` rounded up to 16, of which weight and bias are zero
 * past the last channel. Input and output may be the same. */
typedef struct colorize_layer_norm {
  const float *input;
  intptr_t input_stride; /* from a pixel to the next one */
  float *output;
  intptr_t output_stride;
  intptr_t pixels;
  const float *weight;
  const float *bias;
  intptr_t count;
  float epsilon;
} colorize_layer_norm;

/* The Gaussian error linear unit, in place: x * (1 + erf(x / sqrt(2))) / 2. `count` is a multiple of 16. */
typedef struct colorize_gelu {
  float *values;
  intptr_t count;
} colorize_gelu;

/* The products of rows with two others:
 *
 *     output[r][i] = sum over c < count of rows[r * stride + c] * pair[i * count + c]      r < row_count, i < 2
 *
 * `count` is a multiple of 16. */
typedef struct colorize_pair_products {
  const float *rows;
  intptr_t stride;
  intptr_t row_count;
  const float *pair; /* [2, count] */
  intptr_t count;
  float *output; /* [row_count, 2] */
} colorize_pair_products;

/* The kernels of one instruction set: what inference runs, and what only training runs, which the library does not
 * hold. Kernels/Shared/tables.swift fills them, once for all instruction sets. A kernel is a field here, a line
 * there and its file. */
#pragma clang assume_nonnull begin

typedef struct colorize_kernels {
  intptr_t gemm_rows;             /* of the packed left matrix that `gemm` takes at once */
  intptr_t gemm_panel;            /* columns of the packed right matrix that it takes at once */
  intptr_t gemm_takes_any_stride; /* rows of its left matrix may lie any distance apart: none need to be packed */
  void (*gemm)(const colorize_gemm_tile *);
  void (*gemm_sums)(const colorize_gemm_sums *);
  void (*annealed_mean)(const colorize_annealed_mean *);
  void (*blend)(const colorize_blend *);
  void (*depthwise)(const colorize_depthwise *);
  void (*winograd_input)(const colorize_winograd_input *);
  void (*winograd_weights)(const colorize_winograd_weights *);
  void (*winograd_output)(const colorize_winograd_output *);
  void (*convert_to_lab)(const colorize_convert *);
  void (*convert_to_rgb)(const colorize_convert *);
  void (*lightness)(const colorize_lightness *);
  void (*render_row)(const colorize_render_row *);
  void (*resample_row)(const colorize_resample_row *);
  void (*softmax)(const colorize_softmax *);
  void (*layer_norm)(const colorize_layer_norm *);
  void (*gelu)(const colorize_gelu *);
  void (*pair_products)(const colorize_pair_products *);
} colorize_kernels;

typedef struct colorize_training_kernels {
  void (*gemm_outer)(const colorize_gemm_outer *);
  void (*channel_sums)(const colorize_channel_sums *);
  void (*channel_affine)(const colorize_channel_affine *);
  void (*depthwise_gradient)(const colorize_depthwise *);
  void (*winograd_output_gradient)(const colorize_winograd_output_gradient *);
  void (*winograd_weights_gradient)(const colorize_winograd_weights_gradient *);
  void (*adam)(const colorize_adam *);
} colorize_training_kernels;

#pragma clang assume_nonnull end

#endif
