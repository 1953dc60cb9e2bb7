// The image sets on small trees in the publishers' layouts: which image is which record, and the split vectors.

import Basics
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct ImageReaderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var source: RawSource { get throws { try RawSource(folder.path) } }

  private func image(_ number: Int, _ name: String) throws {
    try put(ImageFixture.ppm(number: number), folder.file(name))
  }

  /// The record of the image of that number.
  private func record(_ number: Int) throws -> [UInt8] {
    try ImageFixture.ppm(number: number).withUnsafeBytes { bytes in
      var record = [UInt8](repeating: 0, count: RGBImages.recordBytes)
      let image = try ImageDecoder.rgb(bytes, at: "x")
      record.withUnsafeMutableBytes { RGBImages.store(image, into: $0.baseAddress!) }
      return record
    }
  }

  /// datasets.md 9.7: one generator over all classes.
  @Test func trafficSignSplit() {
    let counts = [210, 2220, 2250, 1410]
    var first: Int32 = 0
    let groups = counts.map { count in
      defer { first += Int32(count) }
      return Array(first..<(first + Int32(count)))
    }
    let parts = RGBImages.fourFifthsSplit(groups)
    #expect(Array(parts.train.prefix(8)) == [30, 172, 84, 199, 60, 155, 45, 182])
    #expect(Array(parts.test.prefix(4)) == [185, 134, 175, 193])
    #expect(
      parts.train[168..<176].map { $0 - 210 } == [1320, 1412, 530, 554, 229, 472, 282, 1783])
    #expect(parts.test[42..<46].map { $0 - 210 } == [1683, 2045, 2039, 2012])
    #expect(
      parts.train[(168 + 1776)...].prefix(8).map { $0 - 2430 } == [
        1192, 275, 2016, 296, 886, 1390, 376, 937,
      ])
    #expect(parts.test[(42 + 444)...].prefix(3).map { $0 - 2430 } == [636, 434, 1167])
  }

  /// datasets.md 2.5 and 2.7, from names and counts alone.
  @Test func euroSATSplits() {
    let counts = [3000, 3000, 3000, 2500, 2500, 2000, 2500, 3000, 2500, 3000]
    var keys: [String] = []
    for (name, count) in zip(EuroSAT.classes, counts) {
      keys += (1...count).map { "\(name)_\(name)_\($0).tif" }
    }
    let order = DeliveredOrder.rows(keys: keys, split: "train", shards: 64)
    func names(_ rows: some Sequence<Int32>) -> [String] {
      rows.map { keys[Int($0)].split(separator: "_").suffix(2).joined(separator: "_") }
        .map { String($0.dropLast(4)) }
    }
    #expect(
      names(order.prefix(4)) == ["River_15", "Industrial_631", "Pasture_1854", "Pasture_497"])
    #expect(names(order.suffix(1)) == ["Highway_795"])
    let table = pandasSample(27_000).map { order[Int($0)] }
    #expect(
      names(table.prefix(5)) == [
        "Highway_1287", "Industrial_696", "Forest_1833", "AnnualCrop_2556", "SeaLake_2992",
      ])
    #expect(names([table[21_869]]) == ["Industrial_1927"])
    let transfer = Array(table[24_300...])
    #expect(names(transfer.prefix(2)) == ["PermanentCrop_1278", "AnnualCrop_2946"])
    #expect(names([transfer[2430]]) == ["AnnualCrop_2015"], "dropped")
    #expect(names(transfer[2431..<2433]) == ["AnnualCrop_930", "Pasture_1320"])
    #expect(names(transfer.suffix(1)) == ["Forest_150"])
  }

  /// datasets.md section 6: a pixel of 1000 in every band.
  @Test func euroSATNormalisation() throws {
    let expected = [
      -1.451771, -0.364110, -0.109792, 0.089625, -0.352675, -1.167030, -1.266582, -1.178265,
      0.667518, 209.270744, -0.820433, -0.157418, -1.301231,
    ]
    for (band, value) in expected.enumerated() {
      let found = (1000 - EuroSAT.means[band]) / EuroSAT.deviations[band]
      #expect(abs(found - value) < 1e-6 * max(1, abs(value)), "band \(band)")
    }
  }

  @Test func euroSATWantsItsSize() throws {
    for name in EuroSAT.classes {
      try put(Fixtures.bytes("contig.tif"), folder.file("deep/EuroSAT_MS/\(name)/\(name)_1.tif"))
    }
    let reader = try #require(EuroSATReader(source))
    #expect(reader.tree.count == 10)
    let failure = try #require(throws: Failure.self) { _ = try decodeAll(reader) }
    #expect(failure.problem == "expected 64 x 64 pixels of 13 bands, found 8 x 6 of 13")
    // A part of the set may lack classes, but not most of them.
    try Files.remove(folder.file("deep/EuroSAT_MS/River"))
    let part = try #require(EuroSATReader(source))
    #expect(part.notes.last == "no files of River")
    for name in EuroSAT.classes.prefix(5) {
      try Files.remove(folder.file("deep/EuroSAT_MS/" + name))
    }
    let failure2 = try #require(throws: Failure.self) { _ = try EuroSAT.open(source) }
    #expect(failure2.kind == .missingInput)
  }

  /// TensorFlow Datasets' records: 22 in two files.
  @Test func euroSATRecords() throws {
    let files = (0..<2).map { file in
      (0..<11).map { k in
        RecordFixture.example([
          ("sentinel2", .floats((0..<53_248).map { Float(($0 * 3 + file * 11 + k) % 5000) })),
          ("label", .integers([(file * 11 + k) % 10])), ("filename", .bytes(Array("x".utf8))),
        ])
      }
    }
    for (k, records) in files.enumerated() {
      try put(RecordFixture.file(records), folder.file("eurosat-train.tfrecord-0000\(k)-of-00002"))
    }
    let reader = try #require(EuroSAT.open(source) as? EuroSATRecords)
    let (contents, records) = try decodeAll(reader, part: 1)
    #expect(contents.rowCount == 11)
    for (k, record) in records.enumerated() {
      #expect(record.last == UInt8((11 + k) % 10))
      // Row 5, column 7, band 4.
      let place = 2 * (4 * 4096 + 5 * 64 + 7)
      let value = UInt16(record[place]) | UInt16(record[place + 1]) << 8
      #expect(value == UInt16((((5 * 64 + 7) * 13 + 4) * 3 + 11 + k) % 5000))
    }
    let many = [PartContents(rowCount: 80), PartContents(rowCount: 80)]
    let plans = try reader.splits(of: many)
    #expect(plans.map { rows($0).count } == [130, 15, 1])
    // Two files read in turns of sixteen.
    let delivered = DeliveredOrder.interleaved((0..<160).map { $0 }, lengths: [80, 80])
    #expect(delivered[16] == 80)
    #expect(rows(plans[0]).first == delivered[Int(pandasSample(160)[0])])
  }

  @Test func otherReleasesOfTrafficSignsAreRefused() throws {
    for sign in 0..<43 { try put(Fixtures.bytes("colour.png"), folder.file("Train/\(sign)/a.png")) }
    let failure = try #require(throws: Failure.self) {
      _ = try TrafficSignReader(source, ReaderOptions())
    }
    #expect(failure.kind == .missingInput)
    #expect(failure.remedy?.contains("--format png") == true)
    var options = ReaderOptions()
    options.format = "png"
    #expect(try TrafficSignReader(source, options).tree.count == 43)
  }

  @Test func birds() throws {
    let paths = [
      "001.Black_footed_Albatross/a b.jpg", "200.Common_Yellowthroat/c.jpg",
      "001.Black_footed_Albatross/d.jpg",
    ]
    for (k, name) in paths.enumerated() { try image(k, "CUB_200_2011/images/" + name) }
    let root = "CUB_200_2011/"
    try put(
      paths.enumerated().map { "\($0 + 1) \($1)" }.joined(separator: "\n"),
      folder.file(root + "images.txt"))
    try put("1 1\n2 200\n3 1\n", folder.file(root + "image_class_labels.txt"))
    try put("1 0\n2 1\n3 1\n", folder.file(root + "train_test_split.txt"))
    let reader = try CUBReader(source)
    let plans = try reader.splits(of: [])
    #expect(plans.map { rows($0) } == [[1, 2], [0]])
    #expect(plans.map(\.columns) == [[199, 0], [0]])
    let names = plans[1].task.names
    #expect(names.count == 200 && names[1].isEmpty)
    #expect((names[0], names[199]) == ("001.Black_footed_Albatross", "200.Common_Yellowthroat"))
    #expect(try decodeAll(reader) == (0..<3).map { try record($0) })
    try put("1 1\n2 201\n3 1\n", folder.file(root + "image_class_labels.txt"))
    let failure = try #require(throws: Failure.self) { _ = try CUBReader(source) }
    #expect(failure.problem.contains("image 2: expected a class of 1 to 200, found 201"))
  }

  @Test func textures() throws {
    let lists = [
      "train1": ["zigzagged/z_1.jpg", "banded/b_2.jpg"], "val1": ["banded/b_1.jpg"],
      "test1": ["zigzagged/z_2.jpg"], "train2": ["banded/b_9.jpg"],
    ]
    for (name, images) in lists {
      try put(images.joined(separator: "\n"), folder.file("dtd/labels/\(name).txt"))
      if name == "train2" { continue }
      for (k, path) in images.enumerated() { try image(k, "dtd/images/" + path) }
    }
    let reader = try DTDReader(source)
    let plans = try reader.splits(of: [])
    #expect(plans.map { rows($0) } == [[0, 1, 2], [3]])
    #expect(plans.map(\.columns) == [[1, 0, 0], [1]])
    #expect(plans[0].task.names == ["banded", "zigzagged"])
    #expect(try decodeAll(reader) == [0, 1, 0, 0].map { try record($0) })
  }

  /// By class, then name; cropped with the numbers as they are.
  @Test func aircraft() throws {
    let root = "fgvc-aircraft-2013b/data/"
    for (k, name) in ["0000002", "0000001", "0000003", "0000004"].enumerated() {
      try image(k, root + "images/\(name).jpg")
    }
    try put("0000002 707-320\n0000001 707-320\n", folder.file(root + "images_variant_trainval.txt"))
    try put("0000003 707-320\n0000004 707-320\n", folder.file(root + "images_variant_test.txt"))
    try put(
      "0000001 1 1 9 8\n0000002 3 2 13 14\n0000003 1 1 500 500\n0000004 1 1 5 5\n",
      folder.file(root + "images_box.txt"))
    let reader = try AircraftReader(source)
    #expect(reader.tree.entry(0).name.hasSuffix("0000001.jpg"))
    let records = try decodeAll(reader)
    let whole = try ImageFixture.ppm(number: 1).withUnsafeBytes {
      try ImageDecoder.rgb($0, at: "x")
    }
    let crop = whole.cropped(x: 1, y: 1, width: 8, height: 7)
    #expect(Array(crop[0, 0]) == Array(whole[1, 1]))
    #expect(Array(crop[6, 7]) == Array(whole[7, 8]))
    var expected = [UInt8](repeating: 0, count: RGBImages.recordBytes)
    expected.withUnsafeMutableBytes { RGBImages.store(crop, into: $0.baseAddress!) }
    #expect(records[0] == expected)
    // Outside the image it is black.
    #expect(records[2][31 * 32 + 31] == 0)
    #expect(rows(try reader.splits(of: [])[1]) == [2, 3])
    try put("0000003 A330\n", folder.file(root + "images_variant_test.txt"))
    #expect(throws: Failure.self) { _ = try AircraftReader(source) }
  }

  @Test func aircraftVariants() throws {
    let root = "fgvc-aircraft-2013b/data/"
    let variants = ["737-200", "707-320", "A330-200"]
    for k in 0..<6 { try image(k, root + "images/000000\(k).jpg") }
    for (file, first) in [("images_variant_trainval.txt", 0), ("images_variant_test.txt", 3)] {
      let lines = (0..<3).map { "000000\(first + $0) \(variants[$0])" }
      try put(lines.joined(separator: "\n"), folder.file(root + file))
    }
    try put(
      (0..<6).map { "000000\($0) 1 1 9 8" }.joined(separator: "\n"),
      folder.file(root + "images_box.txt"))
    let plans = try AircraftReader(source).splits(of: [])
    #expect(plans.map(\.columns) == [[0, 1, 2], [0, 1, 2]])
    #expect(plans[0].task.names == ["707-320", "737-200", "A330-200"])
  }

  /// The publisher's tree: the folder's number is the class, on both sides of the cut.
  @Test func trafficSigns() throws {
    for file in ImageFixture.trafficSigns(eachClass: 5) {
      try put(file.bytes, folder.file(file.name))
    }
    let reader = try TrafficSignReader(source, ReaderOptions())
    let plans = try reader.splits(of: [])
    #expect(plans.map { rows($0).count } == [43 * 4, 43])
    for plan in plans { #expect(plan.columns == rows(plan).map { UInt8($0 / 5) }) }
    #expect(try decodeAll(reader)[7 * 5 + 2] == record(37))
  }

  /// The ready-made batches by their number, which is not the order of their names.
  @Test func batchesOfImageNet32() throws {
    for number in [10, 2, 1] {
      try put(Fixtures.bytes("batch.npz"), folder.file("train_data_batch_\(number).npz"))
    }
    let reader = try #require(ImageNet32.open(source) as? ImageNet32Reader)
    #expect(
      reader.parts.map { Files.name(of: $0.name) }
        == [1, 2, 10].map { "train_data_batch_\($0).npz" })
  }

  @Test func flowers() throws {
    try put(Fixtures.bytes("packed.mat"), folder.file("imagelabels.mat"))
    for k in 1...6 { try image(k, "jpg/image_0000\(k).jpg") }
    let reader = try FlowersReader(source)
    // Labels 77 3 77 102 3 1: groups in the order of first appearance.
    #expect(FlowersReader.groups([76, 2, 76, 101, 2, 0]) == [[0, 2], [1, 4], [3], [5]])
    let plans = try reader.splits(of: [])
    #expect(plans.map { rows($0).count } == [2, 4])
    #expect(try decodeAll(reader)[2] == record(3))
    let labels: [UInt8] = [76, 2, 76, 101, 2, 0]
    for plan in plans { #expect(plan.columns == rows(plan).map { labels[Int($0)] }) }
    try Files.remove(folder.file("jpg/image_00006.jpg"))
    #expect(throws: Failure.self) { _ = try FlowersReader(source) }
  }

  /// A tree, and the publisher's tar of tars: folders ascending, files ascending.
  @Test func imageNet() throws {
    let images = [
      "n02000000/n02000000_5.JPEG", "n01000000/n01000000_12.JPEG", "n01000000/n01000000_2.JPEG",
    ]
    for (k, name) in images.enumerated() { try image(k, "train/" + name) }
    try image(9, "val/ILSVRC2012_val_00000001.JPEG")
    let tree = try #require(try ImageNetReader(source))
    let expected = try [1, 2, 0].map { try record($0) }
    #expect(try decodeAll(tree) == expected)
    #expect(try tree.splits(of: [])[0].columns == [0, 0, 1])
    let archive = try TemporaryFolder()
    let inner = try ["n02000000", "n01000000"].map { synset -> (name: String, bytes: [UInt8]) in
      let files = images.enumerated().filter { $1.hasPrefix(synset) }.map {
        (name: Files.name(of: $1), bytes: ImageFixture.ppm(number: $0))
      }
      ArchiveFixture.write(.tar, files, to: archive.file("x.tar"))
      return (synset + ".tar", try Files.read(archive.file("x.tar")))
    }
    try Files.remove(archive.file("x.tar"))
    ArchiveFixture.write(.tar, inner, to: archive.file("ILSVRC2012_img_train.tar"))
    let packed = try #require(try ImageNetReader(RawSource(archive.path)))
    #expect(try decodeAll(packed) == expected)
    #expect(packed.tree.listing.containers.filter { $0.range != nil }.count == 2)
  }
}
