// What the speech sets of datasets.md section 8 have in common: the picture, its normalisation, the fields.

import Basics
import ShardFormat

enum SpeechSet: String, CaseIterable, Sendable {
  case libriSpeech = "libri-speech"
  case audioMNIST = "audio-mnist"
  case fluentLocations = "fluent-speech-loc"
  case fluentActions = "fluent-speech-act"
  case fluentObjects = "fluent-speech-obj"
  case googleSpeech = "google-speech"
  case voxCeleb1 = "voxceleb1"

  static let shape = [1, LogMel.size, LogMel.size]

  /// Mean and deviation in dB that the benchmark normalises with.
  private var normalisation: (mean: Double, deviation: Double) {
    switch self {
    case .libriSpeech: (-22.924, 12.587)
    case .audioMNIST: (-90.293, 11.799)
    case .fluentLocations, .fluentActions, .fluentObjects: (-31.809, 13.127)
    case .googleSpeech: (-46.847, 19.151)
    case .voxCeleb1: (-37.075, 19.776)
    }
  }

  /// (D - mean) / deviation.
  var transform: Transform {
    let (mean, deviation) = normalisation
    return Transform(scale: [Float(1 / deviation)], shift: [Float(-mean / deviation)])
  }

  var input: InputDescription {
    InputDescription(kind: "image", shape: Self.shape, patch: [16, 16])
  }
}
