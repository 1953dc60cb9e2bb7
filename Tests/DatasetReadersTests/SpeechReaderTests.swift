// The speech sets from small trees in their publishers' layouts: which clips, which classes, which split.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct SpeechReaderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A short clip.
  private func clip(_ path: String, _ samples: [Int16] = [100, -100, 50]) throws {
    try put(AudioFixture.wav(samples, rate: 16_000), folder.file(path))
  }

  private var source: RawSource { get throws { try RawSource(folder.path) } }

  /// The names of a split's files, and its labels.
  private func files(_ reader: any FileTreeReader, _ split: String) throws -> [(String, Int)] {
    let plans = try reader.splits(of: [PartContents(rowCount: reader.tree.count)])
    let plan = try #require(plans.first { $0.split == split })
    guard case .records(let rows) = plan.content else { return [] }
    return rows.enumerated().map { place, row in
      let label =
        plan.columns.isEmpty
        ? -1 : Int(plan.columns[2 * place]) | Int(plan.columns[2 * place + 1]) << 8
      return (Files.name(of: reader.tree.entry(Int(row)).name), label)
    }
  }

  /// datasets.md 2.3: consecutive shuffles from one generator.
  @Test func eachSpeakersShuffle() {
    let speakers =
      [Int](repeating: 1, count: 3) + [Int](repeating: 2, count: 10)
      + [Int](repeating: 9, count: 257)
    let (train, test) = LibriSpeechReader.cut(speakers, [1, 2, 9])
    #expect(train[..<2] == [0, 1])
    #expect(train[2..<10] == [6, 12, 3, 11, 8, 5, 4, 9])
    #expect(train[10..<16] == [97, 59, 196, 249, 190, 235])
    #expect(test[..<3] == [2, 7, 10])
    #expect((train.count, test.count) == (2 + 8 + 205, 1 + 2 + 52))
    #expect(Set(train + test).count == 270)
  }

  @Test func libriSpeech() throws {
    for (speaker, chapter) in [(1272, 5), (174, 6)] {
      for k in 0..<5 {
        try clip("LibriSpeech/dev-clean/\(speaker)/\(chapter)/\(speaker)-\(chapter)-000\(k).wav")
      }
    }
    let missing = try failure { _ = try LibriSpeechReader(source, ReaderOptions()) }
    #expect(missing.kind == .missingInput)
    #expect(missing.remedy == "Name the subsets to use: --subsets dev-clean")
    try clip("LibriSpeech/train-other-500/20/1/20-1-0000.wav")
    try clip("LibriSpeech/train-clean-100/9/1/9-1-0001.wav")
    try clip("LibriSpeech/train-clean-100/10/1/10-1-0000.wav")
    try put("x", folder.file("LibriSpeech/train-clean-100/10/1/10-1.trans.txt"))
    let reader = try LibriSpeechReader(source, ReaderOptions())
    #expect(reader.splitNames == ["pretrain", "train", "test"])
    // Subsets in their order, stems as strings within each.
    #expect(
      try files(reader, "pretrain").map(\.0)
        == ["10-1-0000.wav", "9-1-0001.wav", "20-1-0000.wav"])
    // In the list 1272 stands before 174; as numbers 174 is the first class and is shuffled first.
    var generator = MersenneTwister(numpySeed: 42)
    let (a, b) = (generator.permutation(5), generator.permutation(5))
    let name = { (speaker: String, k: Int32) in "\(speaker)-000\(k).wav" }
    #expect(
      try files(reader, "train").map(\.0)
        == a[..<4].map { name("174-6", $0) } + b[..<4].map { name("1272-5", $0) })
    #expect(
      try files(reader, "test").map(\.0) == [name("174-6", a[4]), name("1272-5", b[4])])
    #expect(try files(reader, "test").map(\.1) == [0, 1])
    var options = ReaderOptions()
    options.subsets = ["train-other-500"]
    #expect(try LibriSpeechReader(source, options).splitNames == ["pretrain"])
    options.subsets = ["dev-clena"]
    let wrong = try failure { _ = try LibriSpeechReader(source, options) }
    #expect((wrong.kind, wrong.remedy) == (.usage, "Did you mean dev-clean?"))
    options.subsets = ["test-clean"]
    #expect(try failure { _ = try LibriSpeechReader(source, options) }.kind == .missingInput)
  }

  /// Which end of a long clip: first samples for a test record, by a coin for one to train on.
  @Test func ends() throws {
    let count = LogMel.length + 40_000
    let noise = AudioFixture.noise(count)
    for k in 0..<5 { try clip("LibriSpeech/dev-clean/1/1/1-1-000\(k).wav", noise) }
    var options = ReaderOptions()
    options.subsets = ["dev-clean"]
    let reader = try LibriSpeechReader(source, options)
    let walk = FileWalk(reader.tree.listing, mostBytes: 1 << 24)
    func picture(_ samples: [Int16]) -> [Float] {
      var values = [Float](repeating: 0, count: 224 * 224)
      values.withUnsafeMutableBytes {
        LogMel(rate: 16_000).compute(samples.map { Float($0) / 32768 }, into: $0.baseAddress!)
      }
      return values
    }
    let head = picture(Array(noise.prefix(LogMel.length)))
    let tail = picture(Array(noise.suffix(LogMel.length)))
    let last = try #require(try reader.splits(of: [PartContents(rowCount: 5)]).last)
    guard case .records(let testRows) = last.content else { return #expect(Bool(false)) }
    let tested = Int(testRows[0])
    for row in 0..<5 {
      var values = [Float](repeating: 0, count: 224 * 224)
      try values.withUnsafeMutableBytes {
        try reader.decode(
          try walk.bytes(of: Int(reader.tree.entries[row])), row: row, into: $0.baseAddress!)
      }
      #expect(values == (row != tested && SpeechSet.showsTail(row) ? tail : head))
    }
    #expect(Set((0..<20).map(SpeechSet.showsTail)).count == 2)
    let tails = (0..<10_000).filter(SpeechSet.showsTail).count
    #expect((4800...5200).contains(tails))
  }

  @Test func audioMNIST() throws {
    #expect(Set(AudioMNISTReader.training + AudioMNISTReader.tested) == Set(1...60))
    #expect((AudioMNISTReader.training.count, AudioMNISTReader.tested.count) == (48, 12))
    for (speaker, digit, take) in [
      ("56", 3, 0), ("28", 7, 10), ("28", 7, 2), ("26", 9, 1), ("12", 0, 5),
    ] {
      try clip("data/\(speaker)/\(digit)_\(speaker)_\(take).wav")
    }
    try put("{}", folder.file("data/audioMNIST_meta.txt"))
    let reader = try AudioMNISTReader(source)
    let train = try files(reader, "train")
    #expect(train.map(\.0) == ["7_28_10.wav", "7_28_2.wav", "3_56_0.wav", "0_12_5.wav"])
    #expect(train.map(\.1) == [7, 7, 3, 0])
    #expect(try files(reader, "test").map(\.0) == ["9_26_1.wav"])
    try Files.remove(folder.file("data/26"))
    #expect(try failure { _ = try AudioMNISTReader(source) }.kind == .missingInput)
  }

  @Test func fluentSpeech() throws {
    let header = ",path,speakerId,transcription,action,object,location\n"
    func row(_ k: Int, _ speaker: String, _ action: String, _ object: String, _ location: String)
      throws -> String
    {
      try clip("fluent/wavs/speakers/\(speaker)/c\(k).wav")
      return
        "\(k),wavs/speakers/\(speaker)/c\(k).wav,\(speaker),\"Turn on, \"\"please\"\"\",\(action),\(object),\(location)\n"
    }
    try put(
      header + row(0, "a", "activate", "lights", "kitchen")
        + row(1, "b", "change language", "none", "none"),
      folder.file("fluent/data/train_data.csv"))
    try put(
      header + row(2, "a", "bring", "socks", "none"), folder.file("fluent/data/valid_data.csv"))
    try put(
      header + row(3, "c", "decrease", "German", "washroom"),
      folder.file("fluent/data/test_data.csv"))
    for (set, train, test) in [
      (SpeechSet.fluentLocations, [1, 0, 0], 3), (.fluentActions, [1, 0, 5], 4),
      (.fluentObjects, [2, 0, 8], 13),
    ] {
      let reader = try FluentSpeechReader(source, set)
      #expect(try files(reader, "train").map(\.0) == ["c0.wav", "c1.wav", "c2.wav"])
      #expect(try files(reader, "train").map(\.1) == train)
      #expect(try files(reader, "test").map(\.1) == [test])
      #expect(reader.tables.count == 3)
    }
    try put(
      header + row(3, "c", "decrease", "German", "Washroom"),
      folder.file("fluent/data/test_data.csv"))
    let wrong = try failure { _ = try FluentSpeechReader(source, .fluentLocations) }
    #expect(
      wrong.problem
        == "location: expected one of none, kitchen, bedroom, washroom, found 'Washroom'")
    #expect(wrong.place.hasSuffix("test_data.csv, line 2"))
    try Files.remove(folder.file("fluent/wavs/speakers/a/c2.wav"))
    #expect(
      try failure { _ = try FluentSpeechReader(source, .fluentActions) }.kind == .missingInput)
  }

  @Test func googleSpeech() throws {
    #expect(GoogleSpeechReader.words.count == 36)
    for path in [
      "yes/b_nohash_0.wav", "yes/a_nohash_1.wav", "no/a_nohash_0.wav", "no/c_nohash_0.wav",
      "_background_noise_/pink.wav",
    ] {
      try clip("sc/" + path)
    }
    try put("yes/b_nohash_0.wav\n", folder.file("sc/testing_list.txt"))
    try put("no/c_nohash_0.wav\nbed/x_nohash_0.wav\n", folder.file("sc/validation_list.txt"))
    let reader = try GoogleSpeechReader(source, ReaderOptions())
    #expect(
      try files(reader, "train").map(\.0)
        == ["pink.wav", "a_nohash_0.wav", "c_nohash_0.wav", "a_nohash_1.wav"])
    #expect(try files(reader, "train").map(\.1) == [35, 6, 6, 4])
    #expect(try files(reader, "test").map(\.1) == [4])
    #expect(
      reader.notes == [
        "train holds no test clip; the references' holds them all (--reference-leak)"
      ])
    var options = ReaderOptions()
    options.hasReferenceLeak = true
    let leaking = try GoogleSpeechReader(source, options)
    #expect(
      try files(leaking, "train").map(\.0)
        == [
          "pink.wav", "a_nohash_0.wav", "c_nohash_0.wav", "a_nohash_1.wav", "b_nohash_0.wav",
          "c_nohash_0.wav",
        ])
    #expect(
      leaking.notes == [
        "train holds the test clips and the validation clips twice, as the references' does",
        "1 lines of the lists name clips of words whose folders are not there",
      ])
    try put("yes/gone_nohash_0.wav\n", folder.file("sc/testing_list.txt"))
    let missing = try failure { _ = try GoogleSpeechReader(source, ReaderOptions()) }
    #expect(missing.kind == .missingInput)
    #expect(missing.place.hasSuffix("testing_list.txt, line 1"))
  }

  @Test func voxCeleb1() throws {
    for speaker in ["id10002", "id10001"] {
      for k in 0..<3 { try clip("\(k == 2 ? "test" : "dev")/wav/\(speaker)/v\(k)/0000\(k).wav") }
    }
    let lines = ["id10001", "id10002"].flatMap { speaker in
      (0..<3).map { "\([2, 1, 3][$0]) \(speaker)/v\($0)/0000\($0).wav" }
    }
    try put(lines.joined(separator: "\n"), folder.file("iden_split.txt"))
    let reader = try VoxCeleb1Reader(source)
    #expect(
      try files(reader, "train").map(\.0) == ["00001.wav", "00001.wav", "00000.wav", "00000.wav"])
    #expect(try files(reader, "train").map(\.1) == [0, 1, 0, 1])
    #expect(try files(reader, "test").map(\.1) == [0, 1])
    try put(lines.dropLast().joined(separator: "\n"), folder.file("iden_split.txt"))
    let odd = try failure { _ = try VoxCeleb1Reader(source) }
    #expect(odd.problem.hasSuffix("found id10002 in one of them only"))
    try put("4 id10001/v0/00000.wav", folder.file("iden_split.txt"))
    #expect(try failure { _ = try VoxCeleb1Reader(source) }.kind == .badData)
  }
}
