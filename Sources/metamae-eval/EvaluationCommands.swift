// The two commands of metamae-eval: options in, one call, one result out.

import Basics
import Evaluation
import Experiments
import Foundation
import Reports
import TensorCore

private let encoderOptions: [Option] = [
  .value("run", "DIR", "evaluate this run's newest checkpoint"),
  .value("step", "N", "with --run: the checkpoint of this step"),
  .flag("ema", "with --run: the running mean of the parameters instead of the last ones"),
  .value("checkpoint", "FILE", "evaluate this model.safetensors"),
  .flag("random-init", "evaluate the initial encoder of --config"),
  .value("config", "FILE", "with --random-init: the configuration"),
  .value("shards", "DIR", "the folder that --out of build-shards named"),
  .value(
    "dataset", "NAME", "transfer set in that folder",
    standard: "the one pretrained on; genomics-id for genomics"),
]

let evaluationCommand = Command(
  name: "metamae-eval",
  summary: "Judges a frozen encoder by a probe on its features, the initial encoder beside it.",
  options: encoderOptions + [
    .value(
      "probe", "NAME",
      "paper: the paper's linear probe; lbfgs: logistic or ridge regression, converged; "
        + "knn: nearest neighbours", standard: "paper"),
    .value("seeds", "N", "repeat the probe with this many seeds", standard: "1"),
    .value(
      "metric", "NAME", "token_accuracy_unpadded for a per-token set", standard: "the set's own"),
    .flag("report", "with --run: keep the result in the run and make its report.html anew"),
    .flag("json", "print one JSON document"),
  ])

let featuresCommand = Command(
  name: "metamae-eval features",
  summary: "Writes frozen features as .npy, labels and ids beside them.",
  options: encoderOptions + [
    .value("split", "NAME", "train, test or pretrain", standard: "train"),
    .value("out", "FILE.npy", "float32 (N, width), in record order"),
  ])

func runEvaluation(_ arguments: Arguments) throws {
  let request = try encoderRequest(arguments)
  let probe: ProbeKind = try choice(arguments, "probe")
  let plan = EvaluationPlan(
    probe: probe, seeds: try arguments.integer("seeds", in: 1...10_000) ?? 1)
  var run: String?
  if arguments.has("report") {
    guard case .run(let path, _, _) = request.weights else {
      throw Failure(.usage, at: "--report", "goes with --run, found none")
    }
    run = path
  }
  var metric: Metric?
  if arguments.has("metric") { metric = try choice(arguments, "metric") }
  try BLAS.prepare()
  var encoders = try openEncoders(request, for: .test)
  if let metric { try encoders.task?.take(metric) }
  var predictions: ClassPredictions?
  let record = try evaluate(
    encoders, plan: plan, predictions: { predictions = $0 }, report: { Console.note($0) })
  if arguments.has("json") {
    try Console.printJSON(record)
  } else {
    Console.print(comparisonTable(record, encoder: encoders.name))
  }
  if let run {
    try EvaluationLog.add(record, run: run)
    if let found = predictions {
      try ConfusionMatrix(
        dataset: record.dataset, probe: record.probe, classes: found.classCount,
        names: found.names, labels: found.labels, predicted: found.predicted
      ).save(run: run)
    }
    try Reconstruction.save(try reconstructions(of: request).flatMap(drawn), run: run)
    try RunReport.write(run: run)
    Console.note("wrote \(RunDirectory(run).report)")
  }
}

func runFeatures(_ arguments: Arguments) throws {
  let request = try encoderRequest(arguments)
  let split: Split = try choice(arguments, "split")
  let files = try FeatureFiles(out: try arguments.required("out"))
  try BLAS.prepare()
  let encoders = try openEncoders(request, for: split)
  let size = try exportFeatures(
    encoders.pretrained ?? encoders.initial, split: split, to: files)
  Console.print("\(files.features): float32 (\(size.samples), \(size.width))")
}

/// Exactly one encoder, and the options that go with it.
private func encoderRequest(_ arguments: Arguments) throws -> EncoderRequest {
  let named = ["run", "checkpoint", "random-init"].filter { arguments.has($0) }
  guard named.count == 1 else {
    let found = named.isEmpty ? "none" : named.map { "--\($0)" }.joined(separator: " and ")
    throw Failure(
      .usage, at: "",
      "expected one of --run, --checkpoint and --random-init, found \(found)",
      remedy: "See: metamae-eval --help")
  }
  for (option, partner) in [("step", "run"), ("ema", "run"), ("config", "random-init")]
  where arguments.has(option) && !arguments.has(partner) {
    throw Failure(.usage, at: "--\(option)", "goes with --\(partner), found --\(named[0])")
  }
  let weights: EncoderRequest.Weights =
    switch named[0] {
    case "run":
      .run(
        try arguments.required("run"), step: try arguments.integer("step"),
        average: arguments.has("ema"))
    case "checkpoint": .checkpoint(try arguments.required("checkpoint"))
    default: .randomInit(config: try arguments.required("config"))
    }
  let shards = try arguments.required("shards")
  guard Files.isFolder(shards) else {
    throw Failure(
      .missingInput, at: shards, "expected the folder that --out of build-shards named, found none"
    )
  }
  switch weights {
  case .run(let path, _, _) where !Files.isFolder(path):
    throw Failure(.missingInput, at: path, "expected a run directory, found none")
  case .checkpoint(let path) where !Files.exists(path),
    .randomInit(let path) where !Files.exists(path):
    throw Failure(.missingInput, at: path, "expected a file, found none")
  default: break
  }
  let dataset = arguments.has("dataset") ? arguments.string("dataset") : nil
  return EncoderRequest(weights: weights, shards: shards, dataset: dataset)
}

/// The option's value among the cases of an enumeration.
private func choice<T: RawRepresentable & CaseIterable>(
  _ arguments: Arguments, _ option: String
) throws -> T where T.RawValue == String {
  let text = try arguments.required(option)
  guard let value = T(rawValue: text) else {
    let names = T.allCases.map(\.rawValue)
    let list = names.dropLast().joined(separator: ", ") + " or " + names.last!
    throw Failure(
      .usage, at: "--\(option)", "expected \(list), found '\(text)'",
      remedy: nearest(to: text, among: names).map { "Did you mean \($0)?" })
  }
  return value
}

/// A reconstructed sample as the report draws it: of many curves the first three; of many bands the visible ones
/// (Sentinel-2's red, green, blue, where there are thirteen), then all of them side by side.
private func drawn(_ sample: ReconstructedSample) -> [Reconstruction] {
  var figures = [figure(of: sample)]
  if sample.input.kind == .image, sample.input.channelCount > 3 {
    figures.append(.image(mosaic(of: sample)))
  }
  return figures
}

/// All bands in one picture, row by row.
private func mosaic(of sample: ReconstructedSample) -> ImageReconstruction {
  let (height, width) = (sample.input.shape[1], sample.input.shape[2])
  let (count, patch) = (sample.input.channelCount, sample.input.patch)
  var columns = 1
  while columns * columns < count { columns += 1 }
  let rows = (count + columns - 1) / columns
  func laid(_ values: [Float]) -> [[Float]] {
    let empty = values.min() ?? 0
    var out = [Float](repeating: empty, count: rows * columns * height * width)
    for band in 0..<count {
      let (top, left) = (band / columns * height, band % columns * width)
      for y in 0..<height {
        for x in 0..<width {
          out[(top + y) * columns * width + left + x] = values[(band * height + y) * width + x]
        }
      }
    }
    return [out]
  }
  let (down, across) = (height / patch[0], width / patch[1])
  let masked = (0..<rows * down * columns * across).map { token -> Bool in
    let (y, x) = (token / (columns * across), token % (columns * across))
    let band = y / down * columns + x / across
    return band < count && sample.masked[y % down * across + x % across]
  }
  return ImageReconstruction(
    title: "sample \(sample.id), all \(count) bands from the first", height: rows * height,
    width: columns * width, patch: patch, masked: masked, original: laid(sample.original),
    before: sample.before.map(laid), after: laid(sample.after))
}

private func figure(of sample: ReconstructedSample) -> Reconstruction {
  let input = sample.input
  let title = "sample \(sample.id)" + (sample.label.map { ", \($0)" } ?? "")
  func plane(_ values: [Float], _ c: Int) -> [Float] {
    let size = input.valueCount / input.channelCount
    return Array(values[c * size..<(c + 1) * size])
  }
  switch input.kind {
  case .tokens:
    return .tokens(
      TokenReconstruction(
        title: title, alphabet: sample.alphabet, masked: sample.masked,
        original: sample.original.map { Int($0) },
        before: sample.before?.map { Int($0) }, after: sample.after.map { Int($0) }))
  case .series:
    return .series(
      SeriesReconstruction(
        title: title, patch: input.patch[0], masked: sample.masked,
        channels: (0..<min(3, input.channelCount)).map { c in
          .init(
            name: "channel \(c)", original: plane(sample.original, c),
            before: sample.before.map { plane($0, c) }, after: plane(sample.after, c))
        }))
  case .image:
    let planes = input.channelCount == 13 ? [3, 2, 1] : input.channelCount >= 3 ? [0, 1, 2] : [0]
    func all(_ values: [Float]) -> [[Float]] { planes.map { plane(values, $0) } }
    return .image(
      ImageReconstruction(
        title: title, height: input.shape[1], width: input.shape[2], patch: input.patch,
        masked: sample.masked,
        original: all(sample.original), before: sample.before.map(all), after: all(sample.after)))
  }
}
