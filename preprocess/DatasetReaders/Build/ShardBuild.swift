// A build from raw files to finished splits: decode to scratch records, compute the training part's statistics, write
// the shards, then the manifests. Output bytes follow from raw files, options and version alone.

import Basics
import Foundation
import Glibc
import ShardFormat

/// What to build.
public struct BuildRequest: Codable, Sendable {
  public var dataset: String
  public var raw: String
  public var output: String
  public var jobs: Int
  /// The first records of each split only.
  public var limit: Int?
  public var options = ReaderOptions()
  /// Leave out records that cannot be decoded, instead of stopping at the first.
  public var skipsBadRecords = false
  /// The piece of the raw records to decode; all of them unless `--part` says otherwise.
  public var part = BuildPart.whole

  public init(dataset: String, raw: String, output: String, jobs: Int = 1, limit: Int? = nil) {
    (self.dataset, self.raw, self.output, self.jobs, self.limit) = (
      dataset, raw, output, jobs, limit
    )
  }
}

/// What was built, or was there already.
public struct BuildReport: Sendable {
  public struct Split: Sendable {
    public var directory: String
    public var manifest: Manifest
    public var bytes: Int { manifest.shards.reduce(0) { $0 + $1.bytes } }
  }

  public var dataset: String
  public var splits: [Split]
  public var wasThere: Bool
  public var seconds: Double
}

/// How far a build is; libraries do not print.
public protocol BuildObserver {
  func note(_ line: String)
  /// - Parameters:
  ///   - phase: what is counted; a new one starts a new bar.
  ///   - total: 0 when it is not known.
  func progress(_ phase: BuildPhase, done: Int, total: Int)
}

public enum BuildPhase: Sendable { case decoding, storing }

public struct ShardBuild {
  let request: BuildRequest
  let reader: any BuildableSet
  private let source: RawSource
  private let observer: any BuildObserver

  /// Finds the raw files; nothing is written.
  public init(_ request: BuildRequest, observer: any BuildObserver) throws {
    self.request = request
    self.observer = observer
    let entry = try DatasetRegistry.entry(request.dataset, request.options)
    source = try RawSource(request.raw)
    var options = request.options
    options.skipsBadRecords = request.skipsBadRecords
    reader = try entry.open(source, options)
    guard reader.canSkipRecords || !request.skipsBadRecords else {
      throw Failure(
        .usage, at: "--on-bad-record",
        "expected fail, found skip: the rows of \(request.dataset) make windows, none can be left out"
      )
    }
  }

  /// Builds what is missing.
  ///
  /// - Throws: usage when splits of other options or raw files are there; badData, missingInput, inputOutput and
  ///   tryAgain as they come. After any but interrupted nothing half-written is left.
  public func run() throws -> BuildReport { try run(merging: []) }

  /// - Parameter parts: all pieces of a build, whose records are taken instead of decoding.
  func run(merging parts: [(folder: String, built: BuiltPart)]) throws -> BuildReport {
    let began = monotonicSeconds()
    let provenance = try provenance()
    if let part = parts.first, !part.built.provenance.isBuild(of: provenance) {
      throw refusal(part.folder, part.built.provenance, provenance)
    }
    let folder = try BuildFolder(output: request.output, dataset: reader.dataset)
    do {
      let there = try folder.finished { observer.note($0.description) }
      if let stranger = there.first(where: { !$0.provenance.isBuild(of: provenance) }) {
        throw refusal(folder.directory(stranger.split), stranger.provenance, provenance)
      }
      try folder.revoke(except: there)
      let names = reader.splitNames ?? DatasetRegistry.splits(of: request.dataset)
      if names.allSatisfy({ name in there.contains { $0.split == name } }) {
        try folder.clear()
        return report(folder, there, names, wasThere: true, began)
      }
      let decoded =
        try folder.prepare(try plan(provenance))
        ?? (parts.isEmpty ? decode(into: folder) : assemble(parts, into: folder))
      let manifests = try store(decoded, in: folder, completed(provenance, decoded), there)
      try Files.remove(folder.scratch)
      return report(folder, manifests, names, wasThere: false, began)
    } catch let failure as Failure where failure.kind == .interrupted {
      throw failure
    } catch {
      folder.abandon()
      throw error
    }
  }

  private func report(
    _ folder: BuildFolder, _ manifests: [Manifest], _ names: [String], wasThere: Bool,
    _ began: Double
  ) -> BuildReport {
    BuildReport(
      dataset: reader.dataset,
      splits: names.map { name in
        .init(
          directory: folder.directory(name), manifest: manifests.first { $0.split == name }!)
      }, wasThere: wasThere, seconds: monotonicSeconds() - began)
  }

  // MARK: What the output follows from

  func provenance() throws -> Provenance {
    Provenance(rawFiles: try rawFiles(), options: optionTexts, notes: reader.notes)
  }

  func plan(_ provenance: Provenance) throws -> BuildFolder.Plan {
    BuildFolder.Plan(
      provenance: provenance, recordBytes: reader.recordBytes,
      stamp: try (reader as? any FileTreeReader)?.tree.listingDigest(withTimes: true))
  }

  private var optionTexts: [String: String] {
    var texts = ["dataset": request.dataset]
    if let limit = request.limit { texts["limit"] = String(limit) }
    if request.skipsBadRecords { texts["on-bad-record"] = "skip" }
    let options = request.options
    // What it says counts, not where it lies.
    if let path = options.labelsFrom, let codes = try? ClassTable.read(path) {
      let bytes = Array(codes.map { String($0) }.joined(separator: " ").utf8)
      texts["labels-from"] = hexadecimal(bytes.withUnsafeBytes { Digest.of($0, .sha256) })
    }
    texts.merge(options.texts) { $1 }
    texts["format"] = options.format
    guard request.dataset == "series" else {
      if !options.normalises { texts["normalise"] = "no" }
      return texts
    }
    texts["window"] = String(options.window ?? 320)
    guard options.format != nil else {
      texts["stride"] = String(options.stride ?? options.window ?? 320)
      texts["normalise"] = options.normalises ? "yes" : "no"
      return texts
    }
    texts["per-epoch"] = String(options.perEpoch ?? 50_000)
    texts["test-subjects"] = Set(options.testSubjects ?? []).sorted().map { String($0) }.joined(
      separator: ",")
    texts["normalise"] = options.normalises ? "yes" : "no"
    return texts
  }

  /// The files on disk, named relative to `--raw`; a tree of files is one, known by its listing.
  private func rawFiles() throws -> [Provenance.RawFile] {
    guard let tree = (reader as? any FileTreeReader)?.tree else {
      return try files((reader as? any DatasetReader)?.parts.map(\.file) ?? [])
    }
    let tables = (reader as? any FileTreeReader)?.tables.map(\.file) ?? []
    // An archive is a file like any other; what it holds needs no second mention.
    let archives = tree.archives
    guard archives.isEmpty else { return try files(archives + tables) }
    return try [
      .init(
        name: tree.name + "/", bytes: tree.size ?? 0, sha256: "", files: tree.count,
        listing: tree.listingDigest(withTimes: false))
    ] + files(tables)
  }

  private func files(_ paths: [String]) throws -> [Provenance.RawFile] {
    let paths = Set(paths).sorted()
    let sizes = try paths.map { try Files.size($0) }
    let digests = try digests(of: paths, bytes: sizes.reduce(0, +))
    return paths.indices.map {
      .init(name: relative(paths[$0]), bytes: sizes[$0], sha256: digests[$0])
    }
  }

  /// Small files one by one, many bytes by all processes.
  private func digests(of paths: [String], bytes: Int) throws -> [String] {
    let jobs = min(request.jobs, paths.count)
    guard jobs > 1, bytes > 1 << 25 else { return try paths.map { try Digest.sha256(file: $0) } }
    let counters = try SharedCounters()
    defer { counters.free() }
    let found: [[Int: String]] = try Workforce(size: jobs).run(
      { _ in
        var digests: [Int: String] = [:]
        var next = counters.take()
        while next < paths.count {
          digests[next] = try Digest.sha256(file: paths[next])
          next = counters.take()
        }
        return digests
      }, watch: {})
    return paths.indices.map { k in found.lazy.compactMap { $0[k] }.first! }
  }

  private func relative(_ place: String) -> String {
    place.hasPrefix(source.path + "/")
      ? String(place.dropFirst(source.path.count + 1))
      : place.hasPrefix(source.path)
        ? Files.name(of: source.path) + place.dropFirst(source.path.count) : place
  }

  /// With what only decoding tells.
  private func completed(_ provenance: Provenance, _ decoded: BuildFolder.Decoded) -> Provenance {
    var provenance = provenance
    if let digest = decoded.digest {
      for k in provenance.rawFiles.indices where provenance.rawFiles[k].listing != nil {
        provenance.rawFiles[k].sha256 = digest
      }
    }
    if request.skipsBadRecords {
      provenance.skipped = decoded.skipped.map {
        .init(name: relative($0.place), problem: $0.problem)
      }
    }
    return provenance
  }

  func refusal(_ place: String, _ found: Provenance, _ wanted: Provenance) -> Failure {
    var difference = "other raw files"
    if found.tool != wanted.tool {
      difference = "\(found.tool), this is \(wanted.tool)"
    } else if found.options != wanted.options {
      let keys = Set(found.options.keys).union(wanted.options.keys).sorted()
      difference = keys.filter { found.options[$0] != wanted.options[$0] }.map { key in
        "\(key) \(found.options[key] ?? "none"), asked for \(wanted.options[key] ?? "none")"
      }.joined(separator: "; ")
    }
    return Failure(
      .usage, at: place, "is there already, built with \(difference)",
      remedy: "Remove the folder, or choose another --out.")
  }

  // MARK: Decoding

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

  // MARK: Storing

  private struct ShardJob {
    let split: Int
    let shard: Int
    let blocks: Range<Int>
  }

  private struct ShardReply: Codable {
    var job: Int
    var entry: ShardEntry
  }

  /// All shards, then all manifests.
  private func store(
    _ decoded: BuildFolder.Decoded, in folder: BuildFolder, _ provenance: Provenance,
    _ there: [Manifest]
  ) throws -> [Manifest] {
    let contents = decoded.contents
    let records = try DecodedRecords(
      paths: contents.indices.map(folder.scratchFile), rowCounts: contents.map(\.rowCount),
      recordBytes: reader.recordBytes)
    let left = Set(decoded.skipped.map { Int32(records.offsets[$0.part] + $0.row) })
    let plans = try reader.splits(of: contents).map {
      $0.leavingOut(left).limited(to: request.limit)
    }
    let training = plans.first { $0.split == "pretrain" } ?? plans.first { $0.split == "train" }!
    let statistics = try TrainingStatistics(
      plan: training, records: records, jobs: request.jobs
    ).compute()
    let stored = plans.map { plan in
      StoredSplit(
        plan, dataset: reader.dataset, statistics: statistics, provenance: provenance, records)
    }
    var jobs: [ShardJob] = []
    for (k, split) in stored.enumerated() {
      if there.contains(where: { $0.split == split.layout.split }) { continue }
      try Files.createFolder(folder.directory(split.layout.split))
      for (shard, blocks) in ShardPlan(split.layout).shards.enumerated() {
        jobs.append(ShardJob(split: k, shard: shard, blocks: blocks))
      }
    }
    let entries = try write(jobs, of: stored, in: folder)
    return try stored.enumerated().map { k, split in
      if let finished = there.first(where: { $0.split == split.layout.split }) { return finished }
      var manifest = split.layout
      manifest.shards = jobs.indices.filter { jobs[$0].split == k }.map { entries[$0]! }
      try manifest.write(to: folder.directory(manifest.split))
      return manifest
    }
  }

  private func write(_ jobs: [ShardJob], of splits: [StoredSplit], in folder: BuildFolder) throws
    -> [Int: ShardEntry]
  {
    let total = jobs.reduce(0) { $0 + $1.blocks.count }
    let counters = try SharedCounters()
    defer { counters.free() }
    let replies: [[ShardReply]] = try Workforce(size: min(request.jobs, max(jobs.count, 1))).run(
      { _ in
        var written: [ShardReply] = []
        var next = counters.take()
        while next < jobs.count {
          let job = jobs[next]
          let split = splits[job.split]
          let name = split.layout.split
          let entry =
            try folder.finishedShard(job.shard, job.blocks, split: name)
            ?? ShardWriter.write(
              shard: job.shard, blocks: job.blocks, of: split.layout, in: folder.directory(name)
            ) { block, bytes in
              split.fill(block, bytes)
              counters.advance(1)
            }
          written.append(ShardReply(job: next, entry: entry))
          next = counters.take()
        }
        return written
      }, watch: { observer.progress(.storing, done: counters.progress, total: total) })
    return Dictionary(uniqueKeysWithValues: replies.joined().map { ($0.job, $0.entry) })
  }
}

/// "3.2 GB", for people.
public func megabytes(_ bytes: Int) -> String {
  bytes >= 1_000_000_000
    ? "\(decimal(Double(bytes) / 1e9, 1)) GB" : "\(decimal(Double(bytes) / 1e6, 1)) MB"
}
