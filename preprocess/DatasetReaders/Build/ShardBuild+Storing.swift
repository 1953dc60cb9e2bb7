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
        let bytes = blocks.count * split.layout.samplesPerBlock * split.layout.recordBytes
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
    func watch() { observer.progress(.storing, done: counters.progress, total: total) }
    let workers = Workforce(size: min(request.jobs, max(jobs.count, 1)))
    return try workers.map(jobs.count, watch: watch) { k in
      let (job, split) = (jobs[k], splits[jobs[k].split])
      let name = split.layout.split
      return try folder.finishedShard(job.shard, job.blocks, split: name)
        ?? ShardWriter.write(
          shard: job.shard, blocks: job.blocks, of: split.layout, in: folder.directory(name)
        ) { block, bytes in
          split.fill(block, bytes)
          counters.advance(1)
        }
    }
  }
}
