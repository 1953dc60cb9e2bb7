// From a command line to a run that may start: what the user asked for, joined with what the run directory holds.
// A plan reads only; a session (RunSession.swift) owns the directory.

import Basics
import Experiments
import TensorCore

/// What the user asked for.
public struct RunRequest: Sendable {
  public var run: String
  /// YAML file; needed for a new run.
  public var configuration: String?
  /// `key=value`, in order.
  public var settings: [String]
  public var resume: Bool
  /// Another rank leads: the run directory is its business.
  public var follows: Bool

  public init(
    run: String, configuration: String?, settings: [String] = [], resume: Bool = false,
    follows: Bool = false
  ) {
    self.follows = follows
    self.run = run
    self.configuration = configuration
    self.settings = settings
    self.resume = resume
  }
}

/// What is going to run; nothing on disk has changed.
public struct RunPlan: Sendable {
  public let directory: RunDirectory
  public let resume: Bool
  /// Keys may still be `auto`; the shards settle them.
  public var configuration: RunConfiguration

  /// - Throws: usage for a bad configuration, a run directory with content and no `--resume`, a key that a resumed run
  ///   may not change; missing input when there is nothing to resume; try again when the directory is in use.
  public init(_ request: RunRequest) throws {
    directory = RunDirectory(request.run)
    resume = request.resume
    if !request.resume {
      guard let file = request.configuration else {
        throw Failure(
          .usage, at: "metamae-train", "--config FILE is needed for a new run",
          remedy: "To go on with a run: metamae-train --resume --run DIR --shards DIR")
      }
      configuration = try RunConfiguration.resolve(file: file, settings: request.settings)
      if request.follows { return }
      try RunLock.refuseIfHeld(directory)
      try Self.refuseContent(directory)
      return
    }
    guard Files.isFolder(directory.path) else {
      throw Failure(
        .missingInput, at: directory.path, "expected a run directory to resume, found none")
    }
    guard Files.exists(directory.configuration) else {
      throw Failure(
        .missingInput, at: directory.path, "expected a config.yaml to resume, found none",
        remedy: "Start the run with --config and without --resume.")
    }
    let own = try RunConfiguration.resolve(file: directory.configuration, settings: [])
    configuration = try own.resumed(file: request.configuration, settings: request.settings)
  }

  /// - Throws: usage when the directory holds anything that a start has not left half-written.
  static func refuseContent(_ directory: RunDirectory) throws {
    guard Files.exists(directory.path) else { return }
    guard Files.isFolder(directory.path) else {
      throw Failure(.usage, at: directory.path, "expected a run directory, found a file")
    }
    let content = try Files.list(directory.path).filter {
      $0 != Files.name(of: directory.lock) && !$0.hasSuffix(unfinishedSuffix)
    }
    guard let first = content.first else { return }
    throw Failure(
      .usage, at: directory.path, "expected an empty or new run directory, found \(first) in it",
      remedy: "Use --resume to go on with that run, or choose another --run.")
  }

  /// Replaces what was left `auto` by what it comes to, so that the run's own configuration repeats it alone.
  /// - Parameters:
  ///   - split: the folder that is trained on; nil: not the same for all sets of a mixture.
  ///   - inputs: as the split describes them.
  /// - Returns: the networks over these inputs.
  /// - Throws: usage failures for keys that do not fit the inputs, or the machine.
  public mutating func settle(
    split: String?, inputs: [InputSpecification]
  ) throws -> ModelConfiguration {
    guard ProductPrecision(configuration.precision).isAvailable else {
      throw Failure(
        .usage, at: "precision",
        "expected a CPU with avx512_bf16 for bf16, found none, or METAMAE_ISA forbids it",
        remedy: "Take float32.")
    }
    let model = try configuration.model(over: inputs)
    configuration.split = split
    configuration.patch = model.inputs.map(\.patch)
    let vocabularies = Set(model.inputs.filter { $0.kind == .tokens }.map(\.vocabulary))
    if vocabularies.count == 1 { configuration.vocabulary = vocabularies.first }
    configuration.threads = configuration.threads ?? GrantedCores.count()
    if configuration.schedule == .cosine, configuration.scheduleSteps == nil {
      configuration.scheduleSteps = max(1, configuration.steps)
      try configuration.check()
    }
    return model
  }

  /// The checkpoint that a resumed run would go on from, without changing anything.
  public func startingPoint() throws -> Int {
    guard resume else { return 0 }
    return try CheckpointStore(directory).newestWhole().checkpoint?.state.step ?? 0
  }
}
