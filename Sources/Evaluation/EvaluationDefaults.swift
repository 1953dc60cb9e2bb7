// What holds for a dataset's evaluation when nothing else is said: the probe's batch (Table 16), and where its splits
// are.

import Basics
import Experiments

public enum EvaluationDefaults {
  /// Table 16's transfer batch, 64 for sets that it doesn't know; never more than the training set.
  public static func batch(dataset: String, trainSamples: Int) -> Int {
    let entry = DatasetCatalogue.entry(dataset)
    return max(1, min(entry?.transferBatch ?? 64, trainSamples))
  }

  /// The folder of a split.
  /// - Throws: missing input, which says which of the three folders isn't there.
  public static func splitFolder(shards: String, dataset: String, split: Split) throws -> String {
    guard Files.isFolder(shards) else {
      throw Failure(
        .missingInput, at: shards,
        "expected the folder that --out of build-shards named, found none"
      )
    }
    let folder = "\(shards)/\(dataset)"
    guard Files.isFolder(folder) else {
      let found = try Files.list(shards).filter { Files.isFolder(shards + "/" + $0) }
      throw Failure(
        .missingInput, at: folder, "expected the shards of \(dataset), found no such folder",
        remedy: found.isEmpty
          ? "Build them with: metamae-prep build-shards --dataset \(dataset) --raw RAW --out \(shards)"
          : "There are: \(found.joined(separator: ", ")). Name one with --dataset, or build the set with metamae-prep build-shards."
      )
    }
    let splitFolder = "\(folder)/\(split.rawValue)"
    guard Files.isFolder(splitFolder) else {
      throw Failure(
        .missingInput, at: splitFolder,
        "expected the \(split.rawValue) split of \(dataset), found no such folder")
    }
    return splitFolder
  }
}
