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

/// The micro-kernels of one instruction set. See `kernel_contract.h` for what each computes.
package struct KernelSet: Sendable {
  package let gemm: @convention(c) (UnsafePointer<colorize_gemm_tile>?) -> Void
  package let gemmSums: @convention(c) (UnsafePointer<colorize_gemm_sums>?) -> Void
  /// Rows of the packed left matrix that `gemm` takes at once.
  package let gemmRows: Int
  /// Columns of the packed right matrix that `gemm` takes at once.
  package let gemmPanel: Int
  /// Whether rows of its left matrix may lie any distance apart, so that none need to be packed.
  package let gemmTakesAnyStride: Bool
  package let annealedMean: @convention(c) (UnsafePointer<colorize_annealed_mean>?) -> Void
  package let blend: @convention(c) (UnsafePointer<colorize_blend>?) -> Void
  package let depthwise: @convention(c) (UnsafePointer<colorize_depthwise>?) -> Void
  package let winogradInput: @convention(c) (UnsafePointer<colorize_winograd_input>?) -> Void
  package let winogradWeights: @convention(c) (UnsafePointer<colorize_winograd_weights>?) -> Void
  package let winogradOutput: @convention(c) (UnsafePointer<colorize_winograd_output>?) -> Void
  package let convertToLab: @convention(c) (UnsafePointer<colorize_convert>?) -> Void
  package let convertToRGB: @convention(c) (UnsafePointer<colorize_convert>?) -> Void
  package let lightness: @convention(c) (UnsafePointer<colorize_lightness>?) -> Void
  package let renderRow: @convention(c) (UnsafePointer<colorize_render_row>?) -> Void
  package let resampleRow: @convention(c) (UnsafePointer<colorize_resample_row>?) -> Void
  /// What multiplies matrices instead of `gemm`, if anything does.
  package let blas: OpenBLAS?

  package init(_ instructionSet: InstructionSet, blas: OpenBLAS? = nil) {
    self.blas = blas
    switch instructionSet {
    #if arch(x86_64)
      case .avx512:
        gemm = { KernelsAVX512.gemm($0.unsafelyUnwrapped) }
        gemmSums = { KernelsAVX512.gemmSums($0.unsafelyUnwrapped) }
        gemmRows = KernelsAVX512.gemmRows
        gemmPanel = KernelsAVX512.gemmPanel
        gemmTakesAnyStride = KernelsAVX512.gemmTakesAnyStride
        annealedMean = { KernelsAVX512.annealedMean($0.unsafelyUnwrapped) }
        blend = { KernelsAVX512.blend($0.unsafelyUnwrapped) }
        depthwise = { KernelsAVX512.depthwise($0.unsafelyUnwrapped) }
        winogradInput = { KernelsAVX512.winogradInput($0.unsafelyUnwrapped) }
        winogradWeights = { KernelsAVX512.winogradWeights($0.unsafelyUnwrapped) }
        winogradOutput = { KernelsAVX512.winogradOutput($0.unsafelyUnwrapped) }
        convertToLab = { KernelsAVX512.convertToLab($0.unsafelyUnwrapped) }
        convertToRGB = { KernelsAVX512.convertToRGB($0.unsafelyUnwrapped) }
        lightness = { KernelsAVX512.lightness($0.unsafelyUnwrapped) }
        renderRow = { KernelsAVX512.renderRow($0.unsafelyUnwrapped) }
        resampleRow = { KernelsAVX512.resampleRow($0.unsafelyUnwrapped) }
      case .avx2:
        gemm = { KernelsAVX2.gemm($0.unsafelyUnwrapped) }
        gemmSums = { KernelsAVX2.gemmSums($0.unsafelyUnwrapped) }
        gemmRows = KernelsAVX2.gemmRows
        gemmPanel = KernelsAVX2.gemmPanel
        gemmTakesAnyStride = KernelsAVX2.gemmTakesAnyStride
        annealedMean = { KernelsAVX2.annealedMean($0.unsafelyUnwrapped) }
        blend = { KernelsAVX2.blend($0.unsafelyUnwrapped) }
        depthwise = { KernelsAVX2.depthwise($0.unsafelyUnwrapped) }
        winogradInput = { KernelsAVX2.winogradInput($0.unsafelyUnwrapped) }
        winogradWeights = { KernelsAVX2.winogradWeights($0.unsafelyUnwrapped) }
        winogradOutput = { KernelsAVX2.winogradOutput($0.unsafelyUnwrapped) }
        convertToLab = { KernelsAVX2.convertToLab($0.unsafelyUnwrapped) }
        convertToRGB = { KernelsAVX2.convertToRGB($0.unsafelyUnwrapped) }
        lightness = { KernelsAVX2.lightness($0.unsafelyUnwrapped) }
        renderRow = { KernelsAVX2.renderRow($0.unsafelyUnwrapped) }
        resampleRow = { KernelsAVX2.resampleRow($0.unsafelyUnwrapped) }
    #endif
    default:
      gemm = { KernelsBaseline.gemm($0.unsafelyUnwrapped) }
      gemmSums = { KernelsBaseline.gemmSums($0.unsafelyUnwrapped) }
      gemmRows = KernelsBaseline.gemmRows
      gemmPanel = KernelsBaseline.gemmPanel
      gemmTakesAnyStride = KernelsBaseline.gemmTakesAnyStride
      annealedMean = { KernelsBaseline.annealedMean($0.unsafelyUnwrapped) }
      blend = { KernelsBaseline.blend($0.unsafelyUnwrapped) }
      depthwise = { KernelsBaseline.depthwise($0.unsafelyUnwrapped) }
      winogradInput = { KernelsBaseline.winogradInput($0.unsafelyUnwrapped) }
      winogradWeights = { KernelsBaseline.winogradWeights($0.unsafelyUnwrapped) }
      winogradOutput = { KernelsBaseline.winogradOutput($0.unsafelyUnwrapped) }
      convertToLab = { KernelsBaseline.convertToLab($0.unsafelyUnwrapped) }
      convertToRGB = { KernelsBaseline.convertToRGB($0.unsafelyUnwrapped) }
      lightness = { KernelsBaseline.lightness($0.unsafelyUnwrapped) }
      renderRow = { KernelsBaseline.renderRow($0.unsafelyUnwrapped) }
      resampleRow = { KernelsBaseline.resampleRow($0.unsafelyUnwrapped) }
    }
  }
}
