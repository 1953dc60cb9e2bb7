// The encoder in two halves, with the embeddings in the caller's hands between them: the baselines of section 3.1
// change what the encoder sees before position codes are added.

import Basics
import Experiments
import TensorCore

extension Encoder {
  /// The embeddings of the pass's tokens, [samples (1 + kept), d]; zero in the class token's rows.
  ///
  /// - Parameter order: as in `forward`.
  public func embed<R>(
    _ batch: TokenBatch<R>, _ pass: EncoderPass<R>, order: UnsafePointer<Int32>,
    into embedded: Matrix<R>, _ lane: Lane<R>
  ) {
    pass.place(order, inputs)
    embedded.zero()
    embed(batch, pass, adding: embedded, lane)
  }

  /// Encodes embeddings that `embed` laid out so.
  ///
  /// - Parameters:
  ///   - keys: dropout keys of the samples; nil: no dropout.
  ///   - latent: receives Z, [samples (1 + kept), d].
  public func forward<R>(
    embedded: Matrix<R>, _ pass: EncoderPass<R>, order: UnsafePointer<Int32>,
    keys: UnsafePointer<RandomKey>?, into latent: Matrix<R>, _ lane: Lane<R>
  ) {
    let mark = lane.scratch.mark
    defer { lane.scratch.release(mark) }
    pass.place(order, inputs)
    let x = lane.scratch.matrix(latent.rows, size.width)
    code(pass, into: x, lane)
    R.axpy(x.count, 1, embedded.base, x.base)
    run(x, pass, keys, into: latent, lane)
  }

  /// The adjoint of the embeddings, [samples (1 + kept), d] (the class token's rows mean nothing); adds the gradients of
  /// all encoder parameters but the embeddings' own.
  ///
  /// - Parameter dLatent: the adjoint of Z; used up.
  public func backward<R>(
    _ dLatent: Matrix<R>, _ pass: EncoderPass<R>, keys: UnsafePointer<RandomKey>?,
    into dEmbedded: Matrix<R>, _ lane: Lane<R>
  ) {
    runBackward(dLatent, pass, keys, into: dEmbedded, lane)
  }

  /// Adds the gradients of the embeddings' weights, after `embed` with the same pass.
  public func backward<R>(
    embedded dEmbedded: Matrix<R>, _ batch: TokenBatch<R>, _ pass: EncoderPass<R>, _ lane: Lane<R>
  ) {
    embedBackward(dEmbedded, batch, pass, lane)
  }
}
