/* A library in the place of libopenblas.so.0 that holds a lock in every product, as OpenBLAS does for
 * moments that no test would hit, and ends the process if there are more products at a time than
 * OpenBLAS, as it may be built, has memory for. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MOST = 50 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int inside;

/* Row-major, neither matrix transposed, alpha 1: what the library asks for. */
void cblas_sgemm(int order, int left_transposed, int right_transposed, int rows, int columns,
                 int depth, float alpha, const float *left, int left_stride, const float *right,
                 int right_stride, float beta, float *output, int output_stride) {
  if (order != 101 || left_transposed != 111 || right_transposed != 111 || alpha != 1) abort();
  if (++inside > MOST) abort();
  pthread_mutex_lock(&lock);
  for (int row = 0; row < rows; row++) {
    float *sums = output + (size_t)row * (size_t)output_stride;
    for (int c = 0; c < columns; c++) sums[c] = beta == 0 ? 0 : beta * sums[c];
    for (int k = 0; k < depth; k++)
      for (int c = 0; c < columns; c++)
        sums[c] += left[(size_t)row * (size_t)left_stride + (size_t)k] *
                   right[(size_t)k * (size_t)right_stride + (size_t)c];
  }
  pthread_mutex_unlock(&lock);
  inside--;
}

void openblas_set_num_threads(int threads) {
  if (threads != 1) abort();
}

const char *openblas_get_config(void) { return "OpenBLAS 0.0 of a test"; }

const char *openblas_get_corename(void) { return "test"; }
