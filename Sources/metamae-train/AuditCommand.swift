// `metamae-train audit --run DIR`: whether a run, with all its kills and resumes, has consumed every sample exactly once.

import Basics
import Foundation
import Training

enum AuditCommand {
  static let command = Command(
    name: "metamae-train audit",
    summary: "checks the receipts, lines and checkpoints of a run",
    options: [
      .value("run", "DIR", "the run directory"),
      .value(
        "shards", "DIR", "the folder it was trained on: its manifests are compared as well"),
      .flag("json", "one JSON document on stdout instead of text"),
    ])

  /// - Throws: bad data when something does not hold, after all of it was printed.
  static func run(_ arguments: Arguments) throws {
    let audit = try RunAudit(
      run: try arguments.required("run"), shards: arguments.string("shards"))
    if arguments.has("json") {
      try Console.printJSON(audit)
    } else {
      for problem in audit.problems { Console.print(problem) }
      if audit.problems.isEmpty {
        Console.print(
          "\(audit.run): step \(audit.step), \(audit.samples) samples, \(audit.skipped) left out, "
            + "\(audit.epochsClosed) epochs closed, each sample once; "
            + "\(audit.checkpoints) checkpoints whole")
      }
    }
    guard let first = audit.problems.first else { return }
    throw Failure(
      .badData, at: audit.run,
      "expected a run whose receipts hold, found \(audit.problems.count) problems; the first: \(first)"
    )
  }
}
