// metamae-prep export, read back by hand and, where there is a Python with numpy, by numpy and tarfile.

import Basics
import Foundation
import ShardFormat
import TestSupport
import Testing

@Suite struct ExportTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func export(_ format: String, _ out: String = "out") throws -> ProgramRun {
    try ProgramRun(
      "metamae-prep",
      ["export", folder.file("shards"), "--format", format, "--out", folder.file(out)])
  }

  /// Entries of a tar by name: heads of 512 bytes, data padded to them.
  private func tar(_ path: String) throws -> [(name: String, bytes: [UInt8])] {
    let bytes = try Files.read(path)
    var (at, found): (Int, [(String, [UInt8])]) = (0, [])
    while at + 512 <= bytes.count, bytes[at] != 0 {
      let name = String(decoding: bytes[at..<(at + 100)].prefix { $0 != 0 }, as: UTF8.self)
      let size = Int(
        String(decoding: bytes[(at + 124)..<(at + 135)], as: UTF8.self), radix: 8)!
      found.append((name, Array(bytes[(at + 512)..<(at + 512 + size)])))
      at += 512 + (size + 511) / 512 * 512
    }
    return found
  }

  /// The data behind a .npy head, after a look at the head.
  private func data(_ npy: [UInt8], _ descr: String, _ shape: String) -> [UInt8] {
    let length = Int(npy[8]) | Int(npy[9]) << 8
    let head = String(decoding: npy[10..<(10 + length)], as: UTF8.self)
    #expect(head.contains("'descr': '\(descr)'") && head.contains("'shape': (\(shape))"), "\(head)")
    #expect((10 + length) % 64 == 0)
    return Array(npy[(10 + length)...])
  }

  @Test func tarsOfRecords() throws {
    try SyntheticSplit.records(100, in: folder.file("shards/a/train"), split: "train")
    let run = try export("webdataset")
    #expect(run.code == 0, "\(run.messages)")
    let entries = try tar(folder.file("out/synthetic/train/shard-000000.tar"))
    #expect(entries.count == 300)
    var seen: Set<Int> = []
    for sample in stride(from: 0, to: 300, by: 3) {
      let ordinal = try #require(Int(entries[sample].name.prefix(9)))
      seen.insert(ordinal)
      let key = entries[sample].name.prefix(9)
      #expect(
        (0..<3).map { entries[sample + $0].name }
          == ["\(key).input0.npy", "\(key).input1.npy", "\(key).cls"])
      #expect(
        data(entries[sample].bytes, "|u1", "3, 4, 4,")
          == (0..<48).map { UInt8((ordinal + 7 * $0) % 256) })
      let tokens = data(entries[sample + 1].bytes, "<i4", "5,")
      #expect(Int(tokens[4]) | Int(tokens[5]) << 8 == ordinal * 10 + 1)
      #expect(entries[sample + 2].bytes == Array(String(ordinal % 10).utf8))
    }
    #expect(seen == Set(0..<100))
    #expect(
      try Files.list(folder.file("out/synthetic/train")) == [
        "description.json", "shard-000000.tar",
      ])
  }

  @Test func tarsOfWindows() throws {
    try SyntheticSplit.windows(
      rowCounts: [40, 33], length: 20, perEpoch: 10, fixed: false, in: folder.file("shards/p"))
    let manifest = try SyntheticSplit.windows(
      rowCounts: [40, 33, 64], length: 20, perEpoch: 10, fixed: true,
      in: folder.file("shards/t"), split: "test")
    #expect(try export("webdataset").code == 0)
    let segments = try tar(folder.file("out/synthetic-windows/pretrain/shard-000000.tar"))
    #expect(
      segments.map(\.name) == [
        "000000000.rows.npy", "000000000.cls", "000000001.rows.npy", "000000001.cls",
      ])
    func floats(_ bytes: [UInt8]) -> [Float] {
      bytes.withUnsafeBytes { bytes in
        (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
    let rows = (0..<33).flatMap { [Float(1000 + $0), Float(-$0)] }
    #expect(floats(data(segments[2].bytes, "<f4", "33, 2,")) == rows)
    let windows = try tar(folder.file("out/synthetic-windows/test/shard-000000.tar"))
    #expect(windows.count == 20)
    for (k, window) in manifest.fixedWindows().enumerated() {
      let rows = (0..<20).map { window.start + $0 }
      let first = rows.map { Float(1000 * window.segment + $0) }
      let second = rows.map { Float(-$0) }
      #expect(floats(data(windows[2 * k].bytes, "<f4", "2, 20,")) == first + second)
      #expect(windows[2 * k + 1].bytes == Array(String(window.segment % 3).utf8))
    }
  }

  /// An npz is a zip; our own reader for the user's arrays reads it, and the shards built from it are the first again.
  @Test func arraysComeBack() throws {
    try SyntheticSplit.records(100, in: folder.file("shards"), split: "train")
    #expect(try export("npz").code == 0)
    #expect(
      try Files.list(folder.file("out/synthetic/train")) == ["data.npz", "description.json"])
    let back = try ProgramRun(
      "metamae-prep",
      [
        "build-shards", "--dataset", "npz", "--raw", folder.file("out/synthetic/train"), "--input",
        "input.0,input.1", "--kind", "image,tokens", "--label", "label", "--fraction", "0",
        "--no-normalise", "--out", folder.file("again"),
      ])
    #expect(back.code == 0, "\(back.messages)")
    let (first, second) = (
      try ShardReader(directory: folder.file("shards")),
      try ShardReader(directory: folder.file("again/npz/train"))
    )
    #expect(second.manifest.sampleCount == 100)
    #expect(second.manifest.fields.map(\.type) == [.uint8, .uint16, .uint8])
    #expect(second.manifest.transforms[0] == first.manifest.transforms[0])
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { block.deallocate() }
    try second.decode(block: 0, into: block)
    let order = second.manifest.storageOrder
    let count = second.manifest.sampleCount(ofBlock: 0)
    for sample in 0..<count {
      let ordinal = Int(order[UInt64(sample)])
      #expect(block[48 * sample + 1] == UInt8((ordinal + 7) % 256))
      #expect(block[58 * count + sample] == UInt8(ordinal % 10))
    }
  }

  @Test func numpyAndTarfileReadIt() throws {
    let python = ProcessInfo.processInfo.environment["METAMAE_PYTHON"] ?? "python3"
    let look = try ProgramRun("/usr/bin/env", [python, "-c", "import numpy"])
    guard look.code == 0 else { return }
    try SyntheticSplit.records(100, in: folder.file("shards/a"), split: "train")
    try SyntheticSplit.windows(
      rowCounts: [40, 33, 64], length: 20, perEpoch: 10, fixed: true, in: folder.file("shards/b"),
      split: "test")
    #expect(try export("npz", "n").code == 0)
    #expect(try export("webdataset", "w").code == 0)
    let script = """
      import io, json, sys, tarfile, numpy as np
      n, w = sys.argv[1:]
      a = np.load(n + '/synthetic/train/data.npz')
      k = np.arange(100)
      assert (a['input.0'].reshape(100, 48) == (k[:, None] + 7 * np.arange(48)) % 256).all()
      assert (a['input.1'] == k[:, None] * 10 + np.arange(5)).all() and (a['label'] == k % 10).all()
      assert a['input.0.scale'] == np.float32(1 / 255) and a['label'].dtype == np.uint16
      b = np.load(n + '/synthetic-windows/test/data.npz')
      assert b['segments'].tolist() == [[0, 40, 0], [40, 33, 1], [73, 64, 2]]
      t = tarfile.open(w + '/synthetic-windows/test/shard-000000.tar')
      for i, (row, label) in enumerate(b['windows']):
          x = np.load(io.BytesIO(t.extractfile(f'{i:09d}.input0.npy').read()))
          assert (x == b['input.0'][row:row + 20].T).all() and t.extractfile(f'{i:09d}.cls').read() == b'%d' % label
      assert json.load(open(w + '/synthetic/train/description.json'))['task']['classes'] == 10
      print(len(tarfile.open(w + '/synthetic/train/shard-000000.tar').getnames()))
      """
    let run = try ProgramRun(
      "/usr/bin/env", [python, "-c", script, folder.file("n"), folder.file("w")])
    #expect(run.output == "300\n", "\(run.messages)")
  }

  @Test func mistakes() throws {
    try SyntheticSplit.records(20, in: folder.file("shards"), split: "train")
    let format = try export("csv")
    #expect(format.code == 64)
    #expect(format.messages.contains("--format: expected "), "\(format.messages)")
    #expect(format.messages.contains("npz") && format.messages.contains("webdataset"))
    #expect(!Files.exists(folder.file("out")))
    try Files.createFolder(folder.file("out/synthetic/train"))
    let there = try export("npz")
    #expect(there.code == 64 && there.messages.contains("is there already"))
    #expect(try Files.list(folder.file("out/synthetic")) == ["train"])
    #expect(try Files.list(folder.file("out/synthetic/train")).isEmpty)
    let shard = folder.file("shards/shard-00000.mdb")
    var bytes = try Files.read(shard)
    for k in 8192..<bytes.count { bytes[k] ^= 0x55 }
    try put(bytes, shard)
    let damaged = try export("webdataset", "other")
    #expect(damaged.code == 65, "\(damaged.messages)")
    #expect(damaged.messages.contains("shard-00000.mdb"), "\(damaged.messages)")
    #expect(!Files.exists(folder.file("other")), "nothing is left behind")
    // What else stands in the folder stays.
    try put("mine", folder.file("other/synthetic/notes.txt"))
    #expect(try export("webdataset", "other").code == 65)
    #expect(try Files.list(folder.file("other/synthetic")) == ["notes.txt"])
  }
}
