// A confusion matrix as a table of shaded cells: each row's shares of its true class, the counts in them.

import Basics
import Experiments
import Foundation

extension ConfusionMatrix {
  /// Larger ones would not be readable.
  static let largest = 40

  static func path(in run: String) -> String { run + "/confusions.json" }

  /// Takes the place of an earlier one of the same set and probe.
  public func save(run: String) throws {
    var all = try Self.load(run: run)
    all.removeAll { $0.dataset == dataset && $0.probe == probe }
    all.append(self)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(all), as: UTF8.self) + "\n"
    try Files.writeAtomically(text, to: Self.path(in: run))
  }

  static func load(run: String) throws -> [ConfusionMatrix] {
    let path = path(in: run)
    guard Files.exists(path) else { return [] }
    do {
      return try JSONDecoder().decode([ConfusionMatrix].self, from: Data(try Files.read(path)))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .badData, at: path, "expected the confusion matrices of a run, found something else",
        remedy: "Remove the file and evaluate again.")
    }
  }

  func figure() -> String {
    let caption =
      "<figcaption><b>\(escaped(dataset)): \(escaped(probeTitle(probe)))</b><span>rows: true, columns: predicted; shade: share of the row</span></figcaption>"
    let classes = counts.indices
    guard classes.count <= Self.largest else {
      return
        "<figure class=\"card wide\">\(caption)<p class=\"none\">\(classes.count) classes: too many to draw; the counts are in confusions.json.</p></figure>\n"
    }
    let head = classes.map { "<th class=\"turned\"><span>\(escaped(name(of: $0)))</span></th>" }
    let rows = classes.map { row -> String in
      let total = max(1, counts[row].reduce(0, +))
      let cells = classes.map { column -> String in
        let count = counts[row][column]
        let share = Double(count) / Double(total)
        let kind = row == column ? "hit" : "miss"
        return
          "<td class=\"\(kind)\" style=\"--share:\(decimal(100 * share, 0))%\">\(count == 0 ? "" : "\(count)")</td>"
      }
      return "<tr><th>\(escaped(name(of: row)))</th>\(cells.joined())</tr>"
    }
    return
      "<figure class=\"card wide scroll\">\(caption)<table class=\"confusion\"><tr><th></th>\(head.joined())</tr>\(rows.joined())</table></figure>\n"
  }
}
