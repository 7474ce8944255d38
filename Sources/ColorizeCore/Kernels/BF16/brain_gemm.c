/* brain_gemm.c: 13 rows by two vectors of the matrix product in bfloat16, all sums in registers. */
#include "include/brain_kernels.h"

#include <immintrin.h>

enum { ROWS = 13, LANES = 16 };

#define BRAIN __attribute__((target("avx512f,avx512vl,avx512dq,avx512bf16,fma")))

/* A row of 16 sums through the epilogue. */
BRAIN static inline __attribute__((always_inline)) void finish(const colorize_gemm_tile *tile, intptr_t row,
                                                               intptr_t column, __m512 x) {
  x = _mm512_add_ps(x, _mm512_loadu_ps(tile->bias + column));
  if (tile->residual != NULL)
    x = _mm512_add_ps(x, _mm512_loadu_ps(tile->residual + row * tile->residual_stride + column));
  __mmask16 is_negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  x = _mm512_mask_mul_ps(x, is_negative, x, _mm512_set1_ps(tile->slope));
  x = _mm512_min_ps(x, _mm512_set1_ps(tile->ceiling));
  if (tile->scale != NULL)
    x = _mm512_fmadd_ps(x, _mm512_loadu_ps(tile->scale + column), _mm512_loadu_ps(tile->shift + column));
  _mm512_storeu_ps(tile->output + row * tile->output_stride + column, x);
}

BRAIN void colorize_brain_gemm(const colorize_gemm_tile *tile) {
  const char *left = (const char *)tile->left;
  const intptr_t stride = 2 * tile->left_stride;
  const char *right = (const char *)tile->right;
  __m512 low[ROWS], high[ROWS];
#pragma clang loop unroll(full)
  for (int row = 0; row < ROWS; row++) low[row] = high[row] = _mm512_setzero_ps();
  for (intptr_t pair = 0; pair < tile->depth / 2; pair++) {
    __m512bh first = (__m512bh)_mm512_loadu_si512(right);
    __m512bh second = (__m512bh)_mm512_loadu_si512(right + 64);
#pragma clang loop unroll(full)
    for (int row = 0; row < ROWS; row++) {
      int32_t both;
      __builtin_memcpy(&both, left + row * stride, sizeof both);
      __m512bh value = (__m512bh)_mm512_set1_epi32(both);
      low[row] = _mm512_dpbf16_ps(low[row], value, first);
      high[row] = _mm512_dpbf16_ps(high[row], value, second);
    }
    left += 4;
    right += 128;
  }
#pragma clang loop unroll(full)
  for (int row = 0; row < ROWS; row++) {
    if (row == tile->rows) return;
    finish(tile, row, 0, low[row]);
    finish(tile, row, LANES, high[row]);
  }
}

BRAIN void colorize_brain_round(float *values, intptr_t count) {
  /* What is written lies before what is not read yet. */
  char *target = (char *)values;
  for (intptr_t i = 0; i < count; i += 2 * LANES) {
    __m512 first = _mm512_loadu_ps(values + i);
    __m512 second = _mm512_loadu_ps(values + i + LANES);
    _mm512_storeu_si512(target + 2 * i, (__m512i)_mm512_cvtne2ps_pbh(second, first));
  }
}
