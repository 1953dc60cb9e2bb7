import Basics
import Experiments
import Foundation
import Testing

@Suite struct RunConfigurationTests {
  private func resolve(_ text: String, _ settings: [String] = []) throws -> RunConfiguration {
    try RunConfiguration.resolve(text: text, path: "c.yaml").applying(settings)
  }

  @Test func ordersDefaultsFileAndSettings() throws {
    let plain = try resolve("dataset: pamap2\n")
    #expect(plain.batch == 256)
    #expect(plain.settings.maskRatio == 0.85)
    #expect(plain.dropout == 0.1)
    #expect(plain.learningRate == 1e-4)
    let file = try resolve("steps: 7\ndecoder:\n  layers: 3\nbatch: 8\ndataset: pamap2\n")
    #expect(file.batch == 8)
    #expect(file.decoder.layers == 3)
    #expect(file.settings.innerLearningRate == 0.5)
    let set = try resolve(
      "dataset: pamap2\nbatch: 8\n", ["batch=4", "encoder.width=64", "patch=[8]"])
    #expect(set.batch == 4)
    #expect(set.encoder.width == 64)
    #expect(set.patch == [[8]])
    let other = try resolve("dataset: mine\n")
    #expect(other.batch == 64)
    #expect(other.decoder.layers == 4)
  }

  @Test func aliasesAreTheSet() throws {
    let wafer = try resolve("dataset: wafer_transfer")
    #expect(wafer.dataset == "wafer-map")
    #expect(wafer.batch == 128)
  }

  @Test func linearAutoencoderBlanksTheMaskRatio() throws {
    #expect(try resolve("dataset: pamap2\nobjective: mae-linear").settings.corruptionRate == 0.85)
    #expect(try resolve("dataset: pamap2\nobjective: shed").settings.corruptionRate == 0.15)
    let set = try resolve("dataset: pamap2\nobjective: mae-linear\ncorruption_rate: 0.2")
    #expect(set.settings.corruptionRate == 0.2)
  }

  /// The resolved text is the whole configuration: reading it gives the same value, whatever was set.
  @Test(arguments: [
    [], ["patch=[[16, 16], [1]]", "vocabulary=30552", "threads=2", "split=train", "ring=4"],
    ["patch=5", "first_order=true", "seed=18446744073709551615", "learning_rate=1e-3"],
    ["mask_ratio=0.123456789012345", "inner_learning_rate=0.1", "objective=emix", "shuffle=full"],
  ]) func resolvedTextReadsBack(settings: [String]) throws {
    let configuration = try resolve("dataset: pfam\n", settings)
    #expect(try RunConfiguration.resolve(text: configuration.yaml, path: "r.yaml") == configuration)
    for key in ConfigurationKey.all { #expect(!key.meaning.isEmpty && !key.source.isEmpty) }
  }

  @Test(arguments: [
    (
      "dataset: a\nmask_ration: 0.5\n",
      "c.yaml, line 2: unknown key 'mask_ration'\n  Did you mean 'mask_ratio'?"
    ),
    (
      "dataset: a\nencoder:\n  widht: 3\n",
      "c.yaml, line 3: unknown key 'encoder.widht'\n  Did you mean 'encoder.width'?"
    ),
    (
      "dataset: a\nzzzzzzzzzz: 3\n",
      "c.yaml, line 2: unknown key 'zzzzzzzzzz'\n  All keys: metamae-train --keys"
    ),
    (
      "dataset: a\nencoder: 3\n", "c.yaml, line 2, key 'encoder': expected keys below it, found '3'"
    ),
    (
      "dataset: a\nsteps: many\n",
      "c.yaml, line 2, key 'steps': expected whole number 0 to 1000000000, found 'many'"
    ),
    (
      "dataset: a\nsteps: -1\n",
      "c.yaml, line 2, key 'steps': expected whole number 0 to 1000000000, found '-1'"
    ),
    (
      "dataset: a\nsteps: [1]\n",
      "c.yaml, line 2, key 'steps': expected whole number 0 to 1000000000, found a list of 1"
    ),
    (
      "dataset: a\nmask_ratio: 1\n",
      "c.yaml, line 2, key 'mask_ratio': expected number between 0 and 1, both left out, found '1'"
    ),
    (
      "dataset: a\nmask_ratio: 0\n",
      "c.yaml, line 2, key 'mask_ratio': expected number between 0 and 1, both left out, found '0'"
    ),
    (
      "dataset: a\ntemperature: nan\n",
      "c.yaml, line 2, key 'temperature': expected number above 0, found 'nan'"
    ),
    (
      "dataset: a\nlearning_rate: 1e99\n",
      "c.yaml, line 2, key 'learning_rate': expected number above 0, found '1e99'"
    ),
    (
      "dataset: a\ndropout: 1\n",
      "c.yaml, line 2, key 'dropout': expected number from 0, below 1, found '1'"
    ),
    (
      "dataset: a\nobjective: mea\n",
      "c.yaml, line 2, key 'objective': expected one of metamae, mae, mae-linear, emix, shed, capri, found 'mea'"
    ),
    (
      "dataset: a\nfirst_order: yes\n",
      "c.yaml, line 2, key 'first_order': expected true or false, found 'yes'"
    ),
    (
      "dataset: ../a\n",
      "c.yaml, line 1, key 'dataset': expected a name (letters, digits, '-', '_', '.'), found '../a'"
    ),
    ("steps: 3\n", "c.yaml: expected a key 'dataset', found none"),
    ("- 1\n", "c.yaml: expected keys with values, found a list of 1"),
    (
      "dataset: a\nencoder:\n  width: 4\nencoder.width: 8\n",
      "c.yaml, line 4, key 'encoder.width': given twice"
    ),
    (
      "dataset: a\nencoder:\n  width: 100\n",
      "encoder.width: expected a multiple of encoder.heads (8), found 100"
    ),
    (
      "dataset: a\ndecoder:\n  width: 6\n  heads: 2\n",
      "decoder.width: expected a multiple of 4 (sine and cosine of row and column), found 6"
    ),
    (
      "dataset: a\nbatch: 1\n",
      "batch: expected at least 2, since the contrast of metamae needs other samples, found 1"
    ),
  ]) func refuses(text: String, expected: String) {
    let failure = #expect(throws: Failure.self) { try resolve(text) }
    #expect(failure?.description == expected)
    #expect(failure?.kind == .usage)
  }

  @Test(arguments: [
    ("steps", "--set: expected key=value, found 'steps'"),
    ("stepz=1", "--set: unknown key 'stepz'\n  Did you mean 'steps'?"),
    ("steps=x", "--set steps: expected whole number 0 to 1000000000, found 'x'"),
    (
      "patch=[0]",
      "--set patch: expected a whole number from 1, a list of them, or a list of lists (one for each input) or auto, found a list of 1"
    ),
  ]) func refusesSettings(setting: String, expected: String) {
    let failure = #expect(throws: Failure.self) { try resolve("dataset: a", [setting]) }
    #expect(failure?.description == expected)
  }

  @Test func missingFile() {
    let failure = #expect(throws: Failure.self) {
      try RunConfiguration.resolve(file: "/nowhere/c.yaml", settings: [])
    }
    #expect(failure?.kind == .missingInput)
    #expect(failure?.place == "/nowhere/c.yaml")
  }

  @Test func oneSampleIsEnoughWithoutContrast() throws {
    #expect(try resolve("dataset: a\nbatch: 1\nobjective: mae").batch == 1)
  }

  // MARK: inputs

  private let image = InputSpecification(kind: .image, shape: [3, 32, 48], patch: [4, 4])
  private let text = InputSpecification(kind: .tokens, shape: [32], vocabulary: 100)

  @Test func modelTakesInputsAndOverrides() throws {
    let model = try resolve("dataset: a\npatch: [[8, 16], [1]]\nvocabulary: 120")
      .model(over: [image, text])
    #expect(model.inputs[0].grid == [4, 3])
    #expect(model.inputs[1].vocabulary == 120)
    #expect(model.tokenCount == 44)
    #expect(try resolve("dataset: a").model(over: [image, text]).inputs == [image, text])
  }

  @Test(arguments: [
    (
      "patch: [5, 4]",
      "patch: input 0 of a is image [3, 32, 48]: expected 2 divisors of [32, 48], found [5, 4]"
    ),
    (
      "patch: 8",
      "patch: input 0 of a is image [3, 32, 48]: expected 2 divisors of [32, 48], found [8]"
    ),
    ("patch: [[8, 8], [1]]", "patch: expected one token size for each of 1 inputs of a, found 2"),
    ("vocabulary: 3", "vocabulary: a has no input of tokens; leave it out"),
    (
      "mask_ratio: 0.999",
      "mask_ratio: expected some of the 96 tokens kept and some masked, found 0 kept with 0.999"
    ),
  ]) func refusesInputs(line: String, expected: String) {
    let failure = #expect(throws: Failure.self) {
      try resolve("dataset: a\n\(line)").model(over: [image])
    }
    #expect(failure?.description == expected)
  }

  @Test func refusesTexts() {
    let small = #expect(throws: Failure.self) {
      try resolve("dataset: a\nvocabulary: 99").model(over: [text])
    }
    #expect(small?.description == "vocabulary: expected at least 100, the tokens of a, found 99")
    let cut = #expect(throws: Failure.self) {
      try resolve("dataset: a\npatch: 2").model(over: [text])
    }
    #expect(cut?.description.hasSuffix("found [2] (a token is not cut: [1])") == true)
  }

  // MARK: resume

  @Test func resumeKeepsNumbersAndTakesUpkeep() throws {
    let run = try resolve(
      "dataset: a", ["threads=2", "split=pretrain", "patch=[4]", "seed=3", "steps=50"])
    let settings = ["seed=3", "workers=4", "ring=9", "save_every=2", "split=auto"]
    let resumed = try run.resumed(file: nil, settings: settings)
    #expect(resumed.workers == 4)
    #expect(resumed.ring == 9)
    #expect(resumed.saveEvery == 2)
    #expect(resumed.steps == 50)
    #expect(resumed.threads == 2)
    #expect(resumed.split == "pretrain")
    #expect(resumed.patch == [[4]])
    #expect(try run.resumed(file: nil, settings: ["steps=70"]).steps == 70)
    for setting in ["seed=4", "threads=3", "batch=8", "encoder.layers=2", "on_bad_block=skip"] {
      let failure = #expect(throws: Failure.self) {
        try run.resumed(file: nil, settings: [setting])
      }
      #expect(failure?.kind == .usage)
      #expect(failure?.place == String(setting.prefix { $0 != "=" }))
    }
  }

  @Test func resumeComparesAFileAsAWhole() throws {
    let path = NSTemporaryDirectory() + "/resume-\(UUID().uuidString).yaml"
    defer { unlink(path) }
    try Files.writeAtomically("dataset: a\nworkers: 3\n", to: path)
    let run = try resolve("dataset: a", ["steps=50", "split=train"])
    let resumed = try run.resumed(file: path, settings: [])
    #expect(resumed.steps == 50)  // a default is not asked for
    #expect(resumed.workers == 3)
    let other = try resolve("dataset: a", ["batch=8"])
    let failure = #expect(throws: Failure.self) { try other.resumed(file: path, settings: []) }
    #expect(
      failure?.description
        == "batch: the run has 8, asked for is 64\n  A resumed run keeps what decides its numbers; "
        + "start a new run directory for other values.")
  }

  @Test func cardHoldsNumbersOnly() throws {
    let configuration = try resolve("dataset: pamap2", ["workers=5", "steps=12", "threads=2"])
    let other = try resolve("dataset: pamap2", ["workers=1", "steps=99", "threads=1"])
    let inputs = DatasetCatalogue.entry("pamap2")!.inputs
    let card = ModelCard(model: try configuration.model(over: inputs), configuration: configuration)
    let twin = ModelCard(model: try other.model(over: inputs), configuration: other)
    #expect(try card.json() == twin.json())
    #expect(try ModelCard(metadata: ["configuration": try card.json()], at: "x") == card)
    #expect(try card.configuration().settings == configuration.settings)
    let none = #expect(throws: Failure.self) { try ModelCard(metadata: [:], at: "m.safetensors") }
    #expect(none?.kind == .badData)
  }
}
