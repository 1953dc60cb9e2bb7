// TFRecord files (datasets.md section 3): length, its masked CRC-32C, payload, its masked CRC-32C, repeated. Lengths
// are bounded and memory grows only with bytes that are there.

import Basics
import Glibc

/// The records of one file, one after the other.
final class TFRecordReader {
  /// EuroSAT's records, the largest that are read here, have 213 KB.
  static let mostBytes = 1 << 26

  private let stream: ByteStream
  private let place: String
  private let size: Int?
  private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
  private var start = 0
  private var end = 0
  /// Records given or skipped so far.
  private(set) var count = 0
  /// Bytes of the file before the next record.
  private(set) var offset = 0

  init(_ entry: RawEntry) throws {
    stream = try entry.open()
    place = entry.place
    size = entry.size
  }

  deinit { buffer.deallocate() }

  /// Where the record given last is, for messages.
  var spot: String { "\(place), record \(count - 1)" }

  /// The next payload, nil after the last; valid until the following call.
  /// - Parameter isWanted: told the record's number; of others only the length is checked, and an empty payload given.
  /// - Throws: badData with the offset for a wrong checksum, a length out of bounds, and a file that ends too early.
  func next(isWanted: (Int) -> Bool = { _ in true }) throws -> UnsafeRawBufferPointer? {
    guard try have(1) else { return nil }
    guard try have(12) else { throw complaint("12 bytes of length and checksum", "\(end - start)") }
    let length = load(0, UInt64.self)
    let head = UnsafeRawBufferPointer(rebasing: buffer[start..<(start + 8)])
    try compare(CRC32C.masked(head), load(8, UInt32.self), "the length")
    guard length <= UInt64(Self.mostBytes) else {
      throw complaint("a record of at most \(Self.mostBytes) bytes", "a length of \(length)")
    }
    let whole = Int(length) + 16
    if let size, size - offset < whole {
      throw complaint("\(whole) bytes of a record", "\(size - offset) to the end of the file")
    }
    guard try have(whole) else {
      throw complaint("\(whole) bytes of a record", "\(end - start) to the end of the file")
    }
    let wanted = isWanted(count)
    let payload = UnsafeRawBufferPointer(
      rebasing: buffer[(start + 12)..<(start + (wanted ? whole - 4 : 12))])
    if wanted {
      try compare(CRC32C.masked(payload), load(whole - 4, UInt32.self), "the record")
    }
    start += whole
    offset += whole
    count += 1
    return payload
  }

  private func load<T: FixedWidthInteger>(_ at: Int, _ type: T.Type) -> T {
    T(littleEndian: buffer.loadUnaligned(fromByteOffset: start + at, as: type))
  }

  private func compare(_ found: UInt32, _ expected: UInt32, _ what: String) throws {
    guard found != expected else { return }
    throw complaint(
      "checksum \(hexadecimal(expected)) of \(what)", "\(hexadecimal(found))",
      remedy: "The file is damaged; get it again.")
  }

  private func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private func complaint(
    _ expected: String, _ found: String,
    remedy: String = "The file is truncated or no TFRecord; get it again."
  ) -> Failure {
    Failure(
      .badData, at: "\(place), record \(count), byte \(offset)",
      "expected \(expected), found \(found)", remedy: remedy)
  }

  /// Whether that many bytes from `start` on are in the buffer, after reading what there is.
  private func have(_ wanted: Int) throws -> Bool {
    while end - start < wanted {
      if start > 0 {
        memmove(buffer.baseAddress!, buffer.baseAddress! + start, end - start)
        end -= start
        start = 0
      }
      if end == buffer.count {
        let larger = UnsafeMutableRawBufferPointer.allocate(
          byteCount: 2 * buffer.count, alignment: 64)
        memcpy(larger.baseAddress!, buffer.baseAddress!, end)
        buffer.deallocate()
        buffer = larger
      }
      let count = try stream.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
      if count == 0 { return false }
      end += count
    }
    return true
  }
}
