// What a split's manifest tells the learner: its inputs in the model's words, and how their values are stored.

import Basics
import Experiments
import Networks
import ShardFormat

extension Manifest {
  /// The inputs in the words of the model.
  public func specifications(at folder: String) throws -> [InputSpecification] {
    try inputs.enumerated().map { k, input in
      guard let kind = InputSpecification.Kind(rawValue: input.kind) else {
        throw Failure(
          .badData, at: folder,
          "input \(k): expected image, series or tokens, found '\(input.kind)'")
      }
      return InputSpecification(
        kind: kind, shape: input.shape, patch: input.patch, vocabulary: input.vocabulary)
    }
  }

  /// How each input is stored, checked against what a sample holds.
  public func storage(
    of specifications: [InputSpecification], at folder: String
  ) throws -> [InputStorage] {
    try specifications.enumerated().map { k, input in
      guard let field = fields.first(where: { $0.name == "input.\(k)" }) else {
        throw Failure(.badData, at: folder, "expected a field 'input.\(k)', found none")
      }
      let values = field.shape.reduce(sampling?.length ?? 1, *)
      guard values == input.valueCount else {
        throw Failure(
          .badData, at: folder,
          "input \(k): expected \(input.valueCount) values a sample for "
            + "\(input.shape), found \(values)")
      }
      let type: StoredType? =
        switch (field.type, input.kind == .tokens) {
        case (.uint8, _): .uint8
        case (.uint16, _): .uint16
        case (.int32, true): .int32
        case (.int64, true): .int64
        case (.float32, false): .float32
        default: nil
        }
      guard let type else {
        throw Failure(
          .badData, at: folder,
          "input \(k) of kind \(input.kind.rawValue) cannot be stored as "
            + "\(field.type.rawValue)")
      }
      let transform = transforms[k]
      func perChannel(_ numbers: [Float]) throws -> [Float] {
        if numbers.count == input.channelCount { return numbers }
        guard numbers.count == 1 else {
          throw Failure(
            .badData, at: folder,
            "input \(k): expected a transform for 1 or \(input.channelCount) "
              + "channels, found \(numbers.count)")
        }
        return [Float](repeating: numbers[0], count: input.channelCount)
      }
      return InputStorage(
        type: type,
        scaling: ChannelScaling(
          scale: try perChannel(transform.scale), shift: try perChannel(transform.shift)))
    }
  }
}
