// The built metamae-prep on tiny data: what it writes, that the bytes do not depend on jobs or kills, and every
// mistake with its exit code, its sentence, and nothing half-written left.

import Basics
import Foundation
import ShardFormat
import TestSupport
import Testing

@Suite struct PrepTests {
  private let folder: TemporaryFolder
  private var raw: String { folder.file("raw") }
  private var out: String { folder.file("out") }

  init() throws {
    folder = try TemporaryFolder()
    try Files.createFolder(raw)
  }

  private func prep(_ words: String..., killAfter: Double? = nil) throws -> ProgramRun {
    try ProgramRun("metamae-prep", words, killAfter: killAfter)
  }

  private func put(_ text: String, _ name: String) throws {
    try Array(text.utf8).withUnsafeBytes { try Files.write($0, to: raw + "/" + name) }
  }

  private func writeHIGGS(_ rows: Int, times: Int = 1) throws {
    var stream = RandomStream(RandomKey(seed: 1, "higgs"))
    var lines: [String] = []
    for row in 0..<rows {
      var line = "\(row % 2).0"
      for _ in 0..<28 { line += ",\(stream.uniformFloat())" }
      lines.append(line)
    }
    let text = lines.joined(separator: "\n") + "\n"
    try put(String(repeating: text, count: times), "HIGGS.csv")
  }

  private func writeSeries(rows: Int) throws {
    for subject in 1...3 {
      var lines: [String] = []
      for row in 0..<rows {
        let activity = row * 3 / rows
        let last = row % 7 == 0 ? "NaN" : "1"
        lines.append("\(row) \(activity) \(Double(row) * 0.5) \(subject).25 \(last)")
      }
      try put(lines.joined(separator: "\n"), "subject\(subject).dat")
    }
  }

  private func expectNothingLeft() {
    #expect(!Files.exists(out), "\((try? tree(out).keys.sorted()) ?? [])")
  }

  // MARK: Building

  @Test func everyRecordInItsPlace() throws {
    try writeHIGGS(2000)
    let run = try prep("build-shards", "--dataset", "higgs", "--raw", raw, "--out", out)
    #expect(run.code == 0, "\(run.messages)")
    let reader = try ShardReader(directory: out + "/higgs/train")
    #expect(reader.manifest.sampleCount == 180)
    #expect(reader.manifest.provenance.rawFiles.map(\.name) == ["HIGGS.csv"])
    #expect(
      reader.manifest.provenance.rawFiles[0].sha256 == (try Digest.sha256(file: raw + "/HIGGS.csv"))
    )
    #expect(try tree(out).keys.sorted().filter { $0.contains("unfinished") } == [])
    // A sample as inspected is a row of the text: features 8, 6 and 4 stand at places 0, 1 and 27.
    let shown = try prep("inspect", out + "/higgs/train", "--sample", "5", "--json")
    #expect(shown.code == 0, "\(shown.messages)")
    struct Document: Decodable {
      struct Sample: Decodable {
        let label: Int
        let inputs: [[Float]]
      }
      let sample: Sample
    }
    let sample = try JSONDecoder().decode([Document].self, from: Data(shown.output.utf8))[0].sample
    let text = String(decoding: try Files.read(raw + "/HIGGS.csv"), as: UTF8.self)
    let table: [[Float]] = text.split(separator: "\n").map { line in
      line.split(separator: ",").compactMap { Float($0) }
    }
    let stored = sample.inputs[0]
    let row = try #require(table.first { $0[1 + 8] == stored[0] && $0[1 + 6] == stored[1] })
    #expect(Int(row[0]) == sample.label)
    #expect(row[1 + 4] == stored[27])
  }

  @Test func bytesDoNotDependOnJobs() throws {
    try writeHIGGS(1500)
    try writeSeries(rows: 300)
    var trees: [[String: [UInt8]]] = []
    for jobs in ["1", "2", "5"] {
      let out = folder.file("out\(jobs)")
      let table = try prep(
        "build-shards", "--dataset", "higgs", "--raw", raw, "--out", out, "--jobs", jobs)
      #expect(table.code == 0, "\(table.messages)")
      let series = try prep(
        "build-shards", "--dataset", "series", "--format", "pamap2", "--raw", raw, "--out", out,
        "--window", "20", "--per-epoch", "50", "--test-subjects", "2", "--jobs", jobs)
      #expect(series.code == 0, "\(series.messages)")
      trees.append(try tree(out))
    }
    #expect(trees[0].count == 12)
    #expect(trees[0] == trees[1])
    #expect(trees[0] == trees[2])
  }

  /// Large enough that all processes sum: channel c of a sample holds 9 c, 9 c + 1, 9 c + 2, 9 c + 3 in turn; the last
  /// channel has a number of the sample's own instead.
  @Test(arguments: ["<f4", "<u2"])
  func aLargePartDoesNotDependOnJobs(type: String) throws {
    let (samples, channels, side) = (6000, 3, type == "<f4" ? 20 : 28)
    func bytes(_ values: [Int]) -> [UInt8] {
      values.flatMap { value in
        type == "<f4"
          ? withUnsafeBytes(of: Float(value).bitPattern.littleEndian, Array.init)
          : withUnsafeBytes(of: UInt16(value).littleEndian, Array.init)
      }
    }
    let first = bytes((0..<2).flatMap { c in (0..<side * side).map { 9 * c + $0 % 4 } })
    let array = ArrayFixture.npy(
      type, [samples, channels, side, side],
      Array((0..<samples).map { first + bytes(Array(repeating: $0, count: side * side)) }.joined()))
    try array.withUnsafeBytes { try Files.write($0, to: raw + "/x.npy") }
    let labels = ArrayFixture.npy("|u1", [samples], (0..<samples).map { UInt8($0 % 2) })
    try labels.withUnsafeBytes { try Files.write($0, to: raw + "/y.npy") }
    var found: [[ChannelStatistics]] = []
    for jobs in ["1", "3"] {
      let run = try prep(
        "build-shards", "--dataset", "npz", "--raw", raw, "--label", "y", "--jobs", jobs,
        "--name", "arrays", "--out", folder.file("out\(jobs)"))
      #expect(run.code == 0, "\(run.messages)")
      let train = try Manifest(directory: folder.file("out\(jobs)/arrays/train"))
      #expect(train.sampleCount * train.recordBytes > 1 << 24)
      found.append(train.statistics)
    }
    #expect(found[0] == found[1])
    // Three processes help one another with one shard.
    #expect(try tree(folder.file("out1")) == tree(folder.file("out3")))
    for c in 0..<2 {
      #expect(abs(found[0][0].mean[c] - (9 * Double(c) + 1.5)) < 1e-12)
      #expect(abs(found[0][0].deviation[c] - 1.25.squareRoot()) < 1e-12)
    }
  }

  /// SIGKILL at many instants, the same command again: the same bytes as a build that was left alone.
  @Test func aKilledBuildGoesOn() throws {
    try writeHIGGS(6000)
    let words = ["build-shards", "--dataset", "higgs", "--raw", raw, "--jobs", "2", "--out"]
    let whole = try ProgramRun("metamae-prep", words + [folder.file("whole")])
    #expect(whole.code == 0, "\(whole.messages)")
    var kills = 0
    for k in 0..<12 {
      kills += Int(
        try ProgramRun("metamae-prep", words + [out], killAfter: 0.006 * Double(k + 1)).signal)
    }
    #expect(kills > 0, "no run was killed")
    let last = try ProgramRun("metamae-prep", words + [out])
    #expect(last.code == 0, "\(last.messages)")
    #expect(try tree(out) == tree(folder.file("whole")))
  }

  /// SIGKILL to one of the build's own processes: an error with its reason, nothing left.
  @Test func aKilledChildIsAnError() throws {
    try writeHIGGS(5000, times: 30)
    let run = try ProgramRun(
      "metamae-prep",
      ["build-shards", "--dataset", "higgs", "--raw", raw, "--jobs", "2", "--out", out],
      meanwhile: { pid in
        let end = monotonicSeconds() + 20
        while monotonicSeconds() < end {
          let list = (try? Files.read("/proc/\(pid)/task/\(pid)/children")) ?? []
          let text = String(decoding: list, as: UTF8.self)
          if let child = text.split(separator: " ").last.flatMap({ Int32($0) }) {
            kill(child, SIGKILL)
            return
          }
          usleep(1000)
        }
      })
    #expect(run.code == 75, "\(run.messages)")
    #expect(run.messages.contains("was killed by signal 9"), "\(run.messages)")
    expectNothingLeft()
  }

  /// SIGTERM: leaves with 130, keeps what the next start goes on from.
  @Test func aStoppedBuildGoesOn() throws {
    try writeHIGGS(5000, times: 30)
    let words = ["build-shards", "--dataset", "higgs", "--raw", raw, "--jobs", "2", "--out", out]
    let run = try ProgramRun(
      "metamae-prep", words,
      meanwhile: { pid in
        let end = monotonicSeconds() + 20
        while !Files.exists(out + "/higgs/build.unfinished/part-0") && monotonicSeconds() < end {
          usleep(1000)
        }
        kill(pid, SIGTERM)
      })
    #expect(run.code == 130, "\(run.messages)")
    #expect(run.messages.contains("The same command goes on from here."), "\(run.messages)")
    #expect(try ProgramRun("metamae-prep", words).code == 0)
    #expect(try prep("verify", out).code == 0)
    #expect(try tree(out).keys.filter { $0.contains("unfinished") }.isEmpty)
  }

  @Test func windowsAndNormalisation() throws {
    try writeSeries(rows: 300)
    let run = try prep(
      "build-shards", "--dataset", "series", "--format", "pamap2", "--raw", raw, "--out", out,
      "--window", "20", "--per-epoch", "50", "--test-subjects", "2", "--name", "tiny", "--json")
    #expect(run.code == 0, "\(run.messages)")
    #expect(run.output.contains("\"dataset\" : \"tiny\""))
    let train = try Manifest(directory: out + "/tiny/train")
    let test = try Manifest(directory: out + "/tiny/test")
    #expect(train.segments?.map(\.group) == ["1", "1", "3", "3"])
    #expect(test.segments?.map(\.label) == [0, 1])
    #expect(train.task.names == ["1", "2"])
    #expect((train.sampling?.perEpoch, test.sampling?.perEpoch) == (50, 10))
    // Rows 100 to 299 of subjects 1 and 3 are used: row / 2 in channel 0, 1.25 and 3.25 in channel 1.
    let statistics = train.statistics[0]
    #expect(abs(statistics.mean[0] - 99.75) < 1e-9)
    #expect(abs(statistics.mean[1] - 2.25) < 1e-9)
    #expect(abs(statistics.deviation[1] - 1) < 1e-9)
    #expect(statistics.mean[2] == 1 && statistics.deviation[2] == 0)
    #expect(abs(test.transforms[0].shift[1] + 2.25) < 1e-6)
    #expect(test.transforms[0].scale[2] == 1)
    #expect(test.sampling?.preceding == [.init(rowCounts: [100, 100, 100, 100], count: 50)])
    let plain = try prep(
      "build-shards", "--dataset", "series", "--format", "pamap2", "--raw", raw, "--out", out,
      "--window", "20", "--test-subjects", "2", "--name", "plain", "--no-normalise")
    #expect(plain.code == 0)
    #expect(try Manifest(directory: out + "/plain/test").transforms == [Transform()])
  }

  @Test func alreadyBuiltAndOtherOptions() throws {
    try writeHIGGS(1500)
    let words = ["build-shards", "--dataset", "higgs", "--raw", raw, "--out", out]
    #expect(try ProgramRun("metamae-prep", words + ["--limit", "40"]).code == 0)
    let before = try tree(out)
    #expect(try Manifest(directory: out + "/higgs/pretrain").sampleCount == 40)
    #expect(try Manifest(directory: out + "/higgs/test").sampleCount == 14)
    let again = try ProgramRun("metamae-prep", words + ["--limit", "40", "--jobs", "3"])
    #expect(again.code == 0)
    #expect(again.output.contains("already built"))
    let other = try ProgramRun("metamae-prep", words)
    #expect(other.code == 64)
    #expect(other.messages.contains("built with limit 40, asked for none"), "\(other.messages)")
    try writeHIGGS(1501)
    let changed = try ProgramRun("metamae-prep", words + ["--limit", "40"])
    #expect(changed.code == 64)
    #expect(changed.messages.contains("other raw files"), "\(changed.messages)")
    #expect(try tree(out) == before)
  }

  /// Damage is found by verify, and the build that its message names repairs it.
  @Test func verifyFindsAndBuildRepairs() throws {
    try writeHIGGS(1500)
    let words = ["build-shards", "--dataset", "higgs", "--raw", raw, "--out", out]
    #expect(try ProgramRun("metamae-prep", words).code == 0)
    let before = try tree(out)
    let good = try prep("verify", folder.path)
    #expect(good.code == 0, "\(good.messages)")
    #expect(good.output.split(separator: "\n").count == 3)
    let shard = out + "/higgs/pretrain/shard-00000.mdb"
    let bytes = try Files.read(shard)
    var flipped = bytes
    flipped[bytes.count / 2] ^= 4
    let damages: [(String, [UInt8]?)] = [
      ("a flipped bit", flipped), ("cut short", Array(bytes.dropLast(4096))), ("gone", nil),
    ]
    for (name, damage) in damages {
      try Files.remove(shard)
      if let damage { try damage.withUnsafeBytes { try Files.write($0, to: shard) } }
      let found = try prep("verify", out + "/higgs")
      #expect(found.code == 65, "\(name): \(found.messages)")
      #expect(found.messages.contains(shard), "\(name): \(found.messages)")
      #expect(found.messages.contains("metamae-prep build-shards"), "\(name): \(found.messages)")
      let repaired = try ProgramRun("metamae-prep", words)
      #expect(repaired.code == 0, "\(name): \(repaired.messages)")
      #expect(try tree(out) == before, "\(name)")
    }
  }

  // MARK: Mistakes

  @Test func usage() throws {
    let cases: [([String], Int32, String)] = [
      ([], 64, ""),
      (["bild-shards"], 64, "Did you mean build-shards?"),
      (["build-shards", "--dataset", "higgs", "--out", "x"], 64, "--raw DIR is needed"),
      (["build-shards", "--datset", "higgs"], 64, "Did you mean --dataset?"),
      (
        ["build-shards", "--dataset", "higs", "--raw", raw, "--out", out], 64, "Did you mean higgs?"
      ),
      (
        ["build-shards", "--dataset", "higgs", "--raw", raw, "--out", out, "--jobs", "0"], 64,
        "--jobs: expected a whole number 1 to 1024, found '0'"
      ),
      (
        ["build-shards", "--dataset", "higgs", "--raw", raw, "--out", out, "--window", "9"], 64,
        "--window: belongs to --dataset series"
      ),
      (
        ["build-shards", "--dataset", "series", "--raw", raw, "--out", out, "--format", "uci"], 64,
        "--format: expected pamap2, found 'uci'"
      ),
      (
        ["build-shards", "--dataset", "series", "--raw", raw, "--out", out, "--per-epoch", "9"], 64,
        "--per-epoch: belongs to --format pamap2"
      ),
      (["verify"], 64, "expected one folder, found 0"),
      (["verify", out], 66, "expected a folder with shards, found none"),
      (["inspect", raw], 66, "expected splits with a manifest.json, found none"),
    ]
    for (words, code, message) in cases {
      let run = try ProgramRun("metamae-prep", words)
      #expect(run.code == code, "\(words): \(run.messages)")
      #expect(message.isEmpty || run.messages.contains(message), "\(words): \(run.messages)")
      expectNothingLeft()
    }
    for words in [["--help"], ["list"], ["build-shards", "--help"], ["--version"]] {
      let run = try ProgramRun("metamae-prep", words)
      #expect(run.code == 0)
      #expect(!run.output.isEmpty)
    }
    #expect(try prep("list").output.contains("genomics-ood"))
  }

  @Test func missingRawFiles() throws {
    let absent = try prep(
      "build-shards", "--dataset", "higgs", "--raw", folder.file("no"), "--out", out)
    #expect(absent.code == 66)
    #expect(absent.messages.contains(folder.file("no")), "\(absent.messages)")
    let empty = try prep("build-shards", "--dataset", "higgs", "--raw", raw, "--out", out)
    #expect(empty.code == 66)
    #expect(empty.messages.contains("expected HIGGS.csv"), "\(empty.messages)")
    expectNothingLeft()
  }

  /// A mistake late in the file, found by any process, leaves nothing.
  @Test(arguments: ["1", "3"])
  func badRows(jobs: String) throws {
    try writeHIGGS(5000)
    let text = String(decoding: try Files.read(raw + "/HIGGS.csv"), as: UTF8.self)
    try put(text + "1.0,2.0\n", "HIGGS.csv")
    let run = try prep(
      "build-shards", "--dataset", "higgs", "--raw", raw, "--out", out, "--jobs", jobs)
    #expect(run.code == 65, "\(run.messages)")
    #expect(
      run.messages.contains("HIGGS.csv, line 5001: expected 29 columns, found 2"), "\(run.messages)"
    )
    expectNothingLeft()
  }

  @Test func damagedRawFiles() throws {
    let batch = [UInt8](repeating: 1, count: 3073)
    for k in 1...5 { try put(String(decoding: batch, as: UTF8.self), "data_batch_\(k).bin") }
    try put(String(decoding: batch.dropLast(), as: UTF8.self), "test_batch.bin")
    let cut = try prep("build-shards", "--dataset", "cifar10", "--raw", raw, "--out", out)
    #expect(cut.code == 65)
    #expect(
      cut.messages.contains("test_batch.bin: expected a multiple of 3073 bytes"), "\(cut.messages)")
    #expect(cut.messages.contains("found 3072 bytes"))
    let letters = String(repeating: "ACGT", count: 62)
    let rows = (0..<30).map { "\($0),b'in',1,b'\(letters)\($0 == 17 ? "AX" : "AC")',b''" }
    try put(
      ",domain,label,seq,seq_info\n" + rows.joined(separator: "\n"), "genomicsTransferID.csv")
    let letter = try prep("build-shards", "--dataset", "genomics-id", "--raw", raw, "--out", out)
    #expect(letter.code == 65)
    #expect(
      letter.messages.contains(
        "line 19: row 17, position 249: expected A, C, G or T, found 'X'"), "\(letter.messages)")
    try put("PK\u{3}\u{4} and no more", "pamap2.zip")
    let zip = try prep(
      "build-shards", "--dataset", "pamap2", "--raw", raw + "/pamap2.zip", "--out", out)
    #expect(zip.code == 65)
    #expect(zip.messages.contains("pamap2.zip: expected a zip"), "\(zip.messages)")
    expectNothingLeft()
  }

  /// The checksum at the end of HIGGS.csv.gz: a flipped bit there, or the end gone, is an error.
  @Test func aDamagedGzip() throws {
    try writeHIGGS(300)
    let gzip = try ProgramRun("/usr/bin/gzip", ["-9", raw + "/HIGGS.csv"])
    #expect(gzip.code == 0, "\(gzip.messages)")
    let packed = raw + "/HIGGS.csv.gz"
    let whole = try Files.read(packed)
    var damaged = (0..<8).map { byte in
      var bytes = whole
      bytes[bytes.count - 8 + byte] ^= 1
      return bytes
    }
    damaged += [1, 8, 100].map { Array(whole.dropLast($0)) }
    for bytes in damaged {
      try bytes.withUnsafeBytes { try Files.write($0, to: packed) }
      let run = try prep("build-shards", "--dataset", "higgs", "--raw", raw, "--out", out)
      #expect(run.code == 65)
      #expect(
        run.messages.contains("HIGGS.csv.gz: expected a whole gzip file, found it truncated or"),
        "\(run.messages)")
      expectNothingLeft()
    }
    try whole.withUnsafeBytes { try Files.write($0, to: packed) }
    #expect(
      try prep("build-shards", "--dataset", "higgs", "--raw", raw, "--out", out).code == 0)
  }

  @Test func tooFewRows() throws {
    try writeHIGGS(3)
    let run = try prep("build-shards", "--dataset", "higgs", "--raw", raw, "--out", out)
    #expect(run.code == 65)
    #expect(run.messages.contains("too few"), "\(run.messages)")
    try writeSeries(rows: 30)
    let series = try prep(
      "build-shards", "--dataset", "series", "--format", "pamap2", "--raw", raw, "--out", out,
      "--window", "20", "--test-subjects", "2")
    #expect(series.code == 65)
    #expect(series.messages.contains("Choose a smaller --window"), "\(series.messages)")
    expectNothingLeft()
  }

  @Test func aFolderThatCannotBeWritten() throws {
    try writeHIGGS(1500)
    try put("a file", "occupied")
    let run = try prep(
      "build-shards", "--dataset", "higgs", "--raw", raw, "--out", raw + "/occupied/out")
    #expect([66, 74].contains(run.code), "\(run.messages)")
    #expect(run.messages.contains("cannot create the folder"), "\(run.messages)")
  }
}
