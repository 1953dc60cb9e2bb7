// The second half of a build: scratch records to shards, by all processes, then the manifests.

import Basics
import ShardFormat

extension ShardBuild {
  private struct ShardJob {
    let split: Int
    let shard: Int
    let blocks: Range<Int>
    /// Decoded.
    let bytes: Int
  }

  /// All shards, then all manifests.
  func store(
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
        let bytes = blocks.count * split.layout.mostBlockBytes
        jobs.append(ShardJob(split: k, shard: shard, blocks: blocks, bytes: bytes))
      }
    }
    // The longest first, so that the processes end together.
    jobs.sort { $0.bytes > $1.bytes }
    let entries = try write(jobs, of: stored, in: folder)
    return try stored.enumerated().map { k, split in
      if let finished = there.first(where: { $0.split == split.layout.split }) { return finished }
      var manifest = split.layout
      manifest.shards = jobs.indices.filter { jobs[$0].split == k }.map { entries[$0] }
        .sorted { $0.firstBlock < $1.firstBlock }
      try manifest.write(to: folder.directory(manifest.split))
      return manifest
    }
  }

  /// The manifest entries of the jobs' shards.
  private func write(_ jobs: [ShardJob], of splits: [StoredSplit], in folder: BuildFolder) throws
    -> [ShardEntry]
  {
    let total = jobs.reduce(0) { $0 + $1.blocks.count }
    let counters = try SharedCounters()
    defer { counters.free() }
    let shards = jobs.map { job in
      let layout = splits[job.split].layout
      return FrameRelay.Job(
        blocks: job.blocks, blockBytes: layout.mostBlockBytes,
        mostFrameBytes: layout.mostFrameBytes)
    }
    let chunks = shards.reduce(0) { $0 + $1.chunkCount }
    let workers = Workforce(size: max(1, min(request.jobs, chunks)))
    let relay = try FrameRelay(shards, processes: workers.size)
    defer { relay.free() }
    let shares: [[Int: ShardEntry]] = try workers.run(
      { _ in
        lazy var writer = relay.enlist()
        let compressors = splits.map { BlockCompressor($0.layout) }
        func compress(_ k: Int, _ block: Int) throws -> UnsafeRawBufferPointer {
          let split = jobs[k].split
          defer { counters.advance(1) }
          return compressors[split].frame(block, fill: splits[split].fill)
        }
        func store(_ k: Int) throws -> ShardEntry {
          let (job, layout) = (jobs[k], splits[jobs[k].split].layout)
          if let there = try folder.finishedShard(job.shard, job.blocks, split: layout.split) {
            relay.noteBegun()
            return there
          }
          return try ShardWriter.write(
            shard: job.shard, blocks: job.blocks, of: layout, in: folder.directory(layout.split)
          ) { append in
            try relay.write(k, as: writer, compress: { try compress(k, $0) }, append: append)
          }
        }
        var entries: [Int: ShardEntry] = [:]
        var next = counters.take()
        while next < jobs.count {
          entries[next] = try store(next)
          next = counters.take()
        }
        try relay.help(compress: compress)
        return entries
      }, watch: { observer.progress(.storing, done: counters.progress, total: total) })
    return jobs.indices.map { k in shares.lazy.compactMap { $0[k] }.first! }
  }
}
