/* What the kernels of training are called with: see kernel_contract.h. Rows are positions of a batch, and hold one float
 * a channel. `channels` is a multiple of 16. */
#ifndef TRAINING_CONTRACT_H
#define TRAINING_CONTRACT_H

#include <stdint.h>

/* Sums over rows, added to what is there:
 *
 *     g           = a[r][c], or 0 where mask[r][c] <= 0 or mask[r][c] >= ceiling
 *     sums[c]     = sums[c] + g
 *     products[c] = products[c] + g * (b[r][c] - centre[c])
 *
 * With `a` NULL, g is b[r][c] - centre[c]: sums for a variance. With a mask, g is also written to `a`. */
typedef struct colorize_channel_sums {
  float *a;          /* [rows, stride] or NULL */
  const float *b;    /* likewise; NULL: no products */
  const float *mask; /* likewise; NULL: none */
  const float *centre; /* [channels]; not read without `b` */
  float *sums;         /* [channels] */
  float *products;     /* [channels]; not written without `b` */
  intptr_t rows;
  intptr_t channels;
  intptr_t stride;
  float ceiling; /* infinity: none; not read without a mask */
} colorize_channel_sums;

/* Sums of rows, each with a factor for every channel:
 *
 *     x            = a_scale[c] * a[r][c] + b_scale[c] * b[r][c] + shift[c] + more[r][c]
 *     target[r][c] = (adds ? target[r][c] : 0) + min(x < 0 ? slope * x : x, ceiling)
 */
typedef struct colorize_channel_affine {
  const float *a;       /* [rows, stride] */
  const float *a_scale; /* [channels]; NULL: 1 */
  const float *b;       /* NULL: none */
  const float *b_scale; /* not NULL where `b` is not */
  const float *shift;   /* NULL: 0 */
  const float *more;    /* NULL: none */
  float *target;
  intptr_t rows;
  intptr_t channels;
  intptr_t stride;
  intptr_t adds;
  float slope;
  float ceiling; /* infinity: none */
} colorize_channel_affine;

/* The adjoint of the output's side of Winograd's F(4x4, 3x3), A y A', of one tile: from the gradients of its 16 pixels
 * those of the 36 sums.
 *
 *     output[p * position_stride + c] = position p of the transform of pixel[0...15][c]      c < channels */
typedef struct colorize_winograd_output_gradient {
  const float *const *pixel; /* 16 times [channels], row by row */
  float *output;
  intptr_t position_stride;
  float *workspace; /* [24, 16], overwritten */
  intptr_t channels; /* a multiple of 16 */
} colorize_winograd_output_gradient;

/* The adjoint of the weights' side, G' u G: from the gradients of transformed weights those of the nine taps. The
 * positions are in the order in which colorize_winograd_weights gives them: by the rows' pair, the columns' pair,
 * and 2 * i + j. */
typedef struct colorize_winograd_weights_gradient {
  const float *transformed; /* [count] of the next position every `position_stride` floats */
  intptr_t position_stride;
  float *tap[9];  /* [count], row by row */
  intptr_t count; /* a multiple of 16 */
} colorize_winograd_weights_gradient;

/* One step of Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019):
 *
 *     first   = first + (g - first) * first_rate      where g = gradient * gradient_scale + decay * value
 *     second  = second + (g * g - second) * second_rate
 *     value   = value * shrink - rate * first / (sqrt(second) * second_scale + epsilon)
 *     average = average + (value - average) * average_rate
 */
typedef struct colorize_adam {
  float *value;
  const float *gradient;
  float *first;
  float *second;
  float *average; /* NULL: none */
  intptr_t count; /* a multiple of 16 */
  float gradient_scale;
  float decay;        /* of Adam: part of the gradient */
  float shrink;       /* of AdamW: 1 - learning rate * weight decay */
  float first_rate;   /* 1 - beta1 */
  float second_rate;  /* 1 - beta2 */
  float rate;         /* learning rate / (1 - beta1^step) */
  float second_scale; /* 1 / sqrt(1 - beta2^step) */
  float epsilon;
  float average_rate;
} colorize_adam;

#endif
