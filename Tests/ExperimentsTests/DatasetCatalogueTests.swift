import Experiments
import Testing

@Suite struct DatasetCatalogueTests {
  @Test func holdsTable16() {
    #expect(DatasetCatalogue.entries.count == 29)  // 28 sets; Genomics has a name for each phase
    #expect(DatasetCatalogue.pretrainingSets.count == 9)
    #expect(Set(DatasetCatalogue.entries.map(\.name)).count == 29)
    let names = DatasetCatalogue.entries.flatMap { [$0.name] + $0.aliases }
    #expect(Set(names).count == names.count)
    for entry in DatasetCatalogue.entries {
      let parent = DatasetCatalogue.entry(entry.pretrainedOn)
      #expect(parent?.pretrainingBatch != nil, "\(entry.name)")
      #expect(parent?.inputs == entry.inputs, "\(entry.name)")
      #expect((entry.metric == nil) == (entry.transferBatch == nil), "\(entry.name)")
      #expect((entry.published == nil) == (entry.transferBatch == nil), "\(entry.name)")
    }
    #expect(DatasetCatalogue.entry("wafer-map")?.metric == .weightedF1)
    #expect(DatasetCatalogue.entry("stability")?.metric == .spearman)
    #expect(DatasetCatalogue.entry("secondary_struct")?.metric == .tokenAccuracy)
    #expect(DatasetCatalogue.entry("genomics-ood")?.transferBatch == 32)
    #expect(DatasetCatalogue.standardTransfer(of: "genomics") == "genomics-id")
  }

  /// (set, tokens, kept): what Table 8 and Table 16 imply.
  @Test(arguments: [
    ("pamap2", 64, 9), ("higgs", 28, 14), ("eurosat", 64, 9), ("genomics", 250, 125),
    ("pfam", 128, 108), ("libri-speech", 196, 29), ("wafer-map", 64, 54), ("imagenet32", 64, 9),
    ("mscoco", 228, 114),
  ]) func presetsGiveTheTokenCounts(name: String, tokens: Int, kept: Int) throws {
    let preset = try #require(PretrainingPreset.of(name))
    #expect(preset.model.tokenCount == tokens)
    #expect(preset.settings.keptCount(of: tokens) == kept)
    #expect(preset.batch == DatasetCatalogue.entry(name)?.pretrainingBatch)
    _ = try RunConfiguration(dataset: name).model(over: preset.model.inputs)
  }
}
