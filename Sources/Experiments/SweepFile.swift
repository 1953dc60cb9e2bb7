// A sweep: the grid of a table as a YAML file. Rows are systems (configuration keys), columns are sets; each cell is a
// pretraining run and an evaluation, for each seed (docs/formats.md, "Sweep files").

import Basics

/// One row: what is trained, or the initial encoder.
public struct SweepRow: Equatable, Sendable {
  public var name: String
  /// Under which the paper's number is looked up: `random` or an objective; nil: none is.
  public var system: String?
  /// The encoder as it is initialised: nothing is trained.
  public var isRandom: Bool
  /// `key=value` of the configuration.
  public var settings: [String]
  /// Pretraining runs of each of its cells; nil: as many as the file says.
  public var seeds: Int?
}

public struct SweepFile: Equatable, Sendable {
  public var title = ""
  /// Whose numbers of the paper stand beside ours.
  public var table: String?
  /// Evaluated sets.
  public var datasets: [String] = []
  /// What encoders are pretrained on: a set, or `same`; nil: as Table 16 says, else the evaluated set.
  public var pretrain: String?
  public var rows: [SweepRow] = []
  /// For every row, before its own.
  public var settings: [String] = []
  /// A configuration that every run starts from, `DATASET` in it standing for the pretraining set.
  public var configuration: String?
  public var seeds = 1
  public var probe = "paper"
  public var probeSeeds = 1

  private static let keys = [
    "title", "table", "datasets", "pretrain", "rows", "set", "config", "seeds", "probe",
    "probe_seeds",
  ]

  public init(_ path: String) throws {
    let root = try YAMLDocument.read(path)
    guard case .map(let pairs) = root.content else {
      throw Failure(.usage, at: path, "expected keys with values, found \(root.inWords)")
    }
    for pair in pairs {
      let place = "\(path), line \(pair.line), key '\(pair.key)'"
      let value = pair.value
      switch pair.key {
      case "title": title = try Self.text(value, place)
      case "table": table = try Self.text(value, place)
      case "datasets": datasets = try Self.names(value, place)
      case "pretrain": pretrain = try Self.name(value, place)
      case "set": settings = try Self.settings(value, place)
      case "config": configuration = try Self.text(value, place)
      case "seeds": seeds = try Self.count(value, place)
      case "probe_seeds": probeSeeds = try Self.count(value, place)
      case "probe":
        probe = try Self.text(value, place)
        guard ["paper", "lbfgs", "knn"].contains(probe) else {
          throw Failure(.usage, at: place, "expected paper, lbfgs or knn, found '\(probe)'")
        }
      case "rows":
        guard case .sequence(let items) = value.content, !items.isEmpty else {
          throw Failure(.usage, at: place, "expected a list of rows, found \(value.inWords)")
        }
        rows = try items.map { try Self.row($0, path) }
      default:
        let hint = nearest(to: pair.key, among: Self.keys).map { "Did you mean '\($0)'?" }
        throw Failure(
          .usage, at: "\(path), line \(pair.line)", "unknown key '\(pair.key)'",
          remedy: hint ?? "Keys: \(Self.keys.joined(separator: ", "))")
      }
    }
    guard !datasets.isEmpty else {
      throw Failure(.usage, at: path, "expected a key 'datasets', found none")
    }
    guard !rows.isEmpty else {
      throw Failure(.usage, at: path, "expected a key 'rows', found none")
    }
    guard Set(rows.map(\.name)).count == rows.count else {
      throw Failure(.usage, at: path, "expected rows of different names, found two alike")
    }
  }

  /// `{name: e-Mix, objective: emix}`, `{name: random, random: true}` or `{name: r = 0.5, set: {nearby_ratio: 0.5}}`.
  private static func row(_ node: YAMLNode, _ path: String) throws -> SweepRow {
    let place = "\(path), line \(node.line)"
    guard case .map(let pairs) = node.content else {
      throw Failure(.usage, at: place, "expected keys of a row, found \(node.inWords)")
    }
    var row = SweepRow(name: "", system: nil, isRandom: false, settings: [])
    var system: String?
    for pair in pairs {
      let place = "\(path), line \(pair.line), key '\(pair.key)'"
      switch pair.key {
      case "name": row.name = try text(pair.value, place)
      case "objective":
        let objective = try text(pair.value, place)
        row.settings.insert("objective=\(objective)", at: 0)
        row.system = objective
      case "random": row.isRandom = pair.value.scalar == "true"
      case "set": row.settings += try settings(pair.value, place)
      case "paper": system = try text(pair.value, place)
      case "seeds": row.seeds = try count(pair.value, place)
      default:
        let keys = ["name", "objective", "random", "set", "paper", "seeds"]
        let hint = nearest(to: pair.key, among: keys).map { "Did you mean '\($0)'?" }
        throw Failure(
          .usage, at: "\(path), line \(pair.line)", "unknown key '\(pair.key)' of a row",
          remedy: hint ?? "Keys of a row: \(keys.joined(separator: ", "))")
      }
    }
    if row.isRandom { row.system = "random" }
    if let system { row.system = system == "none" ? nil : system }
    guard !row.name.isEmpty else {
      throw Failure(.usage, at: place, "expected a key 'name' of the row, found none")
    }
    return row
  }

  /// A map of configuration keys, groups as maps within.
  private static func settings(_ node: YAMLNode, _ place: String) throws -> [String] {
    guard case .map(let pairs) = node.content else {
      throw Failure(
        .usage, at: place, "expected configuration keys with values, found \(node.inWords)")
    }
    return try pairs.flatMap { pair -> [String] in
      switch pair.value.content {
      case .scalar(let value): return ["\(pair.key)=\(value)"]
      case .map: return try settings(pair.value, place).map { "\(pair.key).\($0)" }
      case .sequence: return ["\(pair.key)=\(flow(pair.value))"]
      }
    }
  }

  private static func flow(_ node: YAMLNode) -> String {
    if case .sequence(let items) = node.content {
      return "[\(items.map(flow).joined(separator: ", "))]"
    }
    return node.scalar ?? ""
  }

  private static func text(_ node: YAMLNode, _ place: String) throws -> String {
    guard let text = node.scalar, !text.isEmpty else {
      throw Failure(.usage, at: place, "expected a text, found \(node.inWords)")
    }
    return text
  }

  private static func name(_ node: YAMLNode, _ place: String) throws -> String {
    guard let name = ValueType<String>.name.parse(node) else {
      throw Failure(.usage, at: place, "expected the name of a set, found \(node.inWords)")
    }
    return name
  }

  private static func names(_ node: YAMLNode, _ place: String) throws -> [String] {
    guard case .sequence(let items) = node.content, !items.isEmpty else {
      throw Failure(.usage, at: place, "expected a list of sets, found \(node.inWords)")
    }
    return try items.map { try name($0, place) }
  }

  private static func count(_ node: YAMLNode, _ place: String) throws -> Int {
    guard let count = node.integer, (1...1000).contains(count) else {
      throw Failure(.usage, at: place, "expected a whole number 1 to 1000, found \(node.inWords)")
    }
    return count
  }
}
