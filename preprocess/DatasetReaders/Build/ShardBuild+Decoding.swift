// The first half of a build: raw files to scratch records, by all processes.

import Basics
import ShardFormat

extension ShardBuild {
  /// Every part as records in its scratch file.
  func decode(into folder: BuildFolder) throws -> BuildFolder.Decoded {
    try requireSpace(folder)
    let decoded: BuildFolder.Decoded
    if let reader = reader as? any FileTreeReader {
      let contents = [PartContents(rowCount: reader.tree.count)]
      var work = TreeDecode(
        reader: reader, folder: folder, jobs: request.jobs,
        skipsBadRecords: request.skipsBadRecords, part: request.part)
      if let limit = request.limit, request.part.isWhole {
        var isWanted = [Bool](repeating: false, count: reader.tree.count)
        for plan in try reader.splits(of: contents) {
          guard case .records(let rows) = plan.limited(to: limit).content else { continue }
          for row in rows { isWanted[Int(row)] = true }
        }
        work.isWanted = isWanted
      }
      let found = try work.run(observer)
      decoded = .init(contents: contents, skipped: found.skipped, digest: found.digest)
    } else {
      decoded = try decode(parts: reader as! any DatasetReader, into: folder)
    }
    for skipped in decoded.skipped.prefix(10) {
      observer.note("left out: \(skipped.place): \(skipped.problem)")
    }
    if decoded.skipped.count > 10 {
      observer.note("left out: \(decoded.skipped.count) records in all; the manifest lists them")
    }
    try folder.keep(decoded)
    return decoded
  }

  private struct PartReply: Codable {
    var contents: [Int: PartContents] = [:]
    var skipped: [SkippedRecord] = []
  }

  private func decode(parts reader: any DatasetReader, into folder: BuildFolder) throws
    -> BuildFolder.Decoded
  {
    let parts = reader.parts
    for part in parts.indices { try Files.remove(folder.scratchFile(part)) }
    let jobs = reader.partsAreDivisible ? request.jobs : min(request.jobs, parts.count)
    let sizes = parts.map { $0.size ?? 0 }
    let isKnown = !parts.contains { $0.size == nil }
    let total = isKnown ? sizes.reduce(0, +) * (reader.partsAreDivisible ? jobs : 1) : 0
    let counters = try SharedCounters()
    defer { counters.free() }
    let replies: [PartReply] = try Workforce(size: jobs, reading: source.path).run(
      { index in
        var reply = PartReply()
        func decode(_ part: Int, _ share: RowShare) throws {
          let sink = try RecordSink(
            path: folder.scratchFile(part), recordBytes: reader.recordBytes,
            skipsBadRecords: request.skipsBadRecords, progress: counters.advance)
          reply.contents[part] = try reader.decode(part: part, share: share, into: sink)
          try sink.flush()
          reply.skipped += sink.skipped.map {
            SkippedRecord(
              part: part, row: $0.row, place: $0.failure.place, problem: $0.failure.problem)
          }
        }
        if reader.partsAreDivisible {
          for part in parts.indices {
            try decode(part, RowShare(index: index, count: jobs, part: request.part))
          }
        } else {
          var part = counters.take()
          while part < parts.count {
            if part % request.part.count == request.part.index { try decode(part, .all) }
            part = counters.take()
          }
        }
        return reply
      }, watch: { observer.progress(.decoding, done: counters.progress, total: total) })
    return BuildFolder.Decoded(
      contents: parts.indices.map { part in
        let found = replies.compactMap { $0.contents[part] }
        return found.isEmpty ? PartContents(rowCount: 0) : PartContents.merged(found)
      }, skipped: replies.flatMap(\.skipped).sorted { ($0.part, $0.row) < ($1.part, $1.row) })
  }

  /// Bytes of raw data, and of the decoded records to expect.
  func expectedBytes() throws -> (raw: Int, decoded: Double) {
    if let reader = reader as? any FileTreeReader {
      return (reader.tree.size ?? 0, Double(reader.tree.count * reader.recordBytes))
    }
    guard let reader = reader as? any DatasetReader else { return (0, 0) }
    let raw = try reader.parts.reduce(0) { sum, part in
      try sum + (part.size ?? 4 * Files.size(part.file))
    }
    return (raw, Double(raw) * reader.decodedShare)
  }

  /// Scratch records and shards at once are the most a build needs.
  private func requireSpace(_ folder: BuildFolder) throws {
    let (raw, decoded) = try expectedBytes()
    let needed = Int(decoded * 2.2 / Double(request.part.count))
    let free = try Files.freeBytes(at: folder.path)
    let (wanted, found) = (megabytes(needed), megabytes(free))
    guard free >= needed else {
      throw Failure(
        .tryAgain, at: folder.path,
        "expected about \(wanted) of free space for the build, found \(found)",
        remedy: "Make room, or choose an --out on another file system.")
    }
    observer.note(
      "reading \(megabytes(raw)) of raw data; the build needs up to about \(wanted) of disk,"
        + " \(found) are free")
  }
}
