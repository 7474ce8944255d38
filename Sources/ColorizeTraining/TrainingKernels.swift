// The kernels that only training needs: see `training_contract.h`. The library does not hold them.

import CKernelContract
import ColorizeCore
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

/// The kernels of training of one instruction set, beside those of inference.
package struct TrainingKernels: Sendable {
  /// Those of inference.
  package let core: KernelSet
  let gemmOuter: @convention(c) (UnsafePointer<colorize_gemm_outer>?) -> Void
  let channelSums: @convention(c) (UnsafePointer<colorize_channel_sums>?) -> Void
  let channelAffine: @convention(c) (UnsafePointer<colorize_channel_affine>?) -> Void
  let depthwiseGradient: @convention(c) (UnsafePointer<colorize_depthwise>?) -> Void
  let winogradOutputGradient:
    @convention(c) (UnsafePointer<colorize_winograd_output_gradient>?) -> Void
  let winogradWeightsGradient:
    @convention(c) (UnsafePointer<colorize_winograd_weights_gradient>?) -> Void
  let adam: @convention(c) (UnsafePointer<colorize_adam>?) -> Void

  package init(_ instructionSet: InstructionSet) {
    core = KernelSet(instructionSet)
    switch instructionSet {
    #if arch(x86_64)
      case .avx512:
        gemmOuter = { KernelsAVX512.gemmOuter($0.unsafelyUnwrapped) }
        channelSums = { KernelsAVX512.channelSums($0.unsafelyUnwrapped) }
        channelAffine = { KernelsAVX512.channelAffine($0.unsafelyUnwrapped) }
        depthwiseGradient = { KernelsAVX512.depthwiseGradient($0.unsafelyUnwrapped) }
        winogradOutputGradient = { KernelsAVX512.winogradOutputGradient($0.unsafelyUnwrapped) }
        winogradWeightsGradient = { KernelsAVX512.winogradWeightsGradient($0.unsafelyUnwrapped) }
        adam = { KernelsAVX512.adam($0.unsafelyUnwrapped) }
      case .avx2:
        gemmOuter = { KernelsAVX2.gemmOuter($0.unsafelyUnwrapped) }
        channelSums = { KernelsAVX2.channelSums($0.unsafelyUnwrapped) }
        channelAffine = { KernelsAVX2.channelAffine($0.unsafelyUnwrapped) }
        depthwiseGradient = { KernelsAVX2.depthwiseGradient($0.unsafelyUnwrapped) }
        winogradOutputGradient = { KernelsAVX2.winogradOutputGradient($0.unsafelyUnwrapped) }
        winogradWeightsGradient = { KernelsAVX2.winogradWeightsGradient($0.unsafelyUnwrapped) }
        adam = { KernelsAVX2.adam($0.unsafelyUnwrapped) }
    #endif
    default:
      gemmOuter = { KernelsBaseline.gemmOuter($0.unsafelyUnwrapped) }
      channelSums = { KernelsBaseline.channelSums($0.unsafelyUnwrapped) }
      channelAffine = { KernelsBaseline.channelAffine($0.unsafelyUnwrapped) }
      depthwiseGradient = { KernelsBaseline.depthwiseGradient($0.unsafelyUnwrapped) }
      winogradOutputGradient = { KernelsBaseline.winogradOutputGradient($0.unsafelyUnwrapped) }
      winogradWeightsGradient = { KernelsBaseline.winogradWeightsGradient($0.unsafelyUnwrapped) }
      adam = { KernelsBaseline.adam($0.unsafelyUnwrapped) }
    }
  }
}
