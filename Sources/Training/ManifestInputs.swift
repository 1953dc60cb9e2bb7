// What a split's manifest means to a network: the inputs, and how their stored values become numbers.

import Basics
import Experiments
import Networks
import ShardFormat

extension Manifest {
  /// The inputs with the token sizes that the shards suggest.
  /// - Throws: bad data for a kind of input that no network takes.
  public func inputSpecifications() throws -> [InputSpecification] {
    try inputs.map { input in
      guard let kind = InputSpecification.Kind(rawValue: input.kind) else {
        throw Failure(
          .badData, at: "\(dataset)/\(split)",
          "expected an image, series or tokens, found '\(input.kind)'")
      }
      return InputSpecification(
        kind: kind, shape: input.shape, patch: input.patch, vocabulary: input.vocabulary)
    }
  }

  /// How each input is stored, for networks over `inputs`.
  /// - Throws: bad data when the transform's length is neither 1 nor the number of channels.
  public func inputStorage(_ inputs: [InputSpecification]) throws -> [InputStorage] {
    try inputs.enumerated().map { k, input in
      let type: StoredType =
        switch fields[fieldIndex("input.\(k)")!].type {
        case .uint8: .uint8
        case .uint16: .uint16
        case .int32: .int32
        case .int64: .int64
        case .float32: .float32
        }
      func spread(_ values: [Float]) throws -> [Float] {
        if values.count == input.channelCount { return values }
        guard values.count == 1 else {
          throw Failure(
            .badData, at: "\(dataset)/\(split), transform of input \(k)",
            "expected 1 or \(input.channelCount) values, found \(values.count)")
        }
        return .init(repeating: values[0], count: input.channelCount)
      }
      return InputStorage(
        type: type,
        scaling: ChannelScaling(
          scale: try spread(transforms[k].scale), shift: try spread(transforms[k].shift)))
    }
  }
}
