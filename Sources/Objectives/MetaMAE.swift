// MetaMAE (Algorithm 1): the latent of the unmasked tokens is improved by gradient steps through the decoder, and
// the encoder learns to give a latent from which that works, and which resembles its improved twin. The gradient is
// the whole one; its second-order term is a directional derivative of the inner gradient (method.md).

import Basics
import Experiments
import Networks
import TensorCore

public final class MetaMAE<R: Real>: Objective, @unchecked Sendable {
  private let bench: Workbench<R>
  private let contrast: TaskContrast<R>
  private let slices: [[Encoded]]
  /// Z, then the latent after each inner step, the last one Z*; [B (1 + kept), d] each.
  private let trajectory: [Matrix<R>]
  /// The adjoint that travels back from Z* to Z.
  private let direction: Matrix<R>
  /// Z and Z*, [B (1 + kept), d], of the last step.
  public let latent: Matrix<R>
  public let adapted: Matrix<R>
  private let storage: [Storage<R>]
  private let tallies: [LossTally]
  private var queryWeights: [Double]
  private var nearWeights: [Double]

  /// A slice of the batch with the memory of its passes; with several passes over a batch, memory that it shares.
  private final class Encoded {
    let samples: Range<Int>
    let encoding: EncoderPass<R>
    let parts: [Adapted]
    init(_ samples: Range<Int>, _ encoding: EncoderPass<R>, _ parts: [Adapted]) {
      (self.samples, self.encoding, self.parts) = (samples, encoding, parts)
    }
  }

  /// A part of a slice: one decoder pass for each inner step, and one for the query, shared within the lane.
  private final class Adapted {
    let samples: Range<Int>
    let steps: [DecoderPass<R>]
    let query: SharedDecoderPass<R>
    let tangents: DecoderTangents<R>
    init(
      _ samples: Range<Int>, _ steps: [DecoderPass<R>], _ query: SharedDecoderPass<R>,
      _ tangents: DecoderTangents<R>
    ) {
      (self.samples, self.steps, self.query, self.tangents) = (samples, steps, query, tangents)
    }
  }

  public init(_ bench: Workbench<R>) {
    self.bench = bench
    let network = bench.network
    let rows = bench.batchSize * (1 + bench.keptCount)
    let width = network.encoder.size.width
    contrast = TaskContrast(
      network, batch: bench.batchSize, temperature: R(bench.settings.temperature))
    storage = (0..<bench.settings.innerSteps + 2).map { _ in Storage(count: rows * width) }
    trajectory = storage.dropLast().map { Matrix($0.base, rows, width) }
    direction = Matrix(storage.last!.base, rows, width)
    (latent, adapted) = (trajectory.first!, trajectory.last!)
    tallies = bench.lanes.map { _ in LossTally() }
    (queryWeights, nearWeights) = (bench.noWeights, bench.noWeights)
    slices = bench.slices().map { own in
      let query = SharedDecoderPass(bench, for: own.flatMap(\.parts))
      let sizes = Set(own.flatMap(\.parts).map(\.count))
      let tangents = Dictionary(
        uniqueKeysWithValues: sizes.map {
          ($0, DecoderTangents<R>(network.decoder, sampleCount: $0))
        })
      let memory = PassMemory(bench, slicesAtOnce: (own.count + bench.passes - 1) / bench.passes)
      return own.enumerated().map { index, slice in
        Encoded(
          slice.samples, memory.encoder(for: slice.samples, of: index),
          slice.parts.enumerated().map { part, samples in
            Adapted(
              samples, memory.decoders(for: samples, of: index, part: part), query,
              tangents[samples.count]!)
          })
      }
    }
  }

  public var trained: Range<Int> { 0..<bench.network.table.count }
  /// The inner loss of the last inner step, batch factor included; of this rank's samples.
  public var innerLoss: Double { tallies.reduce(0) { $0 + $1.inner } }

  public func gradient() -> StepLoss {
    bench.begin()  // 5   S_x, Q_x
    bench.weigh(bench.split.queryCounts, factor: 1, into: &queryWeights)
    bench.weigh(bench.split.nearCounts, factor: Double(bench.batchSize), into: &nearWeights)
    bench.inEachLane { index, lane in
      tallies[index].clear()
      for slice in slices[index] {
        encode(slice, lane)  // 6   Z_x
        for part in slice.parts {
          tallies[index].inner += adapt(part, lane)  // 7, 8  Z*_x
          tallies[index].query += reconstruct(part, lane)  // 9   L_grad
          pool(part)
        }
      }
    }
    let grad = bench.total(tallies)
    let weight = bench.settings.contrastWeight
    let contrast = compare(weight: R(weight))  // 10  L_con
    bench.inEachLane { index, lane in  // 13
      for slice in slices[index] {
        if bench.passes > 1 { repeatForward(slice, lane) }
        for part in slice.parts { differentiate(part, lane) }
        let latentSlope = direction[rows(slice.samples)]
        bench.network.encoder.backward(
          latentSlope, bench.tokens, slice.encoding, keys: keys(slice.encoding), lane)
      }
    }
    bench.mergeGradients()
    return StepLoss(
      loss: grad + Double(weight) * contrast, reconstruction: grad, contrast: contrast)  // 11
  }

  /// Lines 6 and 8 once more, to the same numbers: other slices have used the memory since, as the contrast comes
  /// between the two ways through the batch.
  private func repeatForward(_ slice: Encoded, _ lane: Lane<R>) {
    encode(slice, lane)
    for part in slice.parts { _ = adapt(part, lane) }
  }

  /// Line 6: Z = f(S).
  private func encode(_ slice: Encoded, _ lane: Lane<R>) {
    let pass = slice.encoding
    pass.move(to: slice.samples)
    let order = bench.draws.order + pass.samples.lowerBound * bench.draws.tokenCount
    bench.network.encoder.forward(
      bench.tokens, pass, order: order, keys: keys(pass), into: latent[rows(pass.samples)], lane)
  }

  /// Line 8: Z* = Z - alpha grad_Z L(Z; S and nearby), as often as there are inner steps.
  ///
  /// - Returns: the loss before the last of them.
  private func adapt(_ part: Adapted, _ lane: Lane<R>) -> Double {
    var loss = 0.0
    let (decoder, rows) = (bench.network.decoder, rows(part.samples))
    for step in part.steps.indices {
      let pass = part.steps[step]
      pass.move(to: part.samples)
      pass.plan(
        order: bench.draws.order, keptCount: bench.keptCount, weights: nearWeights,
        bench.split.isNear)
      loss = decoder.loss(of: trajectory[step][rows], bench.tokens, pass, lane)
      let slope = trajectory[step + 1][rows]
      decoder.slope(of: pass, into: slope, lane)
      R.scale(slope.count, -R(bench.settings.innerLearningRate), slope.base)
      R.axpy(slope.count, 1, trajectory[step][rows].base, slope.base)
    }
    return loss
  }

  /// Line 9: the query's loss from Z*, and its gradient: the first part of `direction`.
  private func reconstruct(_ part: Adapted, _ lane: Lane<R>) -> Double {
    let (decoder, rows) = (bench.network.decoder, rows(part.samples))
    let pass = part.query.pass(for: part.samples)
    pass.plan(
      order: bench.draws.order, keptCount: bench.keptCount, weights: queryWeights,
      bench.split.isQuery)
    let loss = decoder.loss(of: adapted[rows], bench.tokens, pass, lane)
    decoder.gradient(of: pass, into: direction[rows], lane)
    return loss
  }

  /// Line 10: the contrast over the whole batch, the adjoints of the pooled latents, and the projector's gradient.
  private func compare(weight: R) -> Double {
    bench.gather(contrast.pooled)
    return bench.once(bench.network.projectorStart..<bench.network.table.count) {
      contrast.gradient(weight: weight, bench.lanes, bench.statistics)
    }
  }

  /// Line 13, back from Z* to Z. With v the adjoint after a step, the one before it is v - alpha H v.
  private func differentiate(_ part: Adapted, _ lane: Lane<R>) {
    let v = direction[rows(part.samples)]
    unpool(contrast.pooledAdjoints[1], part.samples, adding: v)
    if !bench.settings.firstOrder {
      let mark = lane.scratch.mark
      defer { lane.scratch.release(mark) }
      let along = lane.scratch.matrix(v.rows, v.columns)
      for pass in part.steps.reversed() {
        along.copy(from: v)
        R.scale(along.count, -R(bench.settings.innerLearningRate), along.base)
        bench.network.decoder.directionalDerivative(
          of: pass, along: along, bench.tokens, part.tangents, adding: v, lane)
      }
    }
    unpool(contrast.pooledAdjoints[0], part.samples, adding: v)
  }

  /// Means of Z and Z* over the tokens of each sample, the class token left out.
  private func pool(_ part: Adapted) {
    pool(latent, part.samples, into: contrast.pooled[0])
    pool(adapted, part.samples, into: contrast.pooled[1])
  }

  private func pool(_ z: Matrix<R>, _ samples: Range<Int>, into pooled: Matrix<R>) {
    for sample in samples {
      let mean = pooled.row(sample)
      R.zero(z.columns, mean)
      R.columnSums(bench.keptCount, z.columns, z.row(sample * (1 + bench.keptCount) + 1), mean)
      R.scale(z.columns, 1 / R(bench.keptCount), mean)
    }
  }

  private func unpool(_ pooled: Matrix<R>, _ samples: Range<Int>, adding v: Matrix<R>) {
    for sample in samples {
      let first = (sample - samples.lowerBound) * (1 + bench.keptCount) + 1
      for token in 0..<bench.keptCount {
        R.axpy(v.columns, 1 / R(bench.keptCount), pooled.row(sample), v.row(first + token))
      }
    }
  }

  private func rows(_ samples: Range<Int>) -> Range<Int> {
    samples.lowerBound * (1 + bench.keptCount)..<samples.upperBound * (1 + bench.keptCount)
  }

  private func keys(_ pass: EncoderPass<R>) -> UnsafePointer<RandomKey> {
    UnsafePointer(bench.dropoutKeys.baseAddress! + pass.samples.lowerBound)
  }
}
