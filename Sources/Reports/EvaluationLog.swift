// evaluations.json of a run directory: the newest evaluation of each dataset, probe and checkpoint.

import Basics
import Experiments
import Foundation

public enum EvaluationLog {
  static func path(in run: String) -> String { run + "/evaluations.json" }

  /// None when the file isn't there.
  /// - Throws: bad data when it holds something else.
  public static func load(run: String) throws -> [EvaluationRecord] {
    let path = path(in: run)
    guard Files.exists(path) else { return [] }
    do {
      return try JSONDecoder().decode([EvaluationRecord].self, from: Data(try Files.read(path)))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .badData, at: path, "expected the evaluations of a run, found something else",
        remedy: "Remove the file and evaluate again.")
    }
  }

  /// Adds a record, in the place of an earlier one of the same dataset, metric, probe and checkpoint.
  public static func add(_ record: EvaluationRecord, run: String) throws {
    var records = try load(run: run)
    records.removeAll {
      $0.dataset == record.dataset && $0.metric == record.metric && $0.probe == record.probe
        && $0.checkpoint == record.checkpoint
    }
    records.append(record)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(records), as: UTF8.self) + "\n"
    try Files.writeAtomically(text, to: path(in: run))
  }
}
