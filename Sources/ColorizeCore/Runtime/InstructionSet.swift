// Which kernels run: chosen when a model is opened, by what the processor has.

import CKernelContract
import CPlatform
import KernelsBaseline

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
  import KernelsBF16
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

/// The numbers that weights are multiplied in.
package enum Precision: String, CaseIterable, Sendable {
  case float32
  /// Weights and what they are multiplied by are rounded to bfloat16; sums are float32. Not where Winograd's algorithm
  /// is used, nor in attention's own products.
  case bfloat16

  /// Throws unless the kernels of an instruction set, on this processor, have it.
  package func check(_ instructionSet: InstructionSet, _ blas: OpenBLAS?) throws(ColorizeError) {
    guard self == .bfloat16 else { return }
    guard platform_has_avx512_bf16() != 0 else {
      throw .invalidArgument(
        "precision is bfloat16, which needs a processor with AVX-512 BF16; this one has none")
    }
    guard instructionSet == .avx512, blas == nil else {
      throw .invalidArgument(
        "precision is bfloat16, which needs the kernels for avx512; those for "
          + "\(blas == nil ? instructionSet.rawValue : "OpenBLAS") were asked for")
    }
  }
}

/// The micro-kernels of the product in bfloat16: see `brain_kernels.h`.
package struct BrainKernels: Sendable {
  package let gemm: @convention(c) (UnsafePointer<colorize_gemm_tile>) -> Void
  package let round: @convention(c) (UnsafeMutablePointer<Float>, Int) -> Void
}

/// The micro-kernels of one instruction set.
package struct KernelSet: @unchecked Sendable {
  /// See `kernel_contract.h` for what each computes.
  package let table: colorize_kernels
  /// What multiplies matrices instead of `table.gemm`, if anything does.
  package let blas: OpenBLAS?
  /// What multiplies most weights; nil: `table.gemm`, in float32.
  package let brain: BrainKernels?

  /// - Parameters:
  ///   - instructionSet: one of `InstructionSet.available`.
  ///   - precision: one that passes `check`.
  package init(
    _ instructionSet: InstructionSet, blas: OpenBLAS? = nil, precision: Precision = .float32
  ) {
    self.blas = blas
    #if arch(x86_64)
      brain =
        precision == .bfloat16
        ? BrainKernels(gemm: colorize_brain_gemm, round: colorize_brain_round) : nil
    #else
      brain = nil
    #endif
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
