// `metamae-train sweep FILE.yaml`: the grid of a table, our numbers beside the paper's.

import Basics
import Experiments
import Foundation
import Reports
import Training

enum SweepCommand {
  static let command = Command(
    name: "metamae-train sweep",
    summary: "pretrains and evaluates the cells of a table; goes on where it stopped",
    operands: "FILE.yaml",
    options: [
      .value("out", "DIR", "runs, shards and results", standard: "runs/FILE"),
      .value(
        "shards", "DIR", "built shards, as --out of build-shards named", standard: "OUT/shards"),
      .repeated(
        "raw", "DIR",
        "raw data to build missing shards from: a set's folder or archive, a folder of such by name, "
          + "or NAME=DIR"),
      .value("datasets", "A,B", "these sets only", standard: "all of the file"),
      .value("rows", "A,B", "these rows only", standard: "all of the file"),
      .value("steps", "N", "updates of each run", standard: "the file's"),
      .value("seeds", "K", "pretraining runs of each cell", standard: "the file's"),
      .value("probe", "NAME", "paper, lbfgs or knn", standard: "the file's"),
      .value("probe-seeds", "K", "probes of each run", standard: "the file's"),
      .value("limit", "N", "build shards of the first N records of each split only"),
      .value("jobs", "N", "processes that build shards", standard: "metamae-prep's"),
      .repeated("set", "KEY=VALUE", "overrides a key of every run's configuration"),
      .repeated(
        "vary", "KEY=A,B",
        "an ablation: each trained row once for each value of a key; for each combination of several"
      ),
      .flag("dry-run", "lists the cells and their data, and runs nothing"),
      .flag("json", "one JSON document on stdout instead of text"),
    ])

  /// - Throws: the first problem of a cell that did not run, after the table was printed.
  static func run(_ arguments: Arguments) throws {
    guard arguments.operands.count == 1 else {
      throw Failure(
        .usage, at: command.name,
        "expected one FILE.yaml, found \(arguments.operands.count)",
        remedy: "There are some in configs/tables and configs/ablations.")
    }
    let file = arguments.operands[0]
    let stem = Files.name(of: file).split(separator: ".").first.map(String.init) ?? "sweep"
    var request = SweepRequest(
      file: file, output: arguments.has("out") ? try arguments.required("out") : "runs/\(stem)")
    if arguments.has("shards") { request.shards = arguments.string("shards") }
    request.raw = arguments.strings("raw")
    request.datasets = list(arguments, "datasets")
    request.rows = list(arguments, "rows")
    request.settings = arguments.strings("set")
    request.variations = arguments.strings("vary")
    if arguments.has("steps") {
      request.steps = try arguments.integer("steps", in: 0...1_000_000_000)
    }
    if arguments.has("seeds") { request.seeds = try arguments.integer("seeds", in: 1...1000) }
    if arguments.has("probe-seeds") {
      request.probeSeeds = try arguments.integer("probe-seeds", in: 1...1000)
    }
    request.limit = try arguments.integer("limit", in: 1...Int.max)
    if arguments.has("jobs") { request.jobs = try arguments.integer("jobs", in: 1...1024) }
    if arguments.has("probe"), let probe = arguments.string("probe") {
      guard ["paper", "lbfgs", "knn"].contains(probe) else {
        throw Failure(.usage, at: "--probe", "expected paper, lbfgs or knn, found '\(probe)'")
      }
      request.probe = probe
    }
    for raw in request.raw {
      let path = raw.split(separator: "=", maxSplits: 1).last.map(String.init) ?? raw
      guard Files.exists(path) else {
        throw Failure(.missingInput, at: path, "expected raw data (--raw), found nothing there")
      }
    }
    let plan = try SweepPlan(request)
    if arguments.has("dry-run") { return list(plan) }
    try StopSignals.install()
    let runner = try SweepRunner(plan)
    try runner.run { try SweepReport($0, in: request.output).write() }
    if arguments.has("json") {
      try Console.printJSON(runner.table)
    } else {
      Console.print(sweepText(runner.table))
    }
    Console.note("report: \(request.output)/report.html")
    if let problem = runner.firstProblem { throw problem }
  }

  private static func list(_ arguments: Arguments, _ option: String) -> [String] {
    guard arguments.has(option) else { return [] }
    return arguments.string(option)!.split(separator: ",").map {
      String($0).trimmingCharacters(in: .whitespaces)
    }
  }

  private static func list(_ plan: SweepPlan) {
    for cell in plan.cells {
      let run =
        cell.row.isRandom
        ? "initial encoder"
        : "\(cell.configuration.objective.rawValue), \(cell.configuration.steps) steps on "
          + cell.pretrainedOn
      Console.print(
        "\(cell.dataset.padded(to: 22))\(cell.row.name.padded(to: 28))seed \(cell.seed)  \(run)")
    }
  }
}
