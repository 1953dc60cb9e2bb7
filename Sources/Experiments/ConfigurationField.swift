// How the value of one configuration key is read, checked, written and shown: one small value for each type of key.

import Basics

/// Numbers that a key accepts.
struct NumberRange: Sendable {
  let text: String
  let contains: @Sendable (Double) -> Bool

  static let positive = NumberRange(text: "above 0") { $0 > 0 && $0.isFinite }
  static let notNegative = NumberRange(text: "from 0") { $0 >= 0 && $0.isFinite }
  /// [0, 1]
  static let share = NumberRange(text: "0 to 1") { $0 >= 0 && $0 <= 1 }
  /// (0, 1)
  static let between = NumberRange(text: "between 0 and 1, both left out") { $0 > 0 && $0 < 1 }
  /// (0, 1]
  static let proper = NumberRange(text: "above 0, at most 1") { $0 > 0 && $0 <= 1 }
  /// [0, 1)
  static let below = NumberRange(text: "from 0, below 1") { $0 >= 0 && $0 < 1 }
}

/// A type of value: how it is named to a person, shown as YAML on one line, and read back.
struct ValueType<T: Sendable>: Sendable {
  let text: String
  let show: @Sendable (T) -> String
  /// nil: the node is none of this type and range.
  let parse: @Sendable (YAMLNode) -> T?

  init(
    _ text: String, show: @escaping @Sendable (T) -> String = { "\($0)" },
    parse: @escaping @Sendable (YAMLNode) -> T?
  ) {
    self.text = text
    self.show = show
    self.parse = parse
  }
}

extension ValueType<Int> {
  static func whole(_ range: ClosedRange<Int>) -> Self {
    Self("whole number \(range.lowerBound) to \(range.upperBound)") { node in
      node.integer.flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension ValueType<UInt64> {
  static let seed = Self("whole number 0 to \(UInt64.max)") { $0.scalar.flatMap { UInt64($0) } }
}

extension ValueType<Float> {
  static func number(_ range: NumberRange) -> Self {
    Self("number \(range.text)") { node in
      node.scalar.flatMap { Float($0) }.flatMap { range.contains(Double($0)) ? $0 : nil }
    }
  }
}

extension ValueType<Double> {
  static func number(_ range: NumberRange) -> Self {
    Self("number \(range.text)") { node in
      node.scalar.flatMap { Double($0) }.flatMap { range.contains($0) ? $0 : nil }
    }
  }
}

extension ValueType<Bool> {
  static let flag = Self("true or false") { $0.scalar.flatMap { Bool($0) } }
}

extension ValueType where T: RawRepresentable<String> & CaseIterable {
  static var choice: Self {
    let names = T.allCases.map(\.rawValue).joined(separator: ", ")
    return Self(
      "one of \(names)", show: { $0.rawValue },
      parse: { node in node.scalar.flatMap { T(rawValue: $0) } })
  }
}

extension ValueType<String> {
  /// Names become folders: nothing that leaves the folder or needs quoting.
  static let name = Self(
    "a name (letters, digits, '-', '_', '.')", show: { $0 },
    parse: { node in
      guard let text = node.scalar, !text.isEmpty, text.utf8.count <= 100, !text.hasPrefix("."),
        text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
      else { return nil }
      return text
    })
}

extension ValueType<[MixturePart]> {
  /// `pamap2:3,mine:1`
  static let mixture = Self(
    "NAME:WEIGHT,NAME:WEIGHT with whole weights 1 to 1000, or none",
    show: { parts in
      parts.isEmpty
        ? "none" : parts.map { "\($0.dataset):\($0.weight)" }.joined(separator: ",")
    },
    parse: { node in
      guard let text = node.scalar else { return nil }
      if text == "none" { return [] }
      var parts: [MixturePart] = []
      for item in text.split(separator: ",", omittingEmptySubsequences: false) {
        let words = item.split(separator: ":", omittingEmptySubsequences: false)
        let name = YAMLNode(content: .scalar(String(words[0])), line: 0, column: 0)
        guard words.count == 2, let dataset = ValueType<String>.name.parse(name),
          let weight = Int(words[1]), (1...1000).contains(weight)
        else { return nil }
        parts.append(MixturePart(dataset: dataset, weight: weight))
      }
      return parts.count <= 64 ? parts : nil
    })
}

extension ValueType<[[Int]]> {
  /// `5`, `[8, 8]` (one input) or `[[16, 16], [1]]`.
  static let patches = Self(
    "a whole number from 1, a list of them, or a list of lists (one for each input)"
  ) { node in
    let lists = node.integer.map { [[$0]] } ?? node.integers.map { [$0] } ?? node.lists
    guard let lists, !lists.isEmpty, lists.allSatisfy({ $0.allSatisfy { $0 > 0 } }) else {
      return nil
    }
    return lists
  }
}

/// The door between a key's YAML value and its place in `RunConfiguration`.
struct ConfigurationField: Sendable {
  typealias Path<T> = WritableKeyPath<RunConfiguration, T> & Sendable

  /// Type and range for a person.
  let type: String
  /// The value as YAML on one line.
  let text: @Sendable (RunConfiguration) -> String
  /// Takes the value over from another configuration.
  let copy: @Sendable (_ from: RunConfiguration, _ to: inout RunConfiguration) -> Void
  /// Stores a value; false: it is none of this type and range.
  private let store: @Sendable (YAMLNode, inout RunConfiguration) -> Bool

  static func value<T: Sendable>(_ path: Path<T>, _ type: ValueType<T>) -> Self {
    Self(
      type: type.text, text: { type.show($0[keyPath: path]) },
      copy: { $1[keyPath: path] = $0[keyPath: path] },
      store: { node, target in
        guard let value = type.parse(node) else { return false }
        target[keyPath: path] = value
        return true
      })
  }

  /// A value that may be left to be found out: nil, written `auto`.
  static func auto<T: Sendable>(_ path: Path<T?>, _ type: ValueType<T>) -> Self {
    .value(
      path,
      ValueType<T?>("\(type.text) or auto", show: { $0.map(type.show) ?? "auto" }) { node in
        node.scalar == "auto" ? .some(nil) : type.parse(node).map { .some($0) }
      })
  }

  /// A value that may be left out: nil, written `none`.
  static func optional<T: Sendable>(_ path: Path<T?>, _ type: ValueType<T>) -> Self {
    .value(
      path,
      ValueType<T?>("\(type.text) or none", show: { $0.map(type.show) ?? "none" }) { node in
        node.scalar == "none" ? .some(nil) : type.parse(node).map { .some($0) }
      })
  }

  /// - Throws: a usage failure with the place, the range and what was found.
  func read(_ node: YAMLNode, at place: String, into target: inout RunConfiguration) throws {
    guard store(node, &target) else {
      throw Failure(.usage, at: place, "expected \(type), found \(node.inWords)")
    }
  }
}

extension YAMLNode {
  var scalar: String? { if case .scalar(let text) = content { text } else { nil } }
  /// A whole number; underscores between digits are not read.
  var integer: Int? { scalar.flatMap { Int($0) } }
  var integers: [Int]? {
    guard case .sequence(let items) = content, !items.isEmpty else { return nil }
    let values = items.compactMap(\.integer)
    return values.count == items.count ? values : nil
  }
  var lists: [[Int]]? {
    guard case .sequence(let items) = content else { return nil }
    let values = items.compactMap(\.integers)
    return values.count == items.count ? values : nil
  }

  var inWords: String {
    switch content {
    case .scalar(let text): "'\(text.prefix(60))'"
    case .map: "keys below it"
    case .sequence(let items): "a list of \(items.count)"
    }
  }
}
