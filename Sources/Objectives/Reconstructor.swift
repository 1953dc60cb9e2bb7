// What the decoder makes of masked samples, before and after the adaptation of the latent: for people to look at.

import Experiments
import Networks
import TensorCore

/// All tokens of a few samples as the decoder predicts them.
public struct TokenPredictions {
  /// Each input's predictions [samples T_k, token width or vocabulary], row-major, from Z.
  public let before: [[Float]]
  /// The same from Z*, the latent after the inner steps.
  public let after: [[Float]]
}

extension Workbench where R == Float {
  /// Masks the samples that `tokens` and `draws` hold, adapts their latent as in Algorithm 1, and decodes every token.
  ///
  /// Runs in the first lane; meant for a bench made for a handful of samples.
  public func reconstruct() -> TokenPredictions {
    begin()
    let (encoder, decoder, lane) = (network.encoder, network.decoder, lanes[0])
    let all = 0..<batchSize
    let encoding = EncoderPass(encoder, samples: all, keptCount: keptCount, codes: encoderCodes)
    let decoding = DecoderPass(
      decoder, samples: all, keptCount: keptCount, codes: decoderCodes, keepsAdjoints: true)
    let size = encoding.rowCount * encoder.size.width
    let (latent, slope) = (Storage<Float>(count: size), Storage<Float>(count: size))
    let z = Matrix(latent.base, encoding.rowCount, encoder.size.width)
    encoder.forward(tokens, encoding, order: draws.order, keys: nil, into: z, lane)
    let before = predictions(from: z, decoding, lane)
    var weights = noWeights
    weigh(split.nearCounts, factor: Double(batchSize), into: &weights)
    for _ in 0..<settings.innerSteps {
      decoding.plan(order: draws.order, keptCount: keptCount, weights: weights, split.isNear)
      _ = decoder.loss(of: z, tokens, decoding, lane)
      decoder.slope(of: decoding, into: Matrix(slope.base, z.rows, z.columns), lane)
      Float.axpy(size, -settings.innerLearningRate, slope.base, z.base)
    }
    return withExtendedLifetime((latent, slope)) {
      TokenPredictions(before: before, after: predictions(from: z, decoding, lane))
    }
  }

  private func predictions(
    from z: Matrix<Float>, _ pass: DecoderPass<Float>, _ lane: Lane<Float>
  ) -> [[Float]] {
    pass.plan(order: draws.order, keptCount: keptCount, weights: noWeights) { _, _ in true }
    let decoder = network.decoder
    decoder.predict(from: z, pass, lane)
    return pass.predictions.indices.map { k in
      let rows = pass.predictions[k]
      guard let vocabulary = decoder.vocabularies[k] else {
        return Array(UnsafeBufferPointer(start: rows.base, count: rows.count))
      }
      let count = rows.rows * decoder.inputs[k].vocabulary
      return [Float](unsafeUninitializedCapacity: count) { logits, filled in
        vocabulary.logits(
          of: rows, into: Matrix(logits.baseAddress!, rows.rows, decoder.inputs[k].vocabulary), lane
        )
        filled = count
      }
    }
  }
}
