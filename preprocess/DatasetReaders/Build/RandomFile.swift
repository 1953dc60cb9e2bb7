// Files whose pieces move to other places: the records of a part, and those of a merged build.

import Basics
import Glibc

/// A file that is read or written at any place.
final class RandomFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String, isWritten: Bool) throws {
    self.path = path
    descriptor = open(path, (isWritten ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
  }

  deinit { close(descriptor) }

  func copy(from source: RandomFile, at start: Int, count: Int, to place: Int) throws {
    let chunk = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(max(count, 1), 1 << 20), alignment: 64)
    defer { chunk.deallocate() }
    var done = 0
    while done < count {
      let got = pread(
        source.descriptor, chunk.baseAddress, min(chunk.count, count - done), off_t(start + done))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw Failure.system(errno, at: source.path, "cannot read") }
      guard got > 0 else {
        throw Failure(
          .badData, at: source.path, "expected \(count - done) bytes more, found the end")
      }
      var written = 0
      while written < got {
        let put = pwrite(
          descriptor, chunk.baseAddress! + written, got - written, off_t(place + done + written))
        if put < 0 && errno == EINTR { continue }
        guard put >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
        written += put
      }
      done += got
    }
  }

  func sync() throws {
    guard fsync(descriptor) == 0 else { throw Failure.system(errno, at: path, "cannot sync") }
  }
}
