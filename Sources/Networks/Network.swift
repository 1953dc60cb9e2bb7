// Encoder f, decoder g and projector h over one parameter table, under the published names.

import Basics
import Experiments
import Glibc
import TensorCore

public struct Network: Sendable {
  public let configuration: ModelConfiguration
  public let table: ParameterTable
  public let encoder: Encoder
  public let decoder: Decoder
  public let projector: Projector
  /// What the objective trains beside encoder, decoder and projector.
  public let heads: [Linear?]
  /// Where the decoder's parameters begin: all before are the encoder's and the heads'.
  public let decoderStart: Int

  /// - Parameter objective: whose heads the table holds; features need none.
  public init(_ configuration: ModelConfiguration, for objective: ObjectiveName = .metamae) {
    self.configuration = configuration
    var table = ParameterTable()
    encoder = Encoder(&table, configuration)
    heads = table.heads(of: objective, configuration)
    decoderStart = table.count
    decoder = Decoder(&table, configuration, encoder)
    projector = Projector(&table, configuration)
    self.table = table
  }

  /// Where the projector's parameters begin: all before are the encoder's and the decoder's.
  public var projectorStart: Int { projector.first.weight.offset }

  /// Fills `values` with the initial values of method.md: each drawn from its own stream, by its name.
  public func initialise<R: Real>(_ values: ParameterBuffer<R>, seed: UInt64) {
    for slot in table.slots {
      let numbers = values[slot]
      var stream = RandomStream(RandomKey(seed: seed, "init " + slot.name))
      func fillUniform(within bound: Double) {
        for i in numbers.indices { numbers[i] = R(bound * (2 * stream.uniform() - 1)) }
      }
      let name = slot.name
      if name.hasSuffix("_token") {
        for i in numbers.indices { numbers[i] = R(0.02 * stream.normal()) }
      } else if name.hasPrefix("patch_embed") && name.hasSuffix("bias") {
        // the convolution's default: within 1 / sqrt(fan in), the fan of the weight declared just before
        let weight = table.slots.first { $0.name == name.dropLast(4) + "weight" }!
        fillUniform(within: 1 / Double(weight.columns).squareRoot())
      } else if slot.shape.count > 1 {
        fillUniform(within: (6 / Double(slot.rows + slot.columns)).squareRoot())
      } else {
        // norms start at 1 and 0, the biases of linear maps at 0
        let isScale = name.hasSuffix("weight")
        numbers.update(repeating: isScale ? 1 : 0)
      }
    }
  }
}
