// The C kernels for each number type, under one protocol. What each computes, and the names of its arguments,
// stand in Sources/CKernels/kernels.inc; the instruction set is chosen at the first use (METAMAE_ISA overrides).

import CKernels
import COpenBLAS
import Glibc

/// A number type that the networks compute in: `Float` trains, `Double` lets tests agree with finite differences.
public protocol Real: BinaryFloatingPoint & Sendable {
  /// C = alpha op(A) op(B) + beta C, row-major, by OpenBLAS.
  static func gemm(
    _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ alpha: Self,
    _ a: UnsafePointer<Self>, _ lda: Int, _ b: UnsafePointer<Self>, _ ldb: Int, _ beta: Self,
    _ c: UnsafeMutablePointer<Self>, _ ldc: Int)

  static func layernorm(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Self>, _ gamma: UnsafePointer<Self>,
    _ beta: UnsafePointer<Self>, _ eps: Self, _ xhat: UnsafeMutablePointer<Self>,
    _ r: UnsafeMutablePointer<Self>, _ y: UnsafeMutablePointer<Self>)
  static func layernormAgain(
    _ rows: Int, _ d: Int, _ xhat: UnsafePointer<Self>, _ gamma: UnsafePointer<Self>,
    _ beta: UnsafePointer<Self>?, _ y: UnsafeMutablePointer<Self>)
  static func layernormBackward(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Self>, _ xhat: UnsafePointer<Self>,
    _ r: UnsafePointer<Self>, _ gamma: UnsafePointer<Self>, _ dx: UnsafeMutablePointer<Self>)
  static func layernormAccumulate(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Self>, _ xhat: UnsafePointer<Self>,
    _ dgamma: UnsafeMutablePointer<Self>, _ dbeta: UnsafeMutablePointer<Self>)
  static func layernormTangent(
    _ rows: Int, _ d: Int, _ xt: UnsafePointer<Self>, _ xhat: UnsafePointer<Self>,
    _ r: UnsafePointer<Self>, _ gamma: UnsafePointer<Self>, _ xhatt: UnsafeMutablePointer<Self>,
    _ rho: UnsafeMutablePointer<Self>, _ yt: UnsafeMutablePointer<Self>)
  static func layernormBackwardTangent(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Self>, _ dyt: UnsafePointer<Self>,
    _ xhat: UnsafePointer<Self>, _ xhatt: UnsafePointer<Self>, _ r: UnsafePointer<Self>,
    _ rho: UnsafePointer<Self>, _ gamma: UnsafePointer<Self>, _ dxt: UnsafeMutablePointer<Self>,
    _ dgamma: UnsafeMutablePointer<Self>, _ dbeta: UnsafeMutablePointer<Self>)
  static func gelu(
    _ rows: Int, _ d: Int, _ h: UnsafeMutablePointer<Self>, _ bias: UnsafePointer<Self>,
    _ a: UnsafeMutablePointer<Self>)
  static func geluBackward(
    _ n: Int, _ h: UnsafePointer<Self>, _ da: UnsafePointer<Self>, _ dh: UnsafeMutablePointer<Self>,
    _ a: UnsafeMutablePointer<Self>?)
  static func geluTangent(
    _ n: Int, _ h: UnsafePointer<Self>, _ ht: UnsafePointer<Self>, _ at: UnsafeMutablePointer<Self>)
  static func geluBackwardTangent(
    _ n: Int, _ h: UnsafePointer<Self>, _ ht: UnsafePointer<Self>, _ da: UnsafePointer<Self>,
    _ dat: UnsafeMutablePointer<Self>, _ a: UnsafeMutablePointer<Self>,
    _ at: UnsafeMutablePointer<Self>, _ dh: UnsafeMutablePointer<Self>)
  static func softmax(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Self, _ s: UnsafeMutablePointer<Self>)
  static func softmaxBackward(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Self, _ p: UnsafePointer<Self>,
    _ dp: UnsafeMutablePointer<Self>)
  static func softmaxTangent(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Self, _ p: UnsafePointer<Self>,
    _ st: UnsafeMutablePointer<Self>)
  static func softmaxBackwardTangent(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Self, _ p: UnsafePointer<Self>,
    _ pt: UnsafePointer<Self>, _ dp: UnsafeMutablePointer<Self>, _ dpt: UnsafeMutablePointer<Self>)
  static func squaredError(
    _ rows: Int, _ width: Int, _ index: UnsafePointer<Int32>, _ t: UnsafePointer<Self>,
    _ coefficient: Self, _ p: UnsafeMutablePointer<Self>
  ) -> Double
  static func crossEntropy(
    _ rows: Int, _ classes: Int, _ index: UnsafePointer<Int32>, _ target: UnsafePointer<Int32>,
    _ coefficient: Self, _ logits: UnsafeMutablePointer<Self>, _ shares: UnsafeMutablePointer<Self>?
  ) -> Double
  static func crossEntropyTangent(
    _ rows: Int, _ classes: Int, _ shares: UnsafePointer<Self>, _ coefficient: Self,
    _ lt: UnsafeMutablePointer<Self>)
  static func addBias(
    _ rows: Int, _ d: Int, _ bias: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>)
  static func addBranch(
    _ rows: Int, _ d: Int, _ y: UnsafePointer<Self>, _ bias: UnsafePointer<Self>,
    _ x: UnsafeMutablePointer<Self>)
  static func columnSums(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Self>, _ sums: UnsafeMutablePointer<Self>)
  static func indexedSums(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ x: UnsafePointer<Self>,
    _ sums: UnsafeMutablePointer<Self>)
  static func assemble(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Self>,
    _ absent: UnsafePointer<Self>?, _ dst: UnsafeMutablePointer<Self>)
  static func axpy(_ n: Int, _ a: Self, _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>)
  static func scale(_ n: Int, _ a: Self, _ x: UnsafeMutablePointer<Self>)
  static func dot(_ n: Int, _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>) -> Double
  static func gather(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Self>,
    _ dst: UnsafeMutablePointer<Self>)
  static func scatterAdd(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Self>,
    _ dst: UnsafeMutablePointer<Self>)
  static func gatherReordered(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ order: UnsafePointer<Int32>,
    _ src: UnsafePointer<Self>, _ dst: UnsafeMutablePointer<Self>)
  static func dropout(
    _ n: Int, _ key: UInt32, _ threshold: UInt32, _ scale: Self, _ x: UnsafeMutablePointer<Self>)
  static func batchnorm(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Self>, _ gamma: UnsafePointer<Self>,
    _ beta: UnsafePointer<Self>, _ eps: Self, _ xhat: UnsafeMutablePointer<Self>,
    _ r: UnsafeMutablePointer<Self>, _ mean: UnsafeMutablePointer<Self>,
    _ variance: UnsafeMutablePointer<Self>, _ y: UnsafeMutablePointer<Self>)
  static func batchnormBackward(
    _ rows: Int, _ d: Int, _ xhat: UnsafePointer<Self>, _ r: UnsafePointer<Self>,
    _ gamma: UnsafePointer<Self>, _ dy: UnsafeMutablePointer<Self>,
    _ dgamma: UnsafeMutablePointer<Self>, _ dbeta: UnsafeMutablePointer<Self>)
  static func adamw(
    _ n: Int, _ rate: Self, _ decay: Self, _ beta1: Self, _ beta2: Self, _ eps: Self,
    _ correction1: Self, _ correction2: Self, _ g: UnsafePointer<Self>,
    _ m: UnsafeMutablePointer<Self>, _ v: UnsafeMutablePointer<Self>,
    _ p: UnsafeMutablePointer<Self>)
  static func patchifyF32(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Self>, _ shift: UnsafePointer<Self>, _ tokens: UnsafeMutablePointer<Self>
  )
  static func patchifyF64(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Self>, _ shift: UnsafePointer<Self>, _ tokens: UnsafeMutablePointer<Self>
  )
  static func patchifyU8(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Self>, _ shift: UnsafePointer<Self>, _ tokens: UnsafeMutablePointer<Self>
  )
  static func patchifyU16(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Self>, _ shift: UnsafePointer<Self>, _ tokens: UnsafeMutablePointer<Self>
  )

  /// Numbers of workspace that `product` needs.
  static func productWorkspace(
    _ precision: ProductPrecision, _ transposeA: Bool, _ m: Int, _ n: Int, _ k: Int
  ) -> Int
  /// C = op(A) op(B) + beta C, row-major, on register tiles; for the products inside a block.
  static func product(
    _ precision: ProductPrecision, _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int,
    _ k: Int,
    _ a: UnsafePointer<Self>, _ lda: Int, _ b: UnsafePointer<Self>, _ ldb: Int, _ beta: Self,
    _ c: UnsafeMutablePointer<Self>, _ ldc: Int, _ workspace: UnsafeMutablePointer<Self>)
  /// Lays out op(B) [k, n] as the right operand of `productPacked`: `packedSize` numbers, 64-byte aligned,
  /// read in the same precision.
  static func pack(
    _ precision: ProductPrecision, _ transposeB: Bool, _ n: Int, _ k: Int, _ b: UnsafePointer<Self>,
    _ ldb: Int,
    _ panels: UnsafeMutablePointer<Self>)
  /// C [m, n] = A B + beta C with B laid out by `pack`; the workspace takes `packedWorkspace(k)` numbers.
  static func productPacked(
    _ precision: ProductPrecision, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Self>,
    _ lda: Int,
    _ panels: UnsafePointer<Self>, _ beta: Self, _ c: UnsafeMutablePointer<Self>, _ ldc: Int,
    _ workspace: UnsafeMutablePointer<Self>)
  /// Numbers of workspace that the four passes of attention need.
  static func attentionWorkspace(_ precision: ProductPrecision, _ geometry: AttentionGeometry)
    -> Int
  static func attention(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Self>,
    _ k: UnsafePointer<Self>,
    _ v: UnsafePointer<Self>, _ p: UnsafeMutablePointer<Self>?, _ o: UnsafeMutablePointer<Self>,
    _ workspace: UnsafeMutablePointer<Self>)
  static func attentionBackward(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Self>,
    _ k: UnsafePointer<Self>,
    _ v: UnsafePointer<Self>, _ p: UnsafePointer<Self>?, _ dout: UnsafePointer<Self>,
    _ dq: UnsafeMutablePointer<Self>, _ dk: UnsafeMutablePointer<Self>,
    _ dv: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutablePointer<Self>)
  static func attentionTangent(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Self>,
    _ k: UnsafePointer<Self>,
    _ v: UnsafePointer<Self>, _ qt: UnsafePointer<Self>, _ kt: UnsafePointer<Self>,
    _ vt: UnsafePointer<Self>, _ p: UnsafePointer<Self>, _ pt: UnsafeMutablePointer<Self>,
    _ ot: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutablePointer<Self>)
  static func attentionBackwardTangent(
    _ precision: ProductPrecision, _ geometry: AttentionGeometry, _ q: UnsafePointer<Self>,
    _ k: UnsafePointer<Self>,
    _ v: UnsafePointer<Self>, _ qt: UnsafePointer<Self>, _ kt: UnsafePointer<Self>,
    _ vt: UnsafePointer<Self>, _ p: UnsafePointer<Self>, _ pt: UnsafePointer<Self>,
    _ dout: UnsafePointer<Self>, _ doutt: UnsafePointer<Self>, _ dqt: UnsafeMutablePointer<Self>,
    _ dkt: UnsafeMutablePointer<Self>, _ dvt: UnsafeMutablePointer<Self>,
    _ workspace: UnsafeMutablePointer<Self>)
}

extension Real {
  /// x = 0.
  public static func zero(_ n: Int, _ x: UnsafeMutablePointer<Self>) {
    memset(x, 0, n * MemoryLayout<Self>.stride)
  }
}

nonisolated(unsafe) let floatKernels = ck_float()

extension Float: Real {
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

  public static func layernorm(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>,
    _ beta: UnsafePointer<Float>, _ eps: Float, _ xhat: UnsafeMutablePointer<Float>,
    _ r: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.layernorm(rows, d, x, gamma, beta, eps, xhat, r, y)
  }
  public static func layernormAgain(
    _ rows: Int, _ d: Int, _ xhat: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>,
    _ beta: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.layernorm_again(rows, d, xhat, gamma, beta, y)
  }
  public static func layernormBackward(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Float>, _ xhat: UnsafePointer<Float>,
    _ r: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.layernorm_backward(rows, d, dy, xhat, r, gamma, dx)
  }
  public static func layernormAccumulate(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Float>, _ xhat: UnsafePointer<Float>,
    _ dgamma: UnsafeMutablePointer<Float>, _ dbeta: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.layernorm_accumulate(rows, d, dy, xhat, dgamma, dbeta)
  }
  public static func layernormTangent(
    _ rows: Int, _ d: Int, _ xt: UnsafePointer<Float>, _ xhat: UnsafePointer<Float>,
    _ r: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ xhatt: UnsafeMutablePointer<Float>,
    _ rho: UnsafeMutablePointer<Float>, _ yt: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.layernorm_tangent(rows, d, xt, xhat, r, gamma, xhatt, rho, yt)
  }
  public static func layernormBackwardTangent(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Float>, _ dyt: UnsafePointer<Float>,
    _ xhat: UnsafePointer<Float>, _ xhatt: UnsafePointer<Float>, _ r: UnsafePointer<Float>,
    _ rho: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>, _ dxt: UnsafeMutablePointer<Float>,
    _ dgamma: UnsafeMutablePointer<Float>, _ dbeta: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.layernorm_backward_tangent(
      rows, d, dy, dyt, xhat, xhatt, r, rho, gamma, dxt, dgamma, dbeta)
  }
  public static func gelu(
    _ rows: Int, _ d: Int, _ h: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>,
    _ a: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.gelu(rows, d, h, bias, a)
  }
  public static func geluBackward(
    _ n: Int, _ h: UnsafePointer<Float>, _ da: UnsafePointer<Float>,
    _ dh: UnsafeMutablePointer<Float>, _ a: UnsafeMutablePointer<Float>?
  ) {
    floatKernels.pointee.gelu_backward(n, h, da, dh, a)
  }
  public static func geluTangent(
    _ n: Int, _ h: UnsafePointer<Float>, _ ht: UnsafePointer<Float>,
    _ at: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.gelu_tangent(n, h, ht, at)
  }
  public static func geluBackwardTangent(
    _ n: Int, _ h: UnsafePointer<Float>, _ ht: UnsafePointer<Float>, _ da: UnsafePointer<Float>,
    _ dat: UnsafeMutablePointer<Float>, _ a: UnsafeMutablePointer<Float>,
    _ at: UnsafeMutablePointer<Float>, _ dh: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.gelu_backward_tangent(n, h, ht, da, dat, a, at, dh)
  }
  public static func softmax(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Float, _ s: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.softmax(rows, n, ld, scale, s)
  }
  public static func softmaxBackward(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Float, _ p: UnsafePointer<Float>,
    _ dp: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.softmax_backward(rows, n, ld, scale, p, dp)
  }
  public static func softmaxTangent(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Float, _ p: UnsafePointer<Float>,
    _ st: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.softmax_tangent(rows, n, ld, scale, p, st)
  }
  public static func softmaxBackwardTangent(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Float, _ p: UnsafePointer<Float>,
    _ pt: UnsafePointer<Float>, _ dp: UnsafeMutablePointer<Float>,
    _ dpt: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.softmax_backward_tangent(rows, n, ld, scale, p, pt, dp, dpt)
  }
  public static func squaredError(
    _ rows: Int, _ width: Int, _ index: UnsafePointer<Int32>, _ t: UnsafePointer<Float>,
    _ coefficient: Float, _ p: UnsafeMutablePointer<Float>
  ) -> Double {
    floatKernels.pointee.squared_error(rows, width, index, t, coefficient, p)
  }
  public static func crossEntropy(
    _ rows: Int, _ classes: Int, _ index: UnsafePointer<Int32>, _ target: UnsafePointer<Int32>,
    _ coefficient: Float, _ logits: UnsafeMutablePointer<Float>,
    _ shares: UnsafeMutablePointer<Float>?
  ) -> Double {
    floatKernels.pointee.cross_entropy(rows, classes, index, target, coefficient, logits, shares)
  }
  public static func crossEntropyTangent(
    _ rows: Int, _ classes: Int, _ shares: UnsafePointer<Float>, _ coefficient: Float,
    _ lt: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.cross_entropy_tangent(rows, classes, shares, coefficient, lt)
  }
  public static func addBias(
    _ rows: Int, _ d: Int, _ bias: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.add_bias(rows, d, bias, y)
  }
  public static func addBranch(
    _ rows: Int, _ d: Int, _ y: UnsafePointer<Float>, _ bias: UnsafePointer<Float>,
    _ x: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.add_branch(rows, d, y, bias, x)
  }
  public static func columnSums(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.column_sums(rows, d, x, sums)
  }
  public static func indexedSums(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ x: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.indexed_sums(rows, d, index, x, sums)
  }
  public static func assemble(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Float>,
    _ absent: UnsafePointer<Float>?, _ dst: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.assemble(rows, d, index, src, absent, dst)
  }
  public static func axpy(
    _ n: Int, _ a: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.axpy(n, a, x, y)
  }
  public static func scale(_ n: Int, _ a: Float, _ x: UnsafeMutablePointer<Float>) {
    floatKernels.pointee.scale(n, a, x)
  }
  public static func dot(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Double {
    floatKernels.pointee.dot(n, x, y)
  }
  public static func gather(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Float>,
    _ dst: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.gather(rows, d, index, src, dst)
  }
  public static func scatterAdd(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Float>,
    _ dst: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.scatter_add(rows, d, index, src, dst)
  }
  public static func gatherReordered(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ order: UnsafePointer<Int32>,
    _ src: UnsafePointer<Float>, _ dst: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.gather_reordered(rows, d, index, order, src, dst)
  }
  public static func dropout(
    _ n: Int, _ key: UInt32, _ threshold: UInt32, _ scale: Float, _ x: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.dropout(n, key, threshold, scale, x)
  }
  public static func batchnorm(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>,
    _ beta: UnsafePointer<Float>, _ eps: Float, _ xhat: UnsafeMutablePointer<Float>,
    _ r: UnsafeMutablePointer<Float>, _ mean: UnsafeMutablePointer<Float>,
    _ variance: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.batchnorm(rows, d, x, gamma, beta, eps, xhat, r, mean, variance, y)
  }
  public static func batchnormBackward(
    _ rows: Int, _ d: Int, _ xhat: UnsafePointer<Float>, _ r: UnsafePointer<Float>,
    _ gamma: UnsafePointer<Float>, _ dy: UnsafeMutablePointer<Float>,
    _ dgamma: UnsafeMutablePointer<Float>, _ dbeta: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.batchnorm_backward(rows, d, xhat, r, gamma, dy, dgamma, dbeta)
  }
  public static func adamw(
    _ n: Int, _ rate: Float, _ decay: Float, _ beta1: Float, _ beta2: Float, _ eps: Float,
    _ correction1: Float, _ correction2: Float, _ g: UnsafePointer<Float>,
    _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>,
    _ p: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.adamw(
      n, rate, decay, beta1, beta2, eps, correction1, correction2, g, m, v, p)
  }
  public static func patchifyF32(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    _ tokens: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.patchify_f32(channels, height, width, p, q, stored, scale, shift, tokens)
  }
  public static func patchifyF64(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    _ tokens: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.patchify_f64(channels, height, width, p, q, stored, scale, shift, tokens)
  }
  public static func patchifyU8(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    _ tokens: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.patchify_u8(channels, height, width, p, q, stored, scale, shift, tokens)
  }
  public static func patchifyU16(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    _ tokens: UnsafeMutablePointer<Float>
  ) {
    floatKernels.pointee.patchify_u16(channels, height, width, p, q, stored, scale, shift, tokens)
  }
}

nonisolated(unsafe) let doubleKernels = ck_double()

extension Double: Real {
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

  public static func layernorm(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Double>, _ gamma: UnsafePointer<Double>,
    _ beta: UnsafePointer<Double>, _ eps: Double, _ xhat: UnsafeMutablePointer<Double>,
    _ r: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.layernorm(rows, d, x, gamma, beta, eps, xhat, r, y)
  }
  public static func layernormAgain(
    _ rows: Int, _ d: Int, _ xhat: UnsafePointer<Double>, _ gamma: UnsafePointer<Double>,
    _ beta: UnsafePointer<Double>?, _ y: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.layernorm_again(rows, d, xhat, gamma, beta, y)
  }
  public static func layernormBackward(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Double>, _ xhat: UnsafePointer<Double>,
    _ r: UnsafePointer<Double>, _ gamma: UnsafePointer<Double>, _ dx: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.layernorm_backward(rows, d, dy, xhat, r, gamma, dx)
  }
  public static func layernormAccumulate(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Double>, _ xhat: UnsafePointer<Double>,
    _ dgamma: UnsafeMutablePointer<Double>, _ dbeta: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.layernorm_accumulate(rows, d, dy, xhat, dgamma, dbeta)
  }
  public static func layernormTangent(
    _ rows: Int, _ d: Int, _ xt: UnsafePointer<Double>, _ xhat: UnsafePointer<Double>,
    _ r: UnsafePointer<Double>, _ gamma: UnsafePointer<Double>,
    _ xhatt: UnsafeMutablePointer<Double>, _ rho: UnsafeMutablePointer<Double>,
    _ yt: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.layernorm_tangent(rows, d, xt, xhat, r, gamma, xhatt, rho, yt)
  }
  public static func layernormBackwardTangent(
    _ rows: Int, _ d: Int, _ dy: UnsafePointer<Double>, _ dyt: UnsafePointer<Double>,
    _ xhat: UnsafePointer<Double>, _ xhatt: UnsafePointer<Double>, _ r: UnsafePointer<Double>,
    _ rho: UnsafePointer<Double>, _ gamma: UnsafePointer<Double>,
    _ dxt: UnsafeMutablePointer<Double>, _ dgamma: UnsafeMutablePointer<Double>,
    _ dbeta: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.layernorm_backward_tangent(
      rows, d, dy, dyt, xhat, xhatt, r, rho, gamma, dxt, dgamma, dbeta)
  }
  public static func gelu(
    _ rows: Int, _ d: Int, _ h: UnsafeMutablePointer<Double>, _ bias: UnsafePointer<Double>,
    _ a: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.gelu(rows, d, h, bias, a)
  }
  public static func geluBackward(
    _ n: Int, _ h: UnsafePointer<Double>, _ da: UnsafePointer<Double>,
    _ dh: UnsafeMutablePointer<Double>, _ a: UnsafeMutablePointer<Double>?
  ) {
    doubleKernels.pointee.gelu_backward(n, h, da, dh, a)
  }
  public static func geluTangent(
    _ n: Int, _ h: UnsafePointer<Double>, _ ht: UnsafePointer<Double>,
    _ at: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.gelu_tangent(n, h, ht, at)
  }
  public static func geluBackwardTangent(
    _ n: Int, _ h: UnsafePointer<Double>, _ ht: UnsafePointer<Double>, _ da: UnsafePointer<Double>,
    _ dat: UnsafeMutablePointer<Double>, _ a: UnsafeMutablePointer<Double>,
    _ at: UnsafeMutablePointer<Double>, _ dh: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.gelu_backward_tangent(n, h, ht, da, dat, a, at, dh)
  }
  public static func softmax(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Double, _ s: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.softmax(rows, n, ld, scale, s)
  }
  public static func softmaxBackward(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Double, _ p: UnsafePointer<Double>,
    _ dp: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.softmax_backward(rows, n, ld, scale, p, dp)
  }
  public static func softmaxTangent(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Double, _ p: UnsafePointer<Double>,
    _ st: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.softmax_tangent(rows, n, ld, scale, p, st)
  }
  public static func softmaxBackwardTangent(
    _ rows: Int, _ n: Int, _ ld: Int, _ scale: Double, _ p: UnsafePointer<Double>,
    _ pt: UnsafePointer<Double>, _ dp: UnsafeMutablePointer<Double>,
    _ dpt: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.softmax_backward_tangent(rows, n, ld, scale, p, pt, dp, dpt)
  }
  public static func squaredError(
    _ rows: Int, _ width: Int, _ index: UnsafePointer<Int32>, _ t: UnsafePointer<Double>,
    _ coefficient: Double, _ p: UnsafeMutablePointer<Double>
  ) -> Double {
    doubleKernels.pointee.squared_error(rows, width, index, t, coefficient, p)
  }
  public static func crossEntropy(
    _ rows: Int, _ classes: Int, _ index: UnsafePointer<Int32>, _ target: UnsafePointer<Int32>,
    _ coefficient: Double, _ logits: UnsafeMutablePointer<Double>,
    _ shares: UnsafeMutablePointer<Double>?
  ) -> Double {
    doubleKernels.pointee.cross_entropy(rows, classes, index, target, coefficient, logits, shares)
  }
  public static func crossEntropyTangent(
    _ rows: Int, _ classes: Int, _ shares: UnsafePointer<Double>, _ coefficient: Double,
    _ lt: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.cross_entropy_tangent(rows, classes, shares, coefficient, lt)
  }
  public static func addBias(
    _ rows: Int, _ d: Int, _ bias: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.add_bias(rows, d, bias, y)
  }
  public static func addBranch(
    _ rows: Int, _ d: Int, _ y: UnsafePointer<Double>, _ bias: UnsafePointer<Double>,
    _ x: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.add_branch(rows, d, y, bias, x)
  }
  public static func columnSums(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Double>, _ sums: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.column_sums(rows, d, x, sums)
  }
  public static func indexedSums(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ x: UnsafePointer<Double>,
    _ sums: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.indexed_sums(rows, d, index, x, sums)
  }
  public static func assemble(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Double>,
    _ absent: UnsafePointer<Double>?, _ dst: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.assemble(rows, d, index, src, absent, dst)
  }
  public static func axpy(
    _ n: Int, _ a: Double, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.axpy(n, a, x, y)
  }
  public static func scale(_ n: Int, _ a: Double, _ x: UnsafeMutablePointer<Double>) {
    doubleKernels.pointee.scale(n, a, x)
  }
  public static func dot(_ n: Int, _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>) -> Double
  {
    doubleKernels.pointee.dot(n, x, y)
  }
  public static func gather(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Double>,
    _ dst: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.gather(rows, d, index, src, dst)
  }
  public static func scatterAdd(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ src: UnsafePointer<Double>,
    _ dst: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.scatter_add(rows, d, index, src, dst)
  }
  public static func gatherReordered(
    _ rows: Int, _ d: Int, _ index: UnsafePointer<Int32>, _ order: UnsafePointer<Int32>,
    _ src: UnsafePointer<Double>, _ dst: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.gather_reordered(rows, d, index, order, src, dst)
  }
  public static func dropout(
    _ n: Int, _ key: UInt32, _ threshold: UInt32, _ scale: Double, _ x: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.dropout(n, key, threshold, scale, x)
  }
  public static func batchnorm(
    _ rows: Int, _ d: Int, _ x: UnsafePointer<Double>, _ gamma: UnsafePointer<Double>,
    _ beta: UnsafePointer<Double>, _ eps: Double, _ xhat: UnsafeMutablePointer<Double>,
    _ r: UnsafeMutablePointer<Double>, _ mean: UnsafeMutablePointer<Double>,
    _ variance: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.batchnorm(rows, d, x, gamma, beta, eps, xhat, r, mean, variance, y)
  }
  public static func batchnormBackward(
    _ rows: Int, _ d: Int, _ xhat: UnsafePointer<Double>, _ r: UnsafePointer<Double>,
    _ gamma: UnsafePointer<Double>, _ dy: UnsafeMutablePointer<Double>,
    _ dgamma: UnsafeMutablePointer<Double>, _ dbeta: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.batchnorm_backward(rows, d, xhat, r, gamma, dy, dgamma, dbeta)
  }
  public static func adamw(
    _ n: Int, _ rate: Double, _ decay: Double, _ beta1: Double, _ beta2: Double, _ eps: Double,
    _ correction1: Double, _ correction2: Double, _ g: UnsafePointer<Double>,
    _ m: UnsafeMutablePointer<Double>, _ v: UnsafeMutablePointer<Double>,
    _ p: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.adamw(
      n, rate, decay, beta1, beta2, eps, correction1, correction2, g, m, v, p)
  }
  public static func patchifyF32(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Double>, _ shift: UnsafePointer<Double>,
    _ tokens: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.patchify_f32(channels, height, width, p, q, stored, scale, shift, tokens)
  }
  public static func patchifyF64(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Double>, _ shift: UnsafePointer<Double>,
    _ tokens: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.patchify_f64(channels, height, width, p, q, stored, scale, shift, tokens)
  }
  public static func patchifyU8(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Double>, _ shift: UnsafePointer<Double>,
    _ tokens: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.patchify_u8(channels, height, width, p, q, stored, scale, shift, tokens)
  }
  public static func patchifyU16(
    _ channels: Int, _ height: Int, _ width: Int, _ p: Int, _ q: Int, _ stored: UnsafeRawPointer,
    _ scale: UnsafePointer<Double>, _ shift: UnsafePointer<Double>,
    _ tokens: UnsafeMutablePointer<Double>
  ) {
    doubleKernels.pointee.patchify_u16(channels, height, width, p, q, stored, scale, shift, tokens)
  }
}
