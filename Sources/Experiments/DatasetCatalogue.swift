// Table 16 of the paper as plain values: what each dataset's samples look like, how it is scored, and which
// pretraining set its encoder comes from. Table 8's values for the nine pretraining sets stand in Presets.swift.

/// How a linear evaluation is scored.
public enum MetricName: String, Codable, CaseIterable, Sendable {
  case accuracy
  case weightedF1 = "weighted_f1"
  case spearman
  case tokenAccuracy = "token_accuracy"
}

/// What is predicted from the frozen features.
public enum PredictionTask: Equatable, Sendable {
  case none
  case classes(Int)
  case regression
  /// One class for each token.
  case tokenClasses(Int)
}

/// One row of Table 16.
public struct DatasetEntry: Equatable, Sendable {
  /// The name used everywhere: folders, options, configurations.
  public let name: String
  /// As the paper prints it.
  public let title: String
  public let aliases: [String]
  public let inputs: [InputSpecification]
  public let task: PredictionTask
  public let metric: MetricName?
  /// Batch sizes; nil where the set is not used in that phase.
  public let pretrainingBatch: Int?
  public let transferBatch: Int?
  /// The pretraining set whose encoder is evaluated here (itself for the nine).
  public let pretrainedOn: String
  /// The paper's result, MetaMAE and random encoder: fractions, or Spearman's rho.
  public var published: (metamae: Double, random: Double)? {
    guard let metamae = PaperResults.value(table: nil, system: "metamae", dataset: name),
      let random = PaperResults.value(table: nil, system: "random", dataset: name)
    else { return nil }
    return (metamae, random)
  }

  public static func == (a: DatasetEntry, b: DatasetEntry) -> Bool { a.name == b.name }
}

public enum DatasetCatalogue {
  /// - Returns: the row of this name or alias; nil for a set that the paper does not know.
  public static func entry(_ name: String) -> DatasetEntry? {
    entries.first { $0.name == name } ?? entries.first { $0.aliases.contains(name) }
  }

  /// The nine pretraining sets.
  public static var pretrainingSets: [DatasetEntry] {
    entries.filter { $0.pretrainingBatch != nil }
  }

  /// The transfer set that a pretraining set is evaluated on when none is named.
  public static func standardTransfer(of name: String) -> String {
    name == "genomics" ? "genomics-id" : name
  }

  private static let series = [InputSpecification(kind: .series, shape: [52, 320], patch: [5])]
  private static let table = [InputSpecification(kind: .series, shape: [1, 28], patch: [1])]
  private static let bands = [
    InputSpecification(kind: .image, shape: [13, 64, 64], patch: [8, 8])
  ]
  private static let bases = [InputSpecification(kind: .tokens, shape: [250], vocabulary: 4)]
  private static let residues = [InputSpecification(kind: .tokens, shape: [128], vocabulary: 26)]
  private static let speech = [
    InputSpecification(kind: .image, shape: [1, 224, 224], patch: [16, 16])
  ]
  private static let rgb = [InputSpecification(kind: .image, shape: [3, 32, 32], patch: [4, 4])]
  /// BERT's 30,522 word pieces; Table 16 prints 30,552, which `configs/mscoco.yaml` keeps.
  private static let captioned = [
    InputSpecification(kind: .image, shape: [3, 224, 224], patch: [16, 16]),
    InputSpecification(kind: .tokens, shape: [32], vocabulary: 30522),
  ]

  /// All rows in the order of Table 16; its Genomics row has one name for each phase.
  public static let entries: [DatasetEntry] = [
    row(
      "pamap2", "PAMAP2", [], series, .classes(12), p: 256, f: 256, "pamap2"),
    row(
      "higgs", "HIGGS", ["higgs_transfer"], table, .classes(2), p: 256, f: 256, "higgs"),
    row(
      "eurosat", "EuroSAT", ["eurosat_transfer"], bands, .classes(10), p: 64, f: 64, "eurosat"),
    row("genomics", "Genomics", [], bases, .none, p: 32, f: nil, "genomics"),
    row(
      "genomics-id", "Genomics", ["genomics_transfer_id"], bases, .classes(10), p: nil, f: 64,
      "genomics"),
    row(
      "genomics-ood", "Genomics-OOD", ["genomics_transfer_ood"], bases, .classes(60), p: nil, f: 32,
      "genomics"),
    row(
      "pfam", "Pfam", ["pfam_transfer"], residues, .classes(623), p: 128, f: 128, "pfam"),
    row("scop", "SCOP", [], residues, .classes(1195), p: nil, f: 128, "pfam"),
    row(
      "secondary-structure", "Secondary Structure", ["secondary_struct"], residues,
      .tokenClasses(4), p: nil, f: 128, "pfam"),
    row("stability", "Stability", [], residues, .regression, p: nil, f: 128, "pfam"),
    row("fluorescence", "Fluorescence", [], residues, .regression, p: nil, f: 128, "pfam"),
    row(
      "libri-speech", "LibriSpeech", ["librispeech", "librispeech_transfer"], speech, .classes(40),
      p: 64, f: 64, "libri-speech"),
    row(
      "audio-mnist", "Audio MNIST", ["audio_mnist"], speech, .classes(10), p: nil, f: 64,
      "libri-speech"),
    row(
      "fluent-speech-loc", "Fluent Locations", ["fluent_speech_location"], speech, .classes(4),
      p: nil, f: 64, "libri-speech"),
    row(
      "fluent-speech-act", "Fluent Actions", ["fluent_speech_action"], speech, .classes(6), p: nil,
      f: 64, "libri-speech"),
    row(
      "fluent-speech-obj", "Fluent Objects", ["fluent_speech_object"], speech, .classes(14), p: nil,
      f: 64, "libri-speech"),
    row(
      "google-speech", "Google Speech", ["google_speech"], speech, .classes(36), p: nil, f: 64,
      "libri-speech"),
    row(
      "voxceleb1", "VoxCeleb1", [], speech, .classes(1251), p: nil, f: 64, "libri-speech"),
    row(
      "wafer-map", "WaferMap", ["wafer", "wafer_transfer"], rgb, .classes(9), .weightedF1, p: 128,
      f: 128, "wafer-map"),
    row(
      "imagenet32", "ImageNet-32", ["imagenet"], rgb, .classes(1000), p: 64, f: nil, "imagenet32"),
    row(
      "cifar10", "CIFAR-10", ["cifar10_small"], rgb, .classes(10), p: nil, f: 64, "imagenet32"),
    row(
      "cub", "CUB", ["cu_birds_small"], rgb, .classes(200), p: nil, f: 64, "imagenet32"),
    row(
      "vggflower", "VGG Flowers", ["vgg_flower_small"], rgb, .classes(102), p: nil, f: 64,
      "imagenet32"),
    row("dtd", "DTD", ["dtd_small"], rgb, .classes(47), p: nil, f: 64, "imagenet32"),
    row(
      "traffic-sign", "Traffic Sign", ["traffic_sign_small"], rgb, .classes(43), p: nil, f: 64,
      "imagenet32"),
    row(
      "aircraft", "AirCraft", ["aircraft_small"], rgb, .classes(102), p: nil, f: 64, "imagenet32"),
    row("mscoco", "MSCOCO", [], captioned, .classes(80), p: 64, f: nil, "mscoco"),
    row("vqa", "VQA", [], captioned, .classes(2), p: nil, f: 64, "mscoco"),
    row(
      "mismatched-caption", "Mismatched-caption", ["mismatched_caption"], captioned, .classes(2),
      p: nil, f: 64, "mscoco"),
  ]

  private static func row(
    _ name: String, _ title: String, _ aliases: [String], _ inputs: [InputSpecification],
    _ task: PredictionTask, _ metric: MetricName? = nil, p: Int?, f: Int?, _ pretrainedOn: String
  ) -> DatasetEntry {
    let standard: MetricName? =
      switch task {
      case .none: nil
      case .classes: .accuracy
      case .regression: .spearman
      case .tokenClasses: .tokenAccuracy
      }
    return DatasetEntry(
      name: name, title: title, aliases: aliases, inputs: inputs, task: task,
      metric: f == nil ? nil : metric ?? standard, pretrainingBatch: p, transferBatch: f,
      pretrainedOn: pretrainedOn)
  }
}
