// Batches of 32 x 32 images as rows of 1024 red, 1024 green and 1024 blue bytes with labels beside them: CIFAR-10's
// python version and the ready-made ImageNet32, as pickled dicts or .npz (datasets.md 9.2 and 9.3).

import Basics
import Glibc

enum PlaneBatches {
  static let pixels = 3 * 32 * 32

  /// Decodes a batch file; row r becomes its bytes and a label of `labelBytes`.
  /// - Parameters:
  ///   - labels: which numbers may occur; a class is a number's place in here.
  static func decode(
    _ entry: RawEntry, labels range: ClosedRange<Int>, labelBytes: Int, into sink: RecordSink
  ) throws -> PartContents {
    let batch = try entry.name.hasSuffix(".npz") ? Batch(npz: entry) : Batch(pickle: entry)
    sink.hasRead(entry.size ?? 0)
    for row in 0..<batch.labels.count {
      try sink.attempt(row) { record in
        let label = batch.labels[row]
        guard range.contains(label) else {
          throw Failure(
            .badData, at: "\(entry.place), record \(row)",
            "expected a label of \(range.lowerBound) to \(range.upperBound), found \(label)")
        }
        batch.copy(row, to: record)
        let stored = UInt16(label - range.lowerBound)
        record.storeBytes(
          of: UInt8(stored & 255), toByteOffset: pixels, as: UInt8.self)
        if labelBytes == 2 {
          record.storeBytes(
            of: UInt8(stored >> 8), toByteOffset: pixels + 1, as: UInt8.self)
        }
      }
    }
    return PartContents(rowCount: batch.labels.count)
  }

  private final class Batch {
    let labels: [Int]
    private let isFortran: Bool
    /// Holds the bytes, but for those that were copied.
    private let owner: FileBytes
    private let bytes: UnsafeRawBufferPointer

    /// A dict with `data` and `labels`.
    init(pickle entry: RawEntry) throws {
      let file = try FileBytes(entry)
      let pickle = try Pickle(file)
      guard let data = pickle.member("data", of: pickle.root).flatMap(pickle.array),
        data.type == NumpyType("u1", order: "|") || data.type == NumpyType("u1"),
        data.shape.count == 2, data.shape[1] == pixels
      else {
        throw Failure(
          .badData, at: entry.place,
          "expected a pickled dict with 'data' of rows of 3072 bytes, found none")
      }
      guard let labels = pickle.member("labels", of: pickle.root).flatMap(pickle.integers),
        labels.count == data.shape[0]
      else {
        throw Failure(
          .badData, at: entry.place, "expected \(data.shape[0]) 'labels', found another number")
      }
      self.labels = labels
      isFortran = data.isFortran
      // Strings of the file stay where they are; others are copied once.
      let place = pickle.withBytes(of: data.data) { bytes -> UnsafeRawBufferPointer in
        if file.holds(bytes) { return bytes }
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        copy.copyMemory(from: bytes)
        return UnsafeRawBufferPointer(copy)
      }
      bytes = place!
      owner = file
    }

    /// An archive with data.npy and labels.npy.
    init(npz entry: RawEntry) throws {
      let data = try NPZ.bytes("data.npy", of: entry)
      let named = try NPZ.bytes("labels.npy", of: entry)
      owner = data
      let head = try NPYHeader(data.bytes, at: data.place)
      let numbers = try NPYHeader(named.bytes, at: named.place)
      guard head.type.kind == "u", head.type.size == 1, head.shape.count == 2,
        head.shape[1] == pixels, data.bytes.count - head.byteCount == head.shape[0] * pixels
      else {
        throw Failure(
          .badData, at: data.place, "expected rows of 3072 bytes, found shape \(head.shape)")
      }
      guard numbers.shape == [head.shape[0]],
        named.bytes.count - numbers.byteCount == head.shape[0] * numbers.type.size
      else {
        throw Failure(
          .badData, at: named.place,
          "expected \(head.shape[0]) labels, found shape \(numbers.shape)")
      }
      labels = try (0..<head.shape[0]).map { row in
        let offset = numbers.byteCount + row * numbers.type.size
        guard let label = numbers.type.integer(named.bytes, at: offset) else {
          throw Failure(.badData, at: named.place, "expected whole numbers as labels")
        }
        return label
      }
      isFortran = head.isFortran
      bytes = UnsafeRawBufferPointer(rebasing: data.bytes[head.byteCount...])
    }

    deinit { if !owner.holds(bytes) { bytes.deallocate() } }

    func copy(_ row: Int, to record: UnsafeMutableRawPointer) {
      if isFortran {
        for i in 0..<pixels {
          record.storeBytes(of: bytes[i * labels.count + row], toByteOffset: i, as: UInt8.self)
        }
      } else {
        memcpy(record, bytes.baseAddress! + row * pixels, pixels)
      }
    }
  }
}

/// .npz archives: a zip of .npy files.
enum NPZ {
  /// The bytes of one array's .npy file.
  /// - Throws: badData when there is none.
  static func bytes(_ name: String, of entry: RawEntry) throws -> FileBytes {
    let inner = RawEntry(
      name: entry.name + "/" + name, file: entry.file, inside: entry.inside + [name], size: nil)
    do {
      return try FileBytes(inner)
    } catch let failure as Failure where failure.problem.contains("found it gone") {
      throw Failure(.badData, at: entry.place, "expected an array \(name), found none")
    }
  }
}
