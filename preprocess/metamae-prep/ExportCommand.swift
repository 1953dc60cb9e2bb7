// metamae-prep export: splits of shards as files that other tools read.

import Basics
import DatasetReaders
import ShardFormat

enum ExportCommand {
  static let command = Command(
    name: "metamae-prep export",
    summary: "writes the splits at or below a folder as .npz or as WebDataset's tars",
    operands: "DIR",
    options: [
      .value("format", "NAME", "npz, or webdataset"),
      .value("out", "DIR", "where DATASET/SPLIT/ with the files goes"),
      .flag("json", "print one JSON document"),
    ])

  static func run(_ arguments: Arguments) throws {
    let directory = try SplitFolders.operand(arguments, command.name)
    let name = try arguments.required("format")
    guard let format = ShardExport.Format(rawValue: name) else {
      throw Failure(.usage, at: "--format", "expected npz or webdataset, found '\(name)'")
    }
    let output = try arguments.required("out")
    let folders = try SplitFolders.find(directory)
    stopOnSignals()
    let observer = ConsoleObserver()
    var reports: [ShardExport.Report] = []
    do {
      for folder in folders {
        reports.append(
          try ShardExport(format, output: output, observer: observer).run(folder))
      }
    } catch {
      observer.interrupt()
      throw error
    }
    if arguments.has("json") { return try printJSON(reports) }
    for report in reports {
      Console.print(
        "\(report.directory): \(report.samples) samples in \(report.files.count) files,"
          + " \(decimal(Double(report.bytes) / 1e6, 1)) MB")
    }
  }
}
