// A small bench with data and draws, for the tests of what all objectives have in common.

import Basics
import Experiments
import Networks
import TensorCore

@testable import Objectives

private let image = InputSpecification(kind: .image, shape: [2, 8, 8], patch: [4, 4])
private let text = InputSpecification(kind: .tokens, shape: [4], vocabulary: 9)

/// A small bench over both inputs with a batch in it.
///
/// - Parameter layers: the decoder's blocks.
func filledBench(
  lanes: Int, batch: Int = 6, layers: Int = 2, innerSteps: Int = 1, dropout: Float = 0,
  for objective: ObjectiveName = .metamae, precision: ProductPrecision = .exact,
  ranks: any Ranks = LoneRank()
) -> Workbench<Float> {
  let model = ModelConfiguration(
    inputs: [image, text], encoder: TransformerSize(width: 16, heads: 2, layers: 2),
    decoder: TransformerSize(width: 8, heads: 2, layers: layers), projectorHidden: 12,
    projectorOut: 6, dropout: dropout)
  let bench = Workbench<Float>(
    Network(model, for: objective),
    ObjectiveSettings(maskRatio: 0.5, innerSteps: innerSteps, nearbyRatio: 0.5), batchSize: batch,
    lanes: lanes, precision: precision, ranks: ranks)
  bench.network.initialise(bench.parameters, seed: 1)
  var stream = RandomStream(RandomKey(seed: 2, "data"))
  let patches = bench.tokens.patches(0)
  for i in 0..<patches.count { patches.base[i] = Float(stream.normal()) }
  for i in 0..<batch * 4 { bench.tokens.identifiers(1)[i] = Int32(stream.below(9)) }
  for i in 0..<batch { bench.draw(sample: i, seed: 3, epoch: 0, id: UInt64(i)) }
  bench.draw(seed: 3, step: 0)
  return bench
}

/// The gradient of its last step.
func gradientCopy(_ bench: Workbench<Float>) -> [Float] {
  Array(UnsafeBufferPointer(start: bench.gradient.base, count: bench.network.table.count))
}
