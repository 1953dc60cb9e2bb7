// The penalty of the converged probe: tried from strong to weak on a validation part cut off the training set (whole
// groups where groups are known), the best refitted on everything. The test set has no say.

import Basics

/// Which samples fit and which judge.
public struct ValidationSplit: Equatable, Sendable {
  public var fit: [Int]
  public var validation: [Int]

  /// A fifth of the samples, by the stream (seed, "probe-validation"); whole groups when there are at least two.
  /// Both parts ascend; with fewer than two samples nothing is left to validate on.
  public init(samples: Int, groups: [Int64]?, seed: UInt64) {
    var stream = RandomStream(RandomKey(seed: seed, "probe-validation"))
    let wanted = max(1, (samples + 2) / 5)
    var chosen: Set<Int> = []
    let distinct = Set(groups ?? []).sorted()
    if let groups, distinct.count > 1 {
      var members: [Int64: [Int]] = [:]
      for (i, group) in groups.enumerated() { members[group, default: []].append(i) }
      // The last group always stays to fit on.
      for group in distinct.shuffled(using: &stream).dropLast() where chosen.count < wanted {
        chosen.formUnion(members[group]!)
      }
    } else if samples > 1 {
      chosen = Set(Array(0..<samples).shuffled(using: &stream).prefix(wanted))
    }
    validation = chosen.sorted()
    fit = (0..<samples).filter { !chosen.contains($0) }
  }
}

/// The converged probe's answer.
public struct ConvergedProbe: Sendable {
  /// On raw features.
  public var head: LinearHead
  public var l2: Double
  /// Metric on the validation part for each penalty tried, strong to weak.
  public var tried: [(l2: Double, score: Double)]
  public var minimum: Minimum

  /// Strong to weak; the mean loss is of order 1 and the features have variance 1.
  public static let penalties: [Double] = [1, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]

  /// Picks the penalty (the strongest of the best) and fits on the whole training set.
  public static func fit(_ train: FeatureSet, task: EvaluationTask, seed: UInt64) throws
    -> ConvergedProbe
  {
    let split = ValidationSplit(samples: train.sampleCount, groups: train.groups, seed: seed)
    var tried: [(l2: Double, score: Double)] = []
    if !split.validation.isEmpty && !split.fit.isEmpty {
      let part = train.selecting(split.fit)
      let judge = train.selecting(split.validation)
      let scaling = Standardisation(of: part.features, width: part.width)
      let features = scaling.apply(to: part.features)
      let judged = scaling.apply(to: judge.features)
      let targets = part.targets(for: task)
      let ridge: RidgeSystem? =
        if case .values(let values) = targets {
          RidgeSystem(features: features, width: part.width, values: values)
        } else { nil }
      var last: LinearHead?
      for l2 in penalties {
        let fitted =
          ridge?.solve(l2: l2)
          ?? fitConverged(
            features: features, width: part.width, targets: targets, l2: l2, from: last,
            tolerance: 1e-4)
        last = fitted.head
        // A single judge has no rank correlation: nothing to choose by, all penalties tie.
        let canJudge = task.classCount > 0 || judge.sampleCount > 1
        let result =
          canJudge ? try score(fitted.head.outputs(for: judged), judge.labels, for: task) : 0
        tried.append((l2, result))
      }
    }
    let best = tried.max { $0.score < $1.score || ($0.score == $1.score && $0.l2 < $1.l2) }
    let l2 = best?.l2 ?? 1e-2
    let scaling = Standardisation(of: train.features, width: train.width)
    let fitted = fitConverged(
      features: scaling.apply(to: train.features), width: train.width,
      targets: train.targets(for: task), l2: l2)
    return ConvergedProbe(
      head: scaling.unfolded(fitted.head), l2: l2, tried: tried, minimum: fitted.minimum)
  }
}

extension FeatureSet {
  /// What a head on these features is trained towards.
  /// - Precondition: the labels fit the task (`check` saw to it).
  func targets(for task: EvaluationTask) -> ProbeTargets {
    switch labels {
    case .classes(let labels): .classes(labels, count: task.classCount)
    case .values(let values): .values(values)
    case .none: preconditionFailure("no labels")
    }
  }

  /// The samples at `indices`, in that order.
  func selecting(_ indices: [Int]) -> FeatureSet {
    var part = FeatureSet(width: width, rowsPerSample: rowsPerSample)
    part.features.reserveCapacity(indices.count * rowsPerSample * width)
    let size = rowsPerSample * width
    let perSample = sampleCount == 0 ? 0 : labels.count / sampleCount
    for i in indices { part.features.append(contentsOf: features[i * size..<(i + 1) * size]) }
    func pick<T>(_ values: [T]) -> [T] {
      indices.flatMap { values[$0 * perSample..<($0 + 1) * perSample] }
    }
    switch labels {
    case .none: part.labels = .none
    case .classes(let labels): part.labels = .classes(pick(labels))
    case .values(let values): part.labels = .values(pick(values))
    }
    if ids.count == sampleCount { part.ids = indices.map { ids[$0] } }
    part.groups = groups.map { groups in indices.map { groups[$0] } }
    return part
  }
}
