// `metamae-train doctor`: whether a run could work on this machine.

import Basics
import Foundation
import Training

enum DoctorCommand {
  static let command = Command(
    name: "metamae-train doctor",
    summary: "looks at the machine before a run; 0 usable, 75 not",
    options: [
      .value("run", "DIR", "where a run would write", standard: "."),
      .flag("json", "one JSON document on stdout instead of text"),
    ])

  private struct Report: Encodable {
    var usable: Bool
    var findings: [MachineFinding]
  }

  /// - Throws: try again when something would keep a run from working, after all of it was printed.
  static func run(_ arguments: Arguments) throws {
    let findings = MachineCheck.all(folder: arguments.string("run") ?? ".")
    let problems = findings.filter { $0.problem != nil }
    if arguments.has("json") {
      try Console.printJSON(Report(usable: problems.isEmpty, findings: findings))
    } else {
      for finding in findings {
        Console.print(finding.name.padded(to: 17) + finding.found)
        if let problem = finding.problem {
          Console.print(String(repeating: " ", count: 17) + "not usable: \(problem)")
        }
      }
      if problems.isEmpty { Console.print("usable") }
    }
    guard let first = problems.first else { return }
    throw Failure(
      .tryAgain, at: "doctor", "\(first.name): \(first.found)", remedy: first.problem)
  }
}
