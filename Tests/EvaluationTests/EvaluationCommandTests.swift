import Basics
import Foundation
import Testing

@Suite struct EvaluationCommandTests {
  private struct Outcome {
    let code: Int32
    let out, error: String
  }

  private func run(_ arguments: [String]) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      .deletingLastPathComponent().appendingPathComponent("metamae-eval")
    process.arguments = arguments
    let (out, error) = (Pipe(), Pipe())
    process.standardOutput = out
    process.standardError = error
    try process.run()
    // Both fit in a pipe's buffer: no reader needed meanwhile.
    process.waitUntilExit()
    func text(_ pipe: Pipe) -> String {
      String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
    return Outcome(code: process.terminationStatus, out: text(out), error: text(error))
  }

  static let mistakes: [(arguments: [String], code: Int32, text: String)] = [
    (
      [], 64,
      "metamae-eval: expected one of --run, --checkpoint and --random-init, found none"
    ),
    (
      ["--run", "/tmp", "--checkpoint", "x", "--shards", "/tmp"], 64,
      "expected one of --run, --checkpoint and --random-init, found --run and --checkpoint"
    ),
    (["--checkpoint", "x", "--step", "3"], 64, "--step: goes with --run, found --checkpoint"),
    (
      ["--checkpoint", "x", "--config", "y"], 64,
      "--config: goes with --random-init, found --checkpoint"
    ),
    (["--random-init", "--shards", "/tmp"], 64, "--config FILE is needed"),
    (["--run", "/tmp"], 64, "--shards DIR is needed"),
    (["--run", "/tmp", "--shards", "/tmp", "--step", "x"], 64, "expected a whole number from 0"),
    (
      ["--run", "/tmp", "--shards", "/tmp", "--probe", "papre"], 64,
      "--probe: expected paper, lbfgs or knn, found 'papre'\n  Did you mean paper?"
    ),
    (
      ["--run", "/tmp", "--shards", "/tmp", "--seeds", "0"], 64,
      "--seeds: expected a whole number 1 to 10000, found '0'"
    ),
    (
      ["--checkpoint", "/dev/null", "--shards", "/tmp", "--report"], 64, "--report: goes with --run"
    ),
    (["--rum", "/tmp"], 64, "unknown option --rum\n  Did you mean --run?"),
    (
      ["--run", "/tmp", "--shards", "/nowhere"], 66,
      "/nowhere: expected the folder that --out of build-shards named, found none"
    ),
    (["--run", "/nowhere", "--shards", "/tmp"], 66, "/nowhere: expected a run directory"),
    (["--checkpoint", "/no.st", "--shards", "/tmp"], 66, "/no.st: expected a file, found none"),
    (
      ["--random-init", "--config", "/no.yaml", "--shards", "/tmp"], 66,
      "/no.yaml: expected a file, found none"
    ),
    (
      ["features", "--checkpoint", "/dev/null", "--shards", "/tmp"], 64, "--out FILE.npy is needed"
    ),
    (
      ["features", "--checkpoint", "/dev/null", "--shards", "/tmp", "--out", "x.txt"], 64,
      "--out: expected a file name ending in .npy, found 'x.txt'"
    ),
    (
      [
        "features", "--checkpoint", "/dev/null", "--shards", "/tmp", "--out", "/tmp/x.npy",
        "--split", "valid",
      ], 64, "--split: expected pretrain, train or test, found 'valid'"
    ),
    (
      ["features", "--checkpoint", "/dev/null", "--shards", "/tmp", "--out", "/nowhere/x.npy"], 66,
      "--out: the folder /nowhere is not there"
    ),
  ]

  /// One clear sentence, the right exit code, nothing on stdout.
  @Test(arguments: mistakes.indices) func mistakesAreNamed(index: Int) throws {
    let (arguments, code, text) = Self.mistakes[index]
    let outcome = try run(arguments)
    #expect(outcome.code == code, "\(arguments)")
    #expect(outcome.error.contains(text), "\(arguments): \(outcome.error)")
    #expect(outcome.error.hasPrefix("metamae-eval: "))
    #expect(outcome.out.isEmpty)
  }

  @Test func helpShowsDefaultsAndBothCommands() throws {
    let help = try run(["--help"])
    #expect(help.code == 0 && help.error.isEmpty)
    for text in ["--probe NAME", "[paper]", "--seeds N", "[1]", "--json", "metamae-eval features"] {
      #expect(help.out.contains(text), "\(text) is missing")
    }
    let features = try run(["features", "--help"])
    #expect(features.code == 0 && features.out.contains("--out FILE.npy"))
    #expect(try run(["--version"]).out == "metamae-eval \(metamaeVersion)\n")
  }
}
