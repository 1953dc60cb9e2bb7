import Testing

@testable import Experiments

@Suite struct NominalOperationsTests {
  /// GFLOP of one step, metamae and mae, from the formula's other statement: the PyTorch side's Python.
  static let expected: [(String, Double, Double)] = [
    ("pamap2", 285.45646592, 164.20438016),
    ("higgs", 258.141847552, 184.10635264),
    ("eurosat", 77.3619712, 45.249593344),
    ("genomics", 230.621741056, 191.379505152),
    ("pfam", 785.134649344, 651.636768768),
    ("libri-speech", 247.586750464, 135.277182976),
    ("wafer-map", 413.75956992, 324.972183552),
    ("imagenet32", 69.14113536, 39.495008256),
    ("mscoco", 562.605391872, 456.074919936),
  ]

  @Test(arguments: expected)
  func agreesWithPython(name: String, metamae: Double, mae: Double) throws {
    let preset = try #require(PretrainingPreset.of(name))
    #expect(abs(preset.nominalOperations(of: .metamae) / (metamae * 1e9) - 1) < 1e-12)
    #expect(abs(preset.nominalOperations(of: .mae) / (mae * 1e9) - 1) < 1e-12)
  }

  @Test func allPresetsAreCounted() {
    #expect(Self.expected.map(\.0) == PretrainingPreset.all.map(\.dataset))
  }

  /// By hand: an encoder pass of 3 rows at width 2 is 2 x 8 x 2^2 x 3 + 4 x 3^2 x 2, an embedded value 2 x 2 x 2; what
  /// lies between encoder and loss counts three times.
  @Test(arguments: [
    (ObjectiveName.emix, 2 * 264 + 2 * 2 * 128 * 2), (.shed, 264 + 2 * 2 * 2 * 2),
    (.capri, 264 + 2 * (2 * 2 * 2 + 2 * 2 * 2)), (.maeLinear, 264 + 2 * 2 * 2),
  ])
  func baselinesOfATinyEncoder(objective: ObjectiveName, forward: Int) {
    let model = ModelConfiguration(
      inputs: [InputSpecification(kind: .series, shape: [1, 2])],
      encoder: TransformerSize(width: 2, heads: 1, layers: 1))
    let found = model.nominalOperations(of: objective, keptCount: 1, batch: 5)
    #expect(found == Double(5 * (3 * forward + 2 * 8)))
  }

  /// One linear map and one attention by hand: width 2, one layer, one head, one token of one value.
  @Test func featuresOfATinyEncoder() {
    let model = ModelConfiguration(
      inputs: [InputSpecification(kind: .series, shape: [1, 1])],
      encoder: TransformerSize(width: 2, heads: 1, layers: 1))
    // 2 rows x 8 x 2^2 weights x 2, 2 products of 2 x 2 x 2 x 2, an embedding of 1 x 2 x 2.
    #expect(model.nominalFeatureOperations == 128 + 32 + 4)
  }
}
