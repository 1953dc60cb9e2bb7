// The door to libyaml: a YAML text as scalars, maps and sequences that know their line and column. The only file
// that imports CYAML. Left out on purpose: anchors, aliases, tags and more than one document; a configuration
// needs none of them, and aliases let a small file grow without bound.

import Basics
import CYAML

/// One value of a YAML text.
public struct YAMLNode: Sendable {
  public struct Pair: Sendable {
    public let key: String
    public let line: Int
    public let column: Int
    public let value: YAMLNode
  }

  public enum Content: Sendable {
    case scalar(String)
    case map([Pair])
    case sequence([YAMLNode])
  }

  public let content: Content
  /// Both count from 1.
  public let line: Int
  public let column: Int
}

public enum YAMLDocument {
  /// The one document of a text; an empty text is an empty map.
  /// - Parameter path: what messages call the text.
  /// - Throws: `Failure` of kind usage with file and line: no YAML, a key given twice, an alias, an anchor or a tag.
  public static func parse(_ text: String, path: String) throws -> YAMLNode {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBufferPointer { bytes in
      var reader = try EventReader(bytes, path: path)
      defer { reader.close() }
      return try reader.document()
    }
  }

  public static func read(_ path: String) throws -> YAMLNode {
    let bytes = try Files.read(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.usage, at: path, "expected UTF-8 text, found other bytes")
    }
    return try parse(text, path: path)
  }
}

/// Walks libyaml's events.
private struct EventReader {
  private static let depthLimit = 16

  /// Allocated, as libyaml keeps pointers into it.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let path: String

  init(_ bytes: UnsafeBufferPointer<UInt8>, path: String) throws {
    parser = .allocate(capacity: 1)
    self.path = path
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      throw Failure(.tryAgain, at: path, "no memory for the YAML parser")
    }
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  func close() {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  mutating func document() throws -> YAMLNode {
    try expect(YAML_STREAM_START_EVENT)
    var event = try next()
    if event.type == YAML_STREAM_END_EVENT {
      yaml_event_delete(&event)
      return YAMLNode(content: .map([]), line: 1, column: 1)
    }
    yaml_event_delete(&event)  // document start
    let root = try value(try next(), depth: 0)
    try expect(YAML_DOCUMENT_END_EVENT)
    var end = try next()
    defer { yaml_event_delete(&end) }
    guard end.type == YAML_STREAM_END_EVENT else {
      throw failure(end.start_mark, "expected one document, found a second one")
    }
    return root
  }

  /// The value that starts with `event`, which is consumed.
  private mutating func value(_ event: yaml_event_t, depth: Int) throws -> YAMLNode {
    var event = event
    defer { yaml_event_delete(&event) }
    let mark = event.start_mark
    guard depth <= Self.depthLimit else {
      throw failure(mark, "nested more than \(Self.depthLimit) deep")
    }
    switch event.type {
    case YAML_SCALAR_EVENT:
      try refuse(event.data.scalar.anchor, event.data.scalar.tag, mark)
      return node(.scalar(scalar(event)), mark)
    case YAML_SEQUENCE_START_EVENT:
      try refuse(event.data.sequence_start.anchor, event.data.sequence_start.tag, mark)
      var items: [YAMLNode] = []
      while true {
        var item = try next()
        if item.type == YAML_SEQUENCE_END_EVENT {
          yaml_event_delete(&item)
          return node(.sequence(items), mark)
        }
        items.append(try value(item, depth: depth + 1))
      }
    case YAML_MAPPING_START_EVENT:
      try refuse(event.data.mapping_start.anchor, event.data.mapping_start.tag, mark)
      return node(.map(try pairs(depth: depth)), mark)
    case YAML_ALIAS_EVENT:
      throw failure(mark, "aliases (*name) are not read; write the value out")
    default:
      throw failure(mark, "expected a value")
    }
  }

  private mutating func pairs(depth: Int) throws -> [YAMLNode.Pair] {
    var pairs: [YAMLNode.Pair] = []
    while true {
      var key = try next()
      defer { yaml_event_delete(&key) }
      if key.type == YAML_MAPPING_END_EVENT { return pairs }
      let mark = key.start_mark
      guard key.type == YAML_SCALAR_EVENT else {
        throw failure(mark, "expected a plain key, found a list, a map or an alias")
      }
      let name = scalar(key)
      if let first = pairs.first(where: { $0.key == name }) {
        throw failure(mark, "key '\(name)' given twice, first in line \(first.line)")
      }
      pairs.append(
        YAMLNode.Pair(
          key: name, line: Int(mark.line) + 1, column: Int(mark.column) + 1,
          value: try value(try next(), depth: depth + 1)))
    }
  }

  // MARK: events

  private func next() throws -> yaml_event_t {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else {
      let problem = parser.pointee.problem.map { String(cString: $0) } ?? "unreadable"
      let context = parser.pointee.context.map { String(cString: $0) + ": " } ?? ""
      throw failure(parser.pointee.problem_mark, "not YAML: \(context)\(problem)")
    }
    return event
  }

  private func expect(_ type: yaml_event_type_t) throws {
    var event = try next()
    defer { yaml_event_delete(&event) }
    guard event.type == type else { throw failure(event.start_mark, "expected one document") }
  }

  private func scalar(_ event: yaml_event_t) -> String {
    let scalar = event.data.scalar
    return String(
      decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
  }

  private func refuse(
    _ anchor: UnsafeMutablePointer<yaml_char_t>?, _ tag: UnsafeMutablePointer<yaml_char_t>?,
    _ mark: yaml_mark_t
  ) throws {
    if anchor != nil { throw failure(mark, "anchors (&name) are not read; write the value out") }
    if tag != nil { throw failure(mark, "tags (!name) are not read") }
  }

  private func node(_ content: YAMLNode.Content, _ mark: yaml_mark_t) -> YAMLNode {
    YAMLNode(content: content, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  private func failure(_ mark: yaml_mark_t, _ problem: String) -> Failure {
    Failure(
      .usage, at: "\(path), line \(Int(mark.line) + 1), column \(Int(mark.column) + 1)", problem)
  }
}
