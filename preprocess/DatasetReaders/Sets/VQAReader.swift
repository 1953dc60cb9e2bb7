// vqa: datasets.md section 10.5. VQA v1's multiple-choice questions on COCO 2014 images; half of the answers are
// replaced by a wrong choice. One random stream, seeded with 0, goes through train and then val.

import Basics
import ShardFormat

struct VQAReader: FileTreeReader {
  let dataset = "vqa"
  let tree: FileTree
  let tables: [RawEntry]
  let recordBytes = CaptionedImages.recordBytes
  let notes: [String]
  private let parts: [Part]

  private struct Part: Sendable {
    /// Row of the image of each record.
    var images: [Int32] = []
    var ids: [[UInt16]] = []
    var labels: [UInt8] = []
    var skipped = 0
  }

  init(_ source: RawSource, _ options: ReaderOptions) throws {
    let vocabulary = try source.vocabulary(options.vocabulary, of: "vqa")
    let pieces = try WordPiece(vocabulary)
    var random = PythonRandom(seed: 0)
    var entries: [Int32] = []
    var rows: [Int32: Int32] = [:]
    var tables: [RawEntry] = []
    var parts: [Part] = []
    for name in ["train2014", "val2014"] {
      let annotations = try source.require("mscoco_\(name)_annotations.json", of: "vqa")
      let questions = try source.require(
        "MultipleChoice_mscoco_\(name)_questions.json", of: "vqa")
      tables += [annotations, questions]
      let asked = try Questions(questions)
      let images = COCOImages(source, folder: name)
      var part = Part()
      try JSONReader.forEachObject(of: "annotations", in: annotations) { json in
        let (question, image, answer) = try Self.annotation(json)
        guard let (text, choices) = asked[question] else {
          throw json.complaint(
            "a question of \(questions.place)", found: "question_id \(question)")
        }
        guard let drawn = VQAReader.draw(answer, choices, &random) else {
          part.skipped += 1
          return
        }
        let entry = try images.entry(image, listedIn: annotations)
        if rows[entry] == nil {
          rows[entry] = Int32(entries.count)
          entries.append(entry)
        }
        part.images.append(rows[entry]!)
        part.ids.append(pieces.encode(text, drawn.answer))
        part.labels.append(drawn.label)
      }
      parts.append(part)
    }
    self.parts = parts
    self.tables = tables + [vocabulary]
    tree = FileTree(listing: source.entries, entries: entries, name: "train2014+val2014")
    let skipped = parts.reduce(0) { $0 + $1.skipped }
    notes = [
      "one random stream, seed 0, train before test; \(skipped) questions without their answer among"
        + " the choices left out"
    ]
  }

  private static func annotation(_ json: JSONReader) throws -> (Int, Int, String) {
    var (question, image, answer): (Int?, Int?, String?)
    try json.forEachMember { key in
      switch String(decoding: key, as: UTF8.self) {
      case "question_id": question = try json.integer()
      case "image_id": image = try json.integer()
      case "multiple_choice_answer": answer = try json.text()
      default: try json.skip()
      }
    }
    guard let question, let image, let answer else {
      throw json.complaint("a question_id, an image_id and a multiple_choice_answer")
    }
    return (question, image, answer)
  }

  /// The answer that a record gets, and whether it is the right one; nil without a draw when it is no choice.
  static func draw(_ answer: String, _ choices: [String], _ random: inout PythonRandom) -> (
    answer: String, label: UInt8
  )? {
    // Python compares code points, not canonical equivalence.
    let wrong = choices.filter { !$0.unicodeScalars.elementsEqual(answer.unicodeScalars) }
    guard wrong.count < choices.count else { return nil }
    guard random.uniform() < 0.5, !wrong.isEmpty else { return (answer, 1) }
    return (wrong[random.below(wrong.count)], 0)
  }

  func decode(_ bytes: UnsafeRawBufferPointer, row: Int, into record: UnsafeMutableRawPointer)
    throws
  { CaptionedImages.store(try ImageDecoder.rgb(bytes, at: tree.place(row)), into: record) }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    try zip(["train", "test"], parts).map { split, part in
      try requireRecords(part.images, split, tables[0])
      return CaptionedImages.plan(
        split, images: part.images, ids: part.ids, labels: part.labels,
        names: ["wrong answer", "right answer"])
    }
  }

  /// The texts of all questions by their ids, in one buffer: about 300 bytes a question.
  private struct Questions {
    private var bytes: [UInt8] = []
    private var places: [Int: Range<Int>] = [:]

    init(_ table: RawEntry) throws {
      var bytes: [UInt8] = []
      var places: [Int: Range<Int>] = [:]
      try JSONReader.forEachObject(of: "questions", in: table) { json in
        var (id, question): (Int?, String?)
        var choices: [String] = []
        try json.forEachMember { key in
          switch String(decoding: key, as: UTF8.self) {
          case "question_id": id = try json.integer()
          case "question": question = try json.text()
          case "multiple_choices":
            try json.forEachElement {
              choices.append(try json.text())
              guard choices.count <= 1000 else { throw json.complaint("18 choices", found: "1000") }
            }
          default: try json.skip()
          }
        }
        guard let id, let question, !choices.isEmpty else {
          throw json.complaint(
            "a question_id, a question and multiple_choices: VQA v1, not v2")
        }
        let start = bytes.count
        for text in [question] + choices {
          bytes += Array(text.utf8)
          bytes.append(0)
        }
        places[id] = start..<bytes.count
      }
      self.bytes = bytes
      self.places = places
    }

    subscript(id: Int) -> (text: String, choices: [String])? {
      guard let place = places[id] else { return nil }
      let texts = bytes[place].split(separator: 0, omittingEmptySubsequences: false).dropLast()
        .map { String(decoding: $0, as: UTF8.self) }
      return (texts[0], Array(texts.dropFirst()))
    }
  }
}
