// What must hold between keys, and between keys and the inputs: checked before any work starts. The range of a single
// key stands in ConfigurationKeys.swift.

import Basics

extension RunConfiguration {
  /// - Throws: a usage failure that names the key, what was expected and what was found.
  public func check() throws {
    for (name, size) in [("encoder", encoder), ("decoder", decoder)] {
      guard size.width % size.heads == 0 else {
        throw Failure(
          .usage, at: "\(name).width",
          "expected a multiple of \(name).heads (\(size.heads)), "
            + "found \(size.width)")
      }
      guard size.width % 4 == 0 else {
        throw Failure(
          .usage, at: "\(name).width",
          "expected a multiple of 4 (sine and cosine of row and "
            + "column), found \(size.width)")
      }
    }
    if !mixture.isEmpty {
      let names = mixture.map(\.dataset)
      guard names.contains(dataset) else {
        throw Failure(
          .usage, at: "mixture",
          "expected \(dataset), the run's dataset, among the sets, found "
            + names.joined(separator: ", "))
      }
      guard Set(names).count == names.count else {
        throw Failure(.usage, at: "mixture", "expected each set once, found one twice")
      }
    }
    if schedule == .cosine, let end = scheduleSteps, end <= warmup {
      throw Failure(
        .usage, at: "schedule_steps", "expected more than the \(warmup) of warmup, found \(end)")
    }
    guard accumulate <= batch else {
      throw Failure(
        .usage, at: "accumulate", "expected at most batch (\(batch)), found \(accumulate)")
    }
    if objective == .emix, accumulate > 1 {
      throw Failure(
        .usage, at: "accumulate",
        "expected 1 for emix, which keeps the whole batch for its two passes, found \(accumulate)",
        remedy: "Take a smaller batch.")
    }
    if objective == .metamae || objective == .emix {
      guard batch >= 2 else {
        throw Failure(
          .usage, at: "batch",
          "expected at least 2, since the contrast of \(objective.rawValue) "
            + "needs other samples, found \(batch)")
      }
    }
  }

  /// - Throws: a usage failure that names the key which does not fit the inputs.
  func checkInputs(of model: ModelConfiguration) throws {
    guard !model.inputs.isEmpty else {
      throw Failure(.usage, at: dataset, "expected at least one input, found none")
    }
    for (k, input) in model.inputs.enumerated() {
      let extents = input.kind == .image ? Array(input.shape.dropFirst()) : [input.shape.last ?? 0]
      let rank = input.kind == .image ? 3 : input.kind == .series ? 2 : 1
      guard input.shape.count == rank, input.shape.allSatisfy({ $0 > 0 }) else {
        throw Failure(
          .badData, at: dataset,
          "input \(k): expected \(rank) positive extents for "
            + "\(input.kind.rawValue), found \(input.shape)")
      }
      let whole = input.kind == .tokens ? input.patch == [1] : input.patch.count == extents.count
      guard whole, zip(extents, input.patch).allSatisfy({ $1 > 0 && $0 % $1 == 0 }) else {
        throw Failure(
          .usage, at: "patch",
          "input \(k) of \(dataset) is \(input.kind.rawValue) \(input.shape): "
            + "expected \(extents.count) divisors of \(extents), found \(input.patch)"
            + (input.kind == .tokens ? " (a token is not cut: [1])" : ""))
      }
      guard input.kind != .tokens || input.vocabulary > 0 else {
        throw Failure(
          .usage, at: "vocabulary", "input \(k) of \(dataset) says no vocabulary; set it")
      }
    }
    try checkMasking(tokenCount: model.tokenCount)
  }

  private func checkMasking(tokenCount: Int) throws {
    guard objective == .metamae || objective == .mae else { return }
    let kept = settings.keptCount(of: tokenCount)
    guard kept >= 1, kept < tokenCount else {
      throw Failure(
        .usage, at: "mask_ratio",
        "expected some of the \(tokenCount) tokens kept and some masked, "
          + "found \(kept) kept with \(settings.maskRatio)")
    }
  }
}
