// What `load` and `wait` say: a line a name as it is measured, or one JSON document.

import Basics
import Experiments

protocol Figures: Encodable {
  /// For a person.
  var line: String { get }
}

/// Measures the named ones of `all`, or every one, and prints what comes of it.
/// - Throws: usage for a name that is none of theirs; what `measure` throws.
func report<Subject, Found: Figures>(
  _ arguments: Arguments, among all: [Subject], by name: (Subject) -> String,
  _ measure: (Subject) throws -> Found
) throws {
  let names = all.map(name)
  var figures: [Found] = []
  for wanted in arguments.operands.isEmpty ? names : arguments.operands {
    guard let place = names.firstIndex(of: wanted) else {
      throw Failure(
        .usage, at: wanted, "expected \(names.joined(separator: ", ")), found '\(wanted)'")
    }
    let one = try measure(all[place])
    if !arguments.has("json") { Console.print(one.line) }
    figures.append(one)
  }
  if arguments.has("json") { try Console.printJSON(figures) }
}
