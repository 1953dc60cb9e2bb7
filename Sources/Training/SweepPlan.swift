// From a sweep file and a command line to the cells of a grid, every configuration checked before anything runs.

import Basics
import Experiments

/// What the user asked for beside the file.
public struct SweepRequest: Sendable {
  public var file: String
  public var output: String
  /// Where built shards are and go; nil: `OUTPUT/shards`.
  public var shards: String?
  /// Raw data: a folder or archive, or `NAME=DIR` for one set.
  public var raw: [String] = []
  /// Of the file's sets these; empty: all.
  public var datasets: [String] = []
  /// Of the file's rows these; empty: all.
  public var rows: [String] = []
  public var steps: Int?
  public var seeds: Int?
  public var limit: Int?
  public var jobs: Int?
  public var probe: String?
  public var probeSeeds: Int?
  /// `key=value` for every run, after the file's.
  public var settings: [String] = []
  /// `KEY=A,B`: each trained row once for each value; of several keys, for each combination.
  public var variations: [String] = []

  public init(file: String, output: String) {
    self.file = file
    self.output = output
  }
}

public struct SweepPlan: Sendable {
  /// A row on a set with a seed: what is trained, and on what it is judged.
  public struct Cell: Sendable {
    public let row: SweepRow
    public let dataset: String
    public let pretrainedOn: String
    public let seed: Int
    /// As the shards have not settled it yet.
    public let configuration: RunConfiguration
  }

  public let file: SweepFile
  public let request: SweepRequest
  /// Evaluated sets that were asked for.
  public let datasets: [String]
  public let rows: [SweepRow]
  /// Seed by seed, so that a table for the first is there early; then set by set.
  public let cells: [Cell]

  /// - Throws: usage for a set, row or key that is not there.
  public init(_ request: SweepRequest) throws {
    var file = try SweepFile(request.file)
    file.probe = request.probe ?? file.probe
    file.probeSeeds = request.probeSeeds ?? file.probeSeeds
    self.file = file
    self.request = request
    datasets = try Self.picked(
      request.datasets.map(Self.evaluated), of: file.datasets, "--datasets", request.file)
    let names = try Self.picked(request.rows, of: file.rows.map(\.name), "--rows", request.file)
    let variations = try request.variations.map { try SweepVariation($0) }
    let keys = variations.map(\.key)
    if let twice = keys.first(where: { key in
      keys.count { $0 == key } > 1 || request.settings.contains { $0.hasPrefix(key + "=") }
    }) {
      throw Failure(
        .usage, at: "--vary", "expected each key once, here or with --set, found '\(twice)' twice")
    }
    for (key, instead) in [("seed", "--seeds"), ("dataset", "--datasets")] where keys.contains(key)
    {
      throw Failure(
        .usage, at: "--vary", "expected a key that decides what is learned, found '\(key)'",
        remedy: "Use \(instead).")
    }
    if keys.contains("steps"), request.steps != nil {
      throw Failure(.usage, at: "--vary", "expected steps once, found --steps as well")
    }
    rows = variations.reduce(file.rows.filter { names.contains($0.name) }) { $1.applied(to: $0) }
    var cells: [Cell] = []
    // The command line's count is every row's.
    let seeds = rows.map { request.seeds ?? $0.seeds ?? file.seeds }
    for seed in 0..<(seeds.max() ?? 0) {
      for dataset in datasets {
        for (row, count) in zip(rows, seeds) where seed < count {
          let source = Self.source(of: dataset, file)
          cells.append(
            Cell(
              row: row, dataset: dataset, pretrainedOn: source, seed: seed,
              configuration: try Self.configuration(row, source, seed, file, request)))
        }
      }
    }
    self.cells = cells
  }

  /// `higgs_transfer` and `genomics` as the set that is evaluated.
  private static func evaluated(_ name: String) -> String {
    DatasetCatalogue.standardTransfer(of: DatasetCatalogue.entry(name)?.name ?? name)
  }

  private static func source(of dataset: String, _ file: SweepFile) -> String {
    if let pretrain = file.pretrain { return pretrain == "same" ? dataset : pretrain }
    return DatasetCatalogue.entry(dataset)?.pretrainedOn ?? dataset
  }

  private static func picked(
    _ wanted: [String], of all: [String], _ option: String, _ file: String
  ) throws -> [String] {
    for name in wanted where !all.contains(name) {
      throw Failure(
        .usage, at: option,
        "expected some of \(all.joined(separator: ", ")), which \(file) has, found '\(name)'",
        remedy: nearest(to: name, among: all).map { "Did you mean \($0)?" })
    }
    return wanted.isEmpty ? all : all.filter { wanted.contains($0) }
  }

  /// Later ones win: the base, the file's `set`, the row's, the command line's.
  private static func configuration(
    _ row: SweepRow, _ source: String, _ seed: Int, _ file: SweepFile, _ request: SweepRequest
  ) throws -> RunConfiguration {
    var settings = file.settings + row.settings + request.settings
    settings.append("seed=\(seed)")
    if let steps = request.steps { settings.append("steps=\(steps)") }
    guard let name = file.configuration else {
      return try RunConfiguration.resolve(file: nil, settings: ["dataset=\(source)"] + settings)
        .saving(settings)
    }
    let path = name.split(separator: "DATASET", omittingEmptySubsequences: false).joined(
      separator: source)
    let base = path.hasPrefix("/") ? path : Files.parent(of: request.file) + "/" + path
    let resolved = try RunConfiguration.resolve(file: base, settings: settings)
    guard resolved.dataset == source else {
      throw Failure(
        .usage, at: base, "expected a configuration of \(source), found one of \(resolved.dataset)")
    }
    return resolved.saving(settings)
  }
}

extension RunConfiguration {
  /// Checkpoints often enough that a kill costs little, unless it was said how often.
  fileprivate func saving(_ settings: [String]) -> RunConfiguration {
    var result = self
    if !settings.contains(where: { $0.hasPrefix("save_every=") }) {
      result.saveEvery = max(10, min(1000, steps / 20))
    }
    if !settings.contains(where: { $0.hasPrefix("keep_checkpoints=") }) {
      result.keepCheckpoints = 1
    }
    return result
  }
}
