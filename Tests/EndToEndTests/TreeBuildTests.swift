// Builds from trees of many files: the same bytes from a folder or any archive, for any number of jobs and after
// kills; bad records; archives that lead out.

import Basics
import Foundation
import ShardFormat
import TestSupport
import Testing

@Suite struct TreeBuildTests {
  private let folder: TemporaryFolder
  private var raw: String { folder.file("raw") }

  init() throws {
    folder = try TemporaryFolder()
    try Files.createFolder(raw)
  }

  private func build(_ raw: String, _ out: String, _ more: [String] = [], killAfter: Double? = nil)
    throws -> ProgramRun
  {
    try ProgramRun(
      "metamae-prep",
      ["build-shards", "--dataset", "traffic-sign", "--raw", raw, "--out", out] + more,
      killAfter: killAfter)
  }

  /// Shards alone: manifests name the raw files, which differ.
  private func shards(_ out: String) throws -> [String: [UInt8]] {
    try tree(out).filter { $0.key.hasSuffix(".mdb") }
  }

  private func unpack(_ files: [(name: String, bytes: [UInt8])]) throws {
    for file in files { try put(file.bytes, raw + "/" + file.name) }
  }

  @Test func everyPackingAndNumberOfJobsGivesTheSameBytes() throws {
    let files = ImageFixture.trafficSigns(eachClass: 7)
    try unpack(files)
    let plain = try build(raw, folder.file("plain"), ["--jobs", "1"])
    #expect(plain.code == 0, "\(plain.messages)")
    let expected = try shards(folder.file("plain"))
    #expect(expected.count == 2)
    for jobs in ["2", "5"] {
      #expect(try build(raw, folder.file("jobs\(jobs)"), ["--jobs", jobs]).code == 0)
      #expect(try tree(folder.file("jobs\(jobs)")) == tree(folder.file("plain")))
    }
    // Within the outer tar each class is a tar, as the publisher of ImageNet packs.
    let inner = try (0..<43).map { sign -> (name: String, bytes: [UInt8]) in
      let part = files[(sign * 8)..<(sign * 8 + 8)]
      let path = folder.file("inner.tar")
      ArchiveFixture.write(.tar, part.map { ($0.name, $0.bytes) }, to: path)
      return (String(repeating: "long", count: 40) + "\(sign).tar", try Files.read(path))
    }
    for (kind, name) in [
      (ArchiveFixture.Kind.zip, "x.zip"), (.tar, "x.tar"), (.tarGzip, "x.tar.gz"),
    ] {
      let archive = folder.file(name)
      ArchiveFixture.write(kind, files.shuffled(), to: archive)
      let run = try build(archive, folder.file("out-" + name), ["--jobs", "2"])
      #expect(run.code == 0, "\(name): \(run.messages)")
      #expect(try shards(folder.file("out-" + name)) == expected, "\(name)")
    }
    ArchiveFixture.write(.tar, [("readme", [1, 2, 3])] + inner, to: folder.file("nested.tar"))
    let merged = try build(folder.file("nested.tar"), folder.file("nested"), ["--jobs", "3"])
    // Forty-three folders, none of which has all classes: said, not guessed.
    #expect(merged.code == 66, "\(merged.messages)")
    ArchiveFixture.write(.tar, files, to: folder.file("inner.tar"))
    let whole = try Files.read(folder.file("inner.tar"))
    for (kind, name) in [(ArchiveFixture.Kind.tar, "y.tar"), (.zip, "y.zip")] {
      ArchiveFixture.write(
        kind, [("a", [1]), ("deep/all.tar", whole), ("z", [2])], to: folder.file(name))
      let run = try build(folder.file(name), folder.file("out-" + name), ["--jobs", "2"])
      #expect(run.code == 0, "\(name): \(run.messages)")
      #expect(try shards(folder.file("out-" + name)) == expected, "\(name)")
    }
  }

  /// SIGKILL at many instants: decoding goes on where it stopped, the bytes are those of one undisturbed build.
  @Test func aKilledBuildGoesOn() throws {
    try unpack(ImageFixture.trafficSigns(eachClass: 60))
    #expect(try build(raw, folder.file("whole")).code == 0)
    let out = folder.file("out")
    var kills = 0
    for k in 0..<14 {
      kills += Int(try build(raw, out, ["--jobs", "2"], killAfter: 0.008 * Double(k + 1)).signal)
    }
    #expect(kills > 0, "no run was killed")
    #expect(try build(raw, out, ["--jobs", "2"]).code == 0)
    #expect(try tree(out) == tree(folder.file("whole")))
  }

  /// Runs that the journal knows are not read again, but a file that changed makes all of it void.
  @Test func theJournalIsBelievedUntilAFileChanges() throws {
    let files = ImageFixture.trafficSigns(eachClass: 60)
    try unpack(files)
    let out = folder.file("out")
    let scratch = out + "/traffic-sign/build.unfinished"
    let run = try ProgramRun(
      "metamae-prep",
      ["build-shards", "--dataset", "traffic-sign", "--raw", raw, "--out", out, "--jobs", "1"],
      meanwhile: { pid in
        let end = monotonicSeconds() + 20
        while monotonicSeconds() < end {
          if let journal = try? Files.read(scratch + "/journal"), journal.count >= 2 { break }
        }
        kill(pid, SIGKILL)
      })
    #expect(run.signal == 9)
    guard Files.exists(scratch + "/journal") else { return }
    let first = raw + "/" + files[0].name
    try put(ImageFixture.ppm(number: 999), first)
    #expect(try build(raw, out).code == 0)
    #expect(try build(raw, folder.file("fresh")).code == 0)
    #expect(try tree(out) == tree(folder.file("fresh")))
  }

  @Test func aBadRecordStopsOrIsListed() throws {
    let files = ImageFixture.trafficSigns(eachClass: 5)
    try unpack(files)
    #expect(try build(raw, folder.file("whole")).code == 0)
    let bad = [
      "GTSRB/Final_Training/Images/00003/00000_00002.ppm",
      "GTSRB/Final_Training/Images/00017/00000_00000.ppm",
    ]
    try put("P6 10 10 255\nshort", raw + "/" + bad[0])
    try put("no image at all", raw + "/" + bad[1])
    for jobs in ["1", "2"] {
      let stopped = try build(raw, folder.file("out"), ["--jobs", jobs])
      #expect(stopped.code == 65, "\(stopped.messages)")
      #expect(bad.contains { stopped.messages.contains(raw + "/" + $0) }, "\(stopped.messages)")
      #expect(!Files.exists(folder.file("out")))
    }
    var trees: [[String: [UInt8]]] = []
    for jobs in ["1", "2"] {
      let out = folder.file("skip" + jobs)
      let run = try build(raw, out, ["--on-bad-record", "skip", "--jobs", jobs])
      #expect(run.code == 0, "\(run.messages)")
      #expect(run.output.contains("2 bad records left out"), "\(run.output)")
      trees.append(try tree(out))
      let train = try Manifest(directory: out + "/traffic-sign/train")
      let test = try Manifest(directory: out + "/traffic-sign/test")
      #expect(train.sampleCount + test.sampleCount == 43 * 5 - 2)
      #expect(train.provenance.skipped?.map(\.name) == bad)
      #expect(train.provenance.skipped?[0].problem.contains("10 x 10 pixels") == true)
      #expect(train.provenance.options["on-bad-record"] == "skip")
      let again = try build(raw, out, ["--on-bad-record", "skip"])
      #expect(again.output.contains("already built"), "\(again.messages)")
    }
    #expect(trees[0] == trees[1])
    let other = try build(raw, folder.file("skip1"), ["--on-bad-record", "maybe"])
    #expect(other.code == 64)
    #expect(other.messages.contains("--on-bad-record: expected fail or skip, found 'maybe'"))
  }

  @Test func aTreeIsKnownByItsListingAndDigest() throws {
    try unpack(ImageFixture.trafficSigns(eachClass: 2))
    let out = folder.file("out")
    #expect(try build(raw, out).code == 0)
    let file = try Manifest(directory: out + "/traffic-sign/train").provenance.rawFiles[0]
    #expect(file.name == "GTSRB/Final_Training/Images/")
    #expect(file.files == 86)
    var checksums: [UInt8] = []
    var bytes = 0
    for image in ImageFixture.trafficSigns(eachClass: 2) where image.name.hasSuffix("ppm") {
      bytes += image.bytes.count
      checksums += image.bytes.withUnsafeBytes(Checksum.xxh128(of:))
    }
    #expect(file.bytes == bytes)
    #expect(checksums.count == 86 * 16)
    #expect(file.xxh128 == hexadecimal(checksums.withUnsafeBytes(Checksum.xxh128(of:))))
    #expect(file.sha256 == nil)
    try put(ImageFixture.ppm(number: 7), raw + "/GTSRB/Final_Training/Images/00001/more.ppm")
    let changed = try build(raw, out)
    #expect(changed.code == 64)
    #expect(changed.messages.contains("other raw files"), "\(changed.messages)")
  }

  /// HDF5 trusts its files, so that it is read in a process of its own: whatever that one dies of is a sentence.
  @Test func damagedStructArrays() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../DatasetReadersTests/fixtures/WM811K.mat").path
    let seed = try Files.read(path)
    // Many more without the program: StructFuzzTests.
    for k in 0..<60 {
      var random = RandomStream(RandomKey(seed: 7, "hdf5", 0, UInt64(k)))
      var bytes = seed
      for _ in 0..<(1 + random.below(6)) {
        let place = random.below(2) == 0 ? random.below(bytes.count) : 512 + random.below(3000)
        bytes[place] = random.below(2) == 0 ? 0xFF : UInt8(random.below(256))
      }
      if k % 10 == 0 { bytes.removeSubrange((seed.count / 2 + random.below(9000))...) }
      try put(bytes, raw + "/WM811K.mat")
      let out = folder.file("out\(k)")
      let run = try ProgramRun(
        "metamae-prep", ["build-shards", "--dataset", "wafer-map", "--raw", raw, "--out", out])
      #expect(run.code == 0 || run.code == 65, "\(k): \(run.code) \(run.signal) \(run.messages)")
      #expect(run.code == 0 || run.messages.contains(raw), "\(k): \(run.messages)")
      try Files.remove(out)
    }
  }
}
