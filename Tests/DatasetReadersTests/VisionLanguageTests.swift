// Word pieces, caption swaps and answers: the vectors of datasets.md section 10, and COCO's files in small.

import Basics
import Foundation
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct VisionLanguageTests {
  private static let vocabulary = URL(fileURLWithPath: Fixtures.folder)
    .appendingPathComponent("../../../data/bert_base_uncased/vocab.txt").standardizedFileURL.path

  private func pieces() throws -> WordPiece {
    try WordPiece(RawSource(Self.vocabulary).entries[0])
  }

  @Test(
    arguments: [
      (
        "A man riding a wave on top of a surfboard.", nil,
        [101, 1037, 2158, 5559, 1037, 4400, 2006, 2327, 1997, 1037, 14175, 6277, 1012, 102]
      ),
      (
        "Two dogs' toys -- café naïve, 3.5kg (unbelievable!)", nil,
        [
          101, 2048, 6077, 1005, 10899, 1011, 1011, 7668, 15743, 1010, 1017, 1012, 1019, 2243, 2290,
          1006, 23653, 999, 1007, 102,
        ]
      ),
      (
        "A  woman\twearing a net on her head\ncutting a cake. ", nil,
        [101, 1037, 2450, 4147, 1037, 5658, 2006, 2014, 2132, 6276, 1037, 9850, 1012, 102]
      ),
      ("snowboarder's skateboarding", nil, [101, 4586, 6277, 2121, 1005, 1055, 17260, 21172, 102]),
      ("xqzjvwk", nil, [101, 1060, 4160, 2480, 3501, 2615, 26291, 102]),
      (
        String(repeating: "dog ", count: 40), nil,
        [101] + [UInt16](repeating: 3899, count: 30) + [102]
      ),
      (
        "What color is the dog?", "light brown",
        [101, 2054, 3609, 2003, 1996, 3899, 1029, 102, 2422, 2829, 102]
      ),
      (
        "Is this a motorcycle race?", "yes",
        [101, 2003, 2023, 1037, 9055, 2679, 1029, 102, 2748, 102]
      ),
      (
        "How many people are in this picture?", "2",
        [101, 2129, 2116, 2111, 2024, 1999, 2023, 3861, 1029, 102, 1016, 102]
      ),
    ] as [(String, String?, [UInt16])])
  func ids(text: String, second: String?, expected: [UInt16]) throws {
    let pieces = try pieces()
    let found = second.map { pieces.encode(text, $0) } ?? pieces.encode(text)
    #expect(found.count == 32)
    #expect(found == expected + [UInt16](repeating: 0, count: 32 - expected.count))
  }

  @Test(arguments: [
    (20, 20, 14, 15), (20, 21, 14, 15), (40, 3, 26, 3), (3, 40, 3, 26), (10, 19, 10, 19),
    (21, 20, 15, 14),
  ])
  func pairLengths(first: Int, second: Int, keptFirst: Int, keptSecond: Int) {
    #expect(WordPiece.lengths(first, second) == (keptFirst, keptSecond))
  }

  @Test func anotherVocabularyIsRefused() throws {
    let folder = try TemporaryFolder()
    try put("[PAD]\n[UNK]\n", folder.file("vocab.txt"))
    let failure = try #require(throws: Failure.self) {
      _ = try WordPiece(RawSource(folder.file("vocab.txt")).entries[0])
    }
    #expect(failure.problem.contains("found 2 lines"))
  }

  @Test(
    arguments: [
      (20, 11, [1: 7, 2: 8, 3: 9, 7: 10], 19, 3),
      (4_952, 2_451, [1: 2917, 2: 2918, 3: 2919, 7: 2920], 4951, 2914),
      (117_266, 58_667, [1: 112_470, 2: 112_477, 3: 112_479, 7: 112_481], 117_262, 112_468),
    ] as [(Int, Int, [Int: Int], Int, Int)])
  func captionSwaps(count: Int, swapped: Int, begins: [Int: Int], last: Int, source: Int) {
    let swap = CaptionSwap(count)
    #expect(swap.labels.filter { $0 == 0 }.count == swapped)
    #expect(Array(swap.labels.prefix(12)) == [1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1])
    for (record, caption) in begins { #expect(swap.captions[record] == caption) }
    #expect(swap.labels.lastIndex(of: 0) == last)
    #expect(swap.captions[last] == source)
  }

  @Test func answers() {
    var random = PythonRandom(seed: 0)
    let choices = ["right"] + (0..<17).map { "wrong \($0)" }
    let drawn = (0..<8).map { _ in VQAReader.draw("right", choices, &random)! }
    #expect(drawn.map(\.label) == [1, 1, 0, 1, 0, 1, 0, 1])
    #expect(drawn.filter { $0.label == 0 }.map(\.answer) == ["wrong 8", "wrong 9", "wrong 6"])
    #expect(VQAReader.draw("other", choices, &random) == nil)
  }

  /// datasets.md 10.1.
  @Test func squeezedAndCut() {
    let image = Raster(width: 131, height: 97, channels: 3, pixels: ImageFixture.pixels())
    var record = [UInt8](repeating: 0, count: CaptionedImages.recordBytes)
    record.withUnsafeMutableBytes { CaptionedImages.store(image, into: $0.baseAddress!) }
    let plane = 224 * 224
    let expected: [(Int, Int, [UInt8])] = [
      (0, 0, [59, 0, 11]), (0, 223, [193, 47, 7]), (100, 50, [52, 178, 241]),
      (111, 112, [179, 82, 172]), (223, 0, [165, 3, 83]), (223, 223, [43, 144, 79]),
    ]
    for (y, x, pixel) in expected {
      #expect((0..<3).map { record[$0 * plane + y * 224 + x] } == pixel, "\(y), \(x)")
    }
    let sums = (0..<3).map { c in record[(c * plane)..<((c + 1) * plane)].reduce(0) { $0 + Int($1) }
    }
    #expect(sums == [6_573_068, 6_269_670, 6_303_294])
  }

  private func coco(_ folder: TemporaryFolder) throws {
    for (part, ids) in [("train2017", [9, 4, 30]), ("val2017", [5, 6])] {
      for id in ids {
        try put(
          Fixtures.bytes("colour.jpg"),
          folder.file("images/\(part)/\(String(id).leftPadded(to: 12)).jpg"))
      }
      let captions = ids.flatMap { id in
        ["first", "last"].map { "{\"image_id\": \(id), \"id\": 1, \"caption\": \"\($0) \(id)\"}" }
      }
      try put(
        "{\"info\": {}, \"annotations\": [\(captions.joined(separator: ", "))]}",
        folder.file("annotations/captions_\(part).json"))
      // Image 4 and image 6 have no instance.
      let instances = ids.filter { $0 != 4 && $0 != 6 }.flatMap { id in
        [90, 1].map { "{\"segmentation\": [[1, 2]], \"image_id\": \(id), \"category_id\": \($0)}" }
      }
      try put(
        "{\"annotations\": [\(instances.joined(separator: ","))], \"categories\": [{\"name\": \"cat\", \"id\": 90}, {\"name\": \"dog\", \"id\": 1}]}",
        folder.file("annotations/instances_\(part).json"))
    }
  }

  @Test func coco() throws {
    let folder = try TemporaryFolder()
    try coco(folder)
    var options = ReaderOptions()
    options.vocabulary = Self.vocabulary
    let reader = try COCOReader(RawSource(folder.path), .pretraining, options)
    let plan = try reader.splits(of: [PartContents(rowCount: 2)])[0]
    #expect(reader.tree.count == 2)
    #expect(rows(plan) == [0, 1])
    let width = 65
    let pieces = try pieces()
    for (k, text) in ["last 9", "last 30"].enumerated() {
      let ids = pieces.encode(text).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      #expect(Array(plan.columns[(k * width)...].prefix(width)) == ids + [1])
    }
    #expect(plan.task.names == ["cat", "dog"])
    #expect(try decodeAll(reader)[0] == picture("colour.jpg"))
    let pair = try COCOReader(RawSource(folder.path), .mismatchedCaption, options)
    let plans = try pair.splits(of: [PartContents(rowCount: 3)])
    #expect(plans.map { rows($0) } == [[0, 1], [2]])
    try Files.remove(folder.file("images/train2017/000000000030.jpg"))
    let failure = try #require(throws: Failure.self) {
      _ = try COCOReader(RawSource(folder.path), .pretraining, options)
    }
    #expect(failure.kind == .missingInput)
    #expect(failure.problem.contains("train2017/...000000000030.jpg"))
  }

  /// Each record's caption is the one that the swap names, its label whether that is its own.
  @Test func swappedCaptions() throws {
    let folder = try TemporaryFolder()
    let count = 12
    for part in ["train2017", "val2017"] {
      for id in 1...count {
        try put(
          Fixtures.bytes("colour.jpg"),
          folder.file("\(part)/\(String(id).leftPadded(to: 12)).jpg"))
      }
      let captions = (1...count).map { "{\"image_id\": \($0), \"caption\": \"number \($0)\"}" }
      let instances = (1...count).map { "{\"image_id\": \($0), \"category_id\": 1}" }
      try put(
        "{\"annotations\": [\(captions.joined(separator: ","))]}",
        folder.file("annotations/captions_\(part).json"))
      try put(
        "{\"annotations\": [\(instances.joined(separator: ","))], \"categories\": [{\"name\": \"cat\", \"id\": 1}]}",
        folder.file("annotations/instances_\(part).json"))
    }
    var options = ReaderOptions()
    options.vocabulary = Self.vocabulary
    let reader = try COCOReader(RawSource(folder.path), .mismatchedCaption, options)
    let pieces = try pieces()
    let swap = CaptionSwap(count)
    #expect(swap.captions.indices.contains { swap.captions[$0] != $0 && swap.labels[$0] == 0 })
    var expected: [UInt8] = []
    for record in 0..<count {
      let ids = pieces.encode("number \(swap.captions[record] + 1)")
      for id in ids { expected += [UInt8(id & 255), UInt8(id >> 8)] }
      expected.append(swap.labels[record])
    }
    for plan in try reader.splits(of: [PartContents(rowCount: 2 * count)]) {
      #expect(plan.task.names == ["mismatched", "matched"])
      #expect(plan.columns == expected)
    }
  }

  /// A picture as every record of these sets has it.
  private func picture(_ fixture: String) throws -> [UInt8] {
    try Fixtures.bytes(fixture).withUnsafeBytes { bytes in
      var record = [UInt8](repeating: 0, count: CaptionedImages.recordBytes)
      let image = try ImageDecoder.rgb(bytes, at: fixture)
      record.withUnsafeMutableBytes { CaptionedImages.store(image, into: $0.baseAddress!) }
      return record
    }
  }

  @Test func questions() throws {
    let folder = try TemporaryFolder()
    for (part, image) in [("train2014", 7), ("val2014", 8)] {
      try put(
        Fixtures.bytes("colour.jpg"), folder.file("\(part)/COCO_\(part)_00000000000\(image).jpg"))
      let choices = (["yes"] + (0..<17).map { "no \($0)" }).map { "\"\($0)\"" }.joined(
        separator: ",")
      let questions = (1...5).reversed().map {
        "{\"question_id\": \($0), \"image_id\": \(image), \"question\": \"Is it \($0)?\", \"multiple_choices\": [\(choices)]}"
      }
      try put(
        "{\"questions\": [\(questions.joined(separator: ","))]}",
        folder.file("MultipleChoice_mscoco_\(part)_questions.json"))
      let annotations = (1...5).map {
        "{\"question_id\": \($0), \"image_id\": \(image), \"multiple_choice_answer\": \"\($0 == 2 ? "maybe" : "yes")\"}"
      }
      try put(
        "{\"annotations\": [\(annotations.joined(separator: ","))]}",
        folder.file("mscoco_\(part)_annotations.json"))
    }
    var options = ReaderOptions()
    options.vocabulary = Self.vocabulary
    let reader = try VQAReader(RawSource(folder.path), options)
    let plans = try reader.splits(of: [PartContents(rowCount: 2)])
    // keep, keep, swap -> 8, keep; then, from the same stream, swap -> 9, keep, swap -> 6, keep.
    #expect(plans.map { rows($0) } == [[0, 0, 0, 0], [1, 1, 1, 1]])
    let labels = plans.map { plan in (0..<4).map { plan.columns[$0 * 65 + 64] } }
    #expect(labels == [[1, 1, 0, 1], [0, 1, 0, 1]])
    let third = try pieces().encode("Is it 4?", "no 8").flatMap {
      [UInt8($0 & 255), UInt8($0 >> 8)]
    }
    #expect(Array(plans[0].columns[130..<194]) == third)
    #expect(plans[1].task.names == ["wrong answer", "right answer"])
    #expect(try decodeAll(reader)[1] == picture("colour.jpg"))
    #expect(reader.notes[0].contains("2 questions without their answer"))
    #expect(reader.tree.count == 2)
  }
}
