import Basics
import Experiments
import Foundation
import Testing

/// The files below configs/ as they ship.
@Suite struct ConfigurationFilesTests {
  private static let folder = FileManager.default.currentDirectoryPath + "/configs"

  private static func files(_ folder: String) -> [String] {
    ((try? Files.list(folder)) ?? []).filter { $0.hasSuffix(".yaml") }.map { folder + "/" + $0 }
  }

  @Test(arguments: files(folder) + files(folder + "/smoke")) func reads(file: String) throws {
    let configuration = try RunConfiguration.resolve(file: file, settings: [])
    if let entry = DatasetCatalogue.entry(configuration.dataset) {
      _ = try configuration.model(over: entry.inputs)
    }
    let text = String(decoding: try Files.read(file), as: UTF8.self)
    let name = file.dropFirst(Self.folder.count + 1)
    #expect(text.hasPrefix("# ") && text.contains("metamae-train --config configs/\(name) "))
  }

  /// Each of the nine says what Tables 7, 8 and 16 say, word for word the preset's values.
  @Test(arguments: PretrainingPreset.all.map(\.dataset)) func ninePretrainingSets(name: String)
    throws
  {
    let file = Self.folder + "/\(name).yaml"
    let configuration = try RunConfiguration.resolve(file: file, settings: [])
    let inputs = DatasetCatalogue.entry(name)!.inputs
    var expected = RunConfiguration(dataset: name)
    expected.patch = configuration.patch
    expected.vocabulary = configuration.vocabulary
    #expect(configuration == expected)
    #expect(try configuration.model(over: inputs).inputs.map(\.patch) == inputs.map(\.patch))
    // The file itself holds the values of its row: none comes from a default alone.
    let text = String(decoding: try Files.read(file), as: UTF8.self)
    for key in [
      "batch", "mask_ratio", "inner_learning_rate", "contrast_weight", "dropout", "layers",
    ] {
      #expect(text.contains("\(key): "), "\(key)")
    }
    if name == "mscoco" { #expect(configuration.vocabulary == 30552) }
    #expect(Files.exists(Self.folder + "/smoke/\(name).yaml"))
  }

  @Test func quickstartIsThere() {
    #expect(Files.exists(Self.folder + "/quickstart.yaml"))
    #expect(Self.files(Self.folder).count >= 10)
  }
}
