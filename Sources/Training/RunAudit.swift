// Checks a run directory from outside: that its lines, receipts and checkpoints fit together, whatever kills and resumes
// lie between (docs/formats.md, "Receipts").

import Basics
import DataLoading
import Experiments
import Foundation
import ShardFormat

/// What an audit found; `problems` is empty when everything holds.
public struct RunAudit: Codable, Equatable, Sendable {
  public var run: String
  /// The newest whole checkpoint.
  public var step: Int
  public var samples: UInt64
  public var skipped: UInt64
  /// Receipts up to that step, all sets together.
  public var epochsClosed: Int
  public var checkpoints: Int
  public var problems: [String]

  enum CodingKeys: String, CodingKey {
    case run, step, samples, skipped, checkpoints, problems
    case epochsClosed = "epochs_closed"
  }

  /// - Parameter shards: nil: the lengths of epochs are taken from the checkpoint, not from the manifests.
  /// - Throws: missing input without a run or a checkpoint; what cannot be read at all. What does not hold is no error
  ///   but a problem.
  public init(run path: String, shards: String?) throws {
    let directory = RunDirectory(path)
    guard Files.isFolder(path) else {
      throw Failure(.missingInput, at: path, "expected a run directory, found none")
    }
    guard Files.exists(directory.configuration) else {
      throw Failure(.missingInput, at: path, "expected a config.yaml, found none")
    }
    let configuration = try RunConfiguration.resolve(file: directory.configuration, settings: [])
    var audit = Findings(directory: directory, configuration: configuration)
    let newest = try audit.checkpoints()
    let lines = try audit.lines()
    let closed = try audit.receipts(lines, at: newest)
    if let shards { try audit.manifests(newest, shards: shards) }
    run = path
    step = newest.step
    samples = newest.samples
    skipped = newest.skipped
    epochsClosed = closed
    checkpoints = audit.checkpointCount
    problems = audit.problems
  }
}

private struct Findings {
  let directory: RunDirectory
  let configuration: RunConfiguration
  var problems: [String] = []
  var checkpointCount = 0
  /// Digests of whole epochs, by length.
  private var whole: [UInt64: SetDigest] = [:]

  init(directory: RunDirectory, configuration: RunConfiguration) {
    self.directory = directory
    self.configuration = configuration
  }

  /// Every checkpoint is whole and says as many samples as its step has taken.
  /// - Returns: the newest whole one's state.
  mutating func checkpoints() throws -> CheckpointState {
    var newest: CheckpointState?
    let names =
      Files.isFolder(directory.checkpoints) ? try Files.list(directory.checkpoints) : []
    for step in names.compactMap(RunDirectory.step(of:)).sorted() {
      checkpointCount += 1
      do {
        let state = try Checkpoint(directory.checkpoint(step: step)).state
        let expected = UInt64(step * configuration.batch) &+ state.skipped
        if state.step != step || state.samples != expected {
          problems.append(
            "checkpoint step-\(step): expected step \(step) and \(expected) samples, found "
              + "step \(state.step) and \(state.samples)")
        }
        newest = state
      } catch let failure as Failure where failure.kind == .badData {
        problems.append("\(failure)")
      }
    }
    guard let newest else {
      throw Failure(.missingInput, at: directory.path, "expected a whole checkpoint, found none")
    }
    return newest
  }

  /// The lines of metrics.jsonl: whole but for a last one that a kill has torn, in ascending steps.
  mutating func lines() throws -> [MetricsRecord] {
    guard Files.exists(directory.metrics) else { return [] }
    let text = String(decoding: try Files.read(directory.metrics), as: UTF8.self)
    var records: [MetricsRecord] = []
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (k, row) in rows.enumerated() where !row.isEmpty {
      guard let record = MetricsRecord.records(in: String(row)).first else {
        // Without its end: what a kill leaves; a resume removes it.
        if k < rows.count - 1 { problems.append("metrics.jsonl, line \(k + 1): no whole line") }
        continue
      }
      if let last = records.last, record.step <= last.step {
        problems.append(
          "metrics.jsonl, line \(k + 1): expected a step after \(last.step), found \(record.step)")
      }
      records.append(record)
    }
    return records
  }

  /// Each set's epochs up to the checkpoint have one receipt, which holds, in the line of the step that closed it.
  /// - Returns: how many receipts there are up to the checkpoint.
  mutating func receipts(_ lines: [MetricsRecord], at state: CheckpointState) throws -> Int {
    guard let open = state.epochs, !open.isEmpty else {
      problems.append(
        "checkpoint step-\(state.step): expected 'epochs', found none (an old version?)")
      return 0
    }
    let parts = configuration.mixture.isEmpty ? [nil] : configuration.mixture.map { $0.dataset }
    guard open.map(\.dataset) == parts, open.allSatisfy({ $0.length > 0 }) else {
      problems.append("checkpoint step-\(state.step): 'epochs' is not of the run's sets")
      return 0
    }
    var count = 0
    let positions = positions(before: state.samples)
    for (k, epoch) in open.enumerated() {
      let of = epoch.dataset.map { " of \($0)" } ?? ""
      let (closed, rest) = positions[k].quotientAndRemainder(dividingBy: epoch.length)
      var expected: UInt64 = 0
      for line in lines {
        for receipt in line.receipts ?? [] where receipt.dataset == epoch.dataset {
          if receipt.epoch != expected {
            problems.append(
              "step \(line.step): expected the receipt of epoch \(expected)\(of), found that of "
                + "\(receipt.epoch)")
          }
          expected = receipt.epoch + 1
          let digest = digest(epoch.length)
          if let problem = receipt.problem(length: epoch.length, whole: digest) {
            problems.append("step \(line.step): \(problem)")
          }
          if line.step <= state.step { count += 1 }
          place(receipt, epoch.length, line.step, single: open.count == 1, skipped: state.skipped)
        }
      }
      if expected < closed {
        problems.append(
          "expected \(closed) receipts\(of) up to step \(state.step), found \(expected)")
      }
      let found = epoch.samples &+ epoch.skipped
      if epoch.epoch != closed || found != rest || epoch.consumed == nil || epoch.leftOut == nil {
        problems.append(
          "checkpoint step-\(state.step): expected \(rest) samples of epoch \(closed)\(of), found "
            + "\(found) of epoch \(epoch.epoch)")
      }
    }
    return count
  }

  /// Without samples left out, the step that closes an epoch is arithmetic.
  private mutating func place(
    _ receipt: EpochReceipt, _ length: UInt64, _ step: Int, single: Bool, skipped: UInt64
  ) {
    guard single, skipped == 0 else { return }
    let batch = UInt64(configuration.batch)
    let expected = ((receipt.epoch + 1) * length + batch - 1) / batch
    if UInt64(step) != expected {
      problems.append(
        "epoch \(receipt.epoch): expected its receipt at step \(expected), found it at step \(step)"
      )
    }
  }

  private func positions(before position: UInt64) -> [UInt64] {
    let weights = configuration.mixture.isEmpty ? [1] : configuration.mixture.map(\.weight)
    var schedule = MixtureSchedule(weights: weights, seed: configuration.seed)
    return schedule.positions(before: position)
  }

  private mutating func digest(_ length: UInt64) -> SetDigest {
    if let known = whole[length] { return known }
    let digest = SetDigest(upTo: length)
    whole[length] = digest
    return digest
  }

  /// The sets' own manifests say the same lengths; and what of the open epochs was consumed is what their order says.
  mutating func manifests(_ state: CheckpointState, shards: String) throws {
    let names =
      configuration.mixture.isEmpty
      ? [configuration.dataset] : configuration.mixture.map(\.dataset)
    for (name, epoch) in zip(names, state.epochs ?? []) {
      let location = try ShardLocation(
        shards: shards, dataset: name, split: configuration.split)
      let manifest = try Manifest(directory: location.folder)
      guard UInt64(manifest.epochLength) == epoch.length else {
        problems.append(
          "\(location.folder): expected \(epoch.length) samples an epoch, found "
            + "\(manifest.epochLength)")
        continue
      }
      let expected = try EpochTally.expected(
        in: location.folder, manifest, shuffle: Shuffle(rawValue: configuration.shuffle.rawValue)!,
        seed: configuration.seed, epoch: epoch.epoch, count: epoch.samples &+ epoch.skipped)
      if let consumed = epoch.consumed, let skipped = epoch.leftOut,
        consumed + skipped != expected
      {
        problems.append(
          "checkpoint step-\(state.step): expected hash \(expected.text) for the first "
            + "\(expected.count) samples of epoch \(epoch.epoch) of \(location.folder), found "
            + (consumed + skipped).text)
      }
    }
  }
}
