// --dataset images and pairs: shapes, channels, sizes, captions.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct OwnImagesTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }
  private var source: RawSource { get throws { try RawSource(folder.path) } }

  private func grey(_ width: Int, _ height: Int, _ value: UInt8) -> [UInt8] {
    Array("P5\n\(width) \(height)\n255\n".utf8) + [UInt8](repeating: value, count: width * height)
  }

  private func colour(_ width: Int, _ height: Int, _ pixel: [UInt8]) -> [UInt8] {
    Array("P6\n\(width) \(height)\n255\n".utf8) + (0..<(width * height)).flatMap { _ in pixel }
  }

  @Test func foldersAreClasses() throws {
    for (k, name) in ["train/oak/1", "train/elm/2", "train/oak/3", "test/elm/4"].enumerated() {
      try put(colour(6, 4, [UInt8(k), 100, 200]), folder.file("set/\(name).ppm"))
    }
    try put("no image", folder.file("set/train/oak/notes.md"))
    let reader = try ImagesReader(source, ReaderOptions())
    let plans = try reader.splits(of: [PartContents(rowCount: 4)])
    #expect(plans.map(\.split) == ["train", "test"])
    #expect(plans[0].task.names == ["elm", "oak"])
    #expect((rows(plans[0]), rows(plans[1])) == ([1, 2, 3], [0]))
    #expect((plans[0].columns, plans[1].columns) == ([0, 1, 1], [0]))
    #expect(plans[0].inputs[0].shape == [3, 4, 6])
    #expect(plans[0].inputs[0].patch == [1, 1])
    #expect(plans[0].isNormalised)
    let records = try decodeAll(reader)
    // Rows by name: test/elm/4, train/elm/2, train/oak/1, train/oak/3.
    #expect(records.map { $0[0] } == [3, 1, 0, 2])
    #expect(records[0][24] == 100 && records[0][71] == 200)
  }

  /// 13 bands of 16 bits, as tifffile reads them; and resized: a constant band stays constant.
  @Test(arguments: ["contig.tif", "separate.tif", "big-endian.tif"])
  func bands(name: String) throws {
    try put(Fixtures.bytes(name), folder.file("a/\(name)"))
    let image = try Fixtures.bytes(name).withUnsafeBytes { try ImageDecoder.tiff($0, at: name) }
    var options = ReaderOptions()
    options.choices.fraction = 0
    let record = try decodeAll(ImagesReader(source, options))[0]
    #expect(record.count == 2 * image.bands * image.width * image.height)
    for band in 0..<image.bands {
      for i in [0, 1, image.width * image.height - 1] {
        let place = 2 * (band * image.width * image.height + i)
        #expect(
          UInt16(record[place]) | UInt16(record[place + 1]) << 8
            == image.samples[i * image.bands + band])
      }
    }
  }

  /// Weights of each output position over the input's: a triangle as wide as the scale, cut at the borders.
  private func triangle(from size: Int, to wanted: Int) -> [[Double]] {
    let scale = Double(size) / Double(wanted)
    return (0..<wanted).map { k in
      let centre = (Double(k) + 0.5) * scale
      let weights = (0..<size).map { max(0, 1 - abs(Double($0) + 0.5 - centre) / max(scale, 1)) }
      let total = weights.reduce(0, +)
      return weights.map { $0 / total }
    }
  }

  @Test func wideResizeIsTheNarrowOneInFinerSteps() {
    let (width, height) = (13, 9)
    let narrow = (0..<(width * height * 2)).map { UInt8(($0 * 37) & 255) }
    let small = Raster(width: width, height: height, channels: 2, pixels: narrow)
      .resized(width: 5, height: 7)
    let wide = WideRaster(
      width: width, height: height, channels: 2, samples: narrow.map { UInt16($0) * 256 }
    ).resized(width: 5, height: 7)
    #expect((wide.width, wide.height, wide.channels) == (5, 7, 2))
    for (one, other) in zip(small.pixels, wide.samples) {
      #expect(abs(Int(one) * 256 - Int(other)) <= 256)
    }
    // Against the triangle filter in double, both passes without rounding between them.
    let across = triangle(from: width, to: 5)
    let down = triangle(from: height, to: 7)
    for y in 0..<7 {
      for x in 0..<5 {
        for c in 0..<2 {
          var sum = 0.0
          for (j, v) in down[y].enumerated() {
            for (i, h) in across[x].enumerated() {
              sum += v * h * Double(narrow[(j * width + i) * 2 + c]) * 256
            }
          }
          #expect(abs(sum - Double(wide.samples[(y * 5 + x) * 2 + c])) <= 1.01)
        }
      }
    }
    let same = WideRaster(
      width: 3, height: 3, channels: 1, samples: .init(repeating: 777, count: 9))
    #expect(same.resized(width: 8, height: 2).samples == .init(repeating: 777, count: 16))
  }

  @Test func channelsAndSizes() throws {
    try put(grey(4, 4, 9), folder.file("1.pgm"))
    try put(colour(8, 2, [100, 150, 50]), folder.file("2.ppm"))
    var options = ReaderOptions()
    options.choices.fraction = 0
    func store(_ k: Int) throws -> [UInt8] {
      let reader = try ImagesReader(source, options)
      var record = [UInt8](repeating: 0xEE, count: reader.recordBytes)
      let walk = FileWalk(reader.tree.listing, mostBytes: 1 << 20)
      try record.withUnsafeMutableBytes {
        try reader.decode(
          walk.bytes(of: Int(reader.tree.entries[k])), row: k, into: $0.baseAddress!)
      }
      return record
    }
    #expect(try store(0) == [UInt8](repeating: 9, count: 16))
    let size = try failure { _ = try store(1) }
    #expect(size.problem == "expected 4 x 4 pixels as the first image has, found 2 x 8")
    #expect(size.remedy == "Bring all to one size with --size.")
    options.size = "2x3"
    // 0.299 R + 0.587 G + 0.114 B, as Pillow's convert("L").
    #expect(try store(1) == [UInt8](repeating: 124, count: 6))
    options.channels = 3
    #expect(try store(0) == [UInt8](repeating: 9, count: 18))
    #expect(try store(1) == [100, 150, 50].flatMap { [UInt8](repeating: $0, count: 6) })
    options.channels = 5
    #expect(try store(0).count == 30)
    #expect(try failure { _ = try store(1) }.problem == "expected 5 channels, found 3")
    for wrong in ["0", "x3", "3x", "a", "2x2x2"] {
      options.size = wrong
      #expect(try failure { _ = try ImagesReader(source, options) }.kind == .usage)
    }
    #expect([1, 8, 32, 64, 224, 37].map(ImageShape.patch) == [1, 1, 4, 8, 16, 1])
  }

  @Test func patchesGoByTheSide() throws {
    try put(colour(64, 32, [1, 2, 3]), folder.file("a/1.ppm"))
    var options = ReaderOptions()
    options.choices.fraction = 0
    let plan = try #require(
      try ImagesReader(source, options).splits(of: [PartContents(rowCount: 1)]).first)
    #expect(plan.inputs[0].shape == [3, 32, 64] && plan.inputs[0].patch == [4, 8])
  }

  /// A PNG of greys has one channel, whatever its alpha.
  @Test func greyPNG() throws {
    let bytes = try Fixtures.bytes("grey.png")
    let (one, three) = try bytes.withUnsafeBytes {
      (try ImageDecoder.raster($0, at: "x"), try ImageDecoder.rgb($0, at: "x"))
    }
    #expect((one.channels, three.channels) == (1, 3))
    #expect(one.pixels == stride(from: 0, to: three.pixels.count, by: 3).map { three.pixels[$0] })
    let other = try Fixtures.bytes("alpha.png").withUnsafeBytes {
      try ImageDecoder.raster($0, at: "x")
    }
    #expect(other.channels == 3)
  }

  private let vocabulary =
    Files.parent(
      of: Files.parent(of: Files.parent(of: Fixtures.folder))) + "/data/bert_base_uncased/vocab.txt"

  @Test func pairsFromATable() throws {
    try put(colour(4, 4, [1, 2, 3]), folder.file("pictures/a.ppm"))
    try put(grey(9, 5, 7), folder.file("pictures/b.pgm"))
    try put(
      "image,words,kind\npictures/a.ppm,\"dog, cat\",x\nb.pgm,cat,y\na.ppm,dog,x\n",
      folder.file("list.csv"))
    var options = ReaderOptions()
    options.size = "4"
    options.vocabulary = vocabulary
    let unnamed = try failure { _ = try PairsReader(source, options) }
    #expect(unnamed.remedy == "Name the column of the captions with --caption.")
    options.caption = "words"
    options.choices.label = "kind"
    options.choices.fraction = 0
    let reader = try PairsReader(source, options)
    let plan = try #require(try reader.splits(of: [PartContents(rowCount: 3)]).first)
    #expect(plan.inputs.map(\.kind) == ["image", "tokens"])
    #expect(plan.inputs[1].vocabulary == 30_522)
    #expect(rows(plan) == [0, 1, 2])
    let width = 2 * 32 + 1
    #expect(plan.columns.count == 3 * width)
    let ids = (0..<3).map { row in
      (0..<4).map {
        Int(plan.columns[row * width + 2 * $0]) | Int(plan.columns[row * width + 2 * $0 + 1]) << 8
      }
    }
    #expect(ids == [[101, 3899, 1010, 4937], [101, 4937, 102, 0], [101, 3899, 102, 0]])
    #expect([64, 129, 194].map { plan.columns[$0] } == [0, 1, 0])
    let records = try decodeAll(reader)
    #expect(records[1] == [UInt8](repeating: 7, count: 48))
    #expect(records[0] == records[2])
    try put("image,words,kind\nc.ppm,dog,x\n", folder.file("list.csv"))
    let absent = try failure { _ = try PairsReader(source, options) }
    #expect(absent.kind == .missingInput && absent.problem.contains("the file 'c.ppm'"))
  }

  @Test func pairsFromTextsBeside() throws {
    for (name, text) in [("a", "cat dog"), ("b", "dog")] {
      try put(grey(4, 4, 7), folder.file("p/\(name).pgm"))
      try put(text, folder.file("p/\(name).txt"))
    }
    var options = ReaderOptions()
    options.size = "4"
    options.vocabulary = vocabulary
    options.choices.fraction = 0
    let plan = try #require(
      try PairsReader(source, options).splits(of: [PartContents(rowCount: 2)]).first)
    #expect(Array(plan.columns[2..<6]) == [73, 19, 59, 15])
    try Files.remove(folder.file("p/b.txt"))
    let absent = try failure { _ = try PairsReader(source, options) }
    #expect(absent.place.hasSuffix("p/b.pgm") && absent.kind == .missingInput)
  }
}
