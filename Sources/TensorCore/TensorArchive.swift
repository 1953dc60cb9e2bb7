// Named tensors in one file: safetensors, read and written (docs/formats.md, "Checkpoints"). Layout: header length
// (8 bytes, little endian), header (JSON, padded with spaces to 8 bytes), then the tensors' bytes without a gap.
// Bytes are a function of the contents: wide elements first, then by name, as the format's own library writes them.
// Nothing in a file is trusted: lengths, shapes and offsets are checked against the file before they are used.

import Basics
import Foundation

/// What a tensor's elements are; the raw value is the format's name.
public enum ArchiveElement: String, Sendable, CaseIterable {
  case int64 = "I64"
  case float64 = "F64"
  case float32 = "F32"
  case int32 = "I32"
  case uint8 = "U8"
  case bool = "BOOL"

  public var byteCount: Int {
    switch self {
    case .int64, .float64: 8
    case .float32, .int32: 4
    case .uint8, .bool: 1
    }
  }

  /// Place in a file; the format's library puts wide elements first so that all stay aligned.
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self)! }
}

/// A tensor to be written; its memory is borrowed for the call.
public struct ArchivedTensor {
  public var name: String
  public var element: ArchiveElement
  public var shape: [Int]
  /// Row-major, little endian.
  public var bytes: UnsafeRawBufferPointer

  public init(
    _ name: String, _ element: ArchiveElement, shape: [Int], bytes: UnsafeRawBufferPointer
  ) {
    precondition(
      bytes.count == shape.reduce(element.byteCount, *),
      "\(name): \(bytes.count) bytes for \(shape)")
    self.name = name
    self.element = element
    self.shape = shape
    self.bytes = bytes
  }

  public init(_ name: String, shape: [Int], floats: UnsafeBufferPointer<Float>) {
    self.init(name, .float32, shape: shape, bytes: UnsafeRawBufferPointer(floats))
  }
}

/// A safetensors file in memory.
public struct TensorArchive: Sendable {
  /// Where a tensor lies and what it is.
  public struct Entry: Equatable, Sendable {
    public let element: ArchiveElement
    public let shape: [Int]
    /// Bytes of the file.
    let range: Range<Int>

    public var count: Int { range.count / element.byteCount }
  }

  /// The largest header accepted, as in the format's library.
  static let headerLimit = 100_000_000

  public let path: String
  public let metadata: [String: String]
  public let entries: [String: Entry]
  private let file: [UInt8]

  /// Names in ascending byte order.
  public var names: [String] {
    entries.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// - Throws: `Failure`: missing input for an absent file, bad data (with the cause) for a malformed one.
  public init(path: String) throws { try self.init(bytes: try Files.read(path), path: path) }

  /// - Parameter path: what messages call these bytes.
  public init(bytes: [UInt8], path: String) throws {
    self.path = path
    file = bytes
    let body = try Self.bodyStart(bytes, path)
    let header: ArchiveHeader
    do {
      header = try JSONDecoder().decode(ArchiveHeader.self, from: Data(bytes[8..<body]))
    } catch {
      throw Self.damaged(path, "its header is not the JSON of a safetensors file")
    }
    metadata = header.metadata
    var entries: [String: Entry] = [:]
    for (name, raw) in header.tensors {
      entries[name] = try Self.entry(raw, body: body, size: bytes.count, at: "\(path), '\(name)'")
    }
    let ordered = entries.sorted {
      ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
        < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
    }
    var end = body
    for (name, entry) in ordered {
      guard entry.range.lowerBound == end else {
        let what = entry.range.lowerBound < end ? "overlaps" : "leaves a gap after"
        throw Self.damaged("\(path), '\(name)'", "\(what) the tensor before it")
      }
      end = entry.range.upperBound
    }
    guard end == bytes.count else {
      throw Self.damaged(path, "expected \(end) bytes, found \(bytes.count)")
    }
    self.entries = entries
  }

  // MARK: values

  /// Values of an F32 tensor.
  public func floats(_ name: String) throws -> [Float] {
    load(try entry(name, among: [.float32]), Float.self)
  }

  /// Values of an F32 or F64 tensor.
  public func doubles(_ name: String) throws -> [Double] {
    let entry = try entry(name, among: [.float64, .float32])
    return entry.element == .float64
      ? load(entry, Double.self) : load(entry, Float.self).map(Double.init)
  }

  /// Values of an I64, I32, U8 or BOOL tensor.
  public func integers(_ name: String) throws -> [Int] {
    let entry = try entry(name, among: [.int64, .int32, .uint8, .bool])
    switch entry.element {
    case .int64: return load(entry, Int64.self).map(Int.init)
    case .int32: return load(entry, Int32.self).map(Int.init)
    default: return load(entry, UInt8.self).map(Int.init)
    }
  }

  /// Values of a BOOL tensor.
  public func flags(_ name: String) throws -> [Bool] {
    load(try entry(name, among: [.bool]), UInt8.self).map { $0 != 0 }
  }

  /// Copies an F32 tensor of a known shape to memory that is already there.
  /// - Throws: bad data when the file holds another shape or type, or nothing of that name.
  public func copy(
    _ name: String, shape: [Int], into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let entry = try entry(name, among: [.float32])
    guard entry.shape == shape else {
      throw Failure(
        .badData, at: "\(path), '\(name)'", "expected shape \(shape), found \(entry.shape)",
        remedy: "The file belongs to a model of another configuration.")
    }
    precondition(target.count == entry.count, "\(name): \(target.count) places for \(shape)")
    file.withUnsafeBytes { bytes in
      UnsafeMutableRawBufferPointer(target).copyMemory(from: .init(rebasing: bytes[entry.range]))
    }
  }

  /// - Throws: bad data when there is no such tensor or its elements are none of `elements`.
  public func entry(_ name: String, among elements: [ArchiveElement]) throws -> Entry {
    guard let entry = entries[name] else {
      throw Failure(.badData, at: path, "expected a tensor '\(name)', found none of that name")
    }
    guard elements.contains(entry.element) else {
      let wanted = elements.map(\.rawValue).joined(separator: " or ")
      throw Failure(
        .badData, at: "\(path), '\(name)'", "expected \(wanted), found \(entry.element.rawValue)")
    }
    return entry
  }

  private func load<T: BitwiseCopyable>(_ entry: Entry, _ type: T.Type) -> [T] {
    file.withUnsafeBytes { bytes in
      Array(unsafeUninitializedCapacity: entry.count) { places, count in
        UnsafeMutableRawBufferPointer(places).copyMemory(from: .init(rebasing: bytes[entry.range]))
        count = entry.count
      }
    }
  }

  // MARK: reading the header

  private static func damaged(_ place: String, _ problem: String) -> Failure {
    Failure(
      .badData, at: place, problem, remedy: "The file is damaged or is not a safetensors file.")
  }

  /// Where the tensors' bytes start; the header lies between byte 8 and there.
  private static func bodyStart(_ bytes: [UInt8], _ path: String) throws -> Int {
    guard bytes.count >= 8 else {
      throw damaged(path, "expected a header length of 8 bytes, found \(bytes.count) bytes in all")
    }
    let length = bytes.withUnsafeBytes { UInt64(littleEndian: $0.load(as: UInt64.self)) }
    guard length <= UInt64(headerLimit) else {
      throw damaged(path, "header too large: \(length) bytes, at most \(headerLimit) are read")
    }
    guard length <= UInt64(bytes.count - 8) else {
      throw damaged(path, "truncated: a header of \(length) bytes in \(bytes.count) bytes")
    }
    return 8 + Int(length)
  }

  private static func entry(
    _ raw: ArchiveHeader.Tensor, body: Int, size: Int, at place: String
  ) throws -> Entry {
    guard let element = ArchiveElement(rawValue: raw.dtype) else {
      let known = ArchiveElement.allCases.map(\.rawValue).joined(separator: ", ")
      throw damaged(place, "expected a dtype among \(known), found '\(raw.dtype.prefix(20))'")
    }
    var byteCount = element.byteCount
    for extent in raw.shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { throw damaged(place, "impossible shape \(raw.shape)") }
      byteCount = product
    }
    guard raw.offsets.count == 2, raw.offsets[0] >= 0, raw.offsets[0] <= raw.offsets[1] else {
      throw damaged(place, "impossible offsets \(raw.offsets)")
    }
    guard raw.offsets[1] <= size - body else {
      throw damaged(
        place, "truncated: ends at byte \(raw.offsets[1]) of the data, found \(size - body) bytes")
    }
    guard raw.offsets[1] - raw.offsets[0] == byteCount else {
      throw damaged(
        place,
        "expected \(byteCount) bytes for \(raw.dtype) \(raw.shape), "
          + "found \(raw.offsets[1] - raw.offsets[0])")
    }
    return Entry(
      element: element, shape: raw.shape,
      range: body + raw.offsets[0]..<body + raw.offsets[1])
  }

  // MARK: writing

  /// Writes an archive.
  /// - Returns: SHA-256 of the file in lower-case hexadecimal.
  /// - Precondition: names are unique and none is `__metadata__`.
  public static func write(
    _ tensors: [ArchivedTensor], metadata: [String: String] = [:], to path: String
  ) throws -> String {
    let ordered = tensors.sorted {
      $0.element != $1.element
        ? $0.element.rank < $1.element.rank
        : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    let writer = try FileWriter(path)
    try header(of: ordered, metadata).withUnsafeBytes { try writer.write($0) }
    for tensor in ordered { try writer.write(tensor.bytes) }
    return try writer.finish()
  }

  /// Length and JSON, padded so that the tensors start at a multiple of eight.
  private static func header(
    of ordered: [ArchivedTensor], _ metadata: [String: String]
  ) -> [UInt8] {
    var parts: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      let text = pairs.map { quoted($0.key) + ":" + quoted($0.value) }
      parts.append("\"__metadata__\":{" + text.joined(separator: ",") + "}")
    }
    var offset = 0
    for tensor in ordered {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.bytes.count
      parts.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.element.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array(("{" + parts.joined(separator: ",") + "}").utf8)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
  }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        out += "\\u" + hexadecimal([0, UInt8(scalar.value)])
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

/// The header as it stands in the file, nothing checked but its form.
private struct ArchiveHeader: Decodable {
  struct Tensor: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  var metadata: [String: String] = [:]
  var tensors: [String: Tensor] = [:]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for name in container.allKeys {
      if name.stringValue == "__metadata__" {
        metadata = try container.decode([String: String].self, forKey: name)
      } else {
        tensors[name.stringValue] = try container.decode(Tensor.self, forKey: name)
      }
    }
  }
}
