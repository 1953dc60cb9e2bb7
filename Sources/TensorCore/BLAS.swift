// OpenBLAS as we use it: one thread inside, our own lanes outside (swift-on-linux measurements: small products and
// elementwise work scale only so). Call `prepare` as the first statement of a program. The only
// file that imports COpenBLAS.

import Basics
import CKernels
import COpenBLAS
import Glibc

public enum BLAS {
  /// Sets one BLAS thread and checks that this build may be called from several threads at once.
  /// - Throws: a usage failure when `METAMAE_ISA` names a set that this CPU lacks; tryAgain for a BLAS built
  ///   without threads, whose results are wrong when two lanes call it.
  public static func prepare() throws {
    openblas_set_num_threads(1)
    guard openblas_get_parallel() != 0 else {
      throw Failure(
        .tryAgain, at: "OpenBLAS",
        "this build is not safe to call from several threads (\(configuration))",
        remedy: "Install the pthread build: apt-get install libopenblas0-pthread")
    }
    guard ck_instruction_set() != nil else {
      let value = getenv("METAMAE_ISA").map { String(cString: $0) } ?? ""
      throw Failure(
        .usage, at: "METAMAE_ISA",
        "expected baseline, avx2 or avx512, as far as this CPU has it, found '\(value)'",
        remedy: "Unset it to take the best.")
    }
  }

  /// Eigenvalues of a symmetric matrix, ascending.
  /// - Parameters:
  ///   - matrix: n x n; overwritten.
  ///   - values: n.
  ///   - work: at least 34 n.
  /// - Returns: false when they were not found (the matrix holds NaN or infinity).
  public static func eigenvalues(
    _ n: Int, _ matrix: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<Double>,
    work: UnsafeMutableBufferPointer<Double>
  ) -> Bool {
    precondition(work.count >= 34 * n, "work of \(work.count) for \(n)")
    var (size, room, info) = (Int32(n), Int32(work.count), Int32(0))
    dsyev_("N", "U", &size, matrix, &size, values, work.baseAddress, &room, &info, 1, 1)
    return info == 0
  }

  /// Version and build options, as OpenBLAS prints them.
  public static var configuration: String { String(cString: openblas_get_config()) }

  /// The kernels it picked for this CPU, or was told to pick.
  public static var coreName: String { String(cString: openblas_get_corename()) }

  /// The instruction set of our own kernels.
  public static var instructionSet: String {
    ck_instruction_set().map { String(cString: $0) } ?? "none"
  }
}

extension Float {
  public static func gemm(
    _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Float,
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(m),
      Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }
}

extension Double {
  public static func gemm(
    _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Double,
    _ a: UnsafePointer<Double>, _ lda: Int, _ b: UnsafePointer<Double>, _ ldb: Int, _ beta: Double,
    _ c: UnsafeMutablePointer<Double>, _ ldc: Int
  ) {
    cblas_dgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      Int32(m),
      Int32(n), Int32(k), alpha, a, Int32(lda), b, Int32(ldb), beta, c, Int32(ldc))
  }
}
