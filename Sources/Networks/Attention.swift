// Multi-head self-attention between the qkv and the output product: o = softmax(q k^T / sqrt(w)) v. The four passes
// are one kernel each (CKernels/attention.inc); here is what they are called with.

import TensorCore

/// Some rows of `samples` sequences, in order; `starts` has one entry more than there are samples.
struct RowSelection {
  let rows: UnsafePointer<Int32>
  let starts: UnsafePointer<Int32>
  let count: Int
}

/// The geometry of one attention: `samples` sequences of `tokens` rows of keys and values, and as many rows of
/// queries, unless only some are asked for.
struct AttentionShape {
  let samples: Int
  let tokens: Int
  let heads: Int
  let headWidth: Int
  var queries: RowSelection?

  var width: Int { heads * headWidth }
  var queryCount: Int { queries?.count ?? samples * tokens }
  /// Numbers from one row of shares to the next: whole vectors of any instruction set.
  var shareStride: Int { (tokens + 15) & ~15 }

  /// Rows of d are queries and outputs, rows of 2 d keys and values side by side.
  fileprivate var geometry: AttentionGeometry {
    AttentionGeometry(
      samples: samples, tokens: tokens, heads: heads, width: headWidth, starts: queries?.starts,
      ldq: width, ldkv: 2 * width, ldo: width, ldp: shareStride)
  }
}

/// Queries [queryCount, d], keys and values [samples tokens, 2 d], or what else has their shape: adjoints, tangents.
struct AttentionInputs<R: Real> {
  let query: Matrix<R>
  let keyValue: Matrix<R>

  fileprivate var q: UnsafeMutablePointer<R> { query.base }
  fileprivate var k: UnsafeMutablePointer<R> { keyValue.base }
  fileprivate var v: UnsafeMutablePointer<R> { keyValue.base + keyValue.columns / 2 }

  func prefix(queries: Int) -> AttentionInputs {
    AttentionInputs(query: query.prefix(queries), keyValue: keyValue)
  }
}

extension AttentionShape {
  /// Fills the outputs o [queryCount, d], and the shares p unless nil.
  func forward<R>(
    _ x: AttentionInputs<R>, _ p: UnsafeMutablePointer<R>?, into o: Matrix<R>, _ scratch: Arena<R>
  ) {
    withWorkspace(scratch) {
      R.attention(scratch.precision, geometry, x.q, x.k, x.v, p, o.base, $0)
    }
  }

  /// The adjoints of the inputs from that of the outputs; without p the shares are computed once more.
  func backward<R>(
    _ dout: Matrix<R>, _ x: AttentionInputs<R>, _ p: UnsafeMutablePointer<R>?,
    into dx: AttentionInputs<R>, _ scratch: Arena<R>
  ) {
    withWorkspace(scratch) {
      R.attentionBackward(
        scratch.precision, geometry, x.q, x.k, x.v, p, dout.base, dx.q, dx.k, dx.v, $0)
    }
  }

  /// The tangents of shares and outputs from those of the inputs.
  func tangent<R>(
    _ xt: AttentionInputs<R>, _ x: AttentionInputs<R>, _ p: UnsafeMutablePointer<R>,
    _ pt: UnsafeMutablePointer<R>, into ot: Matrix<R>, _ scratch: Arena<R>
  ) {
    withWorkspace(scratch) {
      R.attentionTangent(
        scratch.precision, geometry, x.q, x.k, x.v, xt.q, xt.k, xt.v, p, pt, ot.base, $0)
    }
  }

  /// The tangent of `backward` from dout and its tangent.
  func backwardTangent<R>(
    _ dout: Matrix<R>, _ doutt: Matrix<R>, _ xt: AttentionInputs<R>, _ x: AttentionInputs<R>,
    _ p: UnsafeMutablePointer<R>, _ pt: UnsafeMutablePointer<R>, into dxt: AttentionInputs<R>,
    _ scratch: Arena<R>
  ) {
    withWorkspace(scratch) {
      R.attentionBackwardTangent(
        scratch.precision, geometry, x.q, x.k, x.v, xt.q, xt.k, xt.v, p, pt, dout.base, doutt.base,
        dxt.q, dxt.k,
        dxt.v, $0)
    }
  }

  private func withWorkspace<R>(
    _ scratch: Arena<R>, _ body: (UnsafeMutablePointer<R>) -> Void
  ) {
    let mark = scratch.mark
    defer { scratch.release(mark) }
    body(scratch.take(R.attentionWorkspace(scratch.precision, geometry)))
  }
}
