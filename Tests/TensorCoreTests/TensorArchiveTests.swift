import Basics
import Foundation
import TensorCore
import Testing

@Suite struct TensorArchiveTests {
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "/archive-\(UUID().uuidString)"
    try Files.createFolder(folder)
  }

  private func sample(to path: String) throws -> String {
    let floats: [Float] = [1, -2.5, .infinity, 4, 5, 6]
    let integers: [Int64] = [7, -8]
    let flags: [UInt8] = [1, 0, 1]
    return try floats.withUnsafeBufferPointer { f in
      try integers.withUnsafeBytes { i in
        try flags.withUnsafeBytes { b in
          try TensorArchive.write(
            [
              ArchivedTensor("weight", shape: [2, 3], floats: f),
              ArchivedTensor("kept", .bool, shape: [3], bytes: b),
              ArchivedTensor("order", .int64, shape: [2, 1], bytes: i),
              ArchivedTensor(
                "bias", .float32, shape: [],
                bytes: .init(rebasing: UnsafeRawBufferPointer(f)[0..<4])),
              ArchivedTensor("none", .float32, shape: [0, 4], bytes: .init(start: nil, count: 0)),
            ], metadata: ["b": "2 \"quoted\"\n", "a": "\u{1}é"], to: path)
        }
      }
    }
  }

  @Test func roundTrip() throws {
    let path = folder + "/a.safetensors"
    let digest = try sample(to: path)
    #expect(digest == (try Digest.sha256(file: path)))
    let archive = try TensorArchive(path: path)
    #expect(archive.metadata == ["b": "2 \"quoted\"\n", "a": "\u{1}é"])
    #expect(archive.names == ["bias", "kept", "none", "order", "weight"])
    #expect(try archive.floats("weight") == [1, -2.5, .infinity, 4, 5, 6])
    #expect(try archive.doubles("bias") == [1])
    #expect(try archive.integers("order") == [7, -8])
    #expect(try archive.flags("kept") == [true, false, true])
    #expect(try archive.floats("none") == [])
    #expect(archive.entries["order"]?.shape == [2, 1])
    #expect(archive.entries["bias"]?.shape == [])
  }

  /// The bytes that the Python library (safetensors 0.8, numpy) writes for the same tensors and one metadata pair.
  @Test func bytesAreThoseOfTheFormatsLibrary() throws {
    let path = folder + "/b.safetensors"
    let floats: [Float] = [1, 2]
    let integers: [Int64] = [3]
    _ = try floats.withUnsafeBufferPointer { f in
      try integers.withUnsafeBytes { i in
        try TensorArchive.write(
          [
            ArchivedTensor("a", shape: [2], floats: f),
            ArchivedTensor("z", .int64, shape: [1], bytes: i),
          ], metadata: ["k": "v"], to: path)
      }
    }
    let json =
      #"{"__metadata__":{"k":"v"},"z":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"#
      + #""a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#
    let padded = json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
    var expected: [UInt8] = [UInt8(padded.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(padded.utf8)
    expected += [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
    #expect(try Files.read(path) == expected)
  }

  @Test func bytesDoNotDependOnTheOrderGiven() throws {
    let one = folder + "/1"
    let two = folder + "/2"
    let values: [Float] = [1, 2]
    try values.withUnsafeBufferPointer { f in
      let tensors = ["b", "a", "c"].map { ArchivedTensor($0, shape: [2], floats: f) }
      let first = try TensorArchive.write(tensors, metadata: ["x": "1", "y": "2"], to: one)
      let second = try TensorArchive.write(
        tensors.reversed(), metadata: ["y": "2", "x": "1"], to: two)
      #expect(first == second)
    }
  }

  static let f32 = #""dtype":"F32","shape":[2]"#

  /// (header, bytes after it, what the message must say)
  @Test(arguments: [
    (
      #"{"a":{\#(f32),"data_offsets":[0,8]}}"#, 7,
      "'a': truncated: ends at byte 8 of the data, found 7 bytes"
    ),
    (#"{"a":{\#(f32),"data_offsets":[0,8]}}"#, 9, "bytes, found"),
    (
      #"{"a":{\#(f32),"data_offsets":[0,8]},"b":{\#(f32),"data_offsets":[4,12]}}"#, 12,
      "'b': overlaps the tensor before it"
    ),
    (
      #"{"a":{\#(f32),"data_offsets":[0,8]},"b":{\#(f32),"data_offsets":[12,20]}}"#, 20,
      "'b': leaves a gap after"
    ),
    (#"{"a":{\#(f32),"data_offsets":[0,4]}}"#, 4, "expected 8 bytes for F32 [2], found 4"),
    (#"{"a":{\#(f32),"data_offsets":[8,0]}}"#, 8, "impossible offsets [8, 0]"),
    (#"{"a":{\#(f32),"data_offsets":[0]}}"#, 8, "impossible offsets [0]"),
    (#"{"a":{\#(f32),"data_offsets":[-8,0]}}"#, 8, "impossible offsets [-8, 0]"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8, "impossible shape [-2]"),
    (
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8,
      "impossible shape"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#, 8,
      "not the JSON"
    ),
    (#"{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}"#, 8, "found 'BF16'"),
    (#"{"a":{"shape":[4],"data_offsets":[0,8]}}"#, 8, "not the JSON"),
    (#"{"__metadata__":{"k":1}}"#, 0, "not the JSON"),
    (#"[1]"#, 0, "not the JSON"),
    (#"{"a":"#, 0, "not the JSON"),
  ]) func malformed(header: String, body: Int, message: String) throws {
    let bytes =
      withUnsafeBytes(of: UInt64(header.utf8.count), Array.init) + Array(header.utf8)
      + [UInt8](repeating: 0, count: body)
    let failure = #expect(throws: Failure.self) { try TensorArchive(bytes: bytes, path: "m.st") }
    #expect(failure?.kind == .badData)
    #expect(failure?.description.contains(message) == true, "\(failure!)")
    #expect(failure?.place.hasPrefix("m.st") == true)
  }

  @Test func headerLengths() {
    func message(_ length: UInt64, _ rest: Int) -> String? {
      let bytes = withUnsafeBytes(of: length, Array.init) + [UInt8](repeating: 32, count: rest)
      return #expect(throws: Failure.self) { try TensorArchive(bytes: bytes, path: "h") }?.problem
    }
    #expect(
      message(.max, 4) == "header too large: 18446744073709551615 bytes, at most 100000000 are read"
    )
    #expect(message(5, 4) == "truncated: a header of 5 bytes in 12 bytes")
    let short = #expect(throws: Failure.self) { try TensorArchive(bytes: [1, 2], path: "h") }
    #expect(short?.problem == "expected a header length of 8 bytes, found 2 bytes in all")
  }

  @Test func everyTruncationIsAnError() throws {
    let path = folder + "/t.safetensors"
    _ = try sample(to: path)
    let whole = try Files.read(path)
    for count in 0..<whole.count {
      #expect(throws: Failure.self) {
        try TensorArchive(bytes: Array(whole[..<count]), path: "cut at \(count)")
      }
    }
  }

  @Test func wrongRequests() throws {
    let path = folder + "/w.safetensors"
    _ = try sample(to: path)
    let archive = try TensorArchive(path: path)
    let missing = #expect(throws: Failure.self) { try archive.floats("nope") }
    #expect(missing?.description == "\(path): expected a tensor 'nope', found none of that name")
    let type = #expect(throws: Failure.self) { try archive.floats("order") }
    #expect(type?.description == "\(path), 'order': expected F32, found I64")
    var places = [Float](repeating: 0, count: 6)
    try places.withUnsafeMutableBufferPointer { target in
      try archive.copy("weight", shape: [2, 3], into: target)
      let shape = #expect(throws: Failure.self) {
        try archive.copy("weight", shape: [3, 2], into: target)
      }
      #expect(shape?.problem == "expected shape [3, 2], found [2, 3]")
    }
    #expect(places[1] == -2.5)
    let absent = #expect(throws: Failure.self) { try TensorArchive(path: folder + "/none") }
    #expect(absent?.kind == .missingInput)
  }

  /// Files of the format's own library, when the golden cases are at hand.
  @Test func readsGoldenFiles() throws {
    guard let golden = ProcessInfo.processInfo.environment["METAMAE_GOLDEN"] else { return }
    for name in try Files.list(golden) where name.hasSuffix(".safetensors") {
      let archive = try TensorArchive(path: golden + "/" + name)
      #expect(!archive.entries.isEmpty, "\(name)")
    }
  }
}
