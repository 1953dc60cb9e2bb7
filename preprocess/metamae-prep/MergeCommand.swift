// metamae-prep merge: the parts of a build, made with --part I/N, to finished splits.

import Basics
import DatasetReaders
import Foundation

enum MergeCommand {
  static let command = Command(
    name: "metamae-prep merge",
    summary: "joins the parts that build-shards --part I/N made; the same bytes as a single build",
    operands: "DIR ...",
    options: [
      .value("raw", "DIR", "the raw data, where it has moved since"),
      .value("out", "DIR", "where NAME/SPLIT/ goes (default: beside the parts, which are removed)"),
      .value(
        "jobs", "N", "processes",
        standard: String(min(ProcessInfo.processInfo.activeProcessorCount, 64))),
      .flag("json", "print one JSON document"),
    ])

  static func run(_ arguments: Arguments) throws {
    guard !arguments.operands.isEmpty else {
      throw Failure(
        .usage, at: command.name, "expected the folders of a build's parts, found none",
        remedy: "See: \(command.name) --help")
    }
    let merge = try PartMerge(
      arguments.operands, raw: arguments.string("raw"), output: arguments.string("out"),
      jobs: try arguments.integer("jobs", in: 1...1024) ?? 1)
    stopOnSignals()
    let observer = ConsoleObserver()
    do {
      try BuildCommand.show(try merge.run(observer), asJSON: arguments.has("json"))
    } catch {
      observer.interrupt()
      throw error
    }
  }
}
