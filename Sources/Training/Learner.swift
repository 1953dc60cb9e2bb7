// What the training loop needs to know of the model it trains and of the batches it trains on; nothing more.

import DataLoading
import Experiments

/// A tensor that a checkpoint holds: memory of the learner's, borrowed for as long as the learner lives.
public struct LearnerTensor {
  /// As in the published checkpoints.
  public let name: String
  public let shape: [Int]
  public let values: UnsafeMutableBufferPointer<Float>

  public init(_ name: String, shape: [Int], values: UnsafeMutableBufferPointer<Float>) {
    precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) values, \(shape)")
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// Eq. 5 and its parts, of one batch; nil where the objective has no such part.
public struct TrainingLoss: Equatable, Sendable {
  public var total: Double
  public var reconstruction: Double?
  public var contrast: Double?
  /// Norm of the whole gradient, where it is wanted.
  public var gradientNorm: Double?

  /// What a run may go on from.
  var isFinite: Bool { total.isFinite && (gradientNorm ?? 0).isFinite }

  public init(
    total: Double, reconstruction: Double?, contrast: Double?, gradientNorm: Double? = nil
  ) {
    self.total = total
    self.reconstruction = reconstruction
    self.contrast = contrast
    self.gradientNorm = gradientNorm
  }
}

/// Parameters, objective and optimizer of one run.
public protocol Learner: AnyObject {
  associatedtype Batch

  /// What `model.safetensors` says about the model.
  var card: ModelCard { get }
  /// What is trained.
  var parameters: [LearnerTensor] { get }
  /// AdamW's moments, named and ordered as `parameters`.
  var firstMoments: [LearnerTensor] { get }
  var secondMoments: [LearnerTensor] { get }
  /// Batch norm's running mean and variance: change with each step, are saved and restored.
  var statistics: [LearnerTensor] { get }
  /// The running mean of the parameters, named and ordered as they are; empty where none is kept.
  var averages: [LearnerTensor] { get }
  /// Position codes: saved with the model, never restored, as the configuration implies them.
  var constants: [LearnerTensor] { get }

  /// The loss of a batch; its gradient stays with the learner. Parameters and moments do not change, statistics may.
  /// - Parameter step: updates done so far; keys the step's random numbers.
  func gradient(on batch: Batch, step: Int) throws -> TrainingLoss
  /// Moves the parameters along the last gradient.
  /// - Parameter step: updates done so far, as in the call before.
  func update(step: Int) throws
  /// The rate of the update after `step` of them; nil: the same for all.
  func learningRate(step: Int) -> Double?
  /// Effective rank of the encoder's features of the last batch, with the parameters as they are.
  func featureRank() -> Double?
}

/// A learner without any of the options.
extension Learner {
  public var averages: [LearnerTensor] { [] }
  public func learningRate(step: Int) -> Double? { nil }
  public func featureRank() -> Double? { nil }
}

/// Judges the encoder under training, now and then.
public protocol OnlineProbe: AnyObject {
  /// With the parameters as they are.
  func read() throws -> ProbeReading
}

/// Which sample: its id within an epoch. Ids are those of the split (record ordinal or draw index).
public struct SampleName: Codable, Equatable, Sendable, CustomStringConvertible {
  public var epoch: UInt64
  public var id: UInt64

  public init(epoch: UInt64, id: UInt64) {
    self.epoch = epoch
    self.id = id
  }

  public var description: String { "\(epoch):\(id)" }
}

/// Where batches come from, in an order that depends on seed, epoch and position alone.
public protocol BatchSource: AnyObject {
  associatedtype Batch

  /// Waits for the next batch; it is valid until the following call. After a failure nothing has moved.
  func next() throws -> Batch
  func samples(of batch: Batch) -> [SampleName]
  /// Places of the endless sequence consumed so far, earlier processes of the run included.
  var position: UInt64 { get }
  /// Of these, left out with their damaged blocks, by this process.
  var skippedCount: UInt64 { get }
  /// What happened since the last call that the user should know: a replaced worker, a skipped block.
  func takeRemarks() -> [String]
  /// Samples in one epoch.
  var epochLength: UInt64 { get }
  /// How long `next` has waited in all.
  var waitSeconds: Double { get }
  /// Where the workers' time has gone in all, and how many they are.
  var workerTimes: WorkerTimes { get }
  var workerCount: Int { get }
  /// The receipts of the epochs that were consumed to their end since the last call.
  func takeReceipts() -> [EpochReceipt]
  /// What the epochs under way have given so far, earlier processes of the run included.
  var openEpochs: [OpenEpoch] { get }
  /// Ends what the source has started. Call once, last.
  func close()
}

/// A source without processes, and without receipts.
extension BatchSource {
  public var workerTimes: WorkerTimes { WorkerTimes() }
  public var workerCount: Int { 1 }
  public var openEpochs: [OpenEpoch] { [] }
  public func takeReceipts() -> [EpochReceipt] { [] }
}
