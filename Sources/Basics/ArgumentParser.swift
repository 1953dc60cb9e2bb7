// Command lines: long options only, `--name value` or `--name=value`, `--help` with every default. An unknown
// option is an error that names the nearest; all errors are found before any work starts.

/// One option of a command.
public struct Option: Sendable {
  enum Shape: Sendable { case flag, value, repeated }

  let name: String
  let shape: Shape
  let placeholder: String
  let meaning: String
  let standard: String?

  /// `--name`
  public static func flag(_ name: String, _ meaning: String) -> Option {
    Option(name: name, shape: .flag, placeholder: "", meaning: meaning, standard: nil)
  }

  /// `--name PLACEHOLDER`, at most once; `standard` is what holds without it and is shown in the help.
  public static func value(
    _ name: String, _ placeholder: String, _ meaning: String, standard: String? = nil
  )
    -> Option
  {
    Option(
      name: name, shape: .value, placeholder: placeholder, meaning: meaning, standard: standard)
  }

  /// `--name PLACEHOLDER`, as often as wanted.
  public static func repeated(_ name: String, _ placeholder: String, _ meaning: String) -> Option {
    Option(name: name, shape: .repeated, placeholder: placeholder, meaning: meaning, standard: nil)
  }
}

/// A command: what it is called, what it does and takes.
public struct Command: Sendable {
  public let name: String
  public let summary: String
  let options: [Option]
  let operands: String?

  /// - Parameters:
  ///   - name: as the user types it, subcommand included: `metamae-prep build-shards`.
  ///   - operands: placeholder of what may stand without an option (`DIR`, `[CASE ...]`); nil: nothing may.
  public init(name: String, summary: String, operands: String? = nil, options: [Option]) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.options = options
  }

  /// The words after the command's name, checked against its options.
  /// - Throws: `Failure` of kind usage, which names the word and the nearest option.
  public func parse(_ words: some Sequence<String>) throws -> Arguments {
    var arguments = Arguments(command: self)
    var words = Array(words)[...]
    while let word = words.popFirst() {
      guard word.hasPrefix("--"), word.count > 2 else {
        guard operands != nil else {
          throw Failure(
            .usage, at: name, "unexpected argument '\(word)'", remedy: "See: \(name) --help")
        }
        arguments.operands.append(word)
        continue
      }
      let parts = word.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(parts[0])
      guard let option = options.first(where: { $0.name == key }) else {
        let hint = nearest(to: key, among: options.map(\.name)).map { "Did you mean --\($0)?" }
        throw Failure(
          .usage, at: name, "unknown option --\(key)", remedy: hint ?? "See: \(name) --help")
      }
      if option.shape == .flag {
        guard parts.count == 1 else {
          throw Failure(.usage, at: "--\(key)", "takes no value, found '\(parts[1])'")
        }
        arguments.values[key] = [""]
        continue
      }
      guard let value = parts.count == 2 ? String(parts[1]) : words.popFirst() else {
        throw Failure(.usage, at: "--\(key)", "expected \(option.placeholder), found nothing")
      }
      if option.shape == .value && arguments.values[key] != nil {
        throw Failure(.usage, at: "--\(key)", "given twice")
      }
      arguments.values[key, default: []].append(value)
    }
    return arguments
  }

  /// What `--help` prints.
  public var help: String {
    var rows = options.map { option in
      let left =
        option.shape == .flag ? "--\(option.name)" : "--\(option.name) \(option.placeholder)"
      let right = option.standard.map { "\(option.meaning) [\($0)]" } ?? option.meaning
      return (left, option.shape == .repeated ? right + " (may be repeated)" : right)
    }
    rows.append(("--help", "this text"))
    rows.append(("--version", "the version"))
    let width = (rows.map { $0.0.count }.max() ?? 0) + 2
    let lines = rows.map { "  " + $0.0.padded(to: width) + $0.1 }
    let usage =
      "usage: \(name)" + (operands.map { " " + $0 } ?? "") + (options.isEmpty ? "" : " [options]")
    return "\(usage)\n\n\(summary)\n\n" + lines.joined(separator: "\n")
  }
}

/// What the user asked for.
public struct Arguments: Sendable {
  let command: Command
  var values: [String: [String]] = [:]
  public internal(set) var operands: [String] = []

  init(command: Command) { self.command = command }

  public func has(_ name: String) -> Bool { values[name] != nil }

  /// The option's value, else its default.
  public func string(_ name: String) -> String? {
    values[name]?.last ?? option(name).standard
  }

  public func strings(_ name: String) -> [String] {
    _ = option(name)
    return values[name] ?? []
  }

  /// - Throws: a usage failure when the option is missing.
  public func required(_ name: String) throws -> String {
    guard let value = string(name) else {
      throw Failure(
        .usage, at: command.name, "--\(name) \(option(name).placeholder) is needed",
        remedy: "See: \(command.name) --help")
    }
    return value
  }

  /// - Throws: a usage failure when the value is no whole number in the range.
  public func integer(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws -> Int? {
    guard let text = string(name) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      let bounds =
        range.upperBound == Int.max
        ? "from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw Failure(.usage, at: "--\(name)", "expected a whole number \(bounds), found '\(text)'")
    }
    return value
  }

  private func option(_ name: String) -> Option {
    guard let option = command.options.first(where: { $0.name == name }) else {
      preconditionFailure("\(command.name) declares no --\(name)")
    }
    return option
  }
}

/// The candidate with the smallest edit distance (Levenshtein), if it is near enough to be a typing error.
public func nearest(to word: String, among candidates: [String]) -> String? {
  let scored = candidates.map { ($0, editDistance(Array(word.utf8), Array($0.utf8))) }
  guard let best = scored.min(by: { $0.1 < $1.1 }) else { return nil }
  return best.1 <= max(2, word.utf8.count / 3) ? best.0 : nil
}

private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var row = Array(0...b.count)
  for i in 0..<a.count {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<b.count {
      let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, diagonal + 1, row[j] + 1)
    }
  }
  return row[b.count]
}

extension String {
  /// Filled with spaces on the right.
  public func padded(to width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }
}
