// The decoding half of a build whose set is a tree of files: runs of files go to whichever process is free, records
// go to their rows in one scratch file, and a journal says which runs are there, so that a killed build goes on.

import Basics
import Foundation
import Glibc

/// A record that was left out (`--on-bad-record skip`).
struct SkippedRecord: Codable, Equatable, Sendable {
  var part: Int
  var row: Int
  var place: String
  var problem: String
}

struct TreeDecode {
  /// XXH128 of a file's bytes.
  static let digestBytes = 16

  let reader: any FileTreeReader
  let folder: BuildFolder
  let jobs: Int
  let skipsBadRecords: Bool
  var part = BuildPart.whole
  /// Of each row whether its record is wanted; nil for all. The others become zeros.
  var isWanted: [Bool]?

  var digestFile: String { folder.scratch + "/digests" }
  private var journalFile: String { folder.scratch + "/journal" }
  private func skipFile(_ run: Int) -> String { folder.scratch + "/skipped-\(run).json" }

  /// Decodes every run that the journal does not know.
  /// - Returns: what was left out, and the XXH128 of all files' XXH128 in row order.
  func run(_ observer: any BuildObserver) throws -> (skipped: [SkippedRecord], digest: String) {
    let (order, bounds) = reader.tree.runs(part, of: isWanted)
    let journal = try Journal(journalFile, count: bounds.count)
    let pending = bounds.indices.filter { !journal.holds($0) }
    let known = isWanted == nil ? reader.tree.size : nil
    let left = pending.reduce(0) { $0 + bytes(of: order[bounds[$1]]) }
    let counters = try SharedCounters()
    defer { counters.free() }
    counters.advance(known.map { max(0, $0 - left) } ?? 0)
    if !pending.isEmpty {
      let _: [Int] = try Workforce(
        size: min(jobs, pending.count), reading: reader.tree.listing.containers.first?.file
      ).run(
        { _ in
          let worker = try Worker(self, counters)
          var next = counters.take()
          while next < pending.count {
            let run = pending[next]
            let skipped = try worker.decode(order[bounds[run]])
            if !skipped.isEmpty { try write(skipped, to: skipFile(run)) }
            try journal.note(run)
            next = counters.take()
          }
          return 0
        },
        watch: { observer.progress(.decoding, done: counters.progress, total: known ?? 0) })
    }
    if isWanted != nil {
      try resize(folder.scratchFile(0), to: reader.tree.count * reader.recordBytes)
      try resize(digestFile, to: reader.tree.count * Self.digestBytes)
    }
    let skipped = try bounds.indices.flatMap { run -> [SkippedRecord] in
      guard Files.exists(skipFile(run)) else { return [] }
      return try JSONDecoder().decode(
        [SkippedRecord].self, from: Data(Files.read(skipFile(run))))
    }
    return (
      skipped.sorted { $0.row < $1.row },
      bounds.isEmpty ? "" : try Checksum.xxh128(file: digestFile)
    )
  }

  private func bytes(of rows: ArraySlice<Int32>) -> Int {
    rows.reduce(0) { $0 + (reader.tree.listing.size(at: Int(reader.tree.entries[Int($1)])) ?? 0) }
  }

  private func resize(_ path: String, to bytes: Int) throws {
    guard truncate(path, off_t(bytes)) == 0 else {
      throw Failure.system(errno, at: path, "cannot resize")
    }
  }

  private func write(_ skipped: [SkippedRecord], to path: String) throws {
    let text = String(decoding: try JSONEncoder().encode(skipped), as: UTF8.self)
    try Files.writeAtomically(text, to: path)
  }

  /// One process's part.
  private final class Worker {
    private let plan: TreeDecode
    private let counters: SharedCounters
    private let walk: FileWalk
    private let sink: RecordSink
    private let digests: RecordSink

    init(_ plan: TreeDecode, _ counters: SharedCounters) throws {
      self.plan = plan
      self.counters = counters
      walk = FileWalk(plan.reader.tree.listing, mostBytes: plan.reader.mostFileBytes)
      sink = try RecordSink(path: plan.folder.scratchFile(0), recordBytes: plan.reader.recordBytes)
      digests = try RecordSink(path: plan.digestFile, recordBytes: TreeDecode.digestBytes)
    }

    /// - Returns: the rows that could not be decoded, when those are to be left out.
    func decode(_ rows: ArraySlice<Int32>) throws -> [SkippedRecord] {
      var skipped: [SkippedRecord] = []
      let tree = plan.reader.tree
      for row in rows.map({ Int($0) }) {
        let entry = Int(tree.entries[row])
        let bytes = try walk.bytes(of: entry)
        let record = try sink.record(row)
        do {
          try plan.reader.decode(bytes, row: row, into: record)
        } catch let failure as Failure where failure.kind == .badData && plan.skipsBadRecords {
          memset(record, 0, plan.reader.recordBytes)
          let place = tree.place(row)
          let spot = failure.place.dropFirst(
            failure.place.hasPrefix(place + ", ") ? place.count + 2 : 0)
          let problem = spot == failure.place ? failure.problem : "\(spot): \(failure.problem)"
          skipped.append(SkippedRecord(part: 0, row: row, place: place, problem: problem))
        }
        try digests.record(row).copyMemory(
          from: Checksum.xxh128(of: bytes), byteCount: TreeDecode.digestBytes)
        counters.advance(tree.listing.size(at: entry) ?? 0)
      }
      try sink.flush()
      try digests.flush()
      return skipped
    }
  }
}

/// Which runs are done: a byte each, written after their records.
private struct Journal {
  private let path: String
  private let done: [UInt8]

  init(_ path: String, count: Int) throws {
    self.path = path
    let found = Files.exists(path) ? try Files.read(path) : []
    done = Array((found + [UInt8](repeating: 0, count: max(0, count - found.count))).prefix(count))
  }

  func holds(_ run: Int) -> Bool { done[run] == 1 }

  func note(_ run: Int) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot create") }
    defer { close(descriptor) }
    var mark: UInt8 = 1
    guard pwrite(descriptor, &mark, 1, off_t(run)) == 1 else {
      throw Failure.system(errno, at: path, "cannot write")
    }
  }
}
