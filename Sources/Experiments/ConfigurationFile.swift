// Reading and writing a run's configuration: the dataset's defaults, then the file, then each `--set`, in this order.

import Basics

extension RunConfiguration {
  /// - Parameters:
  ///   - file: the YAML configuration; nil: only what is set (`dataset` at least).
  ///   - settings: `key=value` of each `--set`, dotted, in order.
  /// - Throws: usage failures with file, line and key; missing input for an absent file.
  public static func resolve(file: String?, settings: [String]) throws -> RunConfiguration {
    var assigned: [Assignment] = []
    if let file { assigned += try Assignment.all(in: try YAMLDocument.read(file), path: file) }
    assigned += try settings.map(Assignment.init(setting:))
    return try resolve(assigned, place: file ?? "--set")
  }

  /// As `resolve(file:settings:)` from a text that is already there.
  public static func resolve(text: String, path: String) throws -> RunConfiguration {
    try resolve(
      try Assignment.all(in: try YAMLDocument.parse(text, path: path), path: path), place: path)
  }

  /// Applies each `--set` on top.
  public func applying(_ settings: [String]) throws -> RunConfiguration {
    var target = self
    for setting in settings { try Assignment(setting: setting).apply(to: &target) }
    try target.check()
    return target
  }

  private static func resolve(_ assigned: [Assignment], place: String) throws -> RunConfiguration {
    // Defaults depend on two keys; those are read first, wherever they stand.
    var target = RunConfiguration(dataset: "")
    for assignment in assigned where ["dataset", "objective"].contains(assignment.key.name) {
      try assignment.apply(to: &target)
    }
    guard !target.dataset.isEmpty else {
      throw Failure(.usage, at: place, "expected a key 'dataset', found none")
    }
    target = RunConfiguration(dataset: target.dataset, objective: target.objective)
    for assignment in assigned { try assignment.apply(to: &target) }
    target.dataset = DatasetCatalogue.entry(target.dataset)?.name ?? target.dataset
    try target.check()
    return target
  }

  /// The whole configuration as YAML: every key, in the table's order. Reading it back gives the same value.
  public var yaml: String {
    var lines: [String] = []
    var open = ""
    for key in ConfigurationKey.all {
      let parts = key.name.split(separator: ".")
      if parts.count == 2 {
        if open != parts[0] { lines.append("\(parts[0]):") }
        lines.append("  \(parts[1]): \(key.field.text(self))")
      } else {
        lines.append("\(key.name): \(key.field.text(self))")
      }
      open = String(parts[0])
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Each key with its value as YAML text; `roles` picks which.
  public func values(of roles: Set<ConfigurationKey.Role>) -> [(key: String, value: String)] {
    ConfigurationKey.all.filter { roles.contains($0.role) }.map { ($0.name, $0.field.text(self)) }
  }

  /// What a run is told when it goes on: its own configuration, with the upkeep that the command line names.
  /// - Parameters:
  ///   - file: `--config` beside `--resume`; nil: `settings` change the run's own configuration.
  ///   - settings: `key=value` of each `--set`.
  /// - Throws: a usage failure that names the first key which a run may not change. A key that asks for `auto` agrees
  ///   with what the run resolved it to.
  public func resumed(file: String?, settings: [String]) throws -> RunConfiguration {
    var named = try settings.map(Assignment.init(setting:))
    if let file { named += try Assignment.all(in: try YAMLDocument.read(file), path: file) }
    let asked =
      try file.map { try RunConfiguration.resolve(file: $0, settings: settings) }
      ?? applying(settings)
    var result = self
    for key in ConfigurationKey.all {
      if key.role == .upkeep {
        if named.contains(where: { $0.key.name == key.name }) { key.field.copy(asked, &result) }
        continue
      }
      let mine = key.field.text(self)
      let wanted = key.field.text(asked)
      guard wanted == mine || wanted == "auto" else {
        throw Failure(
          .usage, at: key.name, "the run has \(mine), asked for is \(wanted)",
          remedy: "A resumed run keeps what decides its numbers; start a new run directory for "
            + "other values.")
      }
    }
    return result
  }
}

/// One key with the value that a file or `--set` gives it.
private struct Assignment {
  let key: ConfigurationKey
  let value: YAMLNode
  /// `configs/pamap2.yaml, line 3, key 'steps'` or `--set steps`.
  let place: String

  /// All keys of a document, nested maps flattened to dotted names.
  static func all(in root: YAMLNode, path: String) throws -> [Assignment] {
    guard case .map(let pairs) = root.content else {
      throw Failure(.usage, at: path, "expected keys with values, found \(root.inWords)")
    }
    var found: [Assignment] = []
    for pair in pairs {
      let place = "\(path), line \(pair.line)"
      if isGroup(pair.key) {
        guard case .map(let inner) = pair.value.content else {
          throw Failure(
            .usage, at: "\(place), key '\(pair.key)'",
            "expected keys below it, found \(pair.value.inWords)")
        }
        for item in inner {
          let name = "\(pair.key).\(item.key)"
          try found.append(Assignment(name, item.value, "\(path), line \(item.line)"))
        }
      } else {
        try found.append(Assignment(pair.key, pair.value, place))
      }
    }
    for (index, assignment) in found.enumerated() {
      if found[..<index].contains(where: { $0.key.name == assignment.key.name }) {
        throw Failure(.usage, at: assignment.place, "given twice")
      }
    }
    return found
  }

  private init(_ name: String, _ value: YAMLNode, _ place: String) throws {
    key = try ConfigurationKey.find(name, at: place)
    self.value = value
    self.place = "\(place), key '\(name)'"
  }

  /// - Parameter setting: `key=value`; the value is read as YAML.
  init(setting: String) throws {
    let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw Failure(.usage, at: "--set", "expected key=value, found '\(setting)'")
    }
    key = try ConfigurationKey.find(String(parts[0]), at: "--set")
    value = try YAMLDocument.parse(String(parts[1]), path: "--set \(parts[0])")
    place = "--set \(parts[0])"
  }

  func apply(to target: inout RunConfiguration) throws {
    try key.field.read(value, at: place, into: &target)
  }

  private static func isGroup(_ name: String) -> Bool {
    ConfigurationKey.all.contains { $0.name.hasPrefix(name + ".") }
  }
}
