// What the user says about his own rows: which column is the label, which groups stay together, what is tested on.
// Every reader of the user's own data takes these options.

import Basics
import Glibc
import ShardFormat

public struct UserChoices: Codable, Sendable {
  /// Column of the label; nil for unlabelled data.
  public var label: String?
  /// classes or regression; nil: regression when the labels are numbers that are not all whole.
  public var task: String?
  /// Rows of one value in this column are all trained on or all tested on.
  public var groupBy: String?
  /// COLUMN=VALUE,VALUE,...: the rows to test on.
  public var test: String?
  /// Share of the rows to test on.
  public var fraction: Double?
  public var seed: Int?

  public init() {}

  /// Column and values of `test`.
  func testedValues() throws -> (column: String, values: Set<String>)? {
    guard let test else { return nil }
    let halves = test.split(separator: "=", maxSplits: 1).map(String.init)
    guard halves.count == 2, !halves[0].isEmpty else {
      throw Failure(
        .usage, at: "--test", "expected COLUMN=VALUE,VALUE,..., found '\(test)'")
    }
    return (halves[0], Set(halves[1].split(separator: ",").map(String.init)))
  }

  /// As provenance keeps them: all but what is not set.
  var texts: [String: String] {
    var texts: [String: String] = [:]
    texts["label"] = label
    texts["task"] = task
    texts["group-by"] = groupBy
    texts["test"] = test
    texts["fraction"] = fraction.map { String($0) }
    texts["seed"] = seed.map { String($0) }
    return texts
  }
}

/// What labels the rows have, found in a first pass.
struct LabelTable: Sendable {
  enum Kind: Sendable { case none, classes, regression }

  let kind: Kind
  /// Class = place: ascending, as numbers when all are whole numbers.
  let names: [String]
  private let ranks: [String: Int]

  static let none = LabelTable(kind: .none, names: [])

  private init(kind: Kind, names: [String]) {
    (self.kind, self.names) = (kind, names)
    ranks = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
  }

  /// - Parameters:
  ///   - values: the different labels; more than 65,536 classes are refused.
  ///   - task: what the user says they are.
  init(_ given: Set<String>, task: String?, place: String) throws {
    let values = Set(given.map(Self.canonical))
    let areNumbers = values.allSatisfy { Double($0)?.isFinite ?? false }
    let areWhole = values.allSatisfy { Int($0) != nil }
    guard task != "regression" || areNumbers else {
      let odd = values.filter { !(Double($0)?.isFinite ?? false) }.min()!
      throw Failure(
        .badData, at: place, "expected numbers as labels for --task regression, found '\(odd)'")
    }
    if task == "regression" || (task == nil && areNumbers && !areWhole) {
      self.init(kind: .regression, names: [])
      return
    }
    guard values.count <= 65_536 else {
      throw Failure(
        .badData, at: place, "expected at most 65536 classes, found \(values.count)",
        remedy: "Choose another --label, or --task regression.")
    }
    self.init(
      kind: .classes,
      names: values.sorted { a, b in
        areWhole ? (Int(a)!, a) < (Int(b)!, b) : a.utf8.lexicographicallyPrecedes(b.utf8)
      })
  }

  /// A whole number in the usual way of writing: `1` for `1.0` and `1e0`; any other text as it is.
  private static func canonical(_ text: String) -> String {
    guard Int(text) == nil, let value = Double(text), value == value.rounded(), abs(value) < 1e15
    else { return text }
    return String(Int(value))
  }

  /// nil for unlabelled rows.
  var field: Field? {
    switch kind {
    case .none: nil
    case .classes: Field("label", names.count <= 256 ? .uint8 : .uint16, [])
    case .regression: Field("label", .float32, [])
    }
  }

  var task: TaskDescription {
    switch kind {
    case .none: .none
    case .classes:
      TaskDescription(kind: "classes", classes: names.count, names: names, metric: "accuracy")
    case .regression: TaskDescription(kind: "regression", classes: 1, names: [], metric: "spearman")
    }
  }

  func store(_ text: String, into place: UnsafeMutableRawPointer) {
    switch kind {
    case .none: break
    case .regression: place.storeBytes(of: Float(Double(text)!), as: Float.self)
    case .classes where names.count <= 256:
      place.storeBytes(of: UInt8(ranks[Self.canonical(text)]!), as: UInt8.self)
    case .classes: place.storeBytes(of: UInt16(ranks[Self.canonical(text)]!), as: UInt16.self)
    }
  }
}

extension RawSource {
  /// The raw files that `--files` names (all without it): a pattern of `*` and `?` for a file's name, or for its path
  /// below the source where there is a slash in it.
  func entries(of options: ReaderOptions) -> [RawEntry] {
    guard let pattern = options.files else { return Array(entries) }
    return entries.filter { options.takes($0.name, pattern) }
  }
}

extension ReaderOptions {
  func takes(_ path: String, _ pattern: String) -> Bool {
    fnmatch(pattern, pattern.contains("/") ? path : Files.name(of: path), 0) == 0
  }
}
