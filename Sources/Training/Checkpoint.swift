// One checkpoint: three or four files in a folder (docs/formats.md, "Checkpoints"). state.json is the commit: it holds the
// checksums of the others, so a checkpoint is whole or it is none.

import Basics
import Experiments
import Foundation
import TensorCore

/// How far a run has come.
struct CheckpointPosition: Equatable, Sendable {
  var step: Int
  var samples: UInt64
  var skipped: UInt64
  /// What the epochs under way have given, one for each set.
  var epochs: [OpenEpoch] = []
}

/// The contents of `state.json`.
public struct CheckpointState: Codable, Equatable, Sendable {
  /// Version of the format: 1.
  public var format = 1
  /// Updates done.
  public var step: Int
  /// Places of the sample sequence consumed: the loader's position.
  public var samples: UInt64
  /// Of these, left out with their damaged blocks.
  public var skipped: UInt64
  /// What the epochs under way have given: where their receipts go on. nil in checkpoints of older versions.
  public var epochs: [OpenEpoch]?
  /// SHA-256 of the other files, by name.
  public var files: [String: String]
  /// Only in a state kept for replay: the samples of the batch whose loss was not finite.
  public var batch: [SampleName]?
}

/// A whole checkpoint on disk.
public struct Checkpoint: Equatable, Sendable {
  public let files: CheckpointFiles
  public let state: CheckpointState

  /// Checks every byte against `state.json`.
  /// - Throws: bad data when the checkpoint is damaged or not whole.
  public init(_ files: CheckpointFiles) throws {
    self.files = files
    guard Files.isFolder(files.folder) else {
      throw Failure(.missingInput, at: files.folder, "expected a checkpoint, found no such folder")
    }
    for path in [files.state, files.model, files.optimizer] where !Files.exists(path) {
      throw Failure(
        .badData, at: files.folder,
        "expected \(Files.name(of: path)), found none; "
          + "the checkpoint is not whole")
    }
    let bytes = try Files.read(files.state)
    guard let state = try? JSONDecoder().decode(CheckpointState.self, from: Data(bytes)) else {
      throw Failure(
        .badData, at: files.state, "expected the JSON of a checkpoint's state, found something else"
      )
    }
    guard state.format == 1 else {
      throw Failure(.badData, at: files.state, "expected format 1, found \(state.format)")
    }
    guard state.step >= 0 else {
      throw Failure(.badData, at: files.state, "expected a step from 0, found \(state.step)")
    }
    let average = Files.name(of: files.average)
    var paths = [files.model, files.optimizer]
    if state.files[average] != nil {
      guard Files.exists(files.average) else {
        throw Failure(
          .badData, at: files.folder,
          "expected \(average), found none; the checkpoint is not whole")
      }
      paths.append(files.average)
    }
    for path in paths {
      let expected = state.files[Files.name(of: path)] ?? "none"
      let found = try Digest.sha256(file: path)
      guard found == expected else {
        throw Failure(
          .badData, at: path,
          "expected SHA-256 \(expected.prefix(12)), found "
            + "\(found.prefix(12)); the checkpoint is damaged")
      }
    }
    self.state = state
  }

  /// The checkpoint of a step, or the newest whole one.
  /// - Throws: missing input when there is none; bad data when the step's is damaged.
  public static func find(in directory: RunDirectory, step: Int?) throws -> Checkpoint {
    if let step { return try Checkpoint(directory.checkpoint(step: step)) }
    let (newest, damaged) = try CheckpointStore(directory).newestWhole()
    if let newest { return newest }
    if let damaged = damaged.first { throw damaged }
    throw Failure(.missingInput, at: directory.path, "expected a checkpoint, found none")
  }

  /// Copies parameters, statistics and moments into a learner.
  /// - Throws: bad data when names or shapes are not the learner's.
  func restore(_ learner: some Learner) throws {
    let model = try TensorArchive(path: files.model)
    for tensor in learner.parameters + learner.statistics {
      try model.copy(tensor.name, shape: tensor.shape, into: tensor.values)
    }
    let optimizer = try TensorArchive(path: files.optimizer)
    for tensor in learner.firstMoments {
      try optimizer.copy(Self.first + tensor.name, shape: tensor.shape, into: tensor.values)
    }
    for tensor in learner.secondMoments {
      try optimizer.copy(Self.second + tensor.name, shape: tensor.shape, into: tensor.values)
    }
    guard !learner.averages.isEmpty else { return }
    guard hasAverage else {
      throw Failure(
        .badData, at: files.folder,
        "expected \(Files.name(of: files.average)), as the run has ema_decay, found none")
    }
    let average = try TensorArchive(path: files.average)
    for tensor in learner.averages {
      try average.copy(tensor.name, shape: tensor.shape, into: tensor.values)
    }
  }

  /// Whether a running mean of the parameters was kept.
  public var hasAverage: Bool { state.files[Files.name(of: files.average)] != nil }

  private static let first = "exp_avg."
  private static let second = "exp_avg_sq."

  /// Writes the three files into an existing folder and syncs them and the folder.
  static func write(
    _ learner: some Learner, at position: CheckpointPosition, batch: [SampleName]?,
    to files: CheckpointFiles
  ) throws {
    let card = [ModelCard.metadataKey: try learner.card.json(), "format": "pt"]
    let model = try TensorArchive.write(
      archived(learner.parameters + learner.statistics + learner.constants), metadata: card,
      to: files.model)
    let optimizer = try TensorArchive.write(
      archived(learner.firstMoments, first) + archived(learner.secondMoments, second),
      metadata: ["step": "\(position.step)"], to: files.optimizer)
    var digests = [Files.name(of: files.model): model, Files.name(of: files.optimizer): optimizer]
    if !learner.averages.isEmpty {
      digests[Files.name(of: files.average)] = try TensorArchive.write(
        archived(learner.averages + learner.statistics + learner.constants), metadata: card,
        to: files.average)
    }
    let state = CheckpointState(
      step: position.step, samples: position.samples, skipped: position.skipped,
      epochs: position.epochs, files: digests, batch: batch)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try (Array(try encoder.encode(state)) + Array("\n".utf8)).withUnsafeBytes {
      try Files.write($0, to: files.state)
    }
    try Files.sync(folder: files.folder)
  }

  private static func archived(_ tensors: [LearnerTensor], _ prefix: String = "")
    -> [ArchivedTensor]
  {
    tensors.map {
      ArchivedTensor(prefix + $0.name, shape: $0.shape, floats: UnsafeBufferPointer($0.values))
    }
  }
}
