// features/...: frozen features, all tokens through the encoder. features/encoder/PRESET: the encoder alone on a batch
// in memory; features/pamap2: what `metamae-eval features` does, from shards to an .npy file.

import Basics
import Evaluation
import Experiments
import Networks
import TensorCore

enum FeatureCases {
  static var all: [BenchCase] {
    ["pamap2", "imagenet32", "genomics"].map { encoder(PretrainingPreset.of($0)!) } + [fromShards]
  }

  private static func encoder(_ preset: PretrainingPreset) -> BenchCase {
    let (model, count) = (preset.model, 256)
    return BenchCase(
      name: "features/encoder/\(preset.dataset)",
      operations: Double(count) * model.nominalFeatureOperations, samples: Double(count),
      repetitions: 3
    ) {
      let network = Network(model)
      let parameters = ParameterBuffer<Float>(network.table)
      network.initialise(parameters, seed: 0)
      let extractor = FeatureExtractor(
        network, parameters, capacity: count, lanes: availableCores)
      StepCases.fillRandomly(extractor.tokens)
      let features = Storage<Float>(count: count * extractor.width)
      return { extractor.pooled(count: count, into: features.base) }
    }
  }

  private static var fromShards: BenchCase {
    var records = LoadRecords.all.first { $0.name == "pamap2" }!
    records.count = 1024
    let preset = PretrainingPreset.of(records.name)!
    return BenchCase(
      name: "features/pamap2",
      operations: Double(records.count) * preset.model.nominalFeatureOperations,
      samples: Double(records.count), warmups: 0, repetitions: 3
    ) { [records] in
      let folder = try BenchFolder()
      try Files.createFolder(folder.path + "/\(records.name)")
      try records.write(to: folder.path + "/\(records.name)/pretrain")
      let config = folder.path + "/pamap2.yaml"
      try Files.writeAtomically("dataset: pamap2\nobjective: metamae\npatch: 5\n", to: config)
      let files = try FeatureFiles(out: folder.path + "/x.npy")
      return {
        let encoders = try openEncoders(
          EncoderRequest(weights: .randomInit(config: config), shards: folder.path),
          for: .pretrain)
        let written = try exportFeatures(encoders.initial, split: .pretrain, to: files)
        guard written.samples == records.count else {
          throw Failure(.internalError, at: "features", "\(written.samples) samples came out")
        }
      }
    }
  }
}
