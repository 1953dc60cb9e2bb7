// Damaged files of the formats of text, records, tokens and sound (images and archives of images: FuzzTests): no crash,
// no hang, no memory beyond the bound, and always a typed error with its place. 500 files a format here; `scripts/fuzz`
// runs 100,000. A format is one entry of the list below.

import Basics
import Foundation
import Glibc
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

/// One format: whole files to damage, and how they are read.
struct FuzzedFormat: Sendable, CustomTestStringConvertible {
  let name: String
  /// What the file is called.
  let file: String
  /// Made in a folder of their own.
  let originals: @Sendable (TemporaryFolder) throws -> [[UInt8]]
  /// Reads the folder that holds the damaged file.
  let read: @Sendable (String) throws -> Void

  var testDescription: String { name }
}

extension FuzzedFormat {
  /// Not synced, unlike `put`, and not over the old file, which a disk would write out first.
  static func write(_ bytes: [UInt8], _ path: String) {
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
  }

  /// Drains an entry.
  private static func drain(_ entry: RawEntry) throws {
    let stream = try entry.open()
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    defer { chunk.deallocate() }
    // Some hundred bytes may unpack to a thousand times as many; a reader takes them piece by piece.
    var total = 0
    while total < 1 << 26 {
      let count = try stream.read(into: chunk)
      if count == 0 { return }
      total += count
    }
  }

  private static func decode(_ reader: any DatasetReader, skipping: Bool = false) throws {
    let folder = try TemporaryFolder()
    for part in reader.parts.indices {
      let sink = try RecordSink(
        path: folder.file("part"), recordBytes: reader.recordBytes, skipsBadRecords: skipping)
      let contents = try reader.decode(part: part, share: .all, into: sink)
      try sink.flush()
      if reader.parts.count == 1 { _ = try reader.splits(of: [contents]) }
    }
  }

  private static func archive(_ kind: ArchiveFixture.Kind, _ folder: TemporaryFolder) throws
    -> [UInt8]
  {
    let text = Array((0..<60).map { "line \($0)\n" }.joined().utf8)
    let files = [("data.csv", text)] + (kind == .gzip ? [] : [("b/other.txt", [1, 2, 3])])
    ArchiveFixture.write(kind, files, to: folder.file("x"))
    return try Files.read(folder.file("x"))
  }

  private static func examples() -> [[UInt8]] {
    let letters = Array(String(repeating: "ACGTA", count: 50).utf8)
    return (0..<3).map {
      RecordFixture.example([
        ("seq", .bytes(letters)), ("label", .integers([$0], packed: $0 == 1)),
        ("values", .floats([1, 2, 3], packed: $0 == 2)),
      ])
    }
  }

  /// A protein set's training half as TAPE's JSON.
  /// - Parameter label: the label's JSON of a row.
  private static func tapeJSON(_ set: ProteinSet, _ label: @escaping @Sendable (Int) -> String)
    -> FuzzedFormat
  {
    FuzzedFormat(
      name: "tape-json-\(set.rawValue)", file: "\(set.stem)_train.json",
      originals: { _ in
        let objects = (0..<6).map {
          #"{"id": "p\u00e9\#($0)", "primary": "MSKGEE", "\#(set.labelKey)": \#(label($0)), "x": [true, null, -1.5e3, {"y": []}]}"#
        }
        return [Array(("[" + objects.joined(separator: ", ") + "]").utf8)]
      },
      read: { folder in
        write(Array("[]".utf8), folder + "/\(set.stem)_valid.json")
        try decode(ProteinReader(RawSource(folder), set, ReaderOptions()))
      })
  }

  /// A protein set's training half as TAPE's LMDB file of pickles.
  private static func tapeLMDB(_ set: ProteinSet, _ fixture: String) -> FuzzedFormat {
    FuzzedFormat(
      name: "tape-lmdb-\(set.rawValue)", file: "\(set.stem)_train.lmdb/data.mdb",
      originals: { _ in [try Files.read(TAPEFixture.path(fixture))] },
      read: { folder in
        let valid = folder + "/\(set.stem)_valid.lmdb/data.mdb"
        if !Files.exists(valid) { try put(Files.read(TAPEFixture.path(fixture)), valid) }
        try decode(ProteinReader(RawSource(folder), set, ReaderOptions()))
      })
  }

  private static let proteins = [
    tapeJSON(.pfam) { "\(7 * $0)" }, tapeJSON(.scop) { "\(7 * $0)" },
    tapeJSON(.stability) { "[\($0).25]" }, tapeJSON(.fluorescence) { "[-1e-\($0)]" },
    tapeJSON(.secondaryStructure) { _ in "[0, 1, 2, 2, 1, 0]" },
    tapeLMDB(.pfam, "tape_pfam.mdb"), tapeLMDB(.stability, "tape_stability.mdb"),
    tapeLMDB(.secondaryStructure, "tape_structure.mdb"),
  ]

  static let all = proteins + others

  private static let others: [FuzzedFormat] = [
    FuzzedFormat(
      name: "gzip", file: "data.csv.gz", originals: { [try archive(.gzip, $0)] },
      read: { for entry in try RawSource($0).entries { try drain(entry) } }),
    FuzzedFormat(
      name: "zip", file: "x.zip", originals: { [try archive(.zip, $0)] },
      read: { for entry in try RawSource($0).entries { try drain(entry) } }),
    FuzzedFormat(
      name: "tar", file: "x.tar.gz", originals: { [try archive(.tarGzip, $0)] },
      read: { for entry in try RawSource($0).entries { try drain(entry) } }),
    FuzzedFormat(
      name: "tfrecord", file: "genomics_ood-train.tfrecord-00000-of-00001",
      originals: { _ in [RecordFixture.file(examples())] },
      read: { try decode(GenomicsReader(RawSource($0), .pretraining)) }),
    FuzzedFormat(
      // Without the checksums in front, which would catch nearly everything.
      name: "protobuf", file: "x.bin", originals: { _ in examples() },
      read: { folder in
        try Files.read(folder + "/x.bin").withUnsafeBytes { bytes in
          let example = try ExampleRecord(bytes, at: folder + "/x.bin")
          _ = try example.bytes("seq")
          _ = try example.integer("label")
          try example.floats("values", count: 3) { _, _ in }
        }
      }),
    FuzzedFormat(
      name: "genomics-csv", file: "genomicsPretrain.csv",
      originals: { _ in
        let letters = String(repeating: "ACGTA", count: 50)
        let rows = (0..<12).map { "\($0),b'in',\($0 % 10),b'\(letters)',\"b'x, y'\"" }
        return [Array((",domain,label,seq,seq_info\n" + rows.joined(separator: "\n")).utf8)]
      }, read: { try decode(GenomicsReader(RawSource($0), .pretraining)) }),
    FuzzedFormat(
      name: "own-csv", file: "t.csv",
      originals: { _ in
        [
          Array("x,colour,y\n1.5,red,a\n,blue,b\n2e3,\"re\"\"d, x\",a\n4,red,b\n5,red,a\n".utf8),
          Array("x\tcolour\ty\n1\tred\ta\n2\tNA\tb\n3\tred\ta\n".utf8),
        ]
      },
      read: { folder in
        var options = ReaderOptions()
        options.choices.label = "y"
        try decode(TableReader(RawSource(folder), options))
      }),
    FuzzedFormat(
      name: "fasta", file: "p.fasta",
      originals: { _ in
        [Array(">p1 k=a\nACGT\nAC\n>p2 k=b\nGG\n; note\nTT\n>p3 k=a\nACCA\n".utf8)]
      },
      read: { folder in
        var options = ReaderOptions()
        options.choices.label = "k"
        try decode(SequencesReader(RawSource(folder), options))
      }),
    FuzzedFormat(
      name: "wav", file: "x.wav",
      originals: { _ in
        [
          AudioFixture.wav(AudioFixture.noise(300), rate: 16_000),
          AudioFixture.wav(AudioFixture.noise(300), rate: 8000, channels: 2, dataSize: 0),
        ]
      },
      read: { folder in
        let entry = try RawSource(folder).entries[0]
        _ = try AudioFile.read(entry, keeping: 1000)
      }),
    FuzzedFormat(
      name: "flac", file: "x.flac",
      originals: { folder in
        AudioFixture.flac(AudioFixture.noise(600), rate: 16_000, to: folder.file("x"))
        let noise = try Files.read(folder.file("x"))
        AudioFixture.flac((0..<5000).map { Int16($0 % 50) }, rate: 8000, to: folder.file("y"))
        return [noise, try Files.read(folder.file("y"))]
      },
      read: { folder in
        let entry = try RawSource(folder).entries[0]
        _ = try AudioFile.read(entry, keeping: 1000)
      }),
    FuzzedFormat(
      name: "lmdb", file: "data.mdb",
      originals: { folder in [try Files.read(TAPEFixture.path("tape_structure.mdb"))] },
      read: { folder in
        let file = try LMDBFile(path: folder + "/data.mdb")
        for row in 0..<6 { _ = file.value(String(row))?.reduce(0) { $0 &+ Int($1) } }
      }),
    FuzzedFormat(
      name: "own-json", file: "s.json",
      originals: { _ in
        let objects = (0..<8).map {
          #"{"sequence": "ACGT", "k": \#($0 % 2), "x": [1, {"y": "]\""}, null]}"#
        }
        return [Array(("[" + objects.joined(separator: ",\n") + "]").utf8)]
      },
      read: { folder in
        var options = ReaderOptions()
        options.choices.label = "k"
        options.skipsBadRecords = true
        try decode(SequencesReader(RawSource(folder), options), skipping: true)
      }),
    FuzzedFormat(
      name: "series", file: "data_7.txt",
      originals: { _ in
        [
          Array(
            (0..<40).map { "7,\($0 / 20),\($0).5,\($0 % 3 == 0 ? "" : "1"),-2e-1;\n" }.joined()
              .utf8
          ),
          Array(
            (0..<40).map { "7 \($0 / 20) \($0).5 1 \($0 % 3 == 0 ? "NaN" : "2")\n" }.joined().utf8
          ),
        ]
      },
      read: { folder in
        var options = ReaderOptions()
        options.hasHeader = false
        options.window = 4
        options.drop = ["1"]
        options.choices.label = "2"
        try decode(WindowsReader(RawSource(folder), options))
      }),
    FuzzedFormat(
      name: "own-npz", file: "x.npz",
      originals: { folder in
        let labels = ArrayFixture.npy(
          "<U1", [12], (0..<12).flatMap { [97 + UInt8($0 % 2), 0, 0, 0] })
        ArrayFixture.npz(
          [
            ("x_train", ArrayFixture.floats([12, 2, 3], (0..<72).map { Float($0) })),
            ("y_train", labels),
          ], to: folder.file("x.npz"))
        return [try Files.read(folder.file("x.npz"))]
      },
      read: { folder in
        var options = ReaderOptions()
        options.choices.label = "y"
        try decode(ArraysReader(RawSource(folder), options))
      }),
    FuzzedFormat(
      name: "own-npy", file: "x.npy",
      originals: { _ in
        [
          ArrayFixture.floats([12, 2, 3], (0..<72).map { Float($0) }),
          ArrayFixture.npy(">i2", [9, 4], (0..<72).map { UInt8($0) }),
        ]
      },
      read: { folder in try decode(ArraysReader(RawSource(folder), ReaderOptions())) }),
    FuzzedFormat(
      name: "class-table", file: "clans.txt",
      originals: { _ in [Array("1\n22\n333\n".utf8)] },
      read: { _ = try ClassTable.read($0 + "/clans.txt") }),
  ]
}

@Suite(.serialized) struct TokenFuzzTests {
  /// Damaged files of each format.
  static let count = Int(ProcessInfo.processInfo.environment["METAMAE_FUZZ"] ?? "") ?? 500
  /// Number of the first.
  static let first = Int(ProcessInfo.processInfo.environment["METAMAE_FUZZ_SEED"] ?? "") ?? 0
  /// No file here takes a tenth of that.
  static let mostSeconds = 5.0
  /// What reading files of a few kilobytes may add to the process, other tests beside it included.
  static let mostBytes = 512 << 20

  private func residentBytes() -> Int {
    let text = (try? Files.read("/proc/self/statm")).map { String(decoding: $0, as: UTF8.self) }
    return (text?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map { $0 * 4096 }
      ?? 0
  }

  @Test(arguments: FuzzedFormat.all.filter { FuzzTests.only == nil || FuzzTests.only == $0.name })
  func damagedFiles(format: FuzzedFormat) throws {
    let scratch = try TemporaryFolder()
    let folder = try TemporaryFolder()
    let originals = try format.originals(scratch)
    for original in originals {
      try put(original, folder.file(format.file))
      try format.read(folder.path)
    }
    let before = residentBytes()
    var refused = 0
    var slowest = 0.0
    for number in Self.first..<(Self.first + Self.count) {
      var mutator = Mutator(seed: 1, number: number)
      let bytes = mutator.mutate(originals[number % originals.count])
      FuzzedFormat.write(bytes, folder.file(format.file))
      let began = monotonicSeconds()
      do {
        try format.read(folder.path)
      } catch let failure as Failure {
        refused += 1
        #expect(
          [.badData, .missingInput, .usage].contains(failure.kind),
          "\(format.name), number \(number): \(failure)")
        #expect(!failure.place.isEmpty, "\(format.name), number \(number): \(failure)")
      } catch {
        Issue.record("\(format.name), number \(number): \(error)")
      }
      let seconds = monotonicSeconds() - began
      slowest = max(slowest, seconds)
      #expect(seconds < Self.mostSeconds, "\(format.name), number \(number): \(seconds) seconds")
    }
    #expect(refused > Self.count / 10, "\(format.name): only \(refused) of \(Self.count) refused")
    let grown = residentBytes() - before
    if Self.count > 500 {
      print(
        "\(format.name): \(Self.count) files, \(refused) refused, the slowest \(slowest) s,"
          + " \(grown >> 20) MiB more")
    }
    #expect(grown < Self.mostBytes, "\(format.name): \(grown) bytes more")
  }
}
