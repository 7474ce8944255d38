// The tables of this instruction set's kernels: the only place that lists them.

import CKernelContract

/// What inference runs.
package func kernelTable() -> colorize_kernels {
  colorize_kernels(
    gemm_rows: gemmRows, gemm_panel: gemmPanel, gemm_takes_any_stride: gemmTakesAnyStride ? 1 : 0,
    gemm: { gemm($0) },
    gemm_sums: { gemmSums($0) },
    annealed_mean: { annealedMean($0) },
    blend: { blend($0) },
    depthwise: { depthwise($0) },
    winograd_input: { winogradInput($0) },
    winograd_weights: { winogradWeights($0) },
    winograd_output: { winogradOutput($0) },
    convert_to_lab: { convertToLab($0) },
    convert_to_rgb: { convertToRGB($0) },
    lightness: { lightness($0) },
    render_row: { renderRow($0) },
    resample_row: { resampleRow($0) },
    softmax: { softmax($0) },
    layer_norm: { layerNorm($0) },
    gelu: { gelu($0) },
    pair_products: { pairProducts($0) })
}

/// What only training runs.
package func trainingTable() -> colorize_training_kernels {
  colorize_training_kernels(
    gemm_outer: { gemmOuter($0) },
    channel_sums: { channelSums($0) },
    channel_affine: { channelAffine($0) },
    depthwise_gradient: { depthwiseGradient($0) },
    winograd_output_gradient: { winogradOutputGradient($0) },
    winograd_weights_gradient: { winogradWeightsGradient($0) },
    adam: { adam($0) })
}
