// The one door to zlib: gzip files, one member after the other (RFC 1952). Checksum and length of each member are
// checked, which libarchive does not do.

import Basics
import CZlib
import Glibc

/// The bytes that a gzip stream unpacks to.
final class GzipStream: ByteStream {
  enum Format { case gzip, zlib }

  private let source: ByteStream
  private let place: String
  private var machine = z_stream()
  private let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  /// Whether the last member has ended and none has begun since.
  private var isBetweenMembers = false
  private var members = 0
  private var ended = false

  /// - Parameters:
  ///   - source: the packed bytes.
  ///   - place: what messages call them.
  /// - Throws: tryAgain without memory.
  init(_ source: ByteStream, place: String, format: Format = .gzip) throws {
    self.source = source
    self.place = place
    let code = inflateInit2_(
      &machine, format == .gzip ? MAX_WBITS + 16 : MAX_WBITS, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else {
      throw Failure(.tryAgain, at: place, "no memory to unpack the file")
    }
  }

  deinit {
    inflateEnd(&machine)
    packed.deallocate()
  }

  /// - Throws: badData for a stream that is cut short, damaged, or no gzip.
  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    guard !ended, target.count > 0 else { return 0 }
    let room = min(target.count, 1 << 30)
    machine.next_out = target.bindMemory(to: UInt8.self).baseAddress
    machine.avail_out = UInt32(room)
    while machine.avail_out == UInt32(room) {
      if machine.avail_in == 0 {
        let count = try source.read(into: packed)
        machine.next_in = packed.bindMemory(to: UInt8.self).baseAddress
        machine.avail_in = UInt32(count)
        if count == 0 {
          guard isBetweenMembers else { throw complaint("it ends within a member") }
          ended = true
          break
        }
      }
      if isBetweenMembers {
        // Zeros may follow the last member (tapes are padded so).
        guard machine.next_in.pointee != 0 else {
          machine.next_in += 1
          machine.avail_in -= 1
          continue
        }
        inflateReset(&machine)
        isBetweenMembers = false
      }
      try advance()
    }
    return room - Int(machine.avail_out)
  }

  private func advance() throws {
    switch inflate(&machine, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END:
      isBetweenMembers = true
      members += 1
    case Z_MEM_ERROR: throw Failure(.tryAgain, at: place, "no memory to unpack the file")
    default:
      let reason = machine.msg.map { String(cString: $0) } ?? "unknown reason"
      // zlib's words for the trailer: "incorrect data check", "incorrect length check".
      throw complaint(members > 0 && reason.contains("header") ? "more follows its end" : reason)
    }
  }

  private func complaint(_ reason: String) -> Failure {
    Failure(
      .badData, at: place,
      "expected a whole gzip file, found it truncated or damaged (\(reason))",
      remedy: "Get the file again.")
  }
}
