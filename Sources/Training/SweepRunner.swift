// Runs the cells of a sweep one after the other, each in programs of its own, and keeps what came of them: killed at any
// moment, the next start goes on with the cell that was under way, at its newest checkpoint.

import Basics
import CSystem
import Experiments
import Foundation

public final class SweepRunner {
  public let plan: SweepPlan
  private let output: String
  private let shards: SweepShards
  private let lock: RunLock
  private var results: [SweepResult]
  /// Why a cell did not run.
  private var problems: [String: String] = [:]
  /// The exit code's kind of the first that did not.
  public private(set) var firstProblem: Failure?

  private var path: String { output + "/results.json" }

  /// - Throws: try again when another sweep is at work in the folder; bad data for results that cannot be read.
  public init(_ plan: SweepPlan) throws {
    self.plan = plan
    output = plan.request.output
    try Files.createFolder(output + "/runs")
    do {
      lock = try RunLock(RunDirectory(output))
    } catch let failure as Failure where failure.kind == .tryAgain {
      throw Failure(
        .tryAgain, at: output, "another sweep is at work in this folder",
        remedy: "Wait until it ends, or choose another --out.")
    }
    shards = SweepShards(plan.request)
    results = []
    guard Files.exists(path) else { return }
    do {
      results = try JSONDecoder().decode([SweepResult].self, from: Data(try Files.read(path)))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .badData, at: path, "expected the results of a sweep, found something else",
        remedy: "Remove the file; what has been trained is not trained again.")
    }
  }

  /// - Parameter afterCell: told when a cell has come to something new.
  /// - Throws: interrupted when a stop was asked for: the cell under way has saved.
  public func run(afterCell: (SweepTable) throws -> Void) throws {
    var missing: [String: String?] = [:]
    for (index, cell) in plan.cells.enumerated() {
      if cs_stop_requested() != 0 { throw stopped }
      let place =
        "[\(index + 1)/\(plan.cells.count)] \(cell.dataset), \(cell.row.name), seed \(cell.seed)"
      do {
        if missing[cell.dataset] == nil { missing[cell.dataset] = try data(for: cell) }
        if let problem = missing[cell.dataset]! {
          note(problem, of: cell, .missingInput)
          continue
        }
        let run = try SweepRun(cell, in: output, shards: shards)
        let key = try run.key(plan.file)
        if results.contains(where: { $0.key == key }) { continue }
        Console.note(place)
        let result = try evaluated(run, key: key)
        results.append(result)
        try save()
        try afterCell(table)
      } catch let failure as Failure where failure.kind != .interrupted {
        Console.note("\(place): \(failure)")
        note(
          failure.description.split(separator: "\n").first.map(String.init) ?? "", of: cell,
          failure.kind)
      } catch is Failure {
        throw stopped
      }
    }
    try afterCell(table)
  }

  private var stopped: Failure {
    Failure(
      .interrupted, at: output, "stopped on request; what is done is kept",
      remedy: "The same command goes on.")
  }

  private func note(_ problem: String, of cell: SweepPlan.Cell, _ kind: Failure.Kind) {
    problems[cell.row.name + "\n" + cell.dataset] = problem
    if firstProblem == nil {
      firstProblem = Failure(kind, at: "\(cell.dataset), \(cell.row.name)", problem)
    }
  }

  /// Builds what is not there.
  /// - Returns: what is missing.
  private func data(for cell: SweepPlan.Cell) throws -> String? {
    if let problem = try shards.provide(cell.dataset, splits: ["train", "test"]) { return problem }
    let split = cell.configuration.split
    return try shards.provide(
      cell.pretrainedOn, splits: split.map { [$0] } ?? ["pretrain", "train"], any: true)
  }

  private func evaluated(_ run: SweepRun, key: String) throws -> SweepResult {
    let cell = run.cell
    var arguments = [
      "--shards", shards.folder, "--dataset", cell.dataset, "--probe", plan.file.probe, "--seeds",
      "\(plan.file.probeSeeds)", "--json",
    ]
    if cell.row.isRandom {
      arguments += ["--random-init", "--config", run.configurationFile]
    } else {
      try run.train()
      arguments += ["--run", run.directory.path, "--report"]
    }
    let evaluation = try ChildProgram("metamae-eval", arguments)
    if let failure = evaluation.failure { throw failure }
    let record = try JSONDecoder().decode(
      EvaluationRecord.self, from: Data(evaluation.output.utf8))
    return SweepResult(
      key: key, row: cell.row.name, dataset: cell.dataset, pretrainedOn: cell.pretrainedOn,
      seed: cell.seed, steps: cell.row.isRandom ? 0 : cell.configuration.steps,
      run: cell.row.isRandom ? nil : run.name,
      pretrainingSamples: cell.row.isRandom ? nil : try run.samples(), record: record)
  }

  private func save() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(results), as: UTF8.self) + "\n"
    try Files.writeAtomically(text, to: path)
  }

  /// What there is of the table that was asked for.
  public var table: SweepTable {
    var notes: [String] = []
    var cells: [SweepCell] = []
    for row in plan.rows {
      for dataset in plan.datasets {
        let own = plan.cells.filter { $0.row.name == row.name && $0.dataset == dataset }
        let found = own.compactMap { cell -> SweepResult? in
          guard let run = try? SweepRun(cell, in: output, shards: shards),
            let key = try? run.key(plan.file)
          else { return nil }
          return results.first { $0.key == key }
        }
        let paper = row.system.flatMap { system in
          plan.file.table.flatMap {
            PaperResults.value(table: $0, system: system, dataset: dataset)
          }
        }
        notes += row.system.map { PaperResults.notes(dataset: dataset, system: $0) } ?? []
        cells.append(
          SweepCell(
            row: row.name, dataset: dataset, seeds: own.count, results: found,
            problem: problems[row.name + "\n" + dataset], paper: paper))
      }
    }
    return SweepTable(
      title: plan.file.title, table: plan.file.table, rows: plan.rows.map(\.name),
      datasets: plan.datasets, cells: cells, notes: notes)
  }
}
