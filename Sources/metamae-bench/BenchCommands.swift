// The commands: list names, run a selection (each case in a child process, so that peak memory is its own), and
// measure one case (what the child does).

import Basics
import Foundation
import Glibc
import TensorCore
import Training

let listCommand = Command(
  name: "metamae-bench list", summary: "the names of all cases", options: [])

let runCommand = Command(
  name: "metamae-bench run",
  summary: "runs cases and prints their times; CASE may be a quoted glob",
  operands: "[CASE ...]",
  options: [
    .value("repeats", "N", "timed repetitions of each case (default: the case's own)"),
    .flag("json", "one JSON document on stdout instead of lines"),
  ])

func allCases() -> [BenchCase] {
  StepCases.all + KernelCases.all + FeatureCases.all + ProbeCases.all + PrepCases.all
    + LoadCases.all
}

func listCases(_ arguments: Arguments) throws {
  for benchCase in allCases() { Console.print(benchCase.name) }
}

/// The machine as `--json` describes it.
private struct Machine: Codable {
  var cores: Int
  var blas: String
  var blasCore: String
  var instructionSet: String
  var peakGFLOPs: Double

  enum CodingKeys: String, CodingKey {
    case cores, blas
    case blasCore = "blas_core"
    case instructionSet = "instruction_set"
    case peakGFLOPs = "peak_gflops"
  }
}

private struct Report: Codable {
  var machine: Machine
  var cases: [Measurement]
}

func runCases(_ arguments: Arguments) throws {
  let all = allCases().map(\.name)
  var chosen: [String] = []
  for pattern in arguments.operands.isEmpty ? ["*"] : arguments.operands {
    let matches = all.filter { fnmatch(pattern, $0, 0) == 0 }
    guard !matches.isEmpty else {
      let hint = nearest(to: pattern, among: all).map { "Did you mean \($0)?" }
      throw Failure(
        .usage, at: pattern, "no case of this name", remedy: hint ?? "See: metamae-bench list")
    }
    chosen += matches.filter { !chosen.contains($0) }
  }
  let repeats = try arguments.integer("repeats", in: 1...1_000_000)
  let peak = fusedMultiplyAddPeak()
  let json = arguments.has("json")
  let machine = Machine(
    cores: availableCores, blas: BLAS.configuration, blasCore: BLAS.coreName,
    instructionSet: BLAS.instructionSet, peakGFLOPs: peak / 1e9)
  if !json {
    Console.print(
      "\(machine.cores) cores, OpenBLAS \(machine.blasCore), own kernels \(machine.instructionSet), "
        + "fused multiply-add peak \(significant(machine.peakGFLOPs)) GFLOP/s")
  }
  var measurements: [Measurement] = []
  for name in chosen {
    var measurement = try BenchProcess.run(name, repeats: repeats)
    measurement.peakShare = measurement.gflops.map { $0 * 1e9 / peak }
    if !json { Console.print(measurement.line) }
    measurements.append(measurement)
  }
  if json {
    try Console.printJSON(Report(machine: machine, cases: measurements))
  }
}

/// One case in a process of its own.
enum BenchProcess {
  static let word = "measure"
  static let command = Command(
    name: "metamae-bench measure",
    summary: "measures one case in this process, as JSON (what run starts)",
    operands: "CASE", options: [.value("repeats", "N", "timed repetitions")])

  static func measure(_ arguments: Arguments) throws {
    guard let name = arguments.operands.first,
      let benchCase = allCases().first(where: { $0.name == name })
    else { throw Failure(.usage, at: "metamae-bench measure", "expected the name of a case") }
    let measurement = try benchCase.measure(
      repeats: try arguments.integer("repeats", in: 1...1_000_000))
    Console.print(
      String(decoding: try JSONEncoder().encode(measurement), as: UTF8.self))
  }

  static func run(_ name: String, repeats: Int?) throws -> Measurement {
    let child = try ChildProgram(
      "metamae-bench", [word, name] + (repeats.map { ["--repeats", "\($0)"] } ?? []))
    if let failure = child.failure {
      throw Failure(failure.kind, at: name, "the case ended with code \(child.code)")
    }
    return try JSONDecoder().decode(Measurement.self, from: Data(child.output.utf8))
  }
}
