// Each door on files that the formats' own libraries wrote, compared with what those read back.

import Basics
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct FormatTests {
  @Test(arguments: [
    "colour.jpg", "whole.jpg", "half.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "odd.jpg",
    "colour.png", "palette.png", "grey.png", "alpha.png", "colour.ppm",
  ])
  func imagesAsPillowDecodes(name: String) throws {
    let found = try Fixtures.bytes(name).withUnsafeBytes { try ImageDecoder.rgb($0, at: name) }
    let expected: [Any] = try Fixtures.expected(name)
    #expect(found.width == expected[0] as? Int)
    #expect(found.height == expected[1] as? Int)
    #expect(Fixtures.digest(found.pixels) == expected[2] as? String)
  }

  @Test(arguments: ["contig.tif", "separate.tif", "big-endian.tif", "deflate.tif"])
  func bands(name: String) throws {
    let found = try Fixtures.bytes(name).withUnsafeBytes { try ImageDecoder.tiff($0, at: name) }
    #expect((found.width, found.height, found.bands) == (8, 6, 13))
    let bytes = found.samples.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    #expect(Fixtures.digest(bytes) == (try Fixtures.expected("bands")))
  }

  /// By content, whatever the name.
  @Test func aPNGNamedJPEG() throws {
    let named = try Fixtures.bytes("colour.png").withUnsafeBytes {
      try ImageDecoder.rgb($0, at: "n01440764_1.JPEG")
    }
    #expect(named.width == 64)
    let failure = try #require(throws: Failure.self) {
      _ = try Array("GIF89a...".utf8).withUnsafeBytes { try ImageDecoder.rgb($0, at: "x.jpg") }
    }
    #expect(failure.kind == .badData)
    #expect(failure.description.contains("x.jpg: expected a JPEG, PNG or binary PPM"))
  }

  /// Cut anywhere but behind the last pixel: an error with file and offset.
  @Test(arguments: [
    "colour.jpg", "progressive.jpg", "colour.png", "colour.ppm", "contig.tif", "separate.tif",
    "deflate.tif",
  ])
  func truncationIsFound(name: String) throws {
    let whole = try Fixtures.bytes(name)
    for count in [whole.count * 3 / 4, whole.count / 2, 200, 40, 12, 3, 1] {
      let failure = try #require(throws: Failure.self, "\(count)") {
        try Array(whole[..<count]).withUnsafeBytes { bytes in
          if name.hasSuffix("tif") {
            _ = try ImageDecoder.tiff(bytes, at: name)
          } else {
            _ = try ImageDecoder.rgb(bytes, at: name)
          }
        }
      }
      #expect(failure.kind == .badData)
      #expect(failure.place.hasPrefix(name))
    }
  }

  /// Sizes that the file cannot have are refused before anything is allocated.
  @Test func sizesThatLie() throws {
    var jpeg = try Fixtures.bytes("colour.jpg")
    let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    for k in 0..<4 { jpeg[frame + 5 + k] = 0xF0 }
    let ppm = Array("P6 99999999 99999999 255\n".utf8)
    var png = try Fixtures.bytes("colour.png")
    (png[16], png[17], png[20]) = (0, 0xF, 0)
    for (bytes, name) in [(jpeg, "jpeg"), (ppm, "ppm"), (png, "png")] {
      let failure = try #require(throws: Failure.self, "\(name)") {
        _ = try bytes.withUnsafeBytes { try ImageDecoder.rgb($0, at: name) }
      }
      #expect(failure.kind == .badData)
    }
  }

  @Test(arguments: ["plain.mat", "packed.mat"])
  func matlab(name: String) throws {
    let labels = try MATFile.numbers("labels", of: Fixtures.entry(name))
    #expect(labels.map { Int($0) } == (try Fixtures.expected("labels", as: [Int].self)))
    let failure = try #require(throws: Failure.self) {
      _ = try MATFile.numbers("nothing", of: Fixtures.entry(name))
    }
    #expect(failure.problem == "expected a variable 'nothing', found none")
  }

  @Test(arguments: ["batch-0.pkl", "batch-2.pkl", "batch-4.pkl", "batch-fortran.pkl"])
  func pickledBatches(name: String) throws {
    let folder = try TemporaryFolder()
    for file in [
      "data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch",
    ] {
      try put(Fixtures.bytes(name), folder.file("cifar-10-batches-py/" + file))
    }
    let reader = try CIFAR10Reader(RawSource(folder.path))
    let (contents, records) = try decodeAll(reader, part: 2)
    #expect(contents.rowCount == 2)
    #expect(records.map(\.last) == [6, 9])
    #expect(Fixtures.digest(records.flatMap { $0.dropLast() }) == (try Fixtures.expected("rows")))
    #expect(!reader.partsAreDivisible)
  }

  @Test func arraysInAnArchive() throws {
    let folder = try TemporaryFolder()
    try put(Fixtures.bytes("batch.npz"), folder.file("train_data_batch_1.npz"))
    let reader = try #require(ImageNet32.open(RawSource(folder.path)) as? ImageNet32Reader)
    let (_, records) = try decodeAll(reader, part: 0)
    #expect(records.map { Array($0.suffix(2)) } == [[0, 0], [0xE7, 3]])
    #expect(
      Fixtures.digest(records.flatMap { $0.dropLast(2) }) == (try Fixtures.expected("rows")))
    #expect(reader.notes[0].contains("1 of 10 batches"))
  }

  /// Pickles are data: a call is kept as a name.
  @Test func picklesCallNothing() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("evil.pkl")
    try put("cposix\nsystem\n(S'touch \(folder.file("touched"))'\ntR.", file)
    let pickle = try Pickle(FileBytes(RawSource(file).entries[0]))
    let found = try #require(pickle.object(pickle.root))
    #expect(found.name == "posix system")
    #expect(pickle.items(found.arguments)?.count == 1)
    #expect(!Files.exists(folder.file("touched")))
  }

  @Test(arguments: [
    ("(", "expected 1 more bytes"), ("}0}.", ""),
    ("h\u{5}.", "expected item 5 of the pickle's memo"),
    ("X\u{7F}\u{7F}\u{7F}\u{7F}", "more bytes of the pickle"), ("Pid\n.", "expected an opcode"),
    ("t.", "expected a mark"), ("a.", "expected a value"), ("Nb.", "expected a value"),
    ("INaN\n.", "expected a whole number"), ("", "expected 1 more bytes"),
  ])
  func badPickles(text: String, problem: String) throws {
    let folder = try TemporaryFolder()
    try put(text, folder.file("x"))
    let file = try FileBytes(RawSource(folder.file("x")).entries[0])
    guard !problem.isEmpty else {
      _ = try Pickle(file)
      return
    }
    let failure = try #require(throws: Failure.self) { _ = try Pickle(file) }
    #expect(failure.problem.contains(problem), "\(failure)")
    #expect(failure.place.contains(", offset "))
  }

  /// The same wafers from MATLAB's file as from the pickle.
  @Test func wafersOfMATLAB() throws {
    let folder = try TemporaryFolder()
    try put(Fixtures.bytes("WM811K.mat"), folder.file("MIR-WM811K/MATLAB/WM811K.mat"))
    let (contents, records) = try decodeAll(WaferMapReader(RawSource(folder.path)), part: 0)
    let pickled = try decodeAll(WaferMapReader(RawSource(Fixtures.folder)), part: 0)
    #expect(contents == pickled.0)
    #expect(records == pickled.1)
    try put("no HDF5", folder.file("MIR-WM811K/MATLAB/WM811K.mat"))
    let failure = try #require(throws: Failure.self) {
      _ = try decodeAll(WaferMapReader(RawSource(folder.path)), part: 0)
    }
    #expect(failure.problem.contains("expected a MATLAB 7.3 (HDF5) file"))
  }

  /// As the publisher packs it: unpacked for the reader, and gone again.
  @Test(
    arguments: [(.zip, "zip"), (.tar, "tar"), (.tarGzip, "tar.gz")]
      as [(ArchiveFixture.Kind, String)])
  func wafersWithinAnArchive(_ kind: ArchiveFixture.Kind, _ suffix: String) throws {
    let folder = try TemporaryFolder()
    try Files.createFolder(folder.file("raw"))
    ArchiveFixture.write(
      kind, [("MIR-WM811K/MATLAB/WM811K.mat", try Fixtures.bytes("WM811K.mat"))],
      to: folder.file("raw/MIR-WM811K.\(suffix)"))
    let reader = try WaferMapReader(RawSource(folder.file("raw")))
    let sink = try RecordSink(path: folder.file("part"), recordBytes: reader.recordBytes)
    let contents = try reader.decode(part: 0, share: .all, into: sink)
    try sink.flush()
    let (plain, records) = try decodeAll(WaferMapReader(RawSource(Fixtures.folder)), part: 0)
    #expect(contents == plain)
    #expect(try Files.read(folder.file("part")) == records.flatMap { $0 })
    #expect(try Files.list(folder.path).sorted() == ["part", "raw"])
  }

  @Test func wafers() throws {
    let reader = try WaferMapReader(RawSource(Fixtures.folder))
    let (contents, records) = try decodeAll(reader, part: 0)
    let names: [String] = try Fixtures.expected("wafer names")
    #expect(contents.rowCount == 48)
    let marks = try #require(contents.marks)
    #expect(
      marks.map { $0 == 255 ? "" : WaferMapReader.classes[Int($0)] } == names)
    #expect(
      Fixtures.digest(records.flatMap { $0.prefix(1024) }) == (try Fixtures.expected("wafers")))
    for record in records {
      #expect(
        record[0..<1024] == record[1024..<2048]
          && record[0..<1024].elementsEqual(record[2048..<3072]))
    }
    // 12 without a name, 36 with one: each table permuted and cut by itself.
    let plans = try reader.splits(of: [contents])
    #expect(plans.map(\.split) == ["pretrain", "train", "test"])
    #expect(plans.map { rows($0).count } == [11, 33, 3])
    let named = marks.indices.filter { marks[$0] != 255 }.map { Int32($0) }
    let order = pandasSample(36).map { named[Int($0)] }
    #expect(rows(plans[1]) == Array(order.prefix(33)))
    #expect(rows(plans[2]) == Array(order.suffix(3)))
    #expect(plans[1].task.metric == "weighted_f1")
  }
}
