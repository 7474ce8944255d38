// Which kernels run: chosen when a model is opened, by what the processor has.

import CKernelContract
import CPlatform
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

/// The instruction sets that there are kernels for, best first.
package enum InstructionSet: String, NamedChoice, Sendable {
  case avx512
  case avx2
  case baseline

  package static let variable = "COLORIZE_ISA"

  /// Those that this processor has, best first. Never empty.
  package static var available: [InstructionSet] { allCases.filter(\.isAvailable) }

  /// The best that this processor has.
  package static var best: InstructionSet {
    avx512.isAvailable ? .avx512 : avx2.isAvailable ? .avx2 : .baseline
  }

  private var isAvailable: Bool {
    switch self {
    case .avx512: platform_has_avx512() != 0
    case .avx2: platform_has_avx2() != 0
    case .baseline: true
    }
  }
}

/// The micro-kernels of one instruction set.
package struct KernelSet: @unchecked Sendable {
  /// See `kernel_contract.h` for what each computes.
  package let table: colorize_kernels
  /// What multiplies matrices instead of `table.gemm`, if anything does.
  package let blas: OpenBLAS?

  /// - Parameter instructionSet: one of `InstructionSet.available`.
  package init(_ instructionSet: InstructionSet, blas: OpenBLAS? = nil) {
    self.blas = blas
    table =
      switch instructionSet {
      #if arch(x86_64)
        case .avx512: KernelsAVX512.kernelTable()
        case .avx2: KernelsAVX2.kernelTable()
      #else
        case .avx512, .avx2: preconditionFailure("this processor has no \(instructionSet.rawValue)")
      #endif
      case .baseline: KernelsBaseline.kernelTable()
      }
  }

  package var gemmRows: Int { table.gemm_rows }
  package var gemmPanel: Int { table.gemm_panel }
  package var gemmTakesAnyStride: Bool { table.gemm_takes_any_stride != 0 }
}
