// What a file's name says, by a pattern: `{digit}_{speaker}_{take}` takes `7_jackson_3.wav` apart.

import Basics

struct NamePattern: Sendable {
  private enum Piece: Equatable {
    case text(String)
    case field(String)
  }

  private let pieces: [Piece]
  let fields: [String]

  /// - Throws: usage for braces that do not close, a field without a name or one directly behind another.
  init(_ pattern: String) throws {
    var pieces: [Piece] = []
    var rest = pattern[...]
    func refused(_ what: String) -> Failure {
      Failure(
        .usage, at: "--pattern", "expected fields as in {digit}_{speaker}_{take}, found \(what)")
    }
    while let open = rest.firstIndex(of: "{") {
      if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
      guard let close = rest[open...].firstIndex(of: "}") else {
        throw refused("'{' without '}' in '\(pattern)'")
      }
      let name = String(rest[rest.index(after: open)..<close])
      if case .field = pieces.last {
        throw refused("two fields without text between in '\(pattern)'")
      }
      guard !name.isEmpty else { throw refused("a field without a name in '\(pattern)'") }
      pieces.append(.field(name))
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty { pieces.append(.text(String(rest))) }
    self.pieces = pieces
    fields = pieces.compactMap { if case .field(let name) = $0 { name } else { nil } }
    guard !fields.isEmpty, Set(fields).count == fields.count else {
      throw refused(fields.isEmpty ? "none in '\(pattern)'" : "one twice in '\(pattern)'")
    }
  }

  /// The fields of a name (without folder and suffix); nil when it does not fit. A field ends where the text behind it
  /// first occurs; the last one takes the rest.
  func match(_ name: String) -> [String: String]? {
    var values: [String: String] = [:]
    var rest = name[...]
    for (k, piece) in pieces.enumerated() {
      switch piece {
      case .text(let text):
        guard rest.hasPrefix(text) else { return nil }
        rest = rest.dropFirst(text.count)
      case .field(let field):
        var value = rest
        if k + 1 < pieces.count, case .text(let text) = pieces[k + 1] {
          guard let end = rest.firstRange(of: text)?.lowerBound else { return nil }
          value = rest[..<end]
        }
        guard !value.isEmpty else { return nil }
        values[field] = String(value)
        rest = rest[value.endIndex...]
      }
    }
    return rest.isEmpty ? values : nil
  }
}
