// What a probe is judged by (method.md, "Linear evaluation"; datasets.md section 11). Agrees with scikit-learn and
// scipy; where those answer with a warning or NaN, the answer here is fixed and written down.

import Basics

/// A number that says how good a probe's predictions are; the raw value is the name in files and output.
public enum Metric: String, CaseIterable, Codable, Sendable {
  case accuracy
  case weightedF1 = "weighted_f1"
  case spearman
  case tokenAccuracy = "token_accuracy"
  case tokenAccuracyUnpadded = "token_accuracy_unpadded"
}

public enum Metrics {
  /// Share of predictions that equal the label.
  /// - Throws: bad data when there are no samples.
  public static func accuracy(labels: [Int32], predicted: [Int32]) throws -> Double {
    try check(labels.count, predicted.count, "accuracy")
    var hits = 0
    for i in labels.indices where labels[i] == predicted[i] { hits += 1 }
    return Double(hits) / Double(labels.count)
  }

  /// Accuracy over tokens; with `padding`, tokens whose label is that class are left out.
  /// - Throws: bad data when no token is left.
  public static func tokenAccuracy(
    labels: [Int32], predicted: [Int32], leavingOut padding: Int32? = nil
  ) throws -> Double {
    guard let padding else { return try accuracy(labels: labels, predicted: predicted) }
    try check(labels.count, predicted.count, "token accuracy")
    var hits = 0
    var count = 0
    for i in labels.indices where labels[i] != padding {
      count += 1
      if labels[i] == predicted[i] { hits += 1 }
    }
    guard count > 0 else {
      throw Failure(.badData, at: "token accuracy", "every token is padding (class \(padding))")
    }
    return Double(hits) / Double(count)
  }

  /// Mean over classes of 2TP / (2TP + FP + FN), each weighted by its share of the labels.
  ///
  /// A class that is predicted but never true has weight 0, one that is true but never predicted scores 0.
  /// - Throws: bad data when there are no samples.
  public static func weightedF1(labels: [Int32], predicted: [Int32]) throws -> Double {
    try check(labels.count, predicted.count, "weighted F1")
    var counts: [Int32: (truth: Int, predicted: Int, both: Int)] = [:]
    for i in labels.indices {
      counts[labels[i], default: (0, 0, 0)].truth += 1
      counts[predicted[i], default: (0, 0, 0)].predicted += 1
      if labels[i] == predicted[i] { counts[labels[i]]!.both += 1 }
    }
    // Ascending classes: the same sum in the same order every time.
    var total = 0.0
    for (_, n) in counts.sorted(by: { $0.key < $1.key }) {
      total += Double(n.truth) * 2 * Double(n.both) / Double(n.truth + n.predicted)
    }
    return total / Double(labels.count)
  }

  /// Pearson's correlation of `a` and `b`, in -1 ... 1.
  ///
  /// 0 when one of them is constant (the quotient is 0 / 0 there: nothing is said about the other).
  /// - Throws: bad data for fewer than two samples or a value that is not finite.
  public static func pearson(_ a: [Double], _ b: [Double]) throws -> Double {
    try check(a.count, b.count, "correlation", atLeast: 2)
    try checkFinite(a, b, "correlation")
    let n = Double(a.count)
    let meanA = a.reduce(0, +) / n
    let meanB = b.reduce(0, +) / n
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for i in a.indices {
      let (da, db) = (a[i] - meanA, b[i] - meanB)
      ab += da * db
      aa += da * da
      bb += db * db
    }
    // Rounding of the mean alone leaves about (2^-52 |mean|)^2 a sample: a constant column, not a spread.
    let floorA = n * (meanA * 0x1p-50) * (meanA * 0x1p-50)
    let floorB = n * (meanB * 0x1p-50) * (meanB * 0x1p-50)
    guard aa > floorA, bb > floorB else { return 0 }
    return max(-1, min(1, ab / (aa.squareRoot() * bb.squareRoot())))
  }

  /// Spearman's rho: Pearson's correlation of the ranks, equal values sharing their average rank.
  ///
  /// 0 when one of them is constant.
  /// - Throws: bad data for fewer than two samples or a value that is not finite.
  public static func spearman(_ a: [Double], _ b: [Double]) throws -> Double {
    try check(a.count, b.count, "rank correlation", atLeast: 2)
    try checkFinite(a, b, "rank correlation")
    return try pearson(averageRanks(a), averageRanks(b))
  }

  /// Area under the ROC curve: the chance that a positive (label 1) scores above a negative (label 0), ties half.
  /// - Throws: bad data when one of the two classes is missing, a label is another number, or a score is not finite.
  public static func auroc(labels: [Int32], scores: [Double]) throws -> Double {
    try check(labels.count, scores.count, "AUROC")
    try checkFinite(scores, [], "AUROC")
    let ranks = averageRanks(scores)
    var positives = 0
    var rankSum = 0.0
    for i in labels.indices {
      guard labels[i] == 0 || labels[i] == 1 else {
        throw Failure(.badData, at: "AUROC", "expected labels 0 and 1, found \(labels[i])")
      }
      if labels[i] == 1 {
        positives += 1
        rankSum += ranks[i]
      }
    }
    let negatives = labels.count - positives
    guard positives > 0, negatives > 0 else {
      throw Failure(
        .badData, at: "AUROC",
        "expected both classes, found \(positives) positive and \(negatives) negative samples")
    }
    let p = Double(positives)
    return (rankSum - p * (p + 1) / 2) / (p * Double(negatives))
  }

  /// Rank of each value from 1, equal values sharing the average of their ranks.
  public static func averageRanks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count && values[order[end]] == values[order[start]] { end += 1 }
      for i in start..<end { ranks[order[i]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }

  private static func check(_ a: Int, _ b: Int, _ name: String, atLeast least: Int = 1) throws {
    precondition(a == b, "\(name): \(a) values beside \(b)")
    guard a >= least else {
      throw Failure(
        .badData, at: name, "expected at least \(least) sample\(least == 1 ? "" : "s"), found \(a)")
    }
  }

  private static func checkFinite(_ a: [Double], _ b: [Double], _ name: String) throws {
    guard a.allSatisfy(\.isFinite), b.allSatisfy(\.isFinite) else {
      throw Failure(.badData, at: name, "expected finite values, found NaN or infinity")
    }
  }
}
