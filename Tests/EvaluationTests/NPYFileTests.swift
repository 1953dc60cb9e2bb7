import Basics
import Testing

@testable import Evaluation

@Suite struct NPYFileTests {
  @Test func roundTrips() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.npy"
    let writer = try NPYWriter(path, .float32, rowShape: [3])
    try writer.append([1, 2, 3] as [Float])
    try writer.append([4, 5, -0.5] as [Float])
    #expect(!Files.exists(path))
    try writer.finish()
    let file = try NPYFile(path: path)
    #expect(file.shape == [2, 3] && file.element == .float32)
    #expect(file.floats == [1, 2, 3, 4, 5, -0.5])
    #expect(try Files.list(scratch.path) == ["a.npy"])
  }

  /// Byte for byte what numpy.save writes for np.array([-1, 2**40]), the header padded to 128 bytes.
  @Test func bytesAreNumPys() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.npy"
    let writer = try NPYWriter(path, .int64)
    try writer.append([-1, 1 << 40])
    try writer.finish()
    var expected: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0]
    expected += Array("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }".utf8)
    expected += [UInt8](repeating: 32, count: 127 - expected.count) + [10]
    expected += [UInt8](repeating: 255, count: 8) + [0, 0, 0, 0, 0, 1, 0, 0]
    #expect(try Files.read(path) == expected)
    #expect(try NPYFile(path: path).integers == [-1, 1 << 40])
  }

  @Test func anUnfinishedFileLeavesNothing() throws {
    let scratch = try Scratch()
    do {
      let writer = try NPYWriter(scratch.path + "/a.npy", .float32)
      try writer.append([1] as [Float])
    }
    #expect(try Files.list(scratch.path) == [])
  }

  @Test(arguments: [0, 9, 60, 130]) func truncationIsNamed(length: Int) throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a.npy"
    let writer = try NPYWriter(path, .float32, rowShape: [2])
    try writer.append([1, 2] as [Float])
    try writer.finish()
    let bytes = try Files.read(path)
    try Array(bytes[..<length]).withUnsafeBytes { try Files.write($0, to: path) }
    let failure = #expect(throws: Failure.self) { try NPYFile(path: path) }
    #expect(failure?.kind == .badData && failure?.place == path)
  }

  @Test func exportsFeaturesLabelsAndIds() throws {
    let scratch = try Scratch()
    let files = try FeatureFiles(out: scratch.path + "/x.npy")
    let whole = clusters(samples: 10, width: 4, classes: 3, seed: 1)
    let source: FeatureSource = { _, _, deliver in
      try deliver(whole.selecting(Array(0..<6)))
      try deliver(whole.selecting(Array(6..<10)))
    }
    let size = try exportFeatures(source, split: .train, to: files)
    #expect(size == (10, 4))
    #expect(try NPYFile(path: files.features).floats == whole.features)
    #expect(try NPYFile(path: files.features).shape == [10, 4])
    #expect(try NPYFile(path: files.ids).integers == whole.ids)
    #expect(try NPYFile(path: files.labels).integers == (0..<10).map { Int64($0 % 3) })

    // Labels of an earlier export would belong to another split.
    let unlabelled: FeatureSource = { _, _, deliver in
      try deliver(FeatureSet(width: 2, features: [1, 2], ids: [7]))
    }
    _ = try exportFeatures(unlabelled, split: .pretrain, to: files)
    #expect(try Files.list(scratch.path) == ["x.ids.npy", "x.npy"])
  }

  @Test func namesAreChecked() throws {
    #expect(throws: Failure(.usage, at: "--out", "expected a file name ending in .npy, found 'x'"))
    { try FeatureFiles(out: "x") }
    let failure = #expect(throws: Failure.self) { try FeatureFiles(out: "/nowhere/x.npy") }
    #expect(failure?.kind == .missingInput)
  }
}
