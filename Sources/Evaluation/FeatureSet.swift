// Frozen features as plain arrays, and the one closure through which they come in. Everything else in this room
// stands on these types alone: it knows neither networks nor shards.

import Basics
import Experiments

/// A split of a dataset; the raw value is its folder.
public enum Split: String, CaseIterable, Sendable { case pretrain, train, test }

/// How a sample's token outputs become features (method.md, "Frozen features").
public enum Pooling: Sendable { case mean, tokens }

/// What is to be predicted.
public enum Labels: Equatable, Sendable {
  case none
  case classes([Int32])
  case values([Float])

  public var count: Int {
    switch self {
    case .none: 0
    case .classes(let labels): labels.count
    case .values(let labels): labels.count
    }
  }
}

/// The task of a dataset, as its manifest tells it.
public struct EvaluationTask: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    case classes(Int)
    case regression
    /// A class for every token; `padding` is the class that stands for no token.
    case tokenClasses(Int, padding: Int?)
  }

  public var kind: Kind
  public var metric: Metric
  /// Of the classes, where the set names them.
  public var classNames: [String] = []

  public init(_ kind: Kind, metric: Metric) {
    self.kind = kind
    self.metric = metric
  }

  /// Judges by another metric.
  /// - Throws: usage when it doesn't fit the kind of task.
  public mutating func take(_ metric: Metric) throws {
    let fitting: [Metric] =
      switch kind {
      case .classes: [.accuracy, .weightedF1]
      case .regression: [.spearman]
      case .tokenClasses: [.tokenAccuracy, .tokenAccuracyUnpadded]
      }
    guard fitting.contains(metric) else {
      let names = fitting.map(\.rawValue).joined(separator: " or ")
      throw Failure(
        .usage, at: "--metric", "expected \(names) for this set, found \(metric.rawValue)")
    }
    self.metric = metric
  }

  public var pooling: Pooling {
    if case .tokenClasses = kind { .tokens } else { .mean }
  }

  /// Classes to tell apart; 0 for regression.
  public var classCount: Int {
    switch kind {
    case .classes(let count), .tokenClasses(let count, _): count
    case .regression: 0
    }
  }

  /// Outputs of a linear head: one for two classes and for regression.
  public var outputCount: Int { classCount > 2 ? classCount : 1 }
}

/// Features of consecutive records, in record order.
public struct FeatureSet: Sendable {
  public var width: Int
  /// Rows of `features` a sample: 1, or the tokens of a sample for `Pooling.tokens`.
  public var rowsPerSample: Int
  /// (samples x rowsPerSample) x width, row-major.
  public var features: [Float]
  /// One a sample, or one a token for a per-token task, or none.
  public var labels: Labels
  /// Record ordinal (draw index for windowed sets) of each sample.
  public var ids: [Int64]
  /// What must not be torn apart when a validation part is cut off (subject, speaker): one a sample, or none.
  public var groups: [Int64]?

  public init(
    width: Int, rowsPerSample: Int = 1, features: [Float] = [], labels: Labels = .none,
    ids: [Int64] = [], groups: [Int64]? = nil
  ) {
    self.width = width
    self.rowsPerSample = rowsPerSample
    self.features = features
    self.labels = labels
    self.ids = ids
    self.groups = groups
  }

  public var rowCount: Int { width == 0 ? 0 : features.count / width }
  public var sampleCount: Int { rowCount / max(rowsPerSample, 1) }

  /// Adds the records that follow.
  mutating func append(_ next: FeatureSet) {
    precondition(width == next.width && rowsPerSample == next.rowsPerSample, "features differ")
    features.append(contentsOf: next.features)
    ids.append(contentsOf: next.ids)
    switch (labels, next.labels) {
    case (.none, .none): break
    case (.classes(let a), .classes(let b)): labels = .classes(a + b)
    case (.values(let a), .values(let b)): labels = .values(a + b)
    default: preconditionFailure("labels of two kinds in one split")
    }
    if let more = next.groups { groups?.append(contentsOf: more) } else { groups = nil }
  }
}

/// Delivers a split's features part by part, in record order: at least one part, however small.
public typealias FeatureSource = (
  _ split: Split, _ pooling: Pooling, _ deliver: (FeatureSet) throws -> Void
) throws -> Void

/// A whole split in memory, checked against the task.
/// - Throws: bad data for an empty split, features that are not finite, labels that don't fit the task; whatever
///   the source throws.
func collect(
  _ source: FeatureSource, _ split: Split, for task: EvaluationTask, named place: String
) throws -> FeatureSet {
  var parts: [FeatureSet] = []
  try source(split, task.pooling) { parts.append($0) }
  guard var all = parts.first else {
    throw Failure(.badData, at: place, "expected samples, found none")
  }
  all.features.reserveCapacity(parts.reduce(0) { $0 + $1.features.count })
  for part in parts.dropFirst() { all.append(part) }
  try check(all, for: task, at: place)
  return all
}

func check(_ set: FeatureSet, for task: EvaluationTask, at place: String) throws {
  guard set.sampleCount > 0 else {
    throw Failure(.badData, at: place, "expected samples, found none")
  }
  let allFinite = set.features.withUnsafeBufferPointer { values in
    // A sum that meets NaN or infinity stays so under multiplication by zero.
    var probe: Float = 0
    for value in values { probe += value * 0 }
    return probe == 0
  }
  guard allFinite else {
    throw Failure(
      .badData, at: place, "the encoder's features hold NaN or infinity",
      remedy: "The checkpoint is damaged or its run had diverged.")
  }
  let expected = task.pooling == .tokens ? set.rowCount : set.sampleCount
  guard set.labels.count == expected else {
    throw Failure(.badData, at: place, "expected \(expected) labels, found \(set.labels.count)")
  }
  switch (task.kind, set.labels) {
  case (.regression, .values(let values)):
    guard values.allSatisfy(\.isFinite) else {
      throw Failure(.badData, at: place, "expected finite labels, found NaN or infinity")
    }
  case (.classes(let count), .classes(let labels)),
    (.tokenClasses(let count, _), .classes(let labels)):
    guard count >= 2 else {
      throw Failure(.badData, at: place, "expected at least 2 classes, found \(count)")
    }
    if let odd = labels.first(where: { $0 < 0 || $0 >= count }) {
      throw Failure(
        .badData, at: place, "expected labels from 0 to \(count - 1), found \(odd)")
    }
  default:
    throw Failure(.badData, at: place, "the labels are not of the task's kind")
  }
}
