// The one door to libarchive: zip, tar and single compressed files, read as streams, entry after entry, from a file
// or from another archive's entry; gzip goes through zlib (GzipStream). Nothing is unpacked to disk. Names that lead
// out of the archive are refused.

import Basics
import CArchive
import Glibc

/// Bytes read one after the other.
protocol ByteStream: AnyObject {
  /// Fills the front of `target`; 0 at the end.
  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A file on disk.
final class FileStream: ByteStream {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  deinit { close(descriptor) }

  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = Glibc.read(descriptor, target.baseAddress, target.count)
      if count >= 0 { return count }
      guard errno == EINTR else { throw Failure.system(errno, at: path, "cannot read") }
    }
  }
}

/// What a compressed file is, by its name.
enum ArchiveKind {
  /// Many files: zip, tar, compressed tar.
  case folder
  /// One compressed file.
  case single

  private static let packed = [".gz", ".bz2", ".xz", ".zst"]

  init?(name: String) {
    let name = name.lowercased()
    let isTar = [".tar", ".tgz"] + Self.packed.map { ".tar" + $0 }
    if name.hasSuffix(".zip") || isTar.contains(where: name.hasSuffix) {
      self = .folder
    } else if Self.packed.contains(where: name.hasSuffix) {
      self = .single
    } else {
      return nil
    }
  }

  /// Whether the outermost compression is gzip, which zlib unpacks.
  static func isGzip(_ name: String) -> Bool {
    let name = name.lowercased()
    return name.hasSuffix(".gz") || name.hasSuffix(".tgz")
  }
}

/// One pass over an archive. The current entry is the stream.
final class ArchiveReader: ByteStream {
  struct Entry {
    let name: String
    /// Unpacked bytes, where the archive says so before the data.
    let size: Int?
    let isFile: Bool
  }

  private let place: String
  private let handle: OpaquePointer
  private let parent: ParentStream?
  private var ended = false

  /// - Parameters:
  ///   - path: of a file on disk.
  convenience init(path: String, kind: ArchiveKind) throws {
    if ArchiveKind.isGzip(path) {
      try self.init(stream: FileStream(path), place: path, kind: kind)
      return
    }
    try self.init(place: path, kind: kind, parent: nil)
    if path.lowercased().hasSuffix(".zip") { try Self.requireZipDirectory(path) }
    try open(archive_read_open_filename(handle, path, 1 << 18))
  }

  /// - Parameters:
  ///   - stream: the archive's bytes; it lives as long as this reader.
  ///   - place: what messages call it.
  convenience init(stream: ByteStream, place: String, kind: ArchiveKind) throws {
    let parent = ParentStream(
      ArchiveKind.isGzip(place) ? try GzipStream(stream, place: place) : stream)
    try self.init(place: place, kind: kind, parent: parent)
    try open(
      archive_read_open(
        handle, Unmanaged.passUnretained(parent).toOpaque(), nil,
        { _, context, block in
          Unmanaged<ParentStream>.fromOpaque(context!).takeUnretainedValue().next(block!)
        }, nil))
  }

  private init(place: String, kind: ArchiveKind, parent: ParentStream?) throws {
    guard let handle = archive_read_new() else {
      throw Failure(.tryAgain, at: place, "no memory to open the archive")
    }
    self.place = place
    self.handle = handle
    self.parent = parent
    for enable in [
      archive_read_support_filter_bzip2, archive_read_support_filter_xz,
      archive_read_support_filter_zstd,
    ] { _ = enable(handle) }
    switch kind {
    case .folder:
      archive_read_support_format_zip(handle)
      archive_read_support_format_tar(handle)
    case .single: archive_read_support_format_raw(handle)
    }
  }

  deinit { archive_read_free(handle) }

  /// The next entry, whose bytes `read` then gives; nil after the last.
  func next() throws -> Entry? {
    var entry: OpaquePointer?
    let code = archive_read_next_header(handle, &entry)
    if code == ARCHIVE_EOF {
      try parent?.drain()
      return nil
    }
    try check(code)
    ended = false
    guard let text = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry) else {
      throw Failure(.badData, at: place, "an entry of the archive has no name")
    }
    let name = String(cString: text)
    guard !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
      throw Failure(
        .badData, at: place, "the entry '\(name)' leads out of the archive",
        remedy: "Such an archive is not the publisher's; get it again.")
    }
    return Entry(
      name: name,
      size: archive_entry_size_is_set(entry) != 0 ? Int(archive_entry_size(entry)) : nil,
      isFile: archive_entry_filetype(entry) == S_IFREG)
  }

  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    if ended { return 0 }
    while true {
      let count = archive_read_data(handle, target.baseAddress, target.count)
      if count == Int(ARCHIVE_RETRY) { continue }
      // A warning here is a wrong checksum or length of a zip's entry.
      guard count >= 0 else { throw complaint() }
      ended = count == 0
      return count
    }
  }

  private func open(_ code: Int32) throws { try check(code) }

  private func check(_ code: Int32) throws {
    if code < ARCHIVE_WARN { throw complaint() }
  }

  private func complaint() -> Failure {
    if let failure = parent?.failure { return failure }
    let reason = archive_error_string(handle).map { String(cString: $0) } ?? "unknown reason"
    let system = archive_errno(handle)
    if [ENOENT, EACCES, EIO, EMFILE, ENFILE, ENOMEM].contains(system) {
      return Failure.system(system, at: place, "cannot read the archive")
    }
    return Failure(
      .badData, at: place, "expected a whole archive, found it truncated or damaged (\(reason))",
      remedy: "Get the file again.")
  }

  /// A zip that ends early has lost the directory at its end; libarchive would read what is left without a word.
  private static func requireZipDirectory(_ path: String) throws {
    let size = try Files.size(path)
    let tail = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(size, 22 + 65_535), alignment: 8)
    defer { tail.deallocate() }
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(descriptor) }
    let count = pread(descriptor, tail.baseAddress, tail.count, off_t(size - tail.count))
    let mark: [UInt8] = [0x50, 0x4B, 0x05, 0x06]
    guard count == tail.count, size >= 22,
      (0...(tail.count - 22)).contains(where: { tail[$0...].starts(with: mark) })
    else {
      throw Failure(
        .badData, at: path,
        "expected a zip with its directory at the end, found none in \(size) bytes: it is truncated"
          + " or no zip",
        remedy: "Get the file again.")
    }
  }
}

/// Feeds an archive from a stream; keeps the stream's failure, which cannot pass through C.
private final class ParentStream {
  private let stream: ByteStream
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private(set) var failure: Failure?

  init(_ stream: ByteStream) { self.stream = stream }

  deinit { buffer.deallocate() }

  /// Reads on to the end, so that what is checked there is checked.
  func drain() throws { while try stream.read(into: buffer) > 0 {} }

  func next(_ block: UnsafeMutablePointer<UnsafeRawPointer?>) -> la_ssize_t {
    block.pointee = UnsafeRawPointer(buffer.baseAddress)
    do {
      return try stream.read(into: buffer)
    } catch {
      failure = error as? Failure
      return -1
    }
  }
}
