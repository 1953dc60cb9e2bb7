// What a sweep has come to so far: `results.json` of its folder, and what its table is made of.

/// One cell for one seed.
public struct SweepResult: Codable, Equatable, Sendable {
  /// Of everything that decides the numbers: configuration, data, probe. A cell with this key need not run again.
  public var key: String
  public var row: String
  /// Evaluated on, and pretrained on.
  public var dataset: String
  public var pretrainedOn: String
  public var seed: Int
  /// Updates done; 0 for the initial encoder.
  public var steps: Int
  /// The run directory below the sweep's folder; nil for the initial encoder.
  public var run: String?
  /// Samples in an epoch of what it was pretrained on; nil for the initial encoder.
  public var pretrainingSamples: Int?
  public var record: EvaluationRecord

  enum CodingKeys: String, CodingKey {
    case key, row, dataset, seed, steps, run, record
    case pretrainedOn = "pretrained_on"
    case pretrainingSamples = "pretraining_samples"
  }

  public init(
    key: String, row: String, dataset: String, pretrainedOn: String, seed: Int, steps: Int,
    run: String?, pretrainingSamples: Int?, record: EvaluationRecord
  ) {
    self.key = key
    self.row = row
    self.dataset = dataset
    self.pretrainedOn = pretrainedOn
    self.seed = seed
    self.steps = steps
    self.run = run
    self.pretrainingSamples = pretrainingSamples
    self.record = record
  }
}

/// A cell of the table: a row on a set.
public struct SweepCell: Codable, Equatable, Sendable {
  public var row: String
  public var dataset: String
  /// How many pretraining runs it is the mean of, once all have run.
  public var seeds: Int
  /// Of the seeds that have run, in their order.
  public var results: [SweepResult]
  /// Why seeds are missing; nil: none is, or it is their turn yet.
  public var problem: String?
  /// The paper's number, where it is known.
  public var paper: Double?

  public init(
    row: String, dataset: String, seeds: Int = 1, results: [SweepResult] = [],
    problem: String? = nil, paper: Double? = nil
  ) {
    self.row = row
    self.dataset = dataset
    self.seeds = seeds
    self.results = results
    self.problem = problem
    self.paper = paper
  }
}

/// The table as far as it is there.
public struct SweepTable: Codable, Equatable, Sendable {
  public var title: String
  /// The paper's, whose numbers stand beside ours.
  public var table: String?
  public var rows: [String]
  public var datasets: [String]
  /// Row by row, sets within.
  public var cells: [SweepCell]
  public var notes: [String]

  public init(
    title: String, table: String?, rows: [String], datasets: [String], cells: [SweepCell],
    notes: [String]
  ) {
    self.title = title
    self.table = table
    self.rows = rows
    self.datasets = datasets
    self.cells = cells
    self.notes = notes
  }

  public func cell(_ row: String, _ dataset: String) -> SweepCell? {
    cells.first { $0.row == row && $0.dataset == dataset }
  }
}
