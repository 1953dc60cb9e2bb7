// The built program over small shards, for drills: a run directory, its processes, and what is left of them.

import Basics
import Foundation
import ShardFormat
import TestSupport

@testable import Training

final class TrainingBench {
  static let configuration = """
    dataset: synthetic
    steps: 12
    batch: 6
    save_every: 1
    log_every: 1
    learning_rate: 1e-3
    dropout: 0.1
    threads: 2
    encoder: {width: 16, heads: 2, layers: 2}
    decoder: {width: 8, heads: 2, layers: 1}
    projector: {hidden: 12, out: 6}

    """
  let bench: Bench
  var shards: String { bench.folder + "/shards" }
  var run: String { bench.run }

  init(_ more: String = "", batch: Int = 6, records: Int = 40) throws {
    let text = Self.configuration.replacingOccurrences(of: "batch: 6", with: "batch: \(batch)")
    bench = try Bench(text + more)
    try SyntheticSplit.records(records, in: shards + "/synthetic/pretrain")
  }

  var start: [String] { ["--config", bench.config, "--run", run, "--shards", shards] }
  var resume: [String] { ["--resume", "--run", run, "--shards", shards] }

  /// A start, or a resume where there is something to resume.
  var go: [String] { Files.exists(bench.directory.configuration) ? resume : start }

  func launch(_ arguments: [String], wrapped: [String] = []) throws -> Launched {
    try Launched(arguments, wrapped: wrapped)
  }
}

/// A program that runs.
final class Launched {
  let process = Process()
  private let messages: String
  private let output: String
  private let folder: TemporaryFolder

  /// - Parameter wrapped: words in front of the program's path.
  init(_ arguments: [String], wrapped: [String]) throws {
    folder = try TemporaryFolder()
    (output, messages) = (folder.file("output"), folder.file("messages"))
    let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent("metamae-train").path
    let words = wrapped + [program] + arguments
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    for file in [output, messages] {
      _ = FileManager.default.createFile(atPath: file, contents: nil)
    }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: messages)
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  var pid: pid_t { process.processIdentifier }

  /// Waits for its end.
  /// - Returns: the exit code, or the signal's number with a minus.
  func end() throws -> (code: Int32, output: String, messages: String) {
    process.waitUntilExit()
    let killed = process.terminationReason == .uncaughtSignal
    return (
      killed ? -process.terminationStatus : process.terminationStatus,
      String(decoding: try Files.read(output), as: UTF8.self),
      String(decoding: try Files.read(messages), as: UTF8.self)
    )
  }

  /// The supervisor and its workers, once they run; empty when the program has ended before.
  func family(workers: Int) -> (supervisor: pid_t, workers: [pid_t])? {
    for _ in 0..<4000 where process.isRunning {
      for child in children(of: pid) {
        let below = children(of: child)
        if below.count == workers { return (child, below) }
      }
      usleep(1000)
    }
    return nil
  }
}

/// The processes that a process has forked and that still run.
func children(of process: pid_t) -> [pid_t] {
  guard let bytes = try? Files.read("/proc/\(process)/task/\(process)/children") else { return [] }
  return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
}

/// Whether all of them have ended within two seconds (a zombie has).
func haveEnded(_ processes: [pid_t]) -> Bool {
  func runs(_ process: pid_t) -> Bool {
    guard let text = try? Files.read("/proc/\(process)/stat") else { return false }
    let fields = String(decoding: text, as: UTF8.self)
    guard let end = fields.lastIndex(of: ")") else { return false }
    return !["Z", "X"].contains(fields[fields.index(end, offsetBy: 2)...].prefix(1))
  }
  for _ in 0..<200 {
    if !processes.contains(where: runs) { return true }
    usleep(10_000)
  }
  return false
}
