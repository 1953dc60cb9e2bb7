// TensorFlow's protobuf `Example` (datasets.md section 3), as far as records here use it: named lists of bytes, of
// 32-bit floats, of integers; packed or not. Nothing is copied but what is asked for.

import Basics

struct ExampleRecord {
  private enum Kind: Int {
    case bytes = 1
    case floats = 2
    case integers = 3
  }

  private struct Feature {
    let name: UnsafeRawBufferPointer
    let kind: Kind?
    let list: UnsafeRawBufferPointer
  }

  private let place: String
  private var features: [Feature] = []

  /// - Parameters:
  ///   - bytes: the record; it must outlive this value.
  ///   - place: what messages call it.
  /// - Throws: badData for what is no Example.
  init(_ bytes: UnsafeRawBufferPointer, at place: String) throws {
    self.place = place
    try Self.fields(bytes, place) { field, body in
      guard field == 1, let body else { return }
      try Self.fields(body, place) { field, entry in
        guard field == 1, let entry else { return }
        try add(entry)
      }
    }
  }

  private mutating func add(_ entry: UnsafeRawBufferPointer) throws {
    var name = UnsafeRawBufferPointer(start: nil, count: 0)
    var kind: Kind?
    var list = UnsafeRawBufferPointer(start: nil, count: 0)
    try Self.fields(entry, place) { field, body in
      guard let body else { return }
      if field == 1 { name = body }
      guard field == 2 else { return }
      try Self.fields(body, place) { field, body in
        guard let body, let found = Kind(rawValue: field) else { return }
        (kind, list) = (found, body)
      }
    }
    features.append(Feature(name: name, kind: kind, list: list))
  }

  /// The only byte string of a feature.
  func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    var found: [UnsafeRawBufferPointer] = []
    try Self.fields(try list(name, .bytes, "bytes"), place) { field, body in
      if field == 1, let body { found.append(body) }
    }
    guard found.count == 1 else { throw complaint(name, "one byte string", "\(found.count)") }
    return found[0]
  }

  /// The only integer of a feature.
  func integer(_ name: String) throws -> Int {
    var found: [Int] = []
    try Self.fields(try list(name, .integers, "an integer"), place) { field, body, number in
      guard field == 1 else { return }
      guard let body else { return found.append(Int(truncatingIfNeeded: number)) }
      var cursor = Cursor(body, place)
      while !cursor.isAtEnd && found.count < 2 {
        found.append(Int(truncatingIfNeeded: try cursor.varint()))
      }
    }
    guard found.count == 1 else { throw complaint(name, "one integer", "\(found.count)") }
    return found[0]
  }

  /// All floats of a feature, `count` of them, to `target`.
  func floats(_ name: String, count: Int, _ store: (Int, Float) -> Void) throws {
    var found = 0
    func take(_ bytes: UnsafeRawBufferPointer) {
      for i in 0..<(bytes.count / 4) {
        if found < count {
          let bits = bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
          store(found, Float(bitPattern: UInt32(littleEndian: bits)))
        }
        found += 1
      }
    }
    try Self.fields(try list(name, .floats, "floats"), place) { field, body in
      if field == 1, let body { take(body) }
    }
    guard found == count else { throw complaint(name, "\(count) floats", "\(found)") }
  }

  private func list(_ name: String, _ kind: Kind, _ what: String) throws -> UnsafeRawBufferPointer {
    guard let feature = features.last(where: { $0.name.elementsEqual(name.utf8) }) else {
      let names = features.map { String(decoding: $0.name.prefix(40), as: UTF8.self) }
      throw complaint(
        name, what,
        "no such feature among \(names.prefix(8).map { "'\($0)'" }.joined(separator: ", "))")
    }
    guard feature.kind == kind else { throw complaint(name, what, "a list of another type") }
    return feature.list
  }

  private func complaint(_ name: String, _ expected: String, _ found: String) -> Failure {
    Failure(.badData, at: place, "feature '\(name)': expected \(expected), found \(found)")
  }

  // MARK: Protobuf

  /// Calls `body` with number and content of each field of a message; content is nil for a varint.
  private static func fields(
    _ message: UnsafeRawBufferPointer, _ place: String,
    _ body: (Int, UnsafeRawBufferPointer?) throws -> Void
  ) throws {
    try fields(message, place) { field, content, _ in try body(field, content) }
  }

  private static func fields(
    _ message: UnsafeRawBufferPointer, _ place: String,
    _ body: (Int, UnsafeRawBufferPointer?, UInt64) throws -> Void
  ) throws {
    var cursor = Cursor(message, place)
    while !cursor.isAtEnd {
      let tag = try cursor.varint()
      let field = Int(truncatingIfNeeded: tag >> 3)
      switch tag & 7 {
      case 0: try body(field, nil, try cursor.varint())
      case 1: try body(field, try cursor.take(8), 0)
      case 2: try body(field, try cursor.take(try cursor.varint()), 0)
      case 5: try body(field, try cursor.take(4), 0)
      default: throw cursor.complaint("wire type 0, 1, 2 or 5, found \(tag & 7)")
      }
    }
  }

  private struct Cursor {
    private let bytes: UnsafeRawBufferPointer
    private let place: String
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, _ place: String) {
      (self.bytes, self.place) = (bytes, place)
    }

    var isAtEnd: Bool { position == bytes.count }

    mutating func varint() throws -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 70, by: 7) {
        guard position < bytes.count else { throw complaint("more of a number, found the end") }
        let byte = bytes[position]
        position += 1
        value |= UInt64(byte & 127) << shift
        if byte < 128 { return value }
      }
      throw complaint("a number of at most 10 bytes, found a longer one")
    }

    mutating func take(_ count: UInt64) throws -> UnsafeRawBufferPointer {
      guard count <= UInt64(bytes.count - position) else {
        throw complaint("\(count) bytes, found \(bytes.count - position)")
      }
      defer { position += Int(count) }
      return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + Int(count))])
    }

    func complaint(_ expectedAndFound: String) -> Failure {
      Failure(
        .badData, at: place,
        "byte \(position) of a protobuf message of \(bytes.count): expected \(expectedAndFound)",
        remedy: "The record is no TensorFlow Example.")
    }
  }
}
