// metamae-prep list: the datasets that can be read.

import Basics
import DatasetReaders

enum ListCommand {
  static let command = Command(
    name: "metamae-prep list", summary: "the datasets it reads, with their raw layouts",
    options: [.flag("json", "print one JSON document")])

  private struct Row: Encodable {
    let name: String
    let rawLayout: String
    let splits: [String]
  }

  static func run(_ arguments: Arguments) throws {
    let rows = DatasetRegistry.entries.map {
      Row(name: $0.name, rawLayout: $0.layout, splits: $0.splits)
    }
    if arguments.has("json") { return try printJSON(rows) }
    for row in rows {
      Console.print(
        row.name.padded(to: 20) + row.splits.joined(separator: ", ").padded(to: 24) + row.rawLayout)
    }
  }
}
