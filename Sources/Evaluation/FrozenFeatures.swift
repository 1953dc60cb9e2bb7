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
    case .run(let path, let step):
      let files = try Checkpoint.find(in: RunDirectory(path), step: step).files
      checkpoint = files.model
      card = try ModelCard(metadata: try TensorArchive(path: files.model).metadata, at: files.model)
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
private struct EncoderData {
  let shards: String
  let dataset: String
  let model: ModelConfiguration

  private func folder(_ split: Split) throws -> String {
    try ShardLocation(shards: shards, dataset: dataset, split: split.rawValue).folder
  }

  /// The task that the manifest states; nil without labels.
  func task(of split: Split) throws -> EvaluationTask? {
    let folder = try folder(split)
    let task = try Manifest(directory: folder).task
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
    return EvaluationTask(kind, metric: metric)
  }

  /// Reads a split through the encoder: one part that holds all of it, in record order.
  func source(_ network: Network, _ parameters: ParameterBuffer<Float>) -> FeatureSource {
    { split, pooling, deliver in
      let folder = try folder(split)
      let reader = try SampleReader(directory: folder)
      let place = "\(dataset)/\(split.rawValue)"
      let inputs = try reader.manifest.specifications(at: folder)
      guard inputs.map(\.shape) == model.inputs.map(\.shape),
        inputs.map(\.kind) == model.inputs.map(\.kind)
      else {
        throw Failure(
          .badData, at: place,
          "expected inputs of \(model.inputs.map(\.shape)), as the encoder was trained on, found "
            + "\(inputs.map(\.shape))")
      }
      let storage = try reader.manifest.storage(of: model.inputs, at: folder)
      let extractor = FeatureExtractor(
        network, parameters, capacity: min(256, reader.sampleCount), lanes: availableCores)
      let rowsPerSample = pooling == .tokens ? extractor.tokenCount : 1
      let size = rowsPerSample * extractor.width
      var features = [Float](repeating: 0, count: reader.sampleCount * size)
      var labels = LabelReader(reader.manifest, count: reader.sampleCount)
      let part = Storage<Float>(count: extractor.tokens.capacity * size)
      try reader.forEachBatch(of: extractor.tokens.capacity) { batch in
        for i in 0..<batch.count {
          for k in storage.indices {
            let wrong = extractor.tokens.fill(
              sample: i, input: k, from: batch.input(k, of: i), as: storage[k].type,
              storage[k].scaling)
            if let wrong {
              throw Failure(
                .badData, at: "\(place), record \(batch.id(of: i))",
                "input \(k), token \(wrong): expected an id below \(model.inputs[k].vocabulary)")
            }
          }
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
