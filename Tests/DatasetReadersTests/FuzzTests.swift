// Damaged files of every raw format: no crash, no hang, no memory beyond the bound, and never another error than a
// typed one that names the file. 500 files a format here; `scripts/fuzz` runs 100,000.

import Basics
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct FuzzTests {
  /// One format: whole files to begin with, and what reads them.
  struct Format: Sendable, CustomTestStringConvertible {
    let name: String
    let seeds: [String]
    let read: @Sendable ([UInt8], TemporaryFolder) throws -> Void
    var testDescription: String { name }
  }

  static let count = ProcessInfo.processInfo.environment["METAMAE_FUZZ"].flatMap { Int($0) } ?? 500
  /// The one format to read, nil for all: `METAMAE_FUZZ_FORMAT`.
  static let only = ProcessInfo.processInfo.environment["METAMAE_FUZZ_FORMAT"]
  static let first =
    ProcessInfo.processInfo.environment["METAMAE_FUZZ_SEED"].flatMap { Int($0) } ?? 0

  private static let image: @Sendable ([UInt8], TemporaryFolder) throws -> Void = { bytes, _ in
    _ = try bytes.withUnsafeBytes { try ImageDecoder.rgb($0, at: "file") }
  }

  /// Writes the bytes where an entry can be opened.
  private static func onDisk(
    _ name: String, _ read: @escaping @Sendable (RawSource) throws -> Void
  ) -> @Sendable ([UInt8], TemporaryFolder) throws -> Void {
    { bytes, folder in
      let file = folder.file(name)
      let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
      _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      close(descriptor)
      try read(RawSource(file))
    }
  }

  static let formats: [Format] = [
    Format(
      name: "jpeg", seeds: ["colour.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "odd.jpg"],
      read: image),
    Format(
      name: "png", seeds: ["colour.png", "palette.png", "grey.png", "alpha.png"], read: image),
    Format(name: "ppm", seeds: ["colour.ppm"], read: image),
    Format(
      name: "tiff", seeds: ["contig.tif", "separate.tif", "big-endian.tif", "deflate.tif"],
      read: { bytes, _ in _ = try bytes.withUnsafeBytes { try ImageDecoder.tiff($0, at: "file") } }),
    Format(
      name: "matlab", seeds: ["plain.mat", "packed.mat"],
      read: onDisk("x.mat") { _ = try MATFile.numbers("labels", of: $0.entries[0]) }),
    Format(
      name: "pickle", seeds: ["batch-0.pkl", "batch-2.pkl", "batch-4.pkl", "batch-fortran.pkl"],
      read: onDisk("data_batch_1") { source in try decode(batch: source.entries[0]) }),
    Format(
      name: "pickled table", seeds: ["LSWMD.pkl"],
      read: onDisk("LSWMD.pkl") { source in
        let reader = try WaferMapReader(source)
        let (contents, _) = try decodeAll(reader, part: 0)
        _ = try reader.splits(of: [contents])
      }),
    Format(
      name: "npz", seeds: ["batch.npz"],
      read: onDisk("x.npz") { source in
        guard let entry = source.entries.first else { return }
        try decode(batch: entry)
      }),
    Format(name: "zip", seeds: ["x.zip"], read: onDisk("x.zip", readAll)),
    Format(name: "tar", seeds: ["x.tar", "nested.tar"], read: onDisk("x.tar", readAll)),
    Format(name: "tar.gz", seeds: ["x.tar.gz"], read: onDisk("x.tar.gz", readAll)),
    Format(
      name: "vocabulary", seeds: ["vocab.txt"],
      read: onDisk("vocab.txt") { _ = try WordPiece($0.entries[0]).encode("the zeal of a bee") }),
  ]

  private static func decode(batch entry: RawEntry) throws {
    let folder = try TemporaryFolder()
    let sink = try RecordSink(path: folder.file("part"), recordBytes: PlaneBatches.pixels + 1)
    _ = try PlaneBatches.decode(entry, labels: 0...1000, labelBytes: 1, into: sink)
  }

  @Sendable private static func readAll(_ source: RawSource) throws {
    let walk = FileWalk(source.entries, mostBytes: 1 << 24)
    for entry in source.entries.indices { _ = try walk.bytes(of: entry) }
  }

  /// The whole file of a seed; archives are made here.
  private func seed(_ name: String, _ folder: TemporaryFolder) throws -> [UInt8] {
    let files = [(name: "a/one.txt", bytes: [UInt8](repeating: 65, count: 3000))]
    switch name {
    case "x.zip": ArchiveFixture.write(.zip, files + [("b", [1, 2, 3])], to: folder.file(name))
    case "x.tar": ArchiveFixture.write(.tar, files + [("b", [1, 2, 3])], to: folder.file(name))
    case "x.tar.gz": ArchiveFixture.write(.tarGzip, files, to: folder.file(name))
    case "nested.tar":
      ArchiveFixture.write(.tar, files, to: folder.file("in.tar"))
      ArchiveFixture.write(
        .tar, [("in.tar", try Files.read(folder.file("in.tar"))), ("z", [9])],
        to: folder.file(name))
    case "vocab.txt":
      // Special pieces on their lines; two lines so long that most damage falls into them and leaves the others.
      var lines = [String](repeating: "a", count: WordPiece.size)
      for (piece, place) in [
        ("[PAD]", 0), ("[UNK]", 100), ("[CLS]", 101), ("[SEP]", 102), ("[MASK]", 103),
        ("the", 1996),
      ] { lines[place] = piece }
      lines[1] = String(repeating: "b", count: 400)
      lines[WordPiece.size - 1] = String(repeating: "z", count: 120_000)
      return Array(lines.joined(separator: "\n").utf8)
    default: return try Fixtures.bytes(name)
    }
    return try Files.read(folder.file(name))
  }

  @Test(arguments: formats.filter { only == nil || only == $0.name })
  func damagedFiles(format: Format) throws {
    let folder = try TemporaryFolder()
    let seeds = try format.seeds.map { try seed($0, folder) }
    var slowest = 0.0
    var refused = 0
    let before = Self.residentBytes()
    for k in Self.first..<(Self.first + Self.count) {
      var random = RandomStream(RandomKey(seed: 7, format.name, 0, UInt64(k)))
      let bytes = Self.mutated(seeds[k % seeds.count], &random)
      let began = monotonicSeconds()
      do {
        try format.read(bytes, folder)
      } catch let failure as Failure {
        refused += 1
        #expect(
          [.badData, .missingInput].contains(failure.kind) && !failure.place.isEmpty,
          "\(format.name) \(k): \(failure)")
      } catch {
        Issue.record("\(format.name) \(k): \(error) is no Failure")
      }
      slowest = max(slowest, monotonicSeconds() - began)
    }
    #expect(slowest < 10, "\(format.name): \(slowest) seconds for one file")
    if Self.count > 500 {
      let grown = (Self.residentBytes() - before) >> 20
      print(
        "\(format.name): \(Self.count) files, \(refused) refused, the slowest \(slowest) s, \(grown) MiB more"
      )
    }
    // Other tests run beside this one: the bound is generous.
    #expect(Self.residentBytes() - before < 1 << 30, "\(format.name)")
  }

  private static func residentBytes() -> Int {
    let words = String(decoding: (try? Files.read("/proc/self/statm")) ?? [], as: UTF8.self)
      .split(separator: " ")
    return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * 4096
  }

  /// One to eight changes: bits, bytes, numbers that lie, pieces gone, doubled or moved, an early end.
  static func mutated(_ seed: [UInt8], _ random: inout RandomStream) -> [UInt8] {
    var bytes = seed
    for _ in 0..<(1 + random.below(8)) {
      guard !bytes.isEmpty else { return bytes }
      // Half of the changes fall into the head, where the structure is.
      let place =
        random.below(2) == 0 ? random.below(bytes.count) : random.below(min(bytes.count, 300))
      let length = min(1 + random.below(64), bytes.count - place)
      switch random.below(8) {
      case 0: bytes[place] ^= 1 << UInt8(random.below(8))
      case 1: bytes[place] = UInt8(random.below(256))
      case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
      case 3:
        for i in place..<min(place + 4, bytes.count) { bytes[i] = [0, 0xFF][random.below(2)] }
      case 4: bytes.removeSubrange(place..<(place + length))
      case 5: bytes.insert(contentsOf: Array(bytes[place..<(place + length)]), at: place)
      case 6:
        bytes.replaceSubrange(
          place..<(place + length), with: (0..<length).map { _ in UInt8(random.below(256)) })
      default: if random.below(4) == 0 { bytes.removeSubrange(place...) }
      }
    }
    return bytes
  }
}
