// The kernels that only training needs: see `kernel_contract.h`. The library does not hold them.

import CKernelContract
import ColorizeCore
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

/// The kernels of training of one instruction set, beside those of inference.
package struct TrainingKernels: @unchecked Sendable {
  /// Those of inference.
  package let core: KernelSet
  /// See `kernel_contract.h` for what each computes.
  package let table: colorize_training_kernels

  /// - Parameter instructionSet: one of `InstructionSet.available`.
  package init(_ instructionSet: InstructionSet) {
    core = KernelSet(instructionSet)
    table =
      switch instructionSet {
      #if arch(x86_64)
        case .avx512: KernelsAVX512.trainingTable()
        case .avx2: KernelsAVX2.trainingTable()
      #else
        case .avx512, .avx2: preconditionFailure("this processor has no \(instructionSet.rawValue)")
      #endif
      case .baseline: KernelsBaseline.trainingTable()
      }
  }
}
