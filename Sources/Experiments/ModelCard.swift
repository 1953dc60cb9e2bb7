// What a checkpoint says about itself, in the metadata of `model.safetensors` (docs/formats.md, "Checkpoints"): enough
// to build the networks and to repeat the run, and nothing of time, host, workers or how often it was interrupted.

import Basics
import Foundation

public struct ModelCard: Codable, Equatable, Sendable {
  /// Networks and inputs as they were trained.
  public var model: ModelConfiguration
  /// Every configuration key that decides the numbers, with its value as YAML.
  public var keys: [String: String]

  /// The metadata key under which the card stands.
  public static let metadataKey = "configuration"

  public init(model: ModelConfiguration, configuration: RunConfiguration) {
    self.model = model
    keys = Dictionary(
      uniqueKeysWithValues: configuration.values(of: [.numbers]).map { ($0.key, $0.value) })
  }

  /// The card as JSON: same contents, same bytes.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// - Parameter place: the file that the metadata comes from.
  /// - Throws: bad data when the file carries no card or a malformed one.
  public init(metadata: [String: String], at place: String) throws {
    guard let text = metadata[Self.metadataKey] else {
      throw Failure(
        .badData, at: place, "expected '\(Self.metadataKey)' in its metadata, found none",
        remedy: "It is no checkpoint of metamae-train.")
    }
    do {
      self = try JSONDecoder().decode(ModelCard.self, from: Data(text.utf8))
    } catch {
      throw Failure(.badData, at: place, "its '\(Self.metadataKey)' is not a configuration")
    }
  }

  /// The run's configuration as far as it decides the numbers.
  public func configuration() throws -> RunConfiguration {
    try RunConfiguration.resolve(
      file: nil,
      settings: keys.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
  }
}
