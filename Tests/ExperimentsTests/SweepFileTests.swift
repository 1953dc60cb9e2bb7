import Basics
import Experiments
import Foundation
import Testing

@Suite struct SweepFileTests {
  private static let folder = FileManager.default.currentDirectoryPath + "/configs"

  private static var files: [String] {
    ["tables", "ablations"].flatMap { group in
      ((try? Files.list("\(folder)/\(group)")) ?? []).map { "\(folder)/\(group)/\($0)" }
    }
  }

  private func read(_ text: String) throws -> SweepFile {
    let path = NSTemporaryDirectory() + "/sweep-\(UUID().uuidString).yaml"
    try Files.writeAtomically(text, to: path)
    defer { try? Files.remove(path) }
    return try SweepFile(path)
  }

  /// Each says how to run it, and its sets are those of Table 16.
  @Test(arguments: files) func shippedFilesRead(_ path: String) throws {
    let file = try SweepFile(path)
    #expect(!file.title.isEmpty && file.configuration == "../DATASET.yaml")
    for dataset in file.datasets {
      let entry = try #require(DatasetCatalogue.entry(dataset), "\(dataset)")
      #expect(entry.name == dataset && entry.transferBatch != nil)
      #expect(Files.exists("\(Self.folder)/\(entry.pretrainedOn).yaml"))
    }
    let text = String(decoding: try Files.read(path), as: UTF8.self)
    #expect(text.hasPrefix("# "))
    #expect(text.contains("metamae-train sweep configs/\(path.dropFirst(Self.folder.count + 1)) "))
  }

  @Test func theyAreThere() throws {
    #expect(Self.files.count >= 7)
    let names = Self.files.map { Files.name(of: $0) }
    for name in ["table1", "table2", "table4", "table6", "table15", "figure2"] {
      #expect(names.contains(name + ".yaml"))
    }
    // Together the 26 transfer sets, each once.
    let sets = try ["table1", "table2"].flatMap {
      try SweepFile("\(Self.folder)/tables/\($0).yaml").datasets
    }
    #expect(
      Set(sets) == Set(DatasetCatalogue.entries.filter { $0.transferBatch != nil }.map(\.name)))
    #expect(sets.count == 26)
  }

  @Test func rowsBecomeSettings() throws {
    let file = try read(
      """
      title: "mine: a grid"
      datasets: [a, b]
      pretrain: same
      seeds: 3
      rows:
        - {name: random, random: true}
        - name: deep
          objective: mae
          set: {encoder: {layers: 2}, patch: [[2, 2], [1]]}
        - {name: k = 2, objective: metamae, set: {inner_steps: 2}, paper: none, seeds: 1}
      set: {steps: 9}
      """)
    #expect(file.title == "mine: a grid" && file.seeds == 3 && file.settings == ["steps=9"])
    #expect(file.rows.map(\.system) == ["random", "mae", nil])
    #expect(file.rows[1].settings == ["objective=mae", "encoder.layers=2", "patch=[[2, 2], [1]]"])
    #expect(file.rows.map(\.seeds) == [nil, nil, 1])
    #expect(file.rows[0].isRandom && !file.rows[2].isRandom)
  }

  @Test(arguments: [
    ("dataset: [a]\n", "line 1: unknown key 'dataset'\n  Did you mean 'datasets'?"),
    ("datasets: [a]\n", "expected a key 'rows', found none"),
    ("rows: [{name: x, random: true}]\n", "expected a key 'datasets', found none"),
    ("datasets: []\n", "expected a list of sets"),
    ("datasets: [a]\nrows: [{objectiv: mae}]\n", "unknown key 'objectiv' of a row"),
    ("datasets: [a]\nrows: [{objective: mae}]\n", "expected a key 'name' of the row"),
    (
      "datasets: [a]\nrows: [{name: x}, {name: x}]\n",
      "expected rows of different names, found two alike"
    ),
    (
      "datasets: [a]\nrows: [{name: x, seeds: none}]\n",
      "line 2, key 'seeds': expected a whole number 1 to 1000, found 'none'"
    ),
    ("datasets: [a]\nseeds: 0\n", "expected a whole number 1 to 1000, found '0'"),
    ("datasets: [a]\nprobe: svm\n", "expected paper, lbfgs or knn, found 'svm'"),
  ]) func mistakesAreNamed(_ text: String, _ message: String) {
    let failure = #expect(throws: Failure.self) { try read(text) }
    #expect(failure?.kind == .usage)
    #expect("\(failure!)".contains(message), "\(failure!)")
  }

  @Test func thePapersNumbers() {
    #expect(PaperResults.value(table: "1", system: "metamae", dataset: "higgs") == 0.715)
    // Both are printed, in different tables.
    #expect(PaperResults.value(table: "1", system: "mae-linear", dataset: "libri-speech") == 0.46)
    for table in ["4", "5"] {
      let value = PaperResults.value(
        table: table, system: "mae-linear", dataset: "libri-speech")
      #expect(abs((value ?? 0) - 0.333) < 1e-12)
    }
    #expect(PaperResults.notes(dataset: "libri-speech", system: "mae-linear").count == 1)
    #expect(PaperResults.value(table: "1", system: "capri", dataset: "higgs") == nil)
    #expect(PaperResults.all.count == 55)
    for result in PaperResults.all {
      #expect(DatasetCatalogue.entry(result.dataset)?.name == result.dataset)
      #expect(result.system == "random" || ObjectiveName(rawValue: result.system) != nil)
      #expect(result.value > 0 && result.value < 1)
    }
    #expect(Set(PaperResults.pretrainingSamples.keys) == Set(PretrainingPreset.all.map(\.dataset)))
  }
}
