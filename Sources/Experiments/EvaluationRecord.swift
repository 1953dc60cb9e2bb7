// The result of one linear evaluation, as `metamae-eval --json` prints it and a run directory keeps it
// (docs/design.md, "Commands"). The keys are a contract.

/// What a probe of a frozen encoder came to. Values are fractions; a key that does not apply is null, never absent.
public struct EvaluationRecord: Codable, Equatable, Sendable {
  /// A number, a text or some numbers, as probes differ in what they have to tell.
  public enum Setting: Equatable, Sendable {
    case number(Double)
    case text(String)
    case numbers([Double])
  }

  public var dataset: String
  public var metric: String
  /// After the last epoch, mean over the seeds.
  public var value: Double
  /// After the best epoch on the test set, mean over the seeds: an optimistic number, printed beside `value`.
  public var best: Double
  /// `value` of the encoder as it was initialised.
  public var valueRandomInit: Double
  public var trainSamples: Int
  public var testSamples: Int
  /// Of the paper's probe; 0 for probes without epochs.
  public var epochs: Int
  /// Path of the weights; null for the initial encoder.
  public var checkpoint: String?
  public var probe: String
  public var probeSettings: [String: Setting]
  public var seeds: Int
  /// One `value` a seed.
  public var values: [Double]
  /// Low and high end for the mean; null for one seed.
  public var interval95: [Double]?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case dataset, metric, value, best
    case valueRandomInit = "value_random_init"
    case trainSamples = "train_samples"
    case testSamples = "test_samples"
    case epochs, checkpoint, probe
    case probeSettings = "probe_settings"
    case seeds, values, interval95
  }

  public init(
    dataset: String, metric: String, value: Double, best: Double, valueRandomInit: Double,
    trainSamples: Int, testSamples: Int, epochs: Int, checkpoint: String?, probe: String,
    probeSettings: [String: Setting], seeds: Int, values: [Double], interval95: [Double]?
  ) {
    self.dataset = dataset
    self.metric = metric
    self.value = value
    self.best = best
    self.valueRandomInit = valueRandomInit
    self.trainSamples = trainSamples
    self.testSamples = testSamples
    self.epochs = epochs
    self.checkpoint = checkpoint
    self.probe = probe
    self.probeSettings = probeSettings
    self.seeds = seeds
    self.values = values
    self.interval95 = interval95
  }

  public func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: CodingKeys.self)
    try object.encode(dataset, forKey: .dataset)
    try object.encode(metric, forKey: .metric)
    try object.encode(value, forKey: .value)
    try object.encode(best, forKey: .best)
    try object.encode(valueRandomInit, forKey: .valueRandomInit)
    try object.encode(trainSamples, forKey: .trainSamples)
    try object.encode(testSamples, forKey: .testSamples)
    try object.encode(epochs, forKey: .epochs)
    try object.encode(checkpoint, forKey: .checkpoint)
    try object.encode(probe, forKey: .probe)
    try object.encode(probeSettings, forKey: .probeSettings)
    try object.encode(seeds, forKey: .seeds)
    try object.encode(values, forKey: .values)
    try object.encode(interval95, forKey: .interval95)
  }
}

extension EvaluationRecord.Setting: Codable {
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .text(text)
    } else {
      self = .numbers(try value.decode([Double].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .number(let number): try value.encode(number)
    case .text(let text): try value.encode(text)
    case .numbers(let numbers): try value.encode(numbers)
    }
  }
}
