// Text files line by line, without a copy and without a String: the raw tables are gigabytes.

import Basics
import Glibc

/// The lines of a stream. A line ends with \n or \r\n; the last may end with the file.
final class LineReader {
  /// No raw table has longer lines.
  static let mostBytes = 1 << 20

  private let stream: ByteStream
  private let place: String
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: 2 << 20, alignment: 64)
  private var start = 0
  private var end = 0
  private var ended = false
  /// Number of the line that `next` gave last, from 1.
  private(set) var number = 0
  /// Bytes of all lines so far, line ends included.
  private(set) var consumed = 0

  init(_ entry: RawEntry) throws {
    stream = try entry.open()
    place = entry.place
  }

  deinit { buffer.deallocate() }

  /// The next line without its end, nil after the last. It is followed by a NUL in memory and valid until the
  /// following call.
  func next() throws -> UnsafeBufferPointer<UInt8>? {
    var searched = 0
    while true {
      let base = buffer.baseAddress! + start
      if let found = memchr(base + searched, 0x0A, end - start - searched) {
        let length = UnsafeRawPointer(found) - UnsafeRawPointer(base)
        return take(length, following: 1)
      }
      searched = end - start
      if ended {
        return searched == 0 ? nil : take(searched, following: 0)
      }
      guard searched <= Self.mostBytes else {
        throw Failure(
          .badData, at: "\(place), line \(number + 1)",
          "expected a line of text, found more than \(Self.mostBytes) bytes without a line end")
      }
      try refill()
    }
  }

  private func take(_ length: Int, following: Int) -> UnsafeBufferPointer<UInt8> {
    let line = (buffer.baseAddress! + start).assumingMemoryBound(to: UInt8.self)
    start += length + following
    consumed += length + following
    number += 1
    var count = length
    if count > 0 && line[count - 1] == 0x0D { count -= 1 }
    line[count] = 0
    return UnsafeBufferPointer(start: line, count: count)
  }

  private func refill() throws {
    if start > 0 {
      memmove(buffer.baseAddress!, buffer.baseAddress! + start, end - start)
      end -= start
      start = 0
    }
    // One byte stays free for the NUL behind a last line without an end.
    let count = try stream.read(
      into: UnsafeMutableRawBufferPointer(rebasing: buffer[end..<(buffer.count - 1)]))
    end += count
    ended = count == 0
  }
}
