// Table 8 of the paper: what differs between the nine pretraining sets. A transfer set uses the row of the set its
// encoder was pretrained on.

/// One row of Table 8, with the batch size of Table 16.
public struct PretrainingPreset: Equatable, Sendable {
  public let dataset: String
  public let batch: Int
  public let innerLearningRate: Float
  public let contrastWeight: Float
  public let decoderLayers: Int
  public let dropout: Float
  public let maskRatio: Double

  /// All nine, in the order of Table 8.
  public static let all: [PretrainingPreset] = [
    row("pamap2", 256, alpha: 0.5, lambda: 1, layers: 4, dropout: 0.1, mask: 0.85),
    row("higgs", 256, alpha: 1, lambda: 1, layers: 6, dropout: 0.1, mask: 0.5),
    row("eurosat", 64, alpha: 0.1, lambda: 1, layers: 4, dropout: 0, mask: 0.85),
    row("genomics", 32, alpha: 0.1, lambda: 0.01, layers: 2, dropout: 0, mask: 0.5),
    row("pfam", 128, alpha: 0.1, lambda: 1, layers: 4, dropout: 0, mask: 0.15),
    row("libri-speech", 64, alpha: 0.1, lambda: 1, layers: 4, dropout: 0, mask: 0.85),
    row("wafer-map", 128, alpha: 0.1, lambda: 0.1, layers: 6, dropout: 0, mask: 0.15),
    row("imagenet32", 64, alpha: 0.1, lambda: 0.1, layers: 4, dropout: 0, mask: 0.85),
    row("mscoco", 64, alpha: 0.5, lambda: 0.1, layers: 2, dropout: 0, mask: 0.5),
  ]

  /// The row that holds for a dataset of Table 16, by name or alias; nil for a set the paper does not know.
  public static func of(_ dataset: String) -> PretrainingPreset? {
    guard let entry = DatasetCatalogue.entry(dataset) else { return nil }
    return all.first { $0.dataset == entry.pretrainedOn }
  }

  /// Networks of Table 7 over the inputs of Table 16: what benchmarks run without shards.
  public var model: ModelConfiguration {
    ModelConfiguration(
      inputs: DatasetCatalogue.entry(dataset)!.inputs,
      decoder: TransformerSize(width: 128, heads: 4, layers: decoderLayers), dropout: dropout)
  }

  public var settings: ObjectiveSettings {
    ObjectiveSettings(
      maskRatio: maskRatio, innerLearningRate: innerLearningRate, contrastWeight: contrastWeight)
  }

  private static func row(
    _ dataset: String, _ batch: Int, alpha: Float, lambda: Float, layers: Int, dropout: Float,
    mask: Double
  ) -> PretrainingPreset {
    PretrainingPreset(
      dataset: dataset, batch: batch, innerLearningRate: alpha, contrastWeight: lambda,
      decoderLayers: layers, dropout: dropout, maskRatio: mask)
  }
}
