// From weights and shards to features: opens the encoder that a request names, and reads a split through it.

import Basics
import DataLoading
import Experiments
import Networks
import ShardFormat
import TensorCore
import Training

/// Opens the encoder that the request names, and its data.
///
/// - Throws: missing input for absent runs, checkpoints or splits; bad data for damaged ones, or for shards whose
///   inputs are not those the encoder was trained on.
public func openEncoders(_ request: EncoderRequest, for split: Split) throws -> FrozenEncoders {
  let named = try NamedEncoder(request, for: split)
  let network = Network(named.card.model)
  let data = EncoderData(shards: request.shards, dataset: named.dataset, model: named.card.model)
  let configuration = try named.card.configuration()
  let initial = ParameterBuffer<Float>(network.table)
  network.initialise(initial, seed: configuration.seed)
  var pretrained: FeatureSource?
  if let checkpoint = named.checkpoint {
    let parameters = ParameterBuffer<Float>(network.table)
    try restore(parameters, network, from: checkpoint)
    pretrained = data.source(network, parameters)
  }
  return FrozenEncoders(
    dataset: named.dataset, task: try data.task(of: split), checkpoint: named.checkpoint,
    name: named.checkpoint == nil ? "random" : configuration.objective.rawValue,
    pretrained: pretrained, initial: data.source(network, initial))
}

/// Copies a checkpoint's weights.
func restore(_ parameters: ParameterBuffer<Float>, _ network: Network, from checkpoint: String)
  throws
{
  let archive = try TensorArchive(path: checkpoint)
  for slot in network.table.slots {
    try archive.copy(slot.name, shape: slot.shape, into: parameters[slot])
  }
}

/// Which weights, of which networks, on which set.
struct NamedEncoder {
  let card: ModelCard
  let checkpoint: String?
  let dataset: String

  init(_ request: EncoderRequest, for split: Split) throws {
    switch request.weights {
    case .run(let path, let step, let average):
      let found = try Checkpoint.find(in: RunDirectory(path), step: step)
      guard !average || found.hasAverage else {
        throw Failure(
          .missingInput, at: found.files.average,
          "expected the running mean of the parameters, found none",
          remedy: "A run keeps it when its configuration has ema_decay.")
      }
      let weights = average ? found.files.average : found.files.model
      checkpoint = weights
      card = try ModelCard(metadata: try TensorArchive(path: weights).metadata, at: weights)
    case .checkpoint(let path):
      checkpoint = path
      card = try ModelCard(metadata: try TensorArchive(path: path).metadata, at: path)
    case .randomInit(let config):
      checkpoint = nil
      let configuration = try RunConfiguration.resolve(file: config, settings: [])
      let set = request.datasetName(configured: configuration.dataset, for: split)
      let folder = try ShardLocation(
        shards: request.shards, dataset: set, split: split.rawValue
      ).folder
      let inputs = try Manifest(directory: folder).specifications(at: folder)
      card = ModelCard(model: try configuration.model(over: inputs), configuration: configuration)
    }
    dataset = request.datasetName(configured: try card.configuration().dataset, for: split)
  }
}

/// The splits of one set, seen by one model.
struct EncoderData {
  let shards: String
  let dataset: String
  let model: ModelConfiguration

  func folder(_ split: Split) throws -> String {
    try ShardLocation(shards: shards, dataset: dataset, split: split.rawValue).folder
  }

  /// - Throws: bad data when the split's inputs are not those the encoder was trained on.
  func reader(_ split: Split) throws -> SampleReader {
    let folder = try folder(split)
    try checkInputs(try Manifest(directory: folder), at: folder)
    return try SampleReader(directory: folder)
  }

  /// - Throws: bad data that names what the encoder takes and what the set has.
  func checkInputs(_ manifest: Manifest, at folder: String) throws {
    let inputs = try manifest.specifications(at: folder)
    func words(_ inputs: [InputSpecification]) -> String {
      inputs.map { input in
        "\(input.kind.rawValue) \(input.shape.map(String.init).joined(separator: " x "))"
          + (input.kind == .tokens ? " of \(input.vocabulary) ids" : "")
      }.joined(separator: " and ")
    }
    let fits =
      inputs.count == model.inputs.count
      && zip(inputs, model.inputs).allSatisfy {
        $0.kind == $1.kind && $0.shape == $1.shape && $0.vocabulary <= $1.vocabulary
      }
    guard fits else {
      throw Failure(
        .badData, at: folder,
        "expected inputs as the encoder was pretrained on (\(words(model.inputs))), found "
          + words(inputs),
        remedy: "Evaluate on a set of the same inputs (--dataset), or pretrain on this one.")
    }
  }

  /// Cuts one stored sample into tokens.
  func fill(
    _ tokens: TokenBatch<Float>, sample: Int, from batch: Batch, _ i: Int,
    _ storage: [InputStorage], _ split: Split
  ) throws {
    for k in storage.indices {
      let wrong = tokens.fill(
        sample: sample, input: k, from: batch.input(k, of: i), as: storage[k].type,
        storage[k].scaling)
      if let wrong {
        throw Failure(
          .badData, at: "\(dataset)/\(split.rawValue), record \(batch.id(of: i))",
          "input \(k), token \(wrong): expected an id below \(model.inputs[k].vocabulary)")
      }
    }
  }

  /// The task that the manifest states; nil without labels.
  func task(of split: Split) throws -> EvaluationTask? {
    let folder = try folder(split)
    let manifest = try Manifest(directory: folder)
    try checkInputs(manifest, at: folder)
    let task = manifest.task
    let kind: EvaluationTask.Kind
    switch task.kind {
    case "none": return nil
    case "classes": kind = .classes(task.classes)
    case "regression": kind = .regression
    case "token-classes":
      kind = .tokenClasses(task.classes, padding: task.names.firstIndex { $0 == "padding" })
    default:
      throw Failure(.badData, at: folder, "the task '\(task.kind)' is none that is known")
    }
    guard let metric = Metric(rawValue: task.metric) else {
      throw Failure(.badData, at: folder, "the metric '\(task.metric)' is none that is known")
    }
    var found = EvaluationTask(kind, metric: metric)
    found.classNames = task.names
    return found
  }

  /// Reads a split through the encoder: one part that holds all of it, in record order.
  func source(_ network: Network, _ parameters: ParameterBuffer<Float>) -> FeatureSource {
    { split, pooling, deliver in
      let reader = try reader(split)
      let storage = try reader.manifest.storage(of: model.inputs, at: folder(split))
      let extractor = FeatureExtractor(
        network, parameters, capacity: min(256, reader.sampleCount), lanes: availableCores)
      let rowsPerSample = pooling == .tokens ? extractor.tokenCount : 1
      let size = rowsPerSample * extractor.width
      var features = [Float](repeating: 0, count: reader.sampleCount * size)
      var labels = LabelReader(reader.manifest, count: reader.sampleCount)
      let part = Storage<Float>(count: extractor.tokens.capacity * size)
      try reader.forEachBatch(of: extractor.tokens.capacity) { batch in
        for i in 0..<batch.count {
          try fill(extractor.tokens, sample: i, from: batch, i, storage, split)
          labels.read(batch.label(of: i), sample: Int(batch.id(of: i)))
        }
        if pooling == .tokens {
          extractor.perToken(count: batch.count, into: part.base)
        } else {
          extractor.pooled(count: batch.count, into: part.base)
        }
        features.withUnsafeMutableBufferPointer { all in
          for i in 0..<batch.count {
            (all.baseAddress! + Int(batch.id(of: i)) * size).update(
              from: part.base + i * size, count: size)
          }
        }
      }
      try deliver(
        FeatureSet(
          width: extractor.width, rowsPerSample: rowsPerSample, features: features,
          labels: labels.labels, ids: (0..<Int64(reader.sampleCount)).map { $0 },
          groups: reader.manifest.windowGroups()))
    }
  }
}

/// Labels in record order, whatever type they are stored in.
struct LabelReader {
  private(set) var labels: Labels
  private let type: ElementType?
  private let perSample: Int

  init(_ manifest: Manifest, count: Int) {
    type = manifest.deliveredLabelType
    perSample = manifest.deliveredLabelCount
    if type == nil {
      labels = .none
    } else if manifest.task.kind == "regression" {
      labels = .values(.init(repeating: 0, count: count * perSample))
    } else {
      labels = .classes(.init(repeating: 0, count: count * perSample))
    }
  }

  mutating func read(_ stored: UnsafeRawPointer?, sample: Int) {
    guard let stored, let type else { return }
    for j in 0..<perSample {
      let value: Double =
        switch type {
        case .uint8: Double(stored.load(fromByteOffset: j, as: UInt8.self))
        case .uint16: Double(stored.loadUnaligned(fromByteOffset: 2 * j, as: UInt16.self))
        case .int32: Double(stored.loadUnaligned(fromByteOffset: 4 * j, as: Int32.self))
        case .int64: Double(stored.loadUnaligned(fromByteOffset: 8 * j, as: Int64.self))
        case .float32: Double(stored.loadUnaligned(fromByteOffset: 4 * j, as: Float.self))
        }
      switch labels {
      case .classes(var all):
        labels = .none
        all[sample * perSample + j] = Int32(exactly: value) ?? -1
        labels = .classes(all)
      case .values(var all):
        labels = .none
        all[sample * perSample + j] = Float(value)
        labels = .values(all)
      case .none: break
      }
    }
  }
}
