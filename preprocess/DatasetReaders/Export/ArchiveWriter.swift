// libarchive's other half: a zip or tar written entry after entry, uncompressed, its bytes going out as they come. Reading
// is ArchiveReader's.

import Basics
import CArchive
import Glibc

/// An archive on its way to disk; remove the file when a call throws.
final class ArchiveWriter {
  enum Kind { case zip, tar }

  private let path: String
  private let handle: OpaquePointer
  private let sink: Sink
  private var left = 0

  /// What libarchive's callback writes to; it keeps a failure, since none can be thrown through C.
  private final class Sink {
    let file: FileWriter
    var failure: Failure?
    init(_ file: FileWriter) { self.file = file }

    func write(_ bytes: UnsafeRawBufferPointer) -> la_ssize_t {
      do {
        try file.write(bytes)
        return bytes.count
      } catch {
        failure = error as? Failure
        return -1
      }
    }
  }

  init(_ path: String, _ kind: Kind) throws {
    self.path = path
    sink = Sink(try FileWriter(path))
    guard let handle = archive_write_new() else {
      throw Failure(.tryAgain, at: path, "no memory to write an archive")
    }
    self.handle = handle
    switch kind {
    case .zip:
      try check(archive_write_set_format_zip(handle))
      try check(archive_write_zip_set_compression_store(handle))
    case .tar: try check(archive_write_set_format_pax_restricted(handle))
    }
    // Blocks of a MiB go out, the last as long as it is.
    try check(archive_write_set_bytes_per_block(handle, 1 << 20))
    try check(archive_write_set_bytes_in_last_block(handle, 1))
    let context = Unmanaged.passUnretained(sink).toOpaque()
    try check(
      archive_write_open2(
        handle, context, nil,
        { _, context, bytes, count in
          Unmanaged<Sink>.fromOpaque(context!).takeUnretainedValue().write(
            UnsafeRawBufferPointer(start: bytes, count: count))
        }, nil, nil))
  }

  deinit { archive_write_free(handle) }

  /// Begins an entry of exactly `size` bytes.
  func begin(_ name: String, size: Int) throws {
    precondition(left == 0, "an entry that lacks \(left) bytes")
    let entry = archive_entry_new()
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, name)
    archive_entry_set_size(entry, Int64(size))
    archive_entry_set_filetype(entry, 0o100000)
    archive_entry_set_perm(entry, 0o644)
    try check(archive_write_header(handle, entry))
    left = size
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = archive_write_data(handle, rest.baseAddress, rest.count)
      guard count > 0 else { throw complaint() }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      left -= count
    }
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try begin(name, size: bytes.count)
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Ends and syncs. Call once, last.
  func finish() throws {
    precondition(left == 0, "an entry that lacks \(left) bytes")
    try check(archive_write_close(handle))
    _ = try sink.file.finish()
  }

  private func check(_ code: Int32) throws { if code < ARCHIVE_WARN { throw complaint() } }

  private func complaint() -> Failure {
    sink.failure
      ?? Failure(
        .inputOutput, at: path,
        "cannot write the archive ("
          + (archive_error_string(handle).map { String(cString: $0) } ?? "unknown reason") + ")")
  }
}
