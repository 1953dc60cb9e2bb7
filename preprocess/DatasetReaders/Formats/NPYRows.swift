// The rows of a .npy array as a stream, from a file or from within an .npz: its first axis counts the rows. Memory is
// one row, whatever the file's size.

import Basics

final class NPYRows {
  let header: NPYHeader
  let place: String
  /// Of one row.
  let rowBytes: Int
  private let stream: ByteStream
  /// Grows with what is really there, whatever the header says.
  private var row: UnsafeMutableRawBufferPointer
  /// What came with the header.
  private var ahead: ArraySlice<UInt8>
  /// Rows given so far.
  private(set) var count = 0
  /// Bytes of rows given so far.
  var consumed: Int { count * rowBytes }

  /// A row larger than this is refused.
  static let mostRowBytes = 1 << 28

  /// - Throws: badData for another content, columns before rows, or an array without axes.
  init(_ entry: RawEntry) throws {
    place = entry.place
    stream = try entry.open()
    var bytes = [UInt8](repeating: 0, count: NPYHeader.mostBytes)
    // The length of the header first, then the header and no more.
    var filled = try Self.fill(&bytes, 0..<12, from: stream)
    if filled == 12, bytes[0] == 0x93 {
      let length = Int(bytes[8]) | Int(bytes[9]) << 8
      let wanted = min(bytes.count, bytes[6] == 1 ? max(12, 10 + length) : 12 + length)
      filled = try Self.fill(&bytes, 12..<wanted, from: stream)
    }
    header = try bytes.withUnsafeBytes { [place] in
      try NPYHeader(UnsafeRawBufferPointer(rebasing: $0[..<filled]), at: place)
    }
    ahead = bytes[header.byteCount..<filled]
    guard !header.shape.isEmpty, !(header.isFortran && header.shape.count > 1) else {
      throw Failure(
        .badData, at: place,
        "expected an array with rows, one behind the other, found"
          + (header.isFortran ? " columns one behind the other" : " a single number"),
        remedy: "Save it with numpy.ascontiguousarray.")
    }
    var size = header.type.size
    for extent in header.shape.dropFirst() {
      let product = size.multipliedReportingOverflow(by: extent)
      guard !product.overflow, product.partialValue <= Self.mostRowBytes else {
        throw Failure(
          .badData, at: place,
          "expected rows of at most \(Self.mostRowBytes) bytes, found shape \(header.shape)")
      }
      size = product.partialValue
    }
    guard size > 0 else {
      throw Failure(
        .badData, at: place, "expected rows that hold something, found shape \(header.shape)")
    }
    rowBytes = size
    row = .allocate(byteCount: min(size, 1 << 16), alignment: 64)
    row.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { row.deallocate() }

  /// - Returns: up to where the bytes are filled.
  private static func fill(_ bytes: inout [UInt8], _ range: Range<Int>, from stream: ByteStream)
    throws
    -> Int
  {
    var filled = range.lowerBound
    while filled < range.upperBound {
      let got = try bytes.withUnsafeMutableBytes {
        try stream.read(
          into: UnsafeMutableRawBufferPointer(rebasing: $0[filled..<range.upperBound]))
      }
      if got == 0 { break }
      filled += got
    }
    return filled
  }

  /// The next row, valid until the following call; nil after the last.
  /// - Throws: badData when the file ends before its rows do.
  func next() throws -> UnsafeRawBufferPointer? {
    guard count < header.shape[0] else { return nil }
    var filled = min(ahead.count, row.count)
    row.copyBytes(from: ahead.prefix(filled))
    ahead = ahead.dropFirst(filled)
    while filled < rowBytes {
      if filled == row.count {
        let larger = UnsafeMutableRawBufferPointer.allocate(
          byteCount: min(2 * filled, rowBytes), alignment: 64)
        larger.copyMemory(from: UnsafeRawBufferPointer(row))
        row.deallocate()
        row = larger
      }
      let got = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: row[filled...]))
      guard got > 0 else {
        throw Failure(
          .badData, at: "\(place), row \(count)",
          "expected \(header.shape[0]) rows of \(rowBytes) bytes, found the end of the file",
          remedy: "The file is truncated; get it again.")
      }
      filled += got
    }
    count += 1
    return UnsafeRawBufferPointer(row)
  }

  /// Zeros, of an element at least.
  var zero: UnsafeRawBufferPointer { UnsafeRawBufferPointer(row) }

  /// Elements of a row.
  var elementCount: Int { rowBytes / header.type.size }
}

extension NumpyType {
  /// The number at a place; nil for texts.
  func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Double? {
    guard kind == "f" else {
      return integer(bytes, at: offset).map {
        kind == "u" && size == 8 ? Double(UInt64(truncatingIfNeeded: $0)) : Double($0)
      }
    }
    var pattern: UInt64 = 0
    guard [2, 4, 8].contains(size) else { return nil }
    for k in 0..<size {
      pattern = pattern << 8 | UInt64(bytes[offset + (isBigEndian ? k : size - 1 - k)])
    }
    switch size {
    case 2: return Double(Float(Float16(bitPattern: UInt16(pattern))))
    case 4: return Double(Float(bitPattern: UInt32(pattern)))
    default: return Double(bitPattern: pattern)
    }
  }

  /// The element as a label's text: a number as people write it, a text without the zeros behind it.
  func text(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> [UInt8]? {
    switch kind {
    case "S": return Array(bytes[offset..<(offset + size)].prefix { $0 != 0 })
    case "U":
      var scalars = String.UnicodeScalarView()
      for k in 0..<(size / 4) {
        var value: UInt32 = 0
        for b in 0..<4 {
          value = value << 8 | UInt32(bytes[offset + 4 * k + (isBigEndian ? b : 3 - b)])
        }
        if value == 0 { break }
        scalars.append(Unicode.Scalar(value) ?? "\u{FFFD}")
      }
      return Array(String(scalars).utf8)
    case "f":
      guard let value = number(bytes, at: offset), !value.isNaN else { return nil }
      return Array(
        (value == value.rounded() && abs(value) < 1e15
          ? String(Int(value)) : String(value)).utf8)
    default: return integer(bytes, at: offset).map { Array(String($0).utf8) }
    }
  }
}
