import Basics
import Foundation
import TestSupport
import Testing

@testable import Training

@Suite struct SweepPlanTests {
  private let folder = try! TemporaryFolder()

  private func plan(_ rows: String, seeds: Int? = nil) throws -> SweepPlan {
    let file = folder.file("grid.yaml")
    try Files.writeAtomically(
      "datasets: [a, b]\npretrain: same\nseeds: 3\nrows:\n\(rows)", to: file)
    var request = SweepRequest(file: file, output: folder.file("out"))
    request.seeds = seeds
    return try SweepPlan(request)
  }

  /// The first seed of all cells comes first; a row's own count goes before the file's, the command line's before both.
  @Test(
    arguments: [
      (nil, ["x a 0", "y a 0", "x b 0", "y b 0", "x a 1", "x b 1", "x a 2", "x b 2"]),
      (1, ["x a 0", "y a 0", "x b 0", "y b 0"]),
      (2, ["x a 0", "y a 0", "x b 0", "y b 0", "x a 1", "y a 1", "x b 1", "y b 1"]),
    ] as [(Int?, [String])])
  func seedsOfARow(_ asked: Int?, _ expected: [String]) throws {
    let plan = try plan(
      """
        - {name: x, objective: mae}
        - {name: y, objective: capri, seeds: 1}
      """, seeds: asked)
    #expect(plan.cells.map { "\($0.row.name) \($0.dataset) \($0.seed)" } == expected)
  }

  /// The file's settings, then the row's, then the command line's; and how often a run saves unless one of them says.
  @Test func laterSettingsWin() throws {
    let file = folder.file("set.yaml")
    try Files.writeAtomically(
      """
      datasets: [a]
      pretrain: same
      set: {batch: 8, dropout: 0.2, mask_ratio: 0.5, steps: 5}
      rows:
        - {name: x, objective: mae, set: {batch: 16, dropout: 0.3}}
        - {name: y, objective: mae, set: {save_every: 7, keep_checkpoints: 3}}
      """, to: file)
    var request = SweepRequest(file: file, output: folder.file("out"))
    (request.settings, request.steps) = (["batch=32"], 900)
    let cells = try SweepPlan(request).cells.map(\.configuration)
    #expect(cells.map(\.batch) == [32, 32])
    #expect(cells.map(\.dropout) == [0.3, 0.2])
    #expect(cells.map(\.settings.maskRatio) == [0.5, 0.5])
    #expect(cells.map(\.steps) == [900, 900])
    #expect(cells.map(\.saveEvery) == [45, 7])
    #expect(cells.map(\.keepCheckpoints) == [1, 3])
  }

  /// `--vary`: a row for each value and combination, the initial encoder's once, values with commas of their own.
  @Test func variedKeys() throws {
    func cells(_ variations: [String], settings: [String] = []) throws -> [SweepPlan.Cell] {
      let file = folder.file("vary.yaml")
      try Files.writeAtomically(
        """
        datasets: [a]
        pretrain: same
        rows:
          - {name: random, random: true}
          - {name: x, objective: metamae, set: {mask_ratio: 0.6}}
        """, to: file)
      var request = SweepRequest(file: file, output: folder.file("out"))
      (request.settings, request.variations) = (settings, variations)
      return try SweepPlan(request).cells
    }
    let one = try cells(["mask_ratio=0.5, 0.75"])
    #expect(one.map(\.row.name) == ["random", "x, mask_ratio = 0.5", "x, mask_ratio = 0.75"])
    #expect(one.dropFirst().map(\.configuration.settings.maskRatio) == [0.5, 0.75])
    #expect(one.map(\.row.system) == ["random", nil, nil])
    let two = try cells(["inner_steps=1,2", "patch=[4, 4],[8, 8],auto"])
    #expect(two.count == 7)
    #expect(two.last?.row.name == "x, inner_steps = 2, patch = auto")
    #expect(two[2].row.settings.suffix(2) == ["inner_steps=1", "patch=[8, 8]"])
    for wrong in [
      ["mask_ratio"], ["mask_ratio="], ["mask_ratio=0.5,0.5"], ["=1"], ["mask_ratoi=1"],
      ["seed=1,2"], ["dataset=a,b"],
    ] {
      let failure = #expect(throws: Failure.self, "\(wrong)") { _ = try cells(wrong) }
      #expect(failure?.kind == .usage)
    }
    #expect(throws: Failure.self) { _ = try cells(["batch=1,2", "batch=3,4"]) }
    #expect(throws: Failure.self) { _ = try cells(["batch=1,2"], settings: ["batch=3"]) }
  }

  /// Every row of the grids on small sets resolves, on every set.
  @Test(arguments: [("systems", 65), ("ablations", 30)])
  func shippedGrids(_ name: String, _ cells: Int) throws {
    let file = FileManager.default.currentDirectoryPath + "/configs/small/\(name).yaml"
    let plan = try SweepPlan(SweepRequest(file: file, output: folder.file("out")))
    #expect(plan.cells.count == cells)
    #expect(
      plan.cells.allSatisfy { $0.pretrainedOn == $0.dataset && $0.configuration.saveEvery <= 1000 })
  }
}
