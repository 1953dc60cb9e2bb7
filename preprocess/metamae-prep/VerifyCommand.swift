// metamae-prep verify: every byte of every shard below a folder.

import Basics
import DatasetReaders
import ShardFormat

enum VerifyCommand {
  static let command = Command(
    name: "metamae-prep verify",
    summary: "checks every byte of all shards and parts of builds at or below a folder",
    operands: "DIR", options: [.flag("json", "print one JSON document")])

  private struct Document: Encodable {
    struct Split: Encodable {
      let directory: String
      let shards: Int
      let blocks: Int
      let bytes: Int
      let problems: [String]
    }
    struct Part: Encodable {
      let directory: String
      let files: Int
      let bytes: Int
      let problems: [String]
    }
    let isWhole: Bool
    let splits: [Split]
    let parts: [Part]
  }

  static func run(_ arguments: Arguments) throws {
    let directory = try SplitFolders.operand(arguments, command.name)
    var splits: [Document.Split] = []
    var failures: [Failure] = []
    var pieces: [String] = []
    for folder in try SplitFolders.find(directory, parts: { pieces.append($0) }) {
      let checked = check(folder)
      failures += checked.failures
      splits.append(
        .init(
          directory: folder, shards: checked.manifest?.shards.count ?? 0,
          blocks: checked.manifest?.blockCount ?? 0,
          bytes: checked.manifest?.shards.reduce(0) { $0 + $1.bytes } ?? 0,
          problems: checked.failures.map { "\($0.place): \($0.problem)" }))
    }
    let parts = pieces.map { folder in
      let checked = check(part: folder)
      failures += checked.failures
      return Document.Part(
        directory: folder, files: checked.part?.files ?? 0, bytes: checked.part?.bytes ?? 0,
        problems: checked.failures.map { "\($0.place): \($0.problem)" })
    }
    if arguments.has("json") {
      try printJSON(Document(isWhole: failures.isEmpty, splits: splits, parts: parts))
    } else {
      for part in parts where part.problems.isEmpty {
        Console.print(
          "\(part.directory): \(part.files) files of a part,"
            + " \(decimal(Double(part.bytes) / 1e6, 1)) MB: whole")
      }
      for split in splits where split.problems.isEmpty {
        Console.print(
          "\(split.directory): \(split.blocks) blocks in \(split.shards) shards,"
            + " \(decimal(Double(split.bytes) / 1e6, 1)) MB: whole")
      }
    }
    guard let first = failures.first else { return }
    for failure in failures.dropFirst() { Console.note("\(failure.place): \(failure.problem)") }
    throw Failure(.badData, at: first.place, first.problem, remedy: first.remedy)
  }

  private static func check(part folder: String) -> (part: PartFolder?, failures: [Failure]) {
    var part: PartFolder?
    do {
      part = try PartFolder(folder)
      try part?.check()
      return (part, [])
    } catch let failure as Failure {
      return (part, [failure])
    } catch {
      return (part, [Failure(.internalError, at: folder, "\(error)")])
    }
  }

  /// All that is wrong with one split.
  private static func check(_ folder: String) -> (manifest: Manifest?, failures: [Failure]) {
    var failures: [Failure] = []
    func attempt(_ body: () throws -> Void) -> Bool {
      do {
        try body()
        return true
      } catch let failure as Failure {
        failures.append(failure)
      } catch {
        failures.append(Failure(.internalError, at: folder, "\(error)"))
      }
      return false
    }
    var manifest: Manifest?
    guard attempt({ manifest = try Manifest(directory: folder) }), let manifest else {
      return (nil, failures)
    }
    for shard in manifest.shards {
      var alone = manifest
      alone.shards = [shard]
      _ = attempt { try check(shard, of: alone, in: folder) }
    }
    return (manifest, failures)
  }

  /// Blocks first, since they name the damage best; then the whole file.
  private static func check(_ shard: ShardEntry, of manifest: Manifest, in folder: String) throws {
    let reader = try ShardReader(directory: folder, manifest: manifest)
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: manifest.mostBlockBytes, alignment: 64)
    defer { block.deallocate() }
    for k in shard.firstBlock..<(shard.firstBlock + shard.blockCount) {
      try reader.decode(block: k, into: block)
    }
    let path = folder + "/" + shard.file
    if let difference = try shard.difference(from: path) {
      throw Failure(
        .badData, at: path, difference,
        remedy: "The shard is damaged. Rebuild it with: metamae-prep build-shards --dataset"
          + " \(manifest.dataset) --raw RAW --out \(Files.parent(of: Files.parent(of: folder)))")
    }
  }
}
