import Basics
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct RawSourceTests {
  private let text = Array((0..<5000).map { "line \($0)\n" }.joined().utf8)

  private func contents(_ entry: RawEntry) throws -> [UInt8] {
    let stream = try entry.open()
    var bytes: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 8)
    defer { chunk.deallocate() }
    while true {
      let count = try stream.read(into: chunk)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// Plain, compressed, in a zip, compressed in a zip, in a zip in a zip, in a compressed tar: the same file.
  @Test(arguments: ["plain", "gz", "zip", "zip of gz", "zip of zip", "tar.gz"])
  func everyPackingReadsAlike(packing: String) throws {
    let folder = try TemporaryFolder()
    let scratch = try TemporaryFolder()
    switch packing {
    case "plain": try put(text, folder.file("deep/down/data.csv"))
    case "gz": ArchiveFixture.write(.gzip, [("data", text)], to: folder.file("data.csv.gz"))
    case "zip":
      ArchiveFixture.write(
        .zip, [("other.txt", [1]), ("a/data.csv", text)], to: folder.file("x.zip"))
    case "zip of gz":
      ArchiveFixture.write(.gzip, [("data", text)], to: scratch.file("d"))
      ArchiveFixture.write(
        .zip, [("data.csv.gz", try Files.read(scratch.file("d")))], to: folder.file("x.zip"))
    case "zip of zip":
      ArchiveFixture.write(.zip, [("a/data.csv", text)], to: scratch.file("d"))
      ArchiveFixture.write(
        .zip, [("readme", [2]), ("inner.zip", try Files.read(scratch.file("d")))],
        to: folder.file("x.zip"))
    default:
      ArchiveFixture.write(
        .tarGzip, [("b", [1, 2]), ("a/data.csv", text)], to: folder.file("x.tar.gz"))
    }
    let entry = try RawSource(folder.path).require("data.csv", of: "test")
    #expect(try contents(entry) == text)
    let file = try #require(try Files.list(folder.path).first)
    if packing != "plain" {
      let direct = try RawSource(folder.file(file)).require("data.csv", of: "test")
      #expect(try contents(direct) == text, "the archive named itself")
    }
  }

  @Test func nothingThere() throws {
    let folder = try TemporaryFolder()
    #expect(throws: Failure.self) { try RawSource(folder.file("absent")) }
    do {
      _ = try RawSource(folder.file("absent"))
    } catch let failure as Failure { #expect(failure.kind == .missingInput) }
    do {
      _ = try RawSource(folder.path).require("data.csv", of: "higgs")
    } catch let failure as Failure {
      #expect(failure.kind == .missingInput)
      #expect(failure.problem.contains("data.csv"))
    }
  }

  @Test(arguments: ["../evil.csv", "a/../../evil.csv", "/etc/evil.csv"])
  func namesThatLeadOutAreRefused(name: String) throws {
    let folder = try TemporaryFolder()
    ArchiveFixture.write(.tarGzip, [(name, text)], to: folder.file("x.tar.gz"))
    let failure = try #require(throws: Failure.self) { try RawSource(folder.path) }
    #expect(failure.kind == .badData)
    #expect(failure.problem.contains("leads out of the archive"))
  }

  /// Cut anywhere: an error that names the file, never fewer bytes without a word.
  @Test(arguments: [ArchiveFixture.Kind.zip, .tarGzip, .gzip])
  func truncationIsFound(kind: ArchiveFixture.Kind) throws {
    let folder = try TemporaryFolder()
    let name = kind == .zip ? "x.zip" : kind == .gzip ? "data.csv.gz" : "x.tar.gz"
    // Bytes that do not compress, so that the cuts fall into the data.
    var stream = RandomStream(RandomKey(seed: 3, "noise"))
    let noise = (0..<20_000).map { _ in UInt8(truncatingIfNeeded: stream.next()) }
    ArchiveFixture.write(kind, [("data.csv", noise)], to: folder.file(name))
    let whole = try Files.read(folder.file(name))
    for count in [whole.count - 1, whole.count - 9, whole.count / 2, 100] {
      try put(Array(whole[..<count]), folder.file(name))
      let failure = try #require(throws: Failure.self, "cut to \(count)") {
        let entry = try RawSource(folder.path).require("data.csv", of: "test")
        let read = try contents(entry)
        #expect(read.count < 0, "\(read.count) bytes from an archive cut to \(count)")
      }
      #expect(failure.kind == .badData)
      #expect(failure.place.contains(name))
    }
  }

  /// Each byte of a gzip's trailer (checksum and length) flipped, however the file is packed.
  @Test(arguments: ["gz", "tgz", "zip of gz"], 0..<8)
  func aFlippedTrailerIsFound(packing: String, byte: Int) throws {
    let folder = try TemporaryFolder()
    let file = packing == "tgz" ? folder.file("x.tgz") : folder.file("data.csv.gz")
    ArchiveFixture.write(packing == "tgz" ? .tarGzip : .gzip, [("data.csv", text)], to: file)
    var bytes = try Files.read(file)
    bytes[bytes.count - 8 + byte] ^= 0x10
    try put(bytes, file)
    if packing == "zip of gz" {
      try Files.remove(file)
      ArchiveFixture.write(.zip, [("data.csv.gz", bytes)], to: folder.file("x.zip"))
    }
    let found = try #require(throws: Failure.self) {
      let entry = try RawSource(folder.path).require("data.csv", of: "test")
      #expect(try contents(entry).count < 0, "read without a word")
    }
    #expect(found.kind == .badData)
    let check = byte < 4 ? "incorrect data check" : "incorrect length check"
    #expect(
      found.problem == "expected a whole gzip file, found it truncated or damaged (\(check))")
  }

  /// Members follow each other; zeros may follow the last, other bytes may not.
  @Test func gzipMembers() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("data.csv.gz")
    var packed: [UInt8] = []
    for piece in [text, [], Array("end".utf8)] {
      ArchiveFixture.write(.gzip, [("data", piece)], to: file)
      packed += try Files.read(file)
    }
    func read(_ bytes: [UInt8]) throws -> [UInt8] {
      try put(bytes, file)
      return try contents(RawSource(folder.path).require("data.csv", of: "test"))
    }
    #expect(try read(packed) == text + Array("end".utf8))
    #expect(try read(packed + [0, 0, 0]) == text + Array("end".utf8))
    for wrong in [packed + [7], packed + [0, 0x1F], Array(packed.dropLast()), []] {
      let found = try #require(throws: Failure.self) { _ = try read(wrong) }
      #expect(found.kind == .badData)
    }
  }

  @Test func aZipsOwnChecksumIsChecked() throws {
    let folder = try TemporaryFolder()
    ArchiveFixture.write(.zip, [("data.csv", text)], to: folder.file("x.zip"))
    let packed = try Files.read(folder.file("x.zip"))
    for place in stride(from: packed.count / 4, to: packed.count * 3 / 4, by: 997) {
      var bytes = packed
      bytes[place] ^= 1
      try put(bytes, folder.file("x.zip"))
      let found = try #require(throws: Failure.self, "byte \(place)") {
        let entry = try RawSource(folder.path).require("data.csv", of: "test")
        #expect(try contents(entry).count < 0)
      }
      #expect(found.kind == .badData)
    }
  }

  @Test func lines() throws {
    let folder = try TemporaryFolder()
    try put("one\r\n\ntwo 3\nlast", folder.file("t"))
    let reader = try LineReader(RawSource(folder.file("t")).entries[0])
    var found: [String] = []
    while let line = try reader.next() {
      #expect(line.isEmpty || line.baseAddress![line.count] == 0)
      found.append(String(decoding: line, as: UTF8.self))
    }
    #expect(found == ["one", "", "two 3", "last"])
    #expect(reader.number == 4)
  }

  @Test func anEndlessLineIsRefused() throws {
    let folder = try TemporaryFolder()
    try put([UInt8](repeating: 65, count: 3 << 20), folder.file("t"))
    let reader = try LineReader(RawSource(folder.file("t")).entries[0])
    #expect(throws: Failure.self) { try reader.next() }
  }

  @Test(arguments: [
    "0", "1", "-1", "+2.5", "8.692932128906250000e-01", "-6.350818276405334473e-01", "1e22",
    "1e23", "123456789012345678901234567890", "0.1", "2.37223", "NaN", "1e-400", "1e400", ".5",
    "5.", "9007199254740993", "1.7976931348623157e308", "4.9e-324", "0.000000000000000000e+00",
    "-0.0", "1e5x", "0x10", "1e", "1e+", "--1", "", "abc", ".",
  ])
  func numbersAreAsTheCLibraryReadsThem(text: String) {
    let expected = Double(text)
    var bytes = Array(text.utf8)
    bytes.append(0)
    let (value, length) = DecimalText.number(at: bytes)
    guard let expected, text != "0x10" else {
      return #expect(length == 0 || length < text.utf8.count || text == "0x10")
    }
    #expect(length == text.utf8.count)
    #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
  }

  @Test func randomNumbers() {
    var stream = RandomStream(RandomKey(seed: 11, "numbers"))
    for _ in 0..<5000 {
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: stream.next()))
      guard value.isFinite else { continue }
      for text in ["\(value)", "\(Double(value))"] {
        var bytes = Array(text.utf8)
        bytes.append(0)
        #expect(DecimalText.number(at: bytes).value == Double(text)!, "\(text)")
      }
    }
  }
}
