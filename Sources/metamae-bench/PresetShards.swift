// Shards of random samples in a preset's shape, stored as its reader stores them: bytes for images, floats for series
// and spectrograms, int32 for tokens; pamap2 as one long recording that is read in windows.

import Basics
import Experiments
import ShardFormat

struct PresetShards {
  let preset: PretrainingPreset
  /// Samples of an epoch.
  let count: Int

  private var inputs: [InputSpecification] { DatasetCatalogue.entry(preset.dataset)!.inputs }
  private var areWindows: Bool { preset.dataset == "pamap2" }

  /// Spectrograms are images of floats.
  private func type(_ input: InputSpecification) -> ElementType {
    switch input.kind {
    case .tokens: .int32
    case .series: .float32
    case .image: preset.dataset == "libri-speech" ? .float32 : .uint8
    }
  }

  /// Writes `folder`/DATASET/pretrain, as metamae-prep lays it out.
  func write(to folder: String) throws {
    let layout = manifest
    try layout.write(to: "\(folder)/\(preset.dataset)/pretrain") { block, bytes in
      let n = layout.sampleCount(ofBlock: block)
      var stream = RandomStream(RandomKey(seed: 0, "block", UInt64(block)))
      var start = 0
      for (field, input) in zip(layout.fields, inputs) {
        let part = start..<start + n * field.byteCount
        fill(UnsafeMutableRawBufferPointer(rebasing: bytes[part]), input, &stream)
        start = part.upperBound
      }
      for i in start..<bytes.count { bytes[i] = 0 }
    }
  }

  /// Steps of a random walk along the last axis, bytes of it, or tokens at random.
  private func fill(
    _ bytes: UnsafeMutableRawBufferPointer, _ input: InputSpecification,
    _ stream: inout RandomStream
  ) {
    switch type(input) {
    case .uint8:
      var level = 128
      for i in 0..<bytes.count {
        level = min(max(level + stream.below(17) - 8, 0), 255)
        bytes[i] = UInt8(level)
      }
    case .int32:
      for i in 0..<bytes.count / 4 {
        bytes.storeBytes(
          of: Int32(stream.below(input.vocabulary)), toByteOffset: 4 * i, as: Int32.self)
      }
    default:
      var level = 0.0
      for i in 0..<bytes.count / 4 {
        level = 0.9 * level + stream.normal()
        bytes.storeBytes(of: Float(level), toByteOffset: 4 * i, as: Float.self)
      }
    }
  }

  private var manifest: Manifest {
    var fields = inputs.enumerated().map { k, input in
      Field("input.\(k)", type(input), areWindows ? [input.shape[0]] : input.shape)
    }
    if !areWindows { fields.append(Field("label", .uint16, [])) }
    let length = inputs[0].shape[1...].first ?? 1
    let rows = areWindows ? count * length : count
    return Manifest(
      dataset: preset.dataset, split: "pretrain",
      inputs: inputs.map {
        InputDescription(
          kind: $0.kind.rawValue, shape: $0.shape, patch: $0.patch,
          vocabulary: $0.vocabulary)
      }, fields: fields,
      task: TaskDescription(
        kind: "classes", classes: 2, names: ["0", "1"], metric: "accuracy"),
      transforms: inputs.map { Transform(scale: [type($0) == .uint8 ? 1 / 255 : 1]) },
      sampleCount: rows,
      samplesPerBlock: Manifest.standardSamplesPerBlock(
        recordBytes: fields.reduce(0) { $0 + $1.byteCount }),
      sampling: areWindows ? Sampling(length: length, perEpoch: count, fixed: false) : nil,
      segments: areWindows
        ? [Segment(rowCount: rows, firstBlock: 0, label: 0, group: "one")] : nil,
      provenance: Provenance())
  }
}
