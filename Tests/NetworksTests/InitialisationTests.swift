import Experiments
import TensorCore
import Testing

@testable import Networks

@Suite struct InitialisationTests {
  private static let network = Network(
    ModelConfiguration(
      inputs: [
        InputSpecification(kind: .series, shape: [3, 40], patch: [5]),
        InputSpecification(kind: .tokens, shape: [6], vocabulary: 50),
      ], encoder: TransformerSize(width: 64, heads: 4, layers: 1),
      decoder: TransformerSize(width: 32, heads: 4, layers: 1), projectorHidden: 48,
      projectorOut: 16))

  private static func values(seed: UInt64) -> ParameterBuffer<Float> {
    let buffer = ParameterBuffer<Float>(network.table)
    network.initialise(buffer, seed: seed)
    return buffer
  }

  private static let first = values(seed: 1)

  /// Xavier uniform over (rows, columns): within the bound, and filling it; the published default elsewhere.
  @Test(arguments: [
    ("patch_embed.0.proj.weight", 64.0, 15.0), ("patch_embed.1.proj.weight", 50, 64),
    ("encoder.0.attn.qkv.weight", 192, 64), ("decoder_head.0.weight", 15, 32),
    ("projector.0.weight", 48, 64),
  ])
  func weightsAreXavierUniform(name: String, rows: Double, columns: Double) throws {
    let weights = try #require(Self.first[name])
    let bound = (6 / (rows + columns)).squareRoot()
    let largest = weights.map { Double(abs($0)) }.max()!
    #expect(largest <= bound && largest > 0.97 * bound)
    let square = weights.reduce(0.0) { $0 + Double($1 * $1) } / Double(weights.count)
    #expect(abs(square / (bound * bound / 3) - 1) < 0.15, "variance of a uniform")
  }

  @Test func theRestIsAsPublished() throws {
    let values = Self.first
    let bias = try #require(values["patch_embed.0.proj.bias"])
    let largest = bias.map(abs).max()!
    #expect(largest <= 1 / Float(15).squareRoot() && largest > 0.9 / Float(15).squareRoot())
    #expect(try #require(values["encoder.0.mlp.fc1.bias"]).allSatisfy { $0 == 0 })
    #expect(try #require(values["norm_enc.weight"]).allSatisfy { $0 == 1 })
    #expect(try #require(values["norm_enc.bias"]).allSatisfy { $0 == 0 })
    #expect(try #require(values["projector.1.weight"]).allSatisfy { $0 == 1 })
    let token = try #require(values["cls_token"])
    let deviation = (token.reduce(0) { $0 + $1 * $1 } / Float(token.count)).squareRoot()
    #expect(deviation > 0.014 && deviation < 0.026)
  }

  @Test func seedsDiffer() {
    let (a, b, c) = (Self.values(seed: 1), Self.values(seed: 1), Self.values(seed: 2))
    #expect(Array(a.storage.buffer) == Array(b.storage.buffer))
    #expect(Array(a.storage.buffer) != Array(c.storage.buffer))
  }
}
