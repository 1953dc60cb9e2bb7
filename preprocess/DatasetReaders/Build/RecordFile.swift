// Decoded records between the two halves of a build: a scratch file of fixed-size records for each raw file, written
// by several processes side by side and then read at random through one mapping.

import Basics
import Glibc

/// Appends records to a part's scratch file; runs of consecutive rows go out in one write.
final class RecordSink {
  let path: String
  private let descriptor: Int32
  private let recordBytes: Int
  private let buffer: UnsafeMutableRawBufferPointer
  private var firstRow = 0
  private var rows = 0
  /// Told now and then how many bytes of raw data have been read since.
  private let progress: (Int) -> Void
  let skipsBadRecords: Bool
  /// When to throw instead of taking another record (a dry run).
  var stopAt: (seconds: Double, error: any Error)?
  /// What `attempt` left out.
  private(set) var skipped: [(row: Int, failure: Failure)] = []

  /// - Parameter skipsBadRecords: whether `attempt` leaves bad records out instead of throwing.
  init(
    path: String, recordBytes: Int, skipsBadRecords: Bool = false,
    progress: @escaping (Int) -> Void = { _ in }
  ) throws {
    self.path = path
    self.recordBytes = recordBytes
    self.skipsBadRecords = skipsBadRecords
    self.progress = progress
    buffer = .allocate(byteCount: max(1, (1 << 20) / recordBytes) * recordBytes, alignment: 64)
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot create") }
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  /// Room for the record of that row; fill all of it before the next call.
  func record(_ row: Int) throws -> UnsafeMutableRawPointer {
    if row != firstRow + rows || (rows + 1) * recordBytes > buffer.count {
      try flush()
      firstRow = row
    }
    rows += 1
    if let stopAt, row & 63 == 0, monotonicSeconds() > stopAt.seconds { throw stopAt.error }
    return buffer.baseAddress! + (rows - 1) * recordBytes
  }

  /// Fills the record of that row. With `--on-bad-record skip` one that is badData becomes zeros and is noted: the row
  /// keeps its number, so that the splits of the others stay what they are.
  func attempt(_ row: Int, _ fill: (UnsafeMutableRawPointer) throws -> Void) throws {
    let record = try record(row)
    do {
      try fill(record)
    } catch let failure as Failure where failure.kind == .badData && skipsBadRecords {
      memset(record, 0, recordBytes)
      skipped.append((row, failure))
    }
  }

  /// Leaves out the record of that row, which `record` gave last.
  /// - Throws: the failure, unless bad records are skipped.
  func leaveOut(_ row: Int, _ failure: Failure) throws {
    guard skipsBadRecords, rows > 0, row == firstRow + rows - 1 else { throw failure }
    memset(buffer.baseAddress! + (rows - 1) * recordBytes, 0, recordBytes)
    skipped.append((row, failure))
  }

  func hasRead(_ bytes: Int) { progress(bytes) }

  /// Writes what is pending. Call once more at the end.
  func flush() throws {
    var done = 0
    while done < rows * recordBytes {
      let count = pwrite(
        descriptor, buffer.baseAddress! + done, rows * recordBytes - done,
        off_t(firstRow * recordBytes + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
      done += count
    }
    firstRow += rows
    rows = 0
  }
}

/// All parts' records, mapped read-only, under row numbers that run over the parts.
final class DecodedRecords {
  let recordBytes: Int
  /// Row number of each part's first record, and the total.
  let offsets: [Int]
  private var maps: [UnsafeRawPointer?] = []
  private var lengths: [Int] = []

  /// - Throws: internalError when a file does not hold what was counted.
  init(paths: [String], rowCounts: [Int], recordBytes: Int) throws {
    self.recordBytes = recordBytes
    offsets = rowCounts.reduce(into: [0]) { $0.append($0.last! + $1) }
    for (path, rows) in zip(paths, rowCounts) {
      let bytes = rows * recordBytes
      guard bytes > 0 else {
        maps.append(nil)
        lengths.append(0)
        continue
      }
      guard try Files.size(path) == bytes else {
        throw Failure(
          .internalError, at: path, "expected \(bytes) bytes, found \(try Files.size(path))")
      }
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
      defer { close(descriptor) }
      let map = mmap(nil, bytes, PROT_READ, MAP_SHARED, descriptor, 0)
      guard let map, map != MAP_FAILED else {
        throw Failure.system(errno, at: path, "cannot map")
      }
      maps.append(UnsafeRawPointer(map))
      lengths.append(bytes)
    }
  }

  deinit {
    for (map, length) in zip(maps, lengths) {
      if let map { munmap(UnsafeMutableRawPointer(mutating: map), length) }
    }
  }

  /// The record of a row number; the rows of one part follow it in memory.
  func record(_ row: Int) -> UnsafeRawPointer {
    var (low, high) = (0, maps.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if offsets[middle] <= row { low = middle } else { high = middle }
    }
    precondition(row >= offsets[low] && row < offsets[low + 1], "row \(row) of \(offsets.last!)")
    return maps[low]! + (row - offsets[low]) * recordBytes
  }
}
