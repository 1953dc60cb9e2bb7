// MATLAB v5 files: one real numeric matrix by its name (datasets.md section 3). Own code: matio reads from disk only
// and trusts what it finds; the part that is needed here is a walk over tagged elements.

import Basics

enum MATFile {
  private static let mostBytes = 1 << 26

  /// The values of a variable, column after column.
  /// - Throws: badData with the offset.
  static func numbers(_ name: String, of entry: RawEntry) throws -> [Double] {
    let file = try FileBytes(entry, atMost: mostBytes)
    let place = entry.place
    let bytes = file.bytes
    if bytes.count >= 520, bytes[512...].starts(with: [0x89] + Array("HDF\r\n".utf8)) {
      throw Failure(
        .badData, at: place, "expected a MATLAB file of version 5, found version 7.3 (HDF5)")
    }
    guard bytes.count >= 128, bytes[126] == UInt8(ascii: "I"), bytes[127] == UInt8(ascii: "M"),
      bytes.loadUnaligned(fromByteOffset: 124, as: UInt16.self) == 0x0100
    else {
      throw Failure(
        .badData, at: "\(place), offset 124",
        "expected a little-endian MATLAB file of version 5, found another beginning")
    }
    var elements = Elements(bytes, from: 128, at: place)
    while let element = try elements.next() {
      guard element.type == 15 else {
        if let found = try matrix(element, name, place) { return found }
        continue
      }
      let packed = UnsafeRawBufferPointer(rebasing: bytes[element.range])
      let inflated = try inflate(packed, "\(place), offset \(element.range.lowerBound)")
      let found = try inflated.withUnsafeBytes { raw in
        var inner = Elements(raw, from: 0, at: place + ", unpacked")
        return try inner.next().flatMap { try matrix($0, name, place + ", unpacked") }
      }
      if let found { return found }
    }
    throw Failure(.badData, at: place, "expected a variable '\(name)', found none")
  }

  /// Tagged elements one after the other.
  private struct Elements {
    struct Element {
      let type: UInt32
      let range: Range<Int>
      let bytes: UnsafeRawBufferPointer
    }

    private let bytes: UnsafeRawBufferPointer
    private let place: String
    private var position: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int? = nil, at place: String) {
      self.bytes = bytes
      self.place = place
      position = start
      self.end = end ?? bytes.count
    }

    mutating func next() throws -> Element? {
      guard position < end else { return nil }
      let tag = position
      guard end - tag >= 8 else { throw complaint(tag, "a tag of 8 bytes") }
      let first = bytes.loadUnaligned(fromByteOffset: tag, as: UInt32.self)
      let small = Int(first >> 16)
      if small != 0 {
        guard small <= 4 else { throw complaint(tag, "a small element of at most 4 bytes") }
        position = tag + 8
        return Element(type: first & 0xFFFF, range: (tag + 4)..<(tag + 4 + small), bytes: bytes)
      }
      let count = Int(bytes.loadUnaligned(fromByteOffset: tag + 4, as: UInt32.self))
      guard count <= end - tag - 8 else { throw complaint(tag, "\(count) bytes of data") }
      // Compressed elements are not padded.
      position = min(end, tag + 8 + (first == 15 ? count : (count + 7) / 8 * 8))
      return Element(type: first, range: (tag + 8)..<(tag + 8 + count), bytes: bytes)
    }

    private func complaint(_ offset: Int, _ what: String) -> Failure {
      Failure(
        .badData, at: "\(place), offset \(offset)",
        "expected \(what), found \(end - offset) bytes left",
        remedy: "The file is truncated; get it again.")
    }
  }

  /// - Returns: nil for another variable.
  private static func matrix(_ element: Elements.Element, _ name: String, _ place: String) throws
    -> [Double]?
  {
    guard element.type == 14 else { return nil }
    var parts = Elements(
      element.bytes, from: element.range.lowerBound, to: element.range.upperBound, at: place)
    guard try parts.next() != nil, let extents = try parts.next(), let title = try parts.next(),
      element.bytes[title.range].elementsEqual(name.utf8)
    else { return nil }
    guard let values = try parts.next(), let numbers = numbers(values) else {
      throw Failure(
        .badData, at: "\(place), offset \(element.range.lowerBound)",
        "expected numbers in '\(name)', found something else")
    }
    var count = 1
    for k in stride(from: extents.range.lowerBound, to: extents.range.upperBound - 3, by: 4) {
      let extent = Int(element.bytes.loadUnaligned(fromByteOffset: k, as: Int32.self))
      count = count.multipliedReportingOverflow(by: extent).partialValue
    }
    guard count == numbers.count else {
      throw Failure(
        .badData, at: "\(place), offset \(values.range.lowerBound)",
        "expected \(count) numbers in '\(name)', found \(numbers.count)")
    }
    return numbers
  }

  /// By the stored type, which may be narrower than the variable's class.
  private static func numbers(_ element: Elements.Element) -> [Double]? {
    func all<Number: BitwiseCopyable>(_ type: Number.Type, _ value: (Number) -> Double) -> [Double]
    {
      stride(
        from: element.range.lowerBound,
        through: element.range.upperBound - MemoryLayout<Number>.size,
        by: MemoryLayout<Number>.size
      ).map { value(element.bytes.loadUnaligned(fromByteOffset: $0, as: type)) }
    }
    switch element.type {
    case 1: return all(Int8.self) { Double($0) }
    case 2: return all(UInt8.self) { Double($0) }
    case 3: return all(Int16.self) { Double($0) }
    case 4: return all(UInt16.self) { Double($0) }
    case 5: return all(Int32.self) { Double($0) }
    case 6: return all(UInt32.self) { Double($0) }
    case 7: return all(Float.self) { Double($0) }
    case 9: return all(Double.self) { $0 }
    default: return nil
    }
  }

  private final class Memory: ByteStream {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    func read(into target: UnsafeMutableRawBufferPointer) -> Int {
      let count = min(target.count, rest.count)
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      return count
    }
  }

  /// A zlib stream whole; more than the bound is refused.
  private static func inflate(_ packed: UnsafeRawBufferPointer, _ place: String) throws -> [UInt8] {
    try GzipStream(Memory(packed), place: place, format: .zlib)
      .contents(atMost: mostBytes, at: place, called: "bytes unpacked")
  }
}
