// The pretraining run of one cell: its name tells configuration and data, so that two sweeps in one folder share what
// is the same and never mix what is not.

import Basics
import Experiments
import Glibc
import ShardFormat

struct SweepRun {
  let cell: SweepPlan.Cell
  /// Below the sweep's folder.
  let name: String
  let directory: RunDirectory
  let configurationFile: String
  private let shards: SweepShards
  private let trainingFolder: String

  /// - Throws: missing input when the training split is not there.
  init(_ cell: SweepPlan.Cell, in output: String, shards: SweepShards) throws {
    self.cell = cell
    self.shards = shards
    guard
      let folder = shards.trainingSplit(
        of: cell.pretrainedOn, wanted: cell.configuration.split)
    else {
      throw Failure(
        .missingInput, at: "\(shards.folder)/\(cell.pretrainedOn)",
        "expected a split to train on, found none")
    }
    trainingFolder = folder
    let settings = cell.configuration.values(of: [.numbers, .machine]).filter { $0.key != "seed" }
    let identity = try Self.digest(
      settings.map { "\($0.key)=\($0.value)" }.joined(separator: "\n"),
      manifests: [folder + "/manifest.json"])
    let label = cell.row.isRandom ? "random" : cell.configuration.objective.rawValue
    name =
      "runs/\(cell.pretrainedOn)/\(label)-\(identity.prefix(8))-steps\(cell.configuration.steps)-seed\(cell.seed)"
    directory = RunDirectory(output + "/" + name)
    configurationFile = output + "/" + name + ".yaml"
    try Files.createFolder(Files.parent(of: configurationFile))
    let text = cell.configuration.yaml
    if !Files.exists(configurationFile) {
      try Files.writeAtomically("# One run of a sweep.\n" + text, to: configurationFile)
    }
  }

  /// What decides the cell's number.
  func key(_ file: SweepFile) throws -> String {
    let folder = "\(shards.folder)/\(cell.dataset)"
    return try Self.digest(
      "\(name)\n\(cell.dataset)\n\(cell.row.name)\n\(file.probe)\n\(file.probeSeeds)",
      manifests: ["train", "test"].map { "\(folder)/\($0)/manifest.json" })
  }

  /// Samples in an epoch of what is trained on.
  func samples() throws -> Int { try Manifest(directory: trainingFolder).epochLength }

  /// Starts the run or goes on with it.
  func train() throws {
    var last = Failure(.internalError, at: directory.path, "was not tried")
    // A killed sweep's run may still be dying: its lock is free in a moment.
    for attempt in 0..<5 {
      if attempt > 0 { usleep(400_000) }
      var arguments = ["--run", directory.path, "--shards", shards.folder]
      arguments +=
        Files.exists(directory.configuration) ? ["--resume"] : ["--config", configurationFile]
      arguments += [
        "--set", "save_every=\(cell.configuration.saveEvery)", "--set",
        "keep_checkpoints=\(cell.configuration.keepCheckpoints)",
      ]
      let training = try ChildProgram("metamae-train", arguments)
      guard let failure = training.failure else { return }
      last = failure
      guard training.code == Failure.Kind.tryAgain.rawValue, training.problem.contains("in use")
      else { break }
    }
    throw last
  }

  private static func digest(_ text: String, manifests: [String]) throws -> String {
    var bytes = Array(text.utf8)
    for manifest in manifests { bytes += try Files.read(manifest) }
    return hexadecimal(bytes.withUnsafeBytes { Digest.of($0, .sha256) })
  }
}
