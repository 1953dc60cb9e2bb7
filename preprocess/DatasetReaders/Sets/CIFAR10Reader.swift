// cifar10: datasets.md section 9.3, the binary version; or the python version, pickled. Records of a label byte and 3 x 32 x 32 bytes, channel first;
// how many there are comes from the files' sizes. Scaled by 1/255 on reading.

import Basics
import Glibc
import ShardFormat

struct CIFAR10Reader: DatasetReader {
  static let classes = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]
  static let files = (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
  private static let pixels = 3 * 32 * 32

  let dataset = "cifar10"
  let parts: [RawEntry]
  let recordBytes = CIFAR10Reader.pixels + 1
  var partsAreDivisible: Bool { !isPickled }
  let decodedShare = 1.0
  let canSkipRecords = true
  private let isPickled: Bool

  init(_ source: RawSource) throws {
    let pickled = Self.files.map { String($0.dropLast(4)) }
    isPickled = source.find([Self.files[0]]).isEmpty && !source.find([pickled[0]]).isEmpty
    parts = try (isPickled ? pickled : Self.files).map { try source.require($0, of: "cifar10") }
    for part in parts where !isPickled {
      if let size = part.size { try Self.requireWhole(size, part) }
    }
  }

  private static func requireWhole(_ size: Int, _ part: RawEntry) throws {
    guard size > 0, size % (pixels + 1) == 0 else {
      throw Failure(
        .badData, at: part.place,
        "expected a multiple of \(pixels + 1) bytes, one label and 3 x 32 x 32 pixels each, found"
          + " \(size) bytes",
        remedy: "The file is truncated or no CIFAR-10 batch; get it again.")
    }
  }

  func decode(part: Int, share: RowShare, into sink: RecordSink) throws -> PartContents {
    if isPickled {
      return try PlaneBatches.decode(parts[part], labels: 0...9, labelBytes: 1, into: sink)
    }
    let stream = try parts[part].open()
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: (Self.pixels + 1) * 256, alignment: 64)
    defer { bytes.deallocate() }
    var row = 0
    var pending = 0
    var total = 0
    while true {
      let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[pending...]))
      if count == 0 { break }
      total += count
      pending += count
      sink.hasRead(count)
      var start = 0
      while pending - start > Self.pixels {
        if share.holds(row) {
          try sink.attempt(row) { record in
            try store(bytes.baseAddress! + start, row, parts[part], into: record)
          }
        }
        row += 1
        start += Self.pixels + 1
      }
      memmove(bytes.baseAddress!, bytes.baseAddress! + start, pending - start)
      pending -= start
    }
    try Self.requireWhole(total, parts[part])
    return PartContents(rowCount: row)
  }

  private func store(
    _ raw: UnsafeRawPointer, _ row: Int, _ part: RawEntry, into record: UnsafeMutableRawPointer
  ) throws {
    let label = raw.load(as: UInt8.self)
    guard label < 10 else {
      throw Failure(
        .badData, at: "\(part.place), record \(row)",
        "expected a label of 0 to 9, found \(label)")
    }
    memcpy(record, raw + 1, Self.pixels)
    record.storeBytes(of: label, toByteOffset: Self.pixels, as: UInt8.self)
  }

  func splits(of contents: [PartContents]) throws -> [SplitPlan] {
    let train = contents.dropLast().reduce(0) { $0 + $1.rowCount }
    let all = train + contents.last!.rowCount
    return [
      plan("train", (0..<Int32(train)).map { $0 }),
      plan("test", (Int32(train)..<Int32(all)).map { $0 }),
    ]
  }

  private func plan(_ split: String, _ rows: [Int32]) -> SplitPlan {
    SplitPlan(
      split: split, inputs: [InputDescription(kind: "image", shape: [3, 32, 32], patch: [4, 4])],
      fields: [Field("input.0", .uint8, [3, 32, 32]), Field("label", .uint8, [])],
      task: TaskDescription(
        kind: "classes", classes: 10, names: Self.classes, metric: "accuracy"),
      transforms: [Transform(scale: [1 / 255])], content: .records(rows))
  }
}
