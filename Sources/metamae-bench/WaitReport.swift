// `metamae-bench wait`: how long the trainer waits for its data on each preset, as metamae-train itself says after some
// steps over shards of random samples.

import Basics
import Experiments
import Foundation
import Training

/// One preset's figures, seconds a step.
private struct WaitFigures: Figures {
  var preset: String
  var compute: Double
  /// Of the trainer, for a batch.
  var wait: Double
  /// Decoding, of all workers.
  var decode: Double

  /// Of the step.
  var share: Double { wait / (compute + wait) }

  var line: String {
    [
      preset.padded(to: 16), "step \(significant(compute + wait)) s",
      "waiting \(significant(1000 * wait)) ms, \(decimal(100 * share, 2))%",
      "decoding \(significant(1000 * decode)) ms",
    ].joined(separator: "  ")
  }
}

enum WaitReport {
  static let command = Command(
    name: "metamae-bench wait",
    summary: "how long metamae-train waits for data on each preset, over shards of random samples",
    operands: "[PRESET ...]",
    options: [
      .value("workers", "N", "worker processes", standard: "1"),
      .value("steps", "N", "steps of each run", standard: "5"),
      .value("precision", "P", "float32 or bf16", standard: "float32"),
      .flag("json", "one JSON document on stdout instead of lines"),
    ])

  static func run(_ arguments: Arguments) throws {
    let workers = try arguments.integer("workers", in: 1...256) ?? 1
    let steps = try arguments.integer("steps", in: 2...1000) ?? 5
    let settings = [
      "workers=\(workers)", "precision=\(arguments.string("precision") ?? "float32")",
    ]
    try report(arguments, among: PretrainingPreset.all, by: \.dataset) {
      try measure($0, steps: steps, settings: settings)
    }
  }

  private struct Summary: Decodable {
    struct Seconds: Decodable { let compute, ringEmpty, decode: Double }
    let secondsAStep: Seconds
  }

  private static func measure(
    _ preset: PretrainingPreset, steps: Int, settings: [String]
  ) throws -> WaitFigures {
    let folder = try BenchFolder()
    try PresetShards(preset: preset, count: 8 * preset.batch).write(to: folder.path)
    let configuration = folder.path + "/configuration.yaml"
    try Files.writeAtomically("dataset: \(preset.dataset)\n", to: configuration)
    let training = try ChildProgram(
      "metamae-train",
      [
        "--config", configuration, "--shards", folder.path, "--run", folder.path + "/run", "--json",
      ] + (settings + ["steps=\(steps)", "save_every=0"]).flatMap { ["--set", $0] }, quiet: true)
    if let failure = training.failure { throw failure }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let seconds = try decoder.decode(
      Summary.self, from: Data(training.output.utf8)
    ).secondsAStep
    withExtendedLifetime(folder) {}
    return WaitFigures(
      preset: preset.dataset, compute: seconds.compute, wait: seconds.ringEmpty,
      decode: seconds.decode)
  }
}
