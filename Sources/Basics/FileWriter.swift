// A file written piece by piece, synced and hashed on the way: for what is too large to be put together in memory.

import Glibc

/// Creates or truncates a file and appends to it; remove the file when a call throws.
public final class FileWriter {
  private let path: String
  private let digest = Digest(.sha256)
  private var descriptor: Int32

  public init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot create") }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count =
        DiskFault.strikes()
        ? -1 : Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
      done += count
    }
    digest.update(bytes)
  }

  /// Syncs and closes. Call once, last.
  /// - Returns: SHA-256 of all that was written, in lower-case hexadecimal.
  public func finish() throws -> String {
    guard !DiskFault.strikes(), fsync(descriptor) == 0 else {
      throw Failure.system(errno, at: path, "cannot sync")
    }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw Failure.system(errno, at: path, "cannot close") }
    return hexadecimal(digest.finish())
  }
}
