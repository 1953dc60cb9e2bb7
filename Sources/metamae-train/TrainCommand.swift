// `metamae-train --config FILE --shards DIR --run DIR`: from the command line to a finished run and its report.

import Basics
import DataLoading
import Evaluation
import Experiments
import Foundation
import MessagePassing
import Reports
import TensorCore
import Training

enum TrainCommand {
  static let command = Command(
    name: "metamae-train",
    summary: "Pretrains an encoder on the shards that metamae-prep has built.",
    options: [
      .value("config", "FILE", "YAML configuration of a new run (configs/)"),
      .value("shards", "DIR", "the folder that metamae-prep's --out named"),
      .value("run", "DIR", "run directory: new or empty, or the one to --resume"),
      .value("workers", "N", "processes that read and decode, as --set workers=N", standard: "2"),
      .value(
        "worker-timeout", "SECONDS",
        "a worker without progress for so long is replaced, as --set worker_timeout=SECONDS",
        standard: "30"),
      .value(
        "chaos", "FAULTS",
        "for drills: kill-worker:P,stall-worker:P,flip-bit:P, chances a chunk (a block)"),
      .value("on-bad-block", "WHAT", "fail or skip, as --set on_bad_block=WHAT", standard: "fail"),
      .repeated("set", "KEY=VALUE", "overrides a key of the configuration: decoder.layers=6"),
      .flag("resume", "goes on exactly where the run stopped"),
      .flag("dry-run", "prints the resolved configuration and changes nothing"),
      .flag("keys", "lists the keys of a configuration: type, range, default, source"),
      .flag("json", "one JSON document on stdout instead of text"),
    ])

  static func run(_ arguments: Arguments) throws {
    if arguments.has("keys") { return Console.print(ConfigurationKey.table) }
    var settings = arguments.strings("set")
    if arguments.has("workers"), let workers = try arguments.integer("workers", in: 1...256) {
      settings.append("workers=\(workers)")
    }
    if arguments.has("worker-timeout"), let seconds = arguments.string("worker-timeout") {
      guard let value = Double(seconds), value > 0, value.isFinite else {
        throw Failure(
          .usage, at: "--worker-timeout", "expected seconds above 0, found '\(seconds)'")
      }
      settings.append("worker_timeout=\(seconds)")
    }
    if arguments.has("on-bad-block"), let policy = arguments.string("on-bad-block") {
      guard BadBlockPolicy(rawValue: policy) != nil else {
        throw Failure(.usage, at: "--on-bad-block", "expected fail or skip, found '\(policy)'")
      }
      settings.append("on_bad_block=\(policy)")
    }
    let group = try RankGroup.launched()
    let plan = try RunPlan(
      RunRequest(
        run: try arguments.required("run"), configuration: arguments.string("config"),
        settings: settings, resume: arguments.has("resume"), follows: !group.leads))
    let training = try ShardTraining(plan, shards: try arguments.required("shards"))
    if arguments.has("dry-run") {
      guard group.leads else { return }
      return try describe(training.plan, folder: training.place, json: arguments.has("json"))
    }
    let chaos =
      try arguments.string("chaos").map { try Chaos($0, seed: plan.configuration.seed) } ?? .none
    try StopSignals.install()
    let shards = try arguments.required("shards")
    let summary = try training.run(
      group: group, chaos: chaos,
      probe: { configuration, network, weights in
        try EncoderProbe(configuration, network: network, weights: weights, shards: shards) {
          Console.note($0)
        }
      }, remark: { Console.note($0) })
    guard group.leads else { return }
    Console.note(summary.verdict)
    try RunReport.write(run: training.plan.directory.path)
    try report(summary, json: arguments.has("json"))
  }

  private static func describe(_ plan: RunPlan, folder: String, json: Bool) throws {
    let start = try plan.startingPoint()
    guard json else {
      Console.print("# \(folder) to \(plan.directory.path), from step \(start)")
      return Console.print(String(plan.configuration.yaml.dropLast()))
    }
    struct Description: Encodable {
      var run: String
      var shards: String
      var step: Int
      var configuration: [String: String]
    }
    try Console.printJSON(
      Description(
        run: plan.directory.path, shards: folder, step: start,
        configuration: Dictionary(
          uniqueKeysWithValues: plan.configuration.values(of: [.numbers, .machine, .upkeep])
            .map { ($0.key, $0.value) })))
  }

  private static func report(_ summary: RunSummary, json: Bool) throws {
    if json { return try Console.printJSON(summary) }
    let loss = summary.loss.map { ", loss \(significant($0))" } ?? ""
    let taken = summary.stepsTaken == 0 ? "nothing left to do" : "\(summary.stepsTaken) steps"
    Console.print(
      "\(summary.dataset), \(summary.objective): step \(summary.step)\(loss), \(taken) in "
        + "\(decimal(summary.seconds, 1)) s, of it \(decimal(summary.waitSeconds, 1)) s waiting for data"
    )
    Console.print("checkpoint: \(summary.checkpoint)")
  }
}
