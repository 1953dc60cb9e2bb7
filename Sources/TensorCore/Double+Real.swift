// The kernels of double precision: what tests compare with finite differences.

import CKernels

nonisolated(unsafe) let doubleKernels = ck_double()

extension Double: Real {
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
