// `--vary KEY=A,B`: an ablation of any key of the configuration, over the rows of a sweep file.

import Basics
import Experiments
import Foundation

/// A key and the values that it takes in turn.
struct SweepVariation {
  let key: String
  let values: [String]

  /// - Parameter text: `KEY=A,B,...`; commas within brackets belong to a value.
  /// - Throws: usage without a key, for an unknown one, for a value that is empty or there twice.
  init(_ text: String) throws {
    let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    var (values, depth) = ([""], 0)
    for character in sides.count == 2 ? String(sides[1]) : "" {
      if character == "[" { depth += 1 }
      if character == "]" { depth -= 1 }
      if character == ",", depth == 0 {
        values.append("")
      } else {
        values[values.count - 1].append(character)
      }
    }
    values = values.map { $0.trimmingCharacters(in: .whitespaces) }
    guard sides.count == 2, !sides[0].isEmpty, !values.contains(""),
      Set(values).count == values.count
    else {
      throw Failure(
        .usage, at: "--vary", "expected KEY=A,B,... with different values, found '\(text)'",
        remedy: "For example: --vary mask_ratio=0.5,0.75,0.85")
    }
    let name = sides[0].trimmingCharacters(in: .whitespaces)
    key = try ConfigurationKey.find(name, at: "--vary").name
    self.values = values
  }

  /// A row for each value in place of each that is trained. The paper's number of such a row is not known.
  func applied(to rows: [SweepRow]) -> [SweepRow] {
    rows.flatMap { row in
      row.isRandom
        ? [row]
        : values.map { value in
          var varied = row
          varied.name += ", \(key) = \(value)"
          varied.settings.append("\(key)=\(value)")
          varied.system = nil
          return varied
        }
    }
  }
}
