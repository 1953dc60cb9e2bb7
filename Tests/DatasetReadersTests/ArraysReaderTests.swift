// --dataset npz: arrays of every kind, parts by their names, labels beside them.

import Basics
import ShardFormat
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct ArraysReaderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }
  private var source: RawSource { get throws { try RawSource(folder.path) } }

  private func little(_ values: [Int], _ size: Int) -> [UInt8] {
    values.flatMap { value in (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  }

  @Test func partsByNames() throws {
    ArrayFixture.npz(
      [
        ("x_train", ArrayFixture.npy("|u1", [3, 2, 2, 2], (0..<24).map { UInt8($0) })),
        ("y_train", ArrayFixture.npy("<i8", [3, 1], little([7, -1, 7], 8))),
        ("x_test", ArrayFixture.npy("|u1", [1, 2, 2, 2], (100..<108).map { UInt8($0) })),
        ("y_test", ArrayFixture.npy(">i4", [1], [0, 0, 0, 7])),
      ], to: folder.file("set.npz"))
    var options = ReaderOptions()
    options.choices.label = "y"
    let decoded = try Decoded(ArraysReader(source, options), shares: 2)
    #expect(try decoded.plan("train").inputs[0].shape == [2, 2, 2])
    #expect(try decoded.plan("train").task.names == ["-1", "7"])
    #expect((try decoded.rows("train"), try decoded.rows("test")) == ([1, 2, 3], [0]))
    func bytes(_ row: Int) -> [UInt8] {
      (0..<9).map { decoded.records.record(row).load(fromByteOffset: $0, as: UInt8.self) }
    }
    #expect(bytes(0) == (100..<108).map { UInt8($0) } + [1])
    #expect(bytes(2) == (8..<16).map { UInt8($0) } + [0])
    options.channelsLast = true
    let turned = try Decoded(ArraysReader(source, options))
    #expect(
      (0..<8).map { turned.records.record(0).load(fromByteOffset: $0, as: UInt8.self) }
        == [100, 102, 104, 106, 101, 103, 105, 107])
  }

  @Test func kinds() throws {
    ArrayFixture.npz(
      [
        ("signal", ArrayFixture.npy("<f8", [2, 3], little([0, 0, 0, 0, 0, 0], 8))),
        ("letters", ArrayFixture.npy("<i4", [2, 2], little([0, 300, 5, 2], 4))),
        ("half", ArrayFixture.npy("<f2", [2, 1, 2], [0, 0x3C, 0, 0xC0, 0, 0x38, 0, 0])),
        ("who", ArrayFixture.npy("<U3", [2], little([0x61, 0xE9, 0, 0x62, 0, 0], 4))),
      ], to: folder.file("set.npz"))
    var options = ReaderOptions()
    #expect(
      try failure { _ = try ArraysReader(source, options) }.remedy == "Name it with --input.")
    options.inputs = ["signal", "letters", "half"]
    options.kinds = ["series", "tokens", "series"]
    options.choices.label = "who"
    options.choices.fraction = 0
    let decoded = try Decoded(ArraysReader(source, options))
    let plan = try decoded.plan("train")
    #expect(plan.inputs.map(\.kind) == ["series", "tokens", "series"])
    #expect(plan.inputs.map(\.shape) == [[1, 3], [2], [1, 2]])
    #expect(plan.inputs[1].vocabulary == 301)
    #expect(plan.fields.map(\.type) == [.float32, .uint16, .float32, .uint8])
    #expect(plan.task.names == ["aé", "b"])
    let record = decoded.records.record(0)
    #expect(record.loadUnaligned(fromByteOffset: 14, as: UInt16.self) == 300)
    #expect(
      (0..<2).map { record.loadUnaligned(fromByteOffset: 16 + 4 * $0, as: Float.self) } == [1, -2])
    options.kinds = ["tokens"]
    #expect(try failure { _ = try ArraysReader(source, options) }.kind == .usage)
    options.kinds = ["tokens", "tokens", "series"]
    #expect(
      try failure { _ = try ArraysReader(source, options) }.problem.hasPrefix(
        "expected 1 axis of whole numbers with rows first, found shape [2, 3] of f8"))
  }

  /// What a stored number means goes by its type: images from 0 to 1, everything else as it is.
  @Test(
    arguments: [
      ("|u1", 1, "image", Transform(scale: [1 / 255])),
      ("<u2", 2, "image", Transform(scale: [1 / 65_535])), ("<f4", 4, "image", Transform()),
      ("|u1", 1, "series", Transform()),
    ] as [(String, Int, String, Transform)])
  func scales(type: String, size: Int, kind: String, expected: Transform) throws {
    let shape = kind == "image" ? [2, 1, 2, 2] : [2, 4]
    try put(
      ArrayFixture.npy(type, shape, [UInt8](repeating: 0, count: 8 * size)), folder.file("x.npy"))
    var options = ReaderOptions()
    options.kinds = [kind]
    options.choices.fraction = 0
    #expect(try Decoded(ArraysReader(source, options)).plan("train").transforms == [expected])
  }

  /// .npy files side by side; groups stay whole.
  @Test func separateFiles() throws {
    try put(ArrayFixture.floats([40, 2], (0..<80).map { Float($0) }), folder.file("x.npy"))
    try put(
      ArrayFixture.npy("|S2", [40], (0..<40).flatMap { [UInt8(97 + $0 % 7), 0] }),
      folder.file("who.npy"))
    var options = ReaderOptions()
    options.choices.groupBy = "who"
    let decoded = try Decoded(ArraysReader(source, options), shares: 3)
    let (train, test) = (try decoded.rows("train"), try decoded.rows("test"))
    #expect(train.count + test.count == 40)
    #expect(!test.isEmpty && Set(train.map { $0 % 7 }).isDisjoint(with: test.map { $0 % 7 }))
  }

  @Test func mistakes() throws {
    func problem(_ x: [UInt8], _ y: [UInt8]? = nil, skipping: Bool = false) throws -> String {
      try put(x, folder.file("x.npy"))
      try put(y ?? ArrayFixture.npy("|u1", [2], [0, 1]), folder.file("y.npy"))
      var options = ReaderOptions()
      options.choices.label = "y"
      options.choices.fraction = 0
      options.skipsBadRecords = skipping
      return try failure { _ = try Decoded(ArraysReader(source, options)) }.problem
    }
    let good = ArrayFixture.floats([2, 2], [1, 2, 3, 4])
    #expect(
      try problem(ArrayFixture.floats([2, 2], [1, .nan, 3, 4])).hasPrefix(
        "element 1: expected a finite number"))
    #expect(
      try problem(good, ArrayFixture.npy("|u1", [3], [0, 1, 2]))
        == "expected 2 rows as 'x' has, found 3")
    #expect(
      try problem(good, ArrayFixture.npy("|u1", [2, 2], [0, 1, 2, 3]))
        == "expected one value a row, found shape [2, 2]")
    #expect(
      try problem(ArrayFixture.npy("<f4", [2, 2], [0, 0, 0], isFortran: true)).hasSuffix(
        "found columns one behind the other"))
    #expect(try problem(Array(good.dropLast())).hasPrefix("expected 2 rows of 8 bytes"))
    #expect(try problem(ArrayFixture.npy("<f4", [1 << 30, 1 << 30], [])).hasPrefix("expected"))
    #expect(
      try problem(ArrayFixture.npy("<f4", [2, 1 << 40], [])).hasPrefix("expected rows of at most"))
    #expect(try problem(Array("no array".utf8)).hasPrefix("expected a .npy file"))
  }
}
