// metamae-prep inspect: what a split holds, and a sample of it as text.

import Basics
import ShardFormat

enum InspectCommand {
  static let command = Command(
    name: "metamae-prep inspect",
    summary: "manifest, statistics and a sample of each split at or below a folder",
    operands: "DIR",
    options: [
      .value("sample", "K", "show sample number K of each split: image, curves or text"),
      .value(
        "images", "DIR", "where a PNG of an image sample goes: NAME-SPLIT-K.png", standard: "."),
      .flag("json", "print one JSON document"),
    ])

  private struct Document: Encodable {
    struct Sample: Encodable {
      let number: Int
      let label: Int?
      let inputs: [[Float]]
    }
    let directory: String
    let manifest: Manifest
    let sample: Sample?
  }

  static func run(_ arguments: Arguments) throws {
    let directory = try SplitFolders.operand(arguments, command.name)
    let number = try arguments.integer("sample")
    var documents: [Document] = []
    for folder in try SplitFolders.find(directory) {
      let reader = try ShardReader(directory: folder)
      let sample = try number.map { try SampleText.read($0, from: reader) }
      if arguments.has("json") {
        documents.append(
          Document(
            directory: folder, manifest: reader.manifest,
            sample: sample.map { .init(number: number!, label: $0.label, inputs: $0.inputs) }))
      } else {
        if folder != directory || sample != nil { Console.print("== \(folder)") }
        describe(reader.manifest)
        if let sample {
          Console.print(SampleText.render(sample, number: number!, of: reader.manifest))
          let files = try SampleImage.write(
            sample, number: number!, of: reader.manifest, in: arguments.string("images") ?? ".")
          for file in files { Console.print("written: \(file)") }
        }
      }
    }
    if arguments.has("json") { try printJSON(documents) }
  }

  private static func describe(_ manifest: Manifest) {
    func row(_ name: String, _ value: String) { Console.print(name.padded(to: 12) + value) }
    row("dataset", "\(manifest.dataset), split \(manifest.split)")
    for (k, input) in manifest.inputs.enumerated() {
      let shape = input.shape.map { String($0) }.joined(separator: " x ")
      let patch = input.patch.map { String($0) }.joined(separator: " x ")
      let ids = input.vocabulary > 0 ? ", ids below \(input.vocabulary)" : ""
      row("input \(k)", "\(input.kind) \(shape)\(ids), tokens of \(patch)")
    }
    row(
      "fields",
      manifest.fields.map { "\($0.name) \($0.type.rawValue)\($0.shape)" }.joined(separator: ", "))
    if manifest.task.kind != "none" {
      let names = manifest.task.names.prefix(12).joined(separator: ", ")
      let more = manifest.task.names.count > 12 ? ", ..." : ""
      row("task", "\(manifest.task.classes) \(manifest.task.kind) (\(names)\(more))")
      row("metric", manifest.task.metric)
    }
    if let sampling = manifest.sampling, let segments = manifest.segments {
      row("samples", "\(sampling.perEpoch) windows of \(sampling.length) rows an epoch")
      row("segments", "\(segments.count) of \(manifest.sampleCount) rows in all")
    } else {
      row("samples", "\(manifest.sampleCount)")
    }
    let bytes = manifest.shards.reduce(0) { $0 + $1.bytes }
    row(
      "stored",
      "\(manifest.blockCount) blocks of \(manifest.samplesPerBlock) in \(manifest.shards.count)"
        + " shards, \(decimal(Double(bytes) / 1e6, 1)) MB")
    for (k, statistics) in manifest.statistics.enumerated() where !statistics.mean.isEmpty {
      for channel in statistics.mean.indices {
        row(
          channel == 0 ? "input \(k)" : "",
          "channel \(channel): mean \(significant(statistics.mean[channel])), deviation"
            + " \(significant(statistics.deviation[channel]))")
      }
    }
    for file in manifest.provenance.rawFiles {
      let checksum = file.xxh128.map { "XXH128 \($0)" } ?? "SHA-256 \(file.sha256 ?? "unknown")"
      row("raw", "\(file.name), \(file.bytes) bytes, \(checksum)")
    }
    let options = manifest.provenance.options.sorted { $0.key < $1.key }
    row("options", options.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    row("tool", manifest.provenance.tool)
    for note in manifest.provenance.notes { row("note", note) }
  }
}
