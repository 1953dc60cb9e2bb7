// Reconstructions of held-out samples for a run's report: a few samples of a split, masked as in pretraining, with the
// decoder's predictions before and after the adaptation of the latent.

import Basics
import DataLoading
import Experiments
import Networks
import Objectives
import ShardFormat
import TensorCore
import Training

/// One sample of one input: values in the network's own (normalised) units, laid out as the input's shape.
public struct ReconstructedSample: Sendable {
  public var input: InputSpecification
  public var id: UInt64
  /// The label's name, where the split has one.
  public var label: String?
  /// One a token.
  public var masked: [Bool]
  /// Values of `input.shape`, or the integers of a token input.
  public var original: [Float]
  /// From Z and from Z*; nil before adaptation for objectives without it.
  public var before: [Float]?
  public var after: [Float]
  public var alphabet: [String]
}

/// Reconstructs the first `count` samples of the run's held-out split (test, else what it was trained on); none for
/// objectives that train no decoder.
public func reconstructions(of request: EncoderRequest, count: Int = 3) throws
  -> [ReconstructedSample]
{
  let named = try NamedEncoder(request, for: .test)
  guard let checkpoint = named.checkpoint else { return [] }
  let (card, configuration) = (named.card, try named.card.configuration())
  guard [.metamae, .mae].contains(configuration.objective) else { return [] }
  let folder = try ShardLocation(
    shards: request.shards, dataset: named.dataset, split: Split.test.rawValue
  ).folder
  let reader = try SampleReader(directory: folder)
  let network = Network(card.model)
  let bench = Workbench<Float>(
    network, configuration.settings, batchSize: min(count, reader.sampleCount), lanes: 1)
  try restore(bench.parameters, network, from: checkpoint)
  let storage = try reader.manifest.storage(of: card.model.inputs, at: folder)
  var ids: [UInt64] = []
  var labels: [String?] = []
  try reader.forEachBatch(of: bench.batchSize) { batch in
    guard ids.isEmpty, batch.count == bench.batchSize else { return }
    for i in 0..<batch.count {
      for k in storage.indices {
        _ = bench.tokens.fill(
          sample: i, input: k, from: batch.input(k, of: i), as: storage[k].type, storage[k].scaling)
      }
      bench.draw(sample: i, seed: configuration.seed, epoch: 0, id: batch.id(of: i))
      ids.append(batch.id(of: i))
      var label = LabelReader(reader.manifest, count: 1)
      label.read(batch.label(of: i), sample: 0)
      if case .classes(let values) = label.labels, values.count == 1,
        reader.manifest.task.names.indices.contains(Int(values[0]))
      {
        labels.append(reader.manifest.task.names[Int(values[0])])
      } else {
        labels.append(nil)
      }
    }
  }
  let predicted = bench.reconstruct()
  let adapts = configuration.objective == .metamae
  var samples: [ReconstructedSample] = []
  for i in ids.indices {
    for (k, input) in card.model.inputs.enumerated() {
      let own = card.model.tokenStarts[k]
      let before = values(predicted.before[k], sample: i, input)
      samples.append(
        ReconstructedSample(
          input: input, id: ids[i], label: labels[i],
          masked: (0..<input.tokenCount).map { bench.split.isQuery(i, own + $0) },
          original: originals(bench.tokens, sample: i, k), before: adapts ? before : nil,
          after: adapts ? values(predicted.after[k], sample: i, input) : before,
          alphabet: reader.manifest.inputs[k].alphabet ?? []))
    }
  }
  return samples
}

private func originals(_ tokens: TokenBatch<Float>, sample: Int, _ k: Int) -> [Float] {
  let input = tokens.inputs[k]
  if input.kind == .tokens {
    return (0..<input.tokenCount).map {
      Float(tokens.identifiers(k)[sample * input.tokenCount + $0])
    }
  }
  let patches = tokens.patches(k)
  return values(
    Array(UnsafeBufferPointer(start: patches.base, count: patches.count)), sample: sample, input)
}

/// One sample's rows out of [samples T, width]: patches put together again, or the likeliest integers.
private func values(_ rows: [Float], sample: Int, _ input: InputSpecification) -> [Float] {
  if input.kind == .tokens {
    return (0..<input.tokenCount).map { t in
      let start = (sample * input.tokenCount + t) * input.vocabulary
      let logits = rows[start..<start + input.vocabulary]
      return Float(logits.indices.max { logits[$0] < logits[$1] }! - start)
    }
  }
  let image = input.kind == .image
  let (height, width) = image ? (input.shape[1], input.shape[2]) : (1, input.shape[1])
  let (p, q) = image ? (input.patch[0], input.patch[1]) : (1, input.patch[0])
  let channels = input.channelCount
  var out = [Float](repeating: 0, count: input.valueCount)
  for token in 0..<input.tokenCount {
    let (row, column) = (token / (width / q) * p, token % (width / q) * q)
    let start = (sample * input.tokenCount + token) * input.tokenWidth
    for r in 0..<p {
      for s in 0..<q {
        for c in 0..<channels {
          out[(c * height + row + r) * width + column + s] =
            rows[start + (r * q + s) * channels + c]
        }
      }
    }
  }
  return out
}
