// Multi-head self-attention between the qkv and the output product: o = softmax(q k^T / sqrt(w)) v, sample by
// sample and head by head on strided windows of the qkv rows (q, k, v side by side, head after head).

import TensorCore

/// The geometry of one attention: `samples` sequences of `tokens` rows.
struct AttentionShape {
  let samples: Int
  let tokens: Int
  let heads: Int
  let headWidth: Int

  var width: Int { heads * headWidth }

  /// Calls `body` for each (sample, head).
  func forEachHead(_ body: (Int, Int) -> Void) {
    for sample in 0..<samples {
      for head in 0..<heads { body(sample, head) }
    }
  }

  /// Window of one head's rows: part 0 is q, 1 is k, 2 is v of a [n, 3 width] matrix; [tokens, headWidth].
  func window<R>(_ x: Matrix<R>, _ sample: Int, _ head: Int, part: Int = 0) -> Matrix<R> {
    let start = x.base + sample * tokens * x.stride + part * width + head * headWidth
    return Matrix(start, tokens, headWidth, stride: x.stride)
  }

  /// The shares of one head: [tokens, tokens] out of a [samples heads, tokens tokens] matrix.
  func shares<R>(_ p: Matrix<R>, _ sample: Int, _ head: Int) -> Matrix<R> {
    Matrix(p.row(sample * heads + head), tokens, tokens)
  }
}

enum Attention {
  /// Fills p [samples heads, tokens tokens] and o [n, width].
  static func forward<R>(
    _ qkv: Matrix<R>, _ p: Matrix<R>, into o: Matrix<R>, _ shape: AttentionShape
  ) {
    let scale = 1 / R(shape.headWidth).squareRoot()
    shape.forEachHead { sample, head in
      let q = shape.window(qkv, sample, head, part: 0)
      let k = shape.window(qkv, sample, head, part: 1)
      let v = shape.window(qkv, sample, head, part: 2)
      let s = shape.shares(p, sample, head)
      multiply(q, k.transposed, into: s)
      R.softmax(shape.tokens, shape.tokens, shape.tokens, scale, s.base)
      multiply(s, v, into: shape.window(o, sample, head))
    }
  }

  /// dqkv from do.
  static func backward<R>(
    _ dout: Matrix<R>, _ qkv: Matrix<R>, _ p: Matrix<R>, into dqkv: Matrix<R>,
    _ shape: AttentionShape,
    _ scratch: Arena<R>
  ) {
    let scale = 1 / R(shape.headWidth).squareRoot()
    let n = shape.tokens
    let mark = scratch.mark
    defer { scratch.release(mark) }
    let ds = scratch.matrix(n, n)
    shape.forEachHead { sample, head in
      let q = shape.window(qkv, sample, head, part: 0)
      let k = shape.window(qkv, sample, head, part: 1)
      let v = shape.window(qkv, sample, head, part: 2)
      let g = shape.window(dout, sample, head)
      let s = shape.shares(p, sample, head)
      multiply(s.transposed, g, into: shape.window(dqkv, sample, head, part: 2))
      multiply(g, v.transposed, into: ds)
      R.softmaxBackward(n, n, n, scale, s.base, ds.base)
      multiply(ds, k, into: shape.window(dqkv, sample, head, part: 0))
      multiply(ds.transposed, q, into: shape.window(dqkv, sample, head, part: 1))
    }
  }

  /// Fills pt and ot from qkvt.
  static func tangent<R>(
    _ qkvt: Matrix<R>, _ qkv: Matrix<R>, _ p: Matrix<R>, _ pt: Matrix<R>, into ot: Matrix<R>,
    _ shape: AttentionShape
  ) {
    let scale = 1 / R(shape.headWidth).squareRoot()
    let n = shape.tokens
    shape.forEachHead { sample, head in
      let st = shape.shares(pt, sample, head)
      let s = shape.shares(p, sample, head)
      multiply(
        shape.window(qkvt, sample, head, part: 0),
        shape.window(qkv, sample, head, part: 1).transposed, into: st)
      multiply(
        shape.window(qkv, sample, head, part: 0),
        shape.window(qkvt, sample, head, part: 1).transposed, into: st, adding: 1)
      R.softmaxTangent(n, n, n, scale, s.base, st.base)
      let out = shape.window(ot, sample, head)
      multiply(st, shape.window(qkv, sample, head, part: 2), into: out)
      multiply(s, shape.window(qkvt, sample, head, part: 2), into: out, adding: 1)
    }
  }

  /// dqkvt, the tangent of `backward`, from do and dot.
  static func backwardTangent<R>(
    _ dout: Matrix<R>, _ doutt: Matrix<R>, _ qkv: Matrix<R>, _ qkvt: Matrix<R>, _ p: Matrix<R>,
    _ pt: Matrix<R>,
    into dqkvt: Matrix<R>, _ shape: AttentionShape, _ scratch: Arena<R>
  ) {
    let scale = 1 / R(shape.headWidth).squareRoot()
    let n = shape.tokens
    let mark = scratch.mark
    defer { scratch.release(mark) }
    let ds = scratch.matrix(n, n)
    let dst = scratch.matrix(n, n)
    shape.forEachHead { sample, head in
      let (q, qt) = (
        shape.window(qkv, sample, head, part: 0), shape.window(qkvt, sample, head, part: 0)
      )
      let (k, kt) = (
        shape.window(qkv, sample, head, part: 1), shape.window(qkvt, sample, head, part: 1)
      )
      let (v, vt) = (
        shape.window(qkv, sample, head, part: 2), shape.window(qkvt, sample, head, part: 2)
      )
      let (g, gt) = (shape.window(dout, sample, head), shape.window(doutt, sample, head))
      let (s, st) = (shape.shares(p, sample, head), shape.shares(pt, sample, head))
      // 1. values
      let dvt = shape.window(dqkvt, sample, head, part: 2)
      multiply(st.transposed, g, into: dvt)
      multiply(s.transposed, gt, into: dvt, adding: 1)
      // 2. scores
      multiply(g, v.transposed, into: ds)
      multiply(gt, v.transposed, into: dst)
      multiply(g, vt.transposed, into: dst, adding: 1)
      R.softmaxBackwardTangent(n, n, n, scale, s.base, st.base, ds.base, dst.base)
      // 3. queries and keys
      let dqt = shape.window(dqkvt, sample, head, part: 0)
      multiply(dst, k, into: dqt)
      multiply(ds, kt, into: dqt, adding: 1)
      let dkt = shape.window(dqkvt, sample, head, part: 1)
      multiply(dst.transposed, q, into: dkt)
      multiply(ds.transposed, qt, into: dkt, adding: 1)
    }
  }
}
