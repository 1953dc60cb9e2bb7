// The kernels of single precision, and those of bfloat16 products.

import CKernels

nonisolated(unsafe) let floatKernels = ck_float()

extension Float: Real {
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
