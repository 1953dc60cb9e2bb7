// The memory of forward passes that a backward pass will want, of one lane. Where a batch is computed in several passes,
// slices that are not at work at the same time share it.

import Networks
import TensorCore

final class PassMemory<R: Real> {
  private struct Place: Hashable {
    /// Of the slices at work at once.
    let slice: Int
    /// Of the slice; -1: the encoder's.
    let part: Int
    let sampleCount: Int
  }

  private let bench: Workbench<R>
  private let slicesAtOnce: Int
  private var encoders: [Place: EncoderPass<R>] = [:]
  private var decoders: [Place: [DecoderPass<R>]] = [:]

  init(_ bench: Workbench<R>, slicesAtOnce: Int) {
    self.bench = bench
    self.slicesAtOnce = max(1, slicesAtOnce)
  }

  func encoder(for samples: Range<Int>, of slice: Int) -> EncoderPass<R> {
    let place = Place(slice: slice % slicesAtOnce, part: -1, sampleCount: samples.count)
    let pass =
      encoders[place]
      ?? EncoderPass(
        bench.network.encoder, samples: samples, keptCount: bench.keptCount,
        codes: bench.encoderCodes)
    encoders[place] = pass
    return pass
  }

  /// One for each inner step.
  func decoders(for samples: Range<Int>, of slice: Int, part: Int) -> [DecoderPass<R>] {
    let place = Place(slice: slice % slicesAtOnce, part: part, sampleCount: samples.count)
    let passes =
      decoders[place]
      ?? (0..<bench.settings.innerSteps).map { _ in
        DecoderPass(
          bench.network.decoder, samples: samples, keptCount: bench.keptCount,
          codes: bench.decoderCodes, keepsAdjoints: true)
      }
    decoders[place] = passes
    return passes
  }
}
