// The linear maps that the baselines train on top of the encoder (method.md, "Baselines"), under the oracle's names.
// A network has its own objective's only.

import Experiments
import TensorCore

extension ParameterTable {
  /// The heads of an objective: one, for the linear MAE one an input (nil for tokens, whose embedding table serves), for
  /// MAE and MetaMAE none.
  mutating func heads(of objective: ObjectiveName, _ model: ModelConfiguration) -> [Linear?] {
    let width = model.encoder.width
    switch objective {
    case .metamae, .mae: return []
    case .emix: return [Linear(&self, "emix_head", from: width, to: 128)]
    case .shed: return [Linear(&self, "shed_head", from: width, to: 2)]
    case .capri: return [Linear(&self, "capri_head", from: width, to: width)]
    case .maeLinear:
      let several = model.inputs.count > 1
      return model.inputs.enumerated().map { k, input in
        guard input.kind != .tokens else { return nil }
        return Linear(
          &self, several ? "linear_head.\(k)" : "linear_head", from: width, to: input.tokenWidth)
      }
    }
  }
}
