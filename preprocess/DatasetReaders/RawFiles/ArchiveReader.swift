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
  /// Of a tar that stands uncompressed on disk: its file and where in it.
  private var plainTar: (path: String, start: Int)?

  /// - Parameters:
  ///   - path: of a file on disk.
  ///   - skips: whether only names are wanted: a plain tar's data is then jumped over, not read.
  convenience init(path: String, kind: ArchiveKind, skips: Bool = false) throws {
    if ArchiveKind.isGzip(path) {
      try self.init(stream: FileStream(path), place: path, kind: kind)
      return
    }
    let name = path.lowercased()
    if kind == .folder, name.hasSuffix(".tar") {
      try self.init(path: path, range: 0..<Files.size(path), place: path, skips: skips)
      return
    }
    try self.init(place: path, kind: kind, parent: nil)
    if name.hasSuffix(".zip") || name.hasSuffix(".npz") { try Self.requireZipDirectory(path) }
    try open(archive_read_open_filename(handle, path, 1 << 18))
  }

  /// An archive that stands uncompressed within a file on disk.
  convenience init(path: String, range: Range<Int>, place: String, skips: Bool = false) throws {
    let slice = try FileSlice(path, range, block: skips ? 4096 : 1 << 18)
    try self.init(place: place, kind: .folder, parent: ParentStream(slice, block: slice.block))
    plainTar = (path, range.lowerBound)
    try openParent()
  }

  /// - Parameters:
  ///   - stream: the archive's bytes; it lives as long as this reader.
  ///   - place: what messages call it.
  convenience init(stream: ByteStream, place: String, kind: ArchiveKind) throws {
    let parent = ParentStream(
      ArchiveKind.isGzip(place) ? try GzipStream(stream, place: place) : stream)
    try self.init(place: place, kind: kind, parent: parent)
    try openParent()
  }

  private func openParent() throws {
    let context = Unmanaged.passUnretained(parent!).toOpaque()
    try open(
      archive_read_open2(
        handle, context, nil,
        { _, context, block in
          Unmanaged<ParentStream>.fromOpaque(context!).takeUnretainedValue().next(block!)
        },
        { _, context, count in
          Unmanaged<ParentStream>.fromOpaque(context!).takeUnretainedValue().skip(count)
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

  /// Where the current entry's bytes stand in the file on disk: of a plain tar, when they are a plain tar too.
  func plainRange(of entry: Entry) throws -> Range<Int>? {
    guard let plainTar, let size = entry.size, size >= 0, size < 1 << 50,
      entry.name.lowercased().hasSuffix(".tar")
    else { return nil }
    // The entry's own header comes after those that only extend it (long names and pax records).
    var start = plainTar.start + Int(archive_read_header_position(handle))
    let slice = try FileSlice(plainTar.path, 0..<Files.size(plainTar.path), block: 512)
    let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)
    defer { header.deallocate() }
    for _ in 0..<16 {
      guard try slice.read(into: header, at: start) == 512 else { return nil }
      guard "xgLK".utf8.contains(header[156]) else {
        let range = start + 512..<start + 512 + size
        return range.upperBound <= slice.end ? range : nil
      }
      let digits = header[124..<136].filter { (0x30...0x37).contains($0) }
      let length = digits.prefix(11).reduce(0) { $0 * 8 + Int($1 - 0x30) }
      start += 512 + (length + 511) / 512 * 512
    }
    return nil
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

/// A part of a file on disk that can be skipped through without reading.
final class FileSlice: ByteStream {
  let block: Int
  let end: Int
  private let path: String
  private let descriptor: Int32
  private var position: Int

  /// - Parameter block: bytes of a read.
  init(_ path: String, _ range: Range<Int>, block: Int) throws {
    self.path = path
    self.block = block
    position = range.lowerBound
    end = range.upperBound
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    posix_fadvise(descriptor, 0, 0, block < 1 << 16 ? POSIX_FADV_RANDOM : POSIX_FADV_SEQUENTIAL)
  }

  deinit { close(descriptor) }

  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try read(into: target, at: position)
    position += count
    return count
  }

  /// Bytes at an offset of the file; fewer at the end.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    while true {
      let count = pread(
        descriptor, target.baseAddress, max(0, min(target.count, end - offset)), off_t(offset))
      if count >= 0 { return count }
      guard errno == EINTR else { throw Failure.system(errno, at: path, "cannot read") }
    }
  }

  /// - Returns: how many bytes were jumped over.
  func skip(_ count: Int) -> Int {
    let jumped = max(0, min(count, end - position))
    position += jumped
    return jumped
  }
}

/// Feeds an archive from a stream; keeps the stream's failure, which cannot pass through C.
private final class ParentStream {
  private let stream: ByteStream
  private let buffer: UnsafeMutableRawBufferPointer
  private(set) var failure: Failure?

  init(_ stream: ByteStream, block: Int = 1 << 18) {
    self.stream = stream
    buffer = .allocate(byteCount: block, alignment: 64)
  }

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

  /// 0 where skipping is reading.
  func skip(_ count: Int64) -> Int64 { Int64((stream as? FileSlice)?.skip(Int(count)) ?? 0) }
}
