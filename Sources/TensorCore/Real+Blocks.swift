// The products and the attention of a block: Sources/CKernels/products.inc and attention.inc.

import CKernels

/// Where the rows of an attention lie.
public typealias AttentionGeometry = ck_attention

/// What the products of a block, attention's among them, multiply: the numbers as they are, or rounded to bfloat16
/// (8 significant bits) and added up in float32. Double knows only the first.
public enum ProductPrecision: Sendable {
  case exact, bfloat16

  /// Whether this CPU, and METAMAE_ISA, has instructions for it.
  public var isAvailable: Bool { self == .exact || pairedKernels != nil }
}

private nonisolated(unsafe) let pairedKernels = ck_float_bf16()

private func kernels(_ precision: ProductPrecision) -> UnsafePointer<ck_f32> {
  guard precision == .bfloat16 else { return floatKernels }
  guard let pairedKernels else { preconditionFailure("this CPU does not multiply bfloat16") }
  return pairedKernels
}

extension Real {
  /// Numbers of workspace that a packed product of inner size k needs, for any instruction set.
  public static func packedWorkspace(_ k: Int) -> Int { Int(CK_TILE_ROWS) * k }
  /// Numbers that a right operand [k, n] takes when laid out by `pack`, for any instruction set.
  public static func packedSize(_ n: Int, _ k: Int) -> Int { (n + 31) / 32 * 32 * k }
}

extension Float {
  public static func productWorkspace(
    _ precision: ProductPrecision, _ transposeA: Bool, _ m: Int, _ n: Int, _ k: Int
  ) -> Int {
    kernels(precision).pointee.product_workspace(transposeA ? 1 : 0, m, n, k)
  }
  public static func product(
    _ precision: ProductPrecision, _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int,
    _ k: Int,
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int, _ beta: Float,
    _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ workspace: UnsafeMutablePointer<Float>
  ) {
    kernels(precision).pointee.product(
      transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, a, lda, b, ldb, beta, c, ldc, workspace)
  }
  public static func pack(
    _ precision: ProductPrecision, _ transposeB: Bool, _ n: Int, _ k: Int,
    _ b: UnsafePointer<Float>, _ ldb: Int,
    _ panels: UnsafeMutablePointer<Float>
  ) {
    kernels(precision).pointee.pack(transposeB ? 1 : 0, n, k, b, ldb, panels)
  }
  public static func productPacked(
    _ precision: ProductPrecision, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>,
    _ lda: Int,
    _ panels: UnsafePointer<Float>, _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ ldc: Int,
    _ workspace: UnsafeMutablePointer<Float>
  ) {
    kernels(precision).pointee.product_packed(m, n, k, a, lda, panels, beta, c, ldc, workspace)
  }
  public static func attentionWorkspace(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry
  ) -> Int {
    withUnsafePointer(to: geometry) { kernels(precision).pointee.attention_workspace($0) }
  }
  public static func attention(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Float>,
    _ k: UnsafePointer<Float>,
    _ v: UnsafePointer<Float>, _ p: UnsafeMutablePointer<Float>?, _ o: UnsafeMutablePointer<Float>,
    _ workspace: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: geometry) {
      kernels(precision).pointee.attention($0, q, k, v, p, o, workspace)
    }
  }
  public static func attentionBackward(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Float>,
    _ k: UnsafePointer<Float>,
    _ v: UnsafePointer<Float>, _ p: UnsafePointer<Float>?, _ dout: UnsafePointer<Float>,
    _ dq: UnsafeMutablePointer<Float>, _ dk: UnsafeMutablePointer<Float>,
    _ dv: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: geometry) {
      kernels(precision).pointee.attention_backward($0, q, k, v, p, dout, dq, dk, dv, workspace)
    }
  }
  public static func attentionTangent(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Float>,
    _ k: UnsafePointer<Float>,
    _ v: UnsafePointer<Float>, _ qt: UnsafePointer<Float>, _ kt: UnsafePointer<Float>,
    _ vt: UnsafePointer<Float>, _ p: UnsafePointer<Float>, _ pt: UnsafeMutablePointer<Float>,
    _ ot: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: geometry) {
      kernels(precision).pointee.attention_tangent($0, q, k, v, qt, kt, vt, p, pt, ot, workspace)
    }
  }
  public static func attentionBackwardTangent(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Float>,
    _ k: UnsafePointer<Float>,
    _ v: UnsafePointer<Float>, _ qt: UnsafePointer<Float>, _ kt: UnsafePointer<Float>,
    _ vt: UnsafePointer<Float>, _ p: UnsafePointer<Float>, _ pt: UnsafePointer<Float>,
    _ dout: UnsafePointer<Float>, _ doutt: UnsafePointer<Float>, _ dqt: UnsafeMutablePointer<Float>,
    _ dkt: UnsafeMutablePointer<Float>, _ dvt: UnsafeMutablePointer<Float>,
    _ workspace: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: geometry) {
      kernels(precision).pointee.attention_backward_tangent(
        $0, q, k, v, qt, kt, vt, p, pt, dout, doutt, dqt, dkt, dvt, workspace)
    }
  }
}

extension Double {
  public static func productWorkspace(
    _ precision: ProductPrecision, _ transposeA: Bool, _ m: Int, _ n: Int, _ k: Int
  ) -> Int {
    doubleKernels.pointee.product_workspace(transposeA ? 1 : 0, m, n, k)
  }
  public static func product(
    _ precision: ProductPrecision, _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int,
    _ k: Int,
    _ a: UnsafePointer<Double>, _ lda: Int, _ b: UnsafePointer<Double>, _ ldb: Int, _ beta: Double,
    _ c: UnsafeMutablePointer<Double>, _ ldc: Int, _ workspace: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.product(
      transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, a, lda, b, ldb, beta, c, ldc, workspace)
  }
  public static func pack(
    _ precision: ProductPrecision, _ transposeB: Bool, _ n: Int, _ k: Int,
    _ b: UnsafePointer<Double>, _ ldb: Int,
    _ panels: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.pack(transposeB ? 1 : 0, n, k, b, ldb, panels)
  }
  public static func productPacked(
    _ precision: ProductPrecision, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Double>,
    _ lda: Int,
    _ panels: UnsafePointer<Double>, _ beta: Double, _ c: UnsafeMutablePointer<Double>, _ ldc: Int,
    _ workspace: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.product_packed(m, n, k, a, lda, panels, beta, c, ldc, workspace)
  }
  public static func attentionWorkspace(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry
  ) -> Int {
    withUnsafePointer(to: geometry) { doubleKernels.pointee.attention_workspace($0) }
  }
  public static func attention(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Double>,
    _ k: UnsafePointer<Double>,
    _ v: UnsafePointer<Double>, _ p: UnsafeMutablePointer<Double>?,
    _ o: UnsafeMutablePointer<Double>,
    _ workspace: UnsafeMutablePointer<Double>
  ) {
    withUnsafePointer(to: geometry) {
      doubleKernels.pointee.attention($0, q, k, v, p, o, workspace)
    }
  }
  public static func attentionBackward(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Double>,
    _ k: UnsafePointer<Double>,
    _ v: UnsafePointer<Double>, _ p: UnsafePointer<Double>?, _ dout: UnsafePointer<Double>,
    _ dq: UnsafeMutablePointer<Double>, _ dk: UnsafeMutablePointer<Double>,
    _ dv: UnsafeMutablePointer<Double>, _ workspace: UnsafeMutablePointer<Double>
  ) {
    withUnsafePointer(to: geometry) {
      doubleKernels.pointee.attention_backward($0, q, k, v, p, dout, dq, dk, dv, workspace)
    }
  }
  public static func attentionTangent(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Double>,
    _ k: UnsafePointer<Double>,
    _ v: UnsafePointer<Double>, _ qt: UnsafePointer<Double>, _ kt: UnsafePointer<Double>,
    _ vt: UnsafePointer<Double>, _ p: UnsafePointer<Double>, _ pt: UnsafeMutablePointer<Double>,
    _ ot: UnsafeMutablePointer<Double>, _ workspace: UnsafeMutablePointer<Double>
  ) {
    withUnsafePointer(to: geometry) {
      doubleKernels.pointee.attention_tangent($0, q, k, v, qt, kt, vt, p, pt, ot, workspace)
    }
  }
  public static func attentionBackwardTangent(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Double>,
    _ k: UnsafePointer<Double>,
    _ v: UnsafePointer<Double>, _ qt: UnsafePointer<Double>, _ kt: UnsafePointer<Double>,
    _ vt: UnsafePointer<Double>, _ p: UnsafePointer<Double>, _ pt: UnsafePointer<Double>,
    _ dout: UnsafePointer<Double>, _ doutt: UnsafePointer<Double>,
    _ dqt: UnsafeMutablePointer<Double>,
    _ dkt: UnsafeMutablePointer<Double>, _ dvt: UnsafeMutablePointer<Double>,
    _ workspace: UnsafeMutablePointer<Double>
  ) {
    withUnsafePointer(to: geometry) {
      doubleKernels.pointee.attention_backward_tangent(
        $0, q, k, v, qt, kt, vt, p, pt, dout, doutt, dqt, dkt, dvt, workspace)
    }
  }
}
