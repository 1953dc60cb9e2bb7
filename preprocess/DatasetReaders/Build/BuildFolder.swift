// What a build leaves in OUT/NAME while it runs: a scratch folder under the reserved suffix, with the plan that made
// it, and shards without a manifest. A build of the same plan goes on from there; any other clears it away.

import Basics
import Foundation
import Glibc
import ShardFormat

final class BuildFolder {
  /// OUT/NAME.
  let path: String
  var scratch: String { path + "/build" + unfinishedSuffix }
  private let output: String
  private let createdOutput: Bool
  private var lock: Int32 = -1

  /// What the output follows from: raw files, options, tool.
  struct Plan: Codable, Equatable {
    var provenance: Provenance
    var recordBytes: Int
    /// Of a tree: its listing with the times of last change.
    var stamp: String?
    /// Since when the machine runs: decoded records are not synced, so that after a crash of the machine they count
    /// for nothing, while after one of the build alone they are whole.
    var boot = Plan.currentBoot

    private static var currentBoot: String {
      let bytes = (try? Files.read("/proc/sys/kernel/random/boot_id")) ?? []
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// What the decoding half found.
  struct Decoded: Codable {
    var contents: [PartContents]
    var skipped: [SkippedRecord] = []
    /// Of a tree: XXH128 over its files' XXH128.
    var digest: String?
  }

  init(output: String, dataset: String) throws {
    self.output = output
    path = output + "/" + dataset
    createdOutput = !Files.exists(output)
    try Files.createFolder(path)
    lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw Failure(
        .tryAgain, at: path, "another metamae-prep is building here",
        remedy: "Wait for it, or choose another --out.")
    }
  }

  deinit { if lock >= 0 { close(lock) } }

  func directory(_ split: String) -> String { path + "/" + split }

  func scratchFile(_ part: Int) -> String { scratch + "/part-\(part)" }

  /// The finished splits that are there, checked byte for byte; `damaged` is told of those that are not whole.
  func finished(damaged: (Failure) -> Void) throws -> [Manifest] {
    try Files.list(path).filter { Files.exists(directory($0) + "/" + Manifest.fileName) }
      .compactMap { split in
        do {
          let manifest = try Manifest(directory: directory(split))
          for shard in manifest.shards {
            let file = directory(split) + "/" + shard.file
            guard Files.exists(file), try shard.difference(from: file) == nil else {
              throw Failure(.badData, at: file, "is damaged or gone; the split is built anew")
            }
          }
          return manifest
        } catch let failure as Failure where failure.kind == .badData {
          damaged(failure)
          return nil
        }
      }
  }

  /// Takes the commit of a damaged split back, so that it counts as not built.
  func revoke(except whole: [Manifest]) throws {
    for split in try Files.list(path) where !whole.contains(where: { $0.split == split }) {
      try Files.remove(directory(split) + "/" + Manifest.fileName)
      guard Files.isFolder(directory(split)), !Files.exists(scratch) else { continue }
      for file in try Files.list(directory(split)) where file.hasPrefix("shard-") {
        try Files.remove(directory(split) + "/" + file)
      }
    }
  }

  /// Makes the scratch folder ready for a plan; what another plan left is removed.
  /// - Returns: what the parts hold, when an interrupted build of this plan had decoded them all.
  func prepare(_ plan: Plan) throws -> Decoded? {
    if let before = try? JSONDecoder().decode(Plan.self, from: data("plan.json")), before == plan {
      return try? JSONDecoder().decode(Decoded.self, from: data("decoded.json"))
    }
    try clear()
    try Files.createFolder(scratch)
    try write(plan, "plan.json")
    return nil
  }

  /// Notes that all parts are decoded.
  func keep(_ decoded: Decoded) throws { try write(decoded, "decoded.json") }

  /// Removes the scratch folder and every split that has no manifest.
  func clear() throws {
    try Files.remove(scratch)
    for name in try Files.list(path)
    where Files.isFolder(path + "/" + name) && !name.hasPrefix("part-") {
      let folder = path + "/" + name
      guard !Files.exists(folder + "/" + Manifest.fileName) else { continue }
      for file in try Files.list(folder)
      where file.hasPrefix("shard-") || file.hasSuffix(unfinishedSuffix) {
        try Files.remove(folder + "/" + file)
      }
      rmdir(folder)
    }
  }

  /// After an error: as it was before, but for splits that were finished.
  func abandon() {
    try? clear()
    rmdir(path)
    if createdOutput { rmdir(output) }
  }

  /// The entry of a shard that an interrupted build finished; nil when there is none.
  func finishedShard(_ shard: Int, _ blocks: Range<Int>, split: String) throws -> ShardEntry? {
    let name = ShardPlan.fileName(shard)
    let file = directory(split) + "/" + name
    guard Files.exists(file) else { return nil }
    return try ShardEntry(file: name, at: file, blocks: blocks)
  }

  private func data(_ name: String) throws -> Data {
    Data(try Files.read(scratch + "/" + name))
  }

  private func write(_ value: some Encodable, _ name: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try Files.writeAtomically(
      String(decoding: try encoder.encode(value), as: UTF8.self), to: scratch + "/" + name)
  }
}
