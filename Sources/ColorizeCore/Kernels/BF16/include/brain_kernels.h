/* The matrix product in bfloat16, for processors with AVX-512 BF16.
 *
 * C, because Swift has no vectors of bfloat16. Each function says for itself what it is compiled for, so that the
 * target needs no flag and nothing else in it can need such a processor.
 */
#ifndef BRAIN_KERNELS_H
#define BRAIN_KERNELS_H

#include "kernel_contract.h"

/* AVX-512's `gemm` (13 rows, a panel of 32 columns) with bfloat16 in both matrices and sums of float32:
 *
 *     left   [13, BLOCK] of bfloat16, `left_stride` of them from a row to the next one
 *     right  [depth / 2, 32, 2] of bfloat16: two rows beside each other
 *     depth  even
 *     is_narrow is not looked at
 *
 * Everything else is as in colorize_gemm_tile. A product of two is exact; denormal numbers count as 0. */
void colorize_brain_gemm(const colorize_gemm_tile *_Nonnull tile);

/* Rounds `count` floats, a multiple of 32, to bfloat16, to the even one of two; in place. */
void colorize_brain_round(float *_Nonnull values, intptr_t count);

#endif
