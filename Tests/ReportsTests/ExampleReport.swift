// A report with every part in it, made from keyed numbers.

import Basics
import Experiments
import Foundation

@testable import Reports

/// Records as a falling run leaves them, a spike at the start included.
func exampleMetrics(steps: Int, every: Int = 10) -> [MetricsRecord] {
  var stream = RandomStream(RandomKey(seed: 1, "metrics"))
  return (1...steps / every).map { i in
    let step = Double(i * every)
    let fall = 0.35 + 0.75 * exp(-step / Double(steps) * 5) + (i == 1 ? 3 : 0)
    let contrast = 4.2 * exp(-step / Double(steps) * 2.2) + 0.9
    let a = fall + 0.02 * stream.normal()
    let b = contrast + 0.09 * stream.normal()
    return MetricsRecord(
      step: i * every, epoch: UInt64(step / 195), loss: a + b, reconstruction: a, contrast: b,
      seconds: 3.2, waitSeconds: 0.006, samplesPerSecond: 805 + 25 * stream.normal())
  }
}

func exampleRecord(_ probe: String = "paper", value: Double = 0.8931) -> EvaluationRecord {
  EvaluationRecord(
    dataset: "pamap2", metric: "accuracy", value: value, best: value + 0.0004,
    valueRandomInit: 0.6981, trainSamples: 50_000, testSamples: 10_000,
    epochs: probe == "paper" ? 100 : 0,
    checkpoint: "runs/first/checkpoints/step-5000/model.safetensors", probe: probe,
    probeSettings: ["batch": .number(256)], seeds: 3,
    values: [value - 0.002, value, value + 0.002],
    interval95: [value - 0.005, value + 0.005])
}

func exampleReconstructions() -> [Reconstruction] {
  var stream = RandomStream(RandomKey(seed: 2, "pictures"))
  let maskedTokens = (0..<64).map { _ in stream.uniform() < 0.7 }
  let channels = ["hand acceleration x", "hand acceleration y"].enumerated().map { k, name in
    let curve = (0..<320).map { t -> Float in
      let slow = sin(Double(t) * 0.11 + Double(k))
      let fast = 0.4 * sin(Double(t) * 0.53)
      return Float(slow + fast + 0.1 * stream.normal())
    }
    return SeriesReconstruction.Channel(
      name: name, original: curve, before: curve.map { $0 * 0.4 },
      after: curve.map { $0 * 0.85 + 0.05 * Float(stream.normal()) })
  }
  let (height, width) = (64, 64)
  let image = (0..<height * width).map { i -> Float in
    let (y, x) = (Double(i / width), Double(i % width))
    return Float(exp(-pow((y - 20 - 8 * sin(x / 9)) / 6, 2)) + 0.6 * exp(-pow((y - 44) / 9, 2)))
  }
  let rgb = (0..<3).map { c in
    (0..<32 * 32).map { i -> Float in
      let (y, x) = (Double(i / 32), Double(i % 32))
      return Float(sin(x / 5 + Double(c)) + cos(y / 7))
    }
  }
  let letters = (0..<128).map { _ in stream.below(20) }
  let maskedLetters = (0..<128).map { _ in stream.uniform() < 0.5 }
  return [
    .series(
      SeriesReconstruction(
        title: "sample 17: walking", patch: 5, masked: maskedTokens, channels: channels)),
    .image(
      ImageReconstruction(
        title: "sample 4: digit 7", height: height, width: width, patch: [8, 8],
        masked: maskedTokens, original: [image], before: [image.map { $0 * 0.5 + 0.2 }],
        after: [image.map { $0 * 0.9 + 0.02 }])),
    .image(
      ImageReconstruction(
        title: "sample 9: colour, deep MAE", height: 32, width: 32, patch: [4, 4],
        masked: maskedTokens, original: rgb, before: nil, after: rgb.map { $0.map { $0 * 0.8 } })),
    .tokens(
      TokenReconstruction(
        title: "sample 2: a protein <PF00001>", alphabet: "ACDEFGHIKLMNPQRSTVWY".map(String.init),
        masked: maskedLetters, original: letters,
        before: letters.map { stream.uniform() < 0.3 ? $0 : stream.below(20) },
        after: letters.map { stream.uniform() < 0.6 ? $0 : stream.below(20) })),
  ]
}

let exampleConfiguration = """
  # resolved configuration
  dataset: pamap2
  objective: metamae
  steps: 5000
  batch: 256
  seed: 0
  mask_ratio: 0.85
  encoder:
    width: 256
    heads: 8
    layers: 12
  """

/// A folder that goes away with the test.
final class ScratchFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/metamae-report-\(UUID().uuidString)"
    try Files.createFolder(path)
  }

  deinit { try? Files.remove(path) }
}
