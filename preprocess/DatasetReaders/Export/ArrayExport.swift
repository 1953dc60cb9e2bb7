// A split as one .npz: an array a field, records in the split's own order. Storage order is another, so that records go
// through a scratch file by their ordinal; memory is a block, whatever the split's size.

import Basics
import Glibc
import ShardFormat

struct ArrayExport {
  static let fileName = "data.npz"

  private let reader: ShardReader
  private let manifest: Manifest
  private let folder: String
  private let walk: BlockWalk

  init(_ reader: ShardReader, folder: String, progress: @escaping (Int) throws -> Void) {
    (self.reader, self.folder) = (reader, folder)
    manifest = reader.manifest
    walk = BlockWalk(reader: reader, progress: progress)
  }

  func write() throws -> (files: [String], samples: Int) {
    let archive = try ArchiveWriter(folder + "/" + Self.fileName, .zip)
    let scratch = folder + "/scratch"
    defer { unlink(scratch) }
    let records = try ScatteredRecords(scratch)
    try scatter(into: records)
    var start = 0
    for field in manifest.fields {
      let header = NPYHeader.bytes(field.type.numpyCode, [manifest.sampleCount] + field.shape)
      let bytes = manifest.sampleCount * field.byteCount
      try archive.begin(field.name + ".npy", size: header.count + bytes)
      try header.withUnsafeBytes { try archive.write($0) }
      try records.read(start, count: bytes) { try archive.write($0) }
      start += bytes
    }
    for (k, transform) in manifest.transforms.enumerated() {
      try write(archive, "input.\(k).scale", "<f4", transform.scale)
      try write(archive, "input.\(k).shift", "<f4", transform.shift)
    }
    var samples = manifest.sampleCount
    if let segments = manifest.segments {
      var row = 0
      let rows = segments.map { segment -> [Int64] in
        defer { row += segment.rowCount }
        return [Int64(row), Int64(segment.rowCount), Int64(segment.label)]
      }
      try write(archive, "segments", "<i8", rows.flatMap { $0 }, [segments.count, 3])
      samples = manifest.epochLength
      if manifest.sampling!.fixed {
        let windows = manifest.fixedWindows().flatMap { window -> [Int64] in
          [rows[window.segment][0] + Int64(window.start), rows[window.segment][2]]
        }
        try write(archive, "windows", "<i8", windows, [windows.count / 2, 2])
      }
    }
    try archive.finish()
    return ([Self.fileName], samples)
  }

  /// Every field's values to their places, field after field.
  private func scatter(into records: ScatteredRecords) throws {
    let order = manifest.storageOrder
    var row = 0
    try walk.forEach(0..<manifest.blockCount) { _, count, bytes in
      var (base, from) = (0, 0)
      for field in manifest.fields {
        let width = field.byteCount
        for sample in 0..<count {
          // Rows of windows are stored in their order.
          let place = manifest.segments == nil ? Int(order[UInt64(row + sample)]) : row + sample
          try records.write(
            UnsafeRawBufferPointer(rebasing: bytes[(from + sample * width)...].prefix(width)),
            at: base + place * width)
        }
        base += manifest.sampleCount * width
        from += count * width
      }
      row += count
    }
  }

  private func write<Number>(
    _ archive: ArchiveWriter, _ name: String, _ code: String, _ values: [Number],
    _ shape: [Int]? = nil
  ) throws {
    try archive.write(
      name + ".npy",
      NPYHeader.bytes(code, shape ?? [values.count]) + values.withUnsafeBytes { Array($0) })
  }
}

/// A scratch file that is written at any place and then read from end to end.
private final class ScatteredRecords {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot create") }
  }

  deinit { close(descriptor) }

  func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(place + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
      done += count
    }
  }

  func read(_ start: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { chunk.deallocate() }
    var done = 0
    while done < count {
      let got = pread(
        descriptor, chunk.baseAddress, min(chunk.count, count - done), off_t(start + done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else { throw Failure.system(got < 0 ? errno : EIO, at: path, "cannot read") }
      try body(UnsafeRawBufferPointer(rebasing: chunk[..<got]))
      done += got
    }
  }
}
