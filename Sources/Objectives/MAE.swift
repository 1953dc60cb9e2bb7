// The masked auto-encoder with the Transformer decoder (eq. 1; Table 4, second row): the query's loss straight from Z.
// Beside MetaMAE.swift it shows what the paper adds. Samples do not meet, so a slice goes forward and back at once
// and all slices of a lane share one slice's memory.

import Basics
import Experiments
import Networks
import TensorCore

public final class MAE<R: Real>: Objective, @unchecked Sendable {
  private let bench: Workbench<R>
  private let slices: [[Slice]]
  private let encodings: [[EncoderPass<R>]]
  private let queries: [SharedDecoderPass<R>]
  /// Z and its adjoint, [B (1 + kept), d].
  public let latent: Matrix<R>
  private let latentSlope: Matrix<R>
  private let storage: [Storage<R>]
  private let tallies: [LossTally]
  private var queryWeights: [Double]

  public init(_ bench: Workbench<R>) {
    self.bench = bench
    slices = bench.slices()
    encodings = slices.map { own in
      Set(own.map(\.samples.count)).sorted().map {
        EncoderPass(
          bench.network.encoder, samples: 0..<$0, keptCount: bench.keptCount,
          codes: bench.encoderCodes)
      }
    }
    queries = slices.map { SharedDecoderPass(bench, for: $0.flatMap(\.parts)) }
    let rows = bench.batchSize * (1 + bench.keptCount)
    let width = bench.network.encoder.size.width
    storage = [Storage(count: rows * width), Storage(count: rows * width)]
    latent = Matrix(storage[0].base, rows, width)
    latentSlope = Matrix(storage[1].base, rows, width)
    tallies = slices.map { _ in LossTally() }
    queryWeights = bench.noWeights
  }

  public var trained: Range<Int> { 0..<bench.network.projectorStart }

  public func gradient() -> StepLoss {
    bench.begin()
    bench.weigh(bench.split.queryCounts, factor: 1, into: &queryWeights)
    bench.inEachLane { index, lane in
      tallies[index].clear()
      for slice in slices[index] { tallies[index].query += gradient(slice, index, lane) }
    }
    bench.mergeGradients()
    let loss = bench.total(tallies)
    return StepLoss(loss: loss, reconstruction: loss)
  }

  private func gradient(_ slice: Slice, _ index: Int, _ lane: Lane<R>) -> Double {
    let (encoder, decoder) = (bench.network.encoder, bench.network.decoder)
    let encoding = encoding(for: slice.samples, index)
    let order = bench.draws.order + slice.samples.lowerBound * bench.draws.tokenCount
    let keys = UnsafePointer(bench.dropoutKeys.baseAddress! + slice.samples.lowerBound)
    encoder.forward(
      bench.tokens, encoding, order: order, keys: keys, into: latent[rows(slice.samples)], lane)
    var loss = 0.0
    for part in slice.parts {
      let pass = queries[index].pass(for: part)
      pass.plan(
        order: bench.draws.order, keptCount: bench.keptCount, weights: queryWeights,
        bench.split.isQuery)
      loss += decoder.loss(of: latent[rows(part)], bench.tokens, pass, lane)
      decoder.gradient(of: pass, into: latentSlope[rows(part)], lane)
    }
    encoder.backward(latentSlope[rows(slice.samples)], bench.tokens, encoding, keys: keys, lane)
    return loss
  }

  private func encoding(for samples: Range<Int>, _ index: Int) -> EncoderPass<R> {
    for pass in encodings[index] where pass.samples.count == samples.count {
      pass.move(to: samples)
      return pass
    }
    preconditionFailure("no pass was made for \(samples.count) samples")
  }

  private func rows(_ samples: Range<Int>) -> Range<Int> {
    samples.lowerBound * (1 + bench.keptCount)..<samples.upperBound * (1 + bench.keptCount)
  }
}
