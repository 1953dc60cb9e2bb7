// Which folder is trained on: DIR/<dataset>/<split>, where DIR is what metamae-prep's --out named.

import Basics
import Experiments

public struct ShardLocation: Equatable, Sendable {
  public let folder: String
  public let split: String

  /// - Parameter split: nil: `pretrain` where there is one, else `train`.
  /// - Throws: missing input that says which of the three is absent and what is there instead.
  public init(shards: String, dataset: String, split: String?) throws {
    guard Files.isFolder(shards) else {
      throw Failure(
        .missingInput, at: shards, "expected the folder that metamae-prep's --out named, found none"
      )
    }
    let set = shards + "/" + dataset
    guard Files.isFolder(set) else {
      throw Failure(
        .missingInput, at: shards,
        "expected the dataset '\(dataset)', found \(try Self.folders(in: shards))",
        remedy: "Build it: metamae-prep build-shards --dataset \(dataset) --raw RAW --out \(shards)"
      )
    }
    let candidates = split.map { [$0] } ?? ["pretrain", "train"]
    guard let found = candidates.first(where: { Files.isFolder(set + "/" + $0) }) else {
      throw Failure(
        .missingInput, at: set,
        "expected a split '\(candidates.joined(separator: "' or '"))', "
          + "found \(try Self.folders(in: set))")
    }
    folder = set + "/" + found
    self.split = found
  }

  private static func folders(in path: String) throws -> String {
    let names = try Files.list(path).filter {
      Files.isFolder(path + "/" + $0) && !$0.hasSuffix(unfinishedSuffix)
    }
    return names.isEmpty ? "no folder" : names.joined(separator: ", ")
  }
}
