// The paper's linear evaluation (method.md, "Linear evaluation"): Adam with coupled L2, shuffled batches, the last
// short one dropped. Given the order and the initial head it is a pure function, which the golden cases hold.

import Basics
import Glibc
import TensorCore

/// The probe's optimiser and schedule; the defaults are the paper's.
public struct ProbeSettings: Equatable, Sendable {
  public var learningRate: Float = 1e-4
  public var weightDecay: Float = 1e-4
  public var epochs = 100
  /// Samples a batch.
  public var batch: Int

  public init(
    learningRate: Float = 1e-4, weightDecay: Float = 1e-4, epochs: Int = 100, batch: Int
  ) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.epochs = epochs
    self.batch = batch
  }
}

/// Trains a head on features.
///
/// - Parameters:
///   - head: where to start.
///   - features: (samples x rowsPerSample) x width, row-major.
///   - rowsPerSample: rows that are drawn together (the tokens of a sample); the loss is the mean over a batch's rows.
///   - order: the samples of an epoch (from 0), each once.
///   - afterEpoch: called with the epochs done (from 1) and the head as it stands.
/// - Precondition: the batch is at most the number of samples; one target a row.
/// - Complexity: 4 x rows x width x outputs operations an epoch; memory for one batch beside the input.
public func trainProbe(
  from head: LinearHead, features: [Float], targets: ProbeTargets, rowsPerSample: Int = 1,
  settings: ProbeSettings, order: (_ epoch: Int) -> [Int32],
  afterEpoch: (_ epochs: Int, _ head: LinearHead) throws -> Void = { _, _ in }
) throws -> LinearHead {
  let samples = features.count / max(head.width, 1) / rowsPerSample
  precondition(targets.count == samples * rowsPerSample, "one target a row")
  precondition(targets.outputCount == head.outputCount, "the head has other outputs")
  precondition(settings.batch > 0 && settings.batch <= samples, "batch \(settings.batch)")
  let trainer = ProbeTrainer(head, rows: settings.batch * rowsPerSample, settings)
  for epoch in 0..<settings.epochs {
    let order = order(epoch)
    precondition(order.count == samples, "an order of \(order.count) for \(samples) samples")
    features.withUnsafeBufferPointer { x in
      order.withUnsafeBufferPointer { order in
        for k in 0..<samples / settings.batch {
          trainer.step(
            x.baseAddress!, targets, rowsPerSample,
            UnsafeBufferPointer(rebasing: order[k * settings.batch..<(k + 1) * settings.batch]))
        }
      }
    }
    try afterEpoch(epoch + 1, trainer.head)
  }
  return trainer.head
}

/// The order of the samples in an epoch, from the stream (seed, "probe-order", epoch).
public func probeOrder(samples: Int, seed: UInt64, epoch: Int) -> [Int32] {
  Array(unsafeUninitializedCapacity: samples) { order, count in
    var stream = RandomStream(RandomKey(seed: seed, "probe-order", UInt64(epoch)))
    for i in 0..<samples { (order.baseAddress! + i).initialize(to: 0) }
    stream.permutation(into: UnsafeMutableBufferPointer(rebasing: order[..<samples]))
    count = samples
  }
}

/// Memory of one probe's training: a gathered batch, its outputs, gradients of each lane, Adam's moments.
private final class ProbeTrainer {
  private let width: Int
  private let outputs: Int
  private let rows: Int
  private let settings: ProbeSettings
  private let parameterCount: Int
  private let memory: UnsafeMutablePointer<Float>
  private let parameters, firstMoment, secondMoment, gradients: UnsafeMutablePointer<Float>
  private let gathered, logits, wantedValues: UnsafeMutablePointer<Float>
  private let wantedClasses: UnsafeMutablePointer<Int32>
  private var stepCount = 0

  init(_ head: LinearHead, rows: Int, _ settings: ProbeSettings) {
    width = head.width
    outputs = head.outputCount
    self.rows = rows
    self.settings = settings
    parameterCount = head.parameters.count
    let rounded = (parameterCount + 15) & ~15
    let total = (3 + probeLanes) * rounded + rows * (width + outputs + 1) + 48
    memory = .allocate(capacity: total)
    memory.initialize(repeating: 0, count: total)
    parameters = memory
    firstMoment = parameters + rounded
    secondMoment = firstMoment + rounded
    gradients = secondMoment + rounded
    gathered = gradients + probeLanes * rounded
    logits = gathered + ((rows * width + 15) & ~15)
    wantedValues = logits + ((rows * outputs + 15) & ~15)
    wantedClasses = .allocate(capacity: rows)
    wantedClasses.initialize(repeating: 0, count: rows)
    parameters.update(from: head.parameters, count: parameterCount)
  }

  deinit {
    memory.deallocate()
    wantedClasses.deallocate()
  }

  var head: LinearHead {
    LinearHead(
      width: width, outputCount: outputs,
      weight: Array(UnsafeBufferPointer(start: parameters, count: width * outputs)),
      bias: Array(UnsafeBufferPointer(start: parameters + width * outputs, count: outputs)))
  }

  /// One batch: each lane gathers and differentiates its rows; then the lanes' gradients are added in order.
  func step(
    _ x: UnsafePointer<Float>, _ targets: ProbeTargets, _ rowsPerSample: Int,
    _ samples: UnsafeBufferPointer<Int32>
  ) {
    nonisolated(unsafe) let (trainer, x, samples) = (self, x, samples)
    let lanes = rows * width >= 1 << 14 ? probeLanes : 1
    inLanes(lanes) { lane in
      trainer.differentiate(
        share(of: trainer.rows, lane: lane, lanes: lanes), lane, x, targets, rowsPerSample, samples)
    }
    update(lanes)
  }

  private func differentiate(
    _ range: Range<Int>, _ lane: Int, _ x: UnsafePointer<Float>, _ targets: ProbeTargets,
    _ rowsPerSample: Int, _ samples: UnsafeBufferPointer<Int32>
  ) {
    let count = range.count
    let (own, z) = (gathered + range.lowerBound * width, logits + range.lowerBound * outputs)
    // 1. gather
    func source(_ row: Int) -> Int {
      rowsPerSample == 1
        ? Int(samples[row])
        : Int(samples[row / rowsPerSample]) * rowsPerSample + row % rowsPerSample
    }
    for i in 0..<count {
      memcpy(own + i * width, x + source(range.lowerBound + i) * width, width * 4)
    }
    // 2. outputs, and the gradient of the mean loss in their place
    headForward(rows: count, width, outputs, own, parameters, z)
    let scale = 1 / Float(rows)
    switch targets {
    case .classes(let labels, let classes):
      let wanted = wantedClasses + range.lowerBound
      labels.withUnsafeBufferPointer { labels in
        for i in 0..<count { wanted[i] = labels[source(range.lowerBound + i)] }
      }
      if classes > 2 {
        _ = softmaxCrossEntropy(rows: count, classes: outputs, z, wanted, scale: scale)
      } else {
        _ = binaryCrossEntropy(rows: count, z, wanted, scale: scale)
      }
    case .values(let values):
      let wanted = wantedValues + range.lowerBound
      for i in 0..<count { wanted[i] = values[source(range.lowerBound + i)] }
      _ = squaredError(rows: count, z, wanted, scale: scale)
    }
    // 3. gradient of weight and bias
    let gradient = gradients + lane * ((parameterCount + 15) & ~15)
    Float.gemm(true, false, outputs, width, count, 1, z, outputs, own, width, 0, gradient, width)
    let bias = gradient + width * outputs
    for c in 0..<outputs { bias[c] = 0 }
    for i in 0..<count { for c in 0..<outputs { bias[c] += z[i * outputs + c] } }
  }

  /// Adam, the decay added to the gradient (coupled L2), on weight and bias alike.
  private func update(_ lanes: Int) {
    stepCount += 1
    let (beta1, beta2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)
    let rate = Float(Double(settings.learningRate) / (1 - pow(Double(0.9), Double(stepCount))))
    let correction = Float((1 - pow(Double(0.999), Double(stepCount))).squareRoot())
    let (p, m, v, g) = (parameters, firstMoment, secondMoment, gradients)
    let next = g + ((parameterCount + 15) & ~15)
    if lanes == 2 { for i in 0..<parameterCount { g[i] += next[i] } }
    let decay = settings.weightDecay
    for i in 0..<parameterCount {
      let slope = g[i] + decay * p[i]
      m[i] = beta1 * m[i] + (1 - beta1) * slope
      v[i] = beta2 * v[i] + (1 - beta2) * slope * slope
      p[i] -= rate * m[i] / (v[i].squareRoot() / correction + epsilon)
    }
  }
}
