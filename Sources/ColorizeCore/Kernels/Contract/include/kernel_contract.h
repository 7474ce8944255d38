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

/* The left matrix is packed in blocks of this many columns, a row behind the other. A constant distance
 * between rows lets a kernel reach all of them from one register. */
enum { COLORIZE_GEMM_BLOCK = 256 };

/* One tile of a matrix product, with its epilogue:
 *
 *     sum[r][c]    = sum over k < depth of left[r][k] * right[k][c]      r < tile rows, c < panel
 *     x            = sum[r][c] + bias[c] + residual[r][c]                r < rows
 *     output[r][c] = (x < 0 ? slope * x : x) * scale[c] + shift[c]
 *
 * "tile rows" and "panel" (columns) are the kernel's own, and part of its name: gemm13x32.
 *
 * A deeper product is done a block at a time: all blocks but the first take the sums so far, which are
 * in `output`, as their residual.
 */
typedef struct colorize_gemm_tile {
  const float *left;     /* [tile rows, BLOCK], `depth` columns; rows past `rows` are read */
  const float *right;    /* [depth, panel] */
  intptr_t depth;        /* 1 to BLOCK */
  const float *bias;     /* [panel] */
  const float *residual; /* [rows, panel], a row every `residual_stride` floats; NULL: none */
  intptr_t residual_stride;
  float *output; /* [rows, panel], a row every `output_stride` floats */
  intptr_t output_stride;
  intptr_t rows; /* 1 to tile rows */
  const float *scale; /* [panel]; NULL: 1, and a shift of 0 */
  const float *shift; /* [panel] */
  float slope;        /* 1: no activation; 0: ReLU; between: leaky ReLU */
} colorize_gemm_tile;

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

#endif
