// The C kernels for each number type, under one protocol. What each computes, and the names of its arguments,
// stand in Sources/CKernels/kernels.inc; the instruction set is chosen at the first use (METAMAE_ISA overrides).

import CKernels
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
