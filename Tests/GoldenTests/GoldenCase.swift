// A golden case as a file: tensors and configuration of one oracle run, read by its metadata alone.

import Experiments
import Foundation
import TensorCore
import Testing

/// The oracle's configuration as it stands in the metadata, under the oracle's names.
// swift-format-ignore: AlwaysUseLowerCamelCase
struct OracleConfiguration: Decodable {
  struct Input: Decodable {
    let kind: InputSpecification.Kind
    let shape: [Int]
    let patch: [Int]
    let vocab: Int
  }

  let inputs: [Input]
  let d_enc, heads_enc, layers_enc, d_dec, heads_dec, layers_dec, mlp_ratio, proj_hidden,
    proj_out: Int
  let dropout: Float
  let mask_ratio: Double
  let inner_lr: Float
  let inner_steps: Int
  let nearby_ratio: Float
  let first_order: Bool
  let contrast_weight: Float
  let temperature: Float

  static func read(_ archive: TensorArchive) throws -> OracleConfiguration {
    try JSONDecoder().decode(Self.self, from: Data((archive.metadata["config"] ?? "").utf8))
  }

  var model: ModelConfiguration {
    ModelConfiguration(
      inputs: inputs.map {
        InputSpecification(kind: $0.kind, shape: $0.shape, patch: $0.patch, vocabulary: $0.vocab)
      },
      encoder: TransformerSize(width: d_enc, heads: heads_enc, layers: layers_enc),
      decoder: TransformerSize(width: d_dec, heads: heads_dec, layers: layers_dec),
      projectorHidden: proj_hidden, projectorOut: proj_out, dropout: dropout)
  }

  var settings: ObjectiveSettings {
    ObjectiveSettings(
      maskRatio: mask_ratio, innerLearningRate: inner_lr, innerSteps: inner_steps,
      nearbyRatio: nearby_ratio,
      firstOrder: first_order, contrastWeight: contrast_weight, temperature: temperature)
  }
}

struct GoldenCase: CustomTestStringConvertible, Sendable {
  let path: String

  var testDescription: String { (path as NSString).lastPathComponent }

  /// The folder that METAMAE_GOLDEN names, else the package's own copy.
  static var folder: String {
    ProcessInfo.processInfo.environment["METAMAE_GOLDEN"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "golden"
      ).path
  }

  static func all(_ ending: String) -> [GoldenCase] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted().map {
      GoldenCase(path: folder + "/" + $0)
    }
  }
}

/// |found - expected| / max(|expected|, floor), Euclidean norms.
func relativeError(_ found: [Double], _ expected: [Double], floor: Double = 0) -> Double {
  guard found.count == expected.count else { return .infinity }
  let difference = norm(zip(found, expected).map(-))
  let size = max(norm(expected), floor)
  return size > 0 ? difference / size : difference > 0 ? .infinity : 0
}

func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
