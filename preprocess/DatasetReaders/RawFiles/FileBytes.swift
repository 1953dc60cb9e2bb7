// A whole raw file as bytes in memory: mapped when it lies on disk as it is, else read.

import Basics
import Glibc

final class FileBytes: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  let place: String
  private let isMapped: Bool
  private let isBorrowed: Bool

  /// Bytes that something else holds, for longer than this.
  init(borrowing bytes: UnsafeRawBufferPointer, place: String) {
    (self.bytes, self.place) = (bytes, place)
    isMapped = false
    isBorrowed = true
  }

  /// - Parameter limit: what is not mapped may have at most so many bytes.
  init(_ entry: RawEntry, atMost limit: Int = 1 << 33) throws {
    place = entry.place
    isBorrowed = false
    guard entry.inside.isEmpty else {
      var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
      var count = 0
      do {
        let stream = try entry.open()
        while true {
          if count == buffer.count {
            guard count < limit else {
              throw Failure(
                .badData, at: entry.place, "expected at most \(limit) bytes, found more")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * count, alignment: 64)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
          }
          let got = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
          if got == 0 { break }
          count += got
        }
      } catch {
        buffer.deallocate()
        throw error
      }
      bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      isMapped = false
      return
    }
    let descriptor = open(entry.file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: entry.file, "cannot open") }
    defer { close(descriptor) }
    let count = try Files.size(entry.file)
    isMapped = count > 0
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let map = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let map, map != MAP_FAILED else {
      throw Failure.system(errno, at: entry.file, "cannot map")
    }
    bytes = UnsafeRawBufferPointer(start: map, count: count)
  }

  /// Whether a piece lies within these bytes.
  func holds(_ piece: UnsafeRawBufferPointer) -> Bool {
    guard let start = piece.baseAddress, let base = bytes.baseAddress else { return false }
    return start >= base && start + piece.count <= base + bytes.count
  }

  deinit {
    guard let base = bytes.baseAddress, !isBorrowed else { return }
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
    } else {
      base.deallocate()
    }
  }
}
