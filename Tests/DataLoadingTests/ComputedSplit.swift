// Splits whose every byte is a function of its place, without files: blocks are computed when they are "decoded".

import Basics
import Glibc
import ShardFormat

@testable import DataLoading

enum ComputedSplit {
  /// Records of two inputs (uint16 x 3, float32 x 2) and an int32 label, all made from the ordinal.
  static func records(count: Int, perBlock: Int, bad: Set<Int> = []) -> Split {
    let shape = RecordShape(
      sampleCount: count, samplesPerBlock: perBlock,
      parts: [
        .init(bytes: 6, destination: .input(0)), .init(bytes: 8, destination: .input(1)),
        .init(bytes: 4, destination: .label),
      ])
    let storage = storageOrder(count)
    return Split(
      directory: "synthetic", content: .records(shape, storageOrder: storage), shards: [],
      open: {
        BlockReader(read: { _ in 0 }) { block, buffer in
          try check(block, bad)
          let n = shape.count(inBlock: block)
          for i in 0..<n {
            let ordinal = Int(storage[UInt64(block * perBlock + i)])
            for j in 0..<3 {
              buffer.storeBytes(
                of: UInt16(truncatingIfNeeded: 3 * ordinal + j), toByteOffset: 6 * i + 2 * j,
                as: UInt16.self)
            }
            for j in 0..<2 {
              store(Float(2 * ordinal + j), at: 6 * n + 8 * i + 4 * j, in: buffer)
            }
            store(Int32(ordinal), at: 14 * n + 4 * i, in: buffer)
          }
        }
      })
  }

  /// Windows of 20 rows x 3 channels of float32 from segments of these lengths; value = 1000 row + 10 channel + segment.
  static func windows(
    rows: [Int], rowsPerBlock: Int = 7, perEpoch: Int, fixed: Bool, bad: Set<Int> = []
  ) -> Split {
    var segments: [WindowShape.Segment] = []
    var block = 0
    for (i, count) in rows.enumerated() {
      segments.append(.init(firstBlock: block, rowCount: count, label: i + 5))
      block += (count + rowsPerBlock - 1) / rowsPerBlock
    }
    var list: [WindowShape.Window] = []
    for i in 0..<perEpoch {
      let segment = i * 7 % rows.count
      list.append(.init(segment: segment, start: i * 13 % (rows[segment] - 20)))
    }
    let shape = WindowShape(
      segments: segments, rowsPerBlock: rowsPerBlock, length: 20,
      inputs: [.init(channels: 3, valueBytes: 4)], labelBytes: 4, fixed: fixed ? list : nil)
    return Split(
      directory: "synthetic", content: .windows(shape, perEpoch: perEpoch), shards: [],
      open: {
        BlockReader(read: { _ in 0 }) { block, buffer in
          try check(block, bad)
          let s = shape.segments.lastIndex { $0.firstBlock <= block }!
          let first = (block - shape.segments[s].firstBlock) * rowsPerBlock
          for row in first..<min(first + rowsPerBlock, shape.segments[s].rowCount) {
            for c in 0..<3 {
              store(
                Float(1000 * row + 10 * c + s), at: 4 * (3 * (row - first) + c), in: buffer)
            }
          }
        }
      })
  }

  static func storageOrder(_ count: Int) -> KeyedPermutation {
    KeyedPermutation(count: UInt64(count), key: RandomKey(seed: 0x4D65_7461, "storage", 0))
  }

  private static func check(_ block: Int, _ bad: Set<Int>) throws {
    if bad.contains(block) {
      throw Failure(
        .badData, at: "synthetic/shard-00000.mdb, block \(block)", "checksum 1, expected 2",
        remedy: "Rebuild it.")
    }
  }

  private static func store<Value: BitwiseCopyable>(
    _ value: Value, at offset: Int, in buffer: UnsafeMutableRawBufferPointer
  ) {
    buffer.storeBytes(of: value, toByteOffset: offset, as: Value.self)
  }
}

/// What was delivered for one position.
struct Delivered: Equatable {
  var epoch: UInt64
  var id: UInt64
}

extension Batch {
  /// The samples' epochs and ids.
  var delivered: [Delivered] { (0..<count).map { Delivered(epoch: epoch(of: $0), id: id(of: $0)) } }

  /// Whether all bytes are those of `ComputedSplit.records`.
  var holdsRecords: Bool {
    (0..<count).allSatisfy { i in
      let ordinal = Int(id(of: i))
      let a = input(0, of: i).assumingMemoryBound(to: UInt16.self)
      let b = input(1, of: i).assumingMemoryBound(to: Float.self)
      let label = label(of: i)!.assumingMemoryBound(to: Int32.self)
      return (0..<3).allSatisfy { a[$0] == UInt16(truncatingIfNeeded: 3 * ordinal + $0) }
        && (0..<2).allSatisfy { b[$0] == Float(2 * ordinal + $0) } && label[0] == Int32(ordinal)
    }
  }

  /// Whether all bytes are those of the windows of `split` under `seed`.
  func holdsWindows(of split: Split, seed: UInt64) -> Bool {
    guard case .windows(let shape, _) = split.content else { return false }
    return (0..<count).allSatisfy { i in
      let window = shape.window(id(of: i), epoch: epoch(of: i), seed: seed)
      let x = input(0, of: i).assumingMemoryBound(to: Float.self)
      let label = label(of: i)!.assumingMemoryBound(to: Int32.self)
      for c in 0..<3 {
        for t in 0..<20
        where x[20 * c + t] != Float(1000 * (window.start + t) + 10 * c + window.segment) {
          return false
        }
      }
      return label[0] == Int32(window.segment + 5)
    }
  }
}

/// The sequence as the documentation says it, written plainly: the ids of the first `count` positions from `start`.
func expectedSequence(
  _ split: Split, shuffle: Shuffle, seed: UInt64, start: Int, count: Int
) -> [Delivered] {
  let n = split.sampleCount
  var cache: [Int: [UInt64]] = [:]
  return (start..<start + count).map { position in
    let epoch = position / n
    if cache[epoch] == nil { cache[epoch] = expectedEpoch(split, shuffle, seed, UInt64(epoch)) }
    return Delivered(epoch: UInt64(epoch), id: cache[epoch]![position % n])
  }
}

private func expectedEpoch(
  _ split: Split, _ shuffle: Shuffle, _ seed: UInt64, _ epoch: UInt64
) -> [UInt64] {
  let n = split.sampleCount
  let order = { (count: Int) in
    KeyedPermutation(count: UInt64(count), key: RandomKey(seed: seed, "order", epoch))
  }
  switch split.content {
  case .windows(let shape, _):
    if shuffle == .none || shape.fixed == nil { return (0..<n).map { UInt64($0) } }
    return (0..<n).map { order(n)[UInt64($0)] }
  case .records(let shape, let storage):
    switch shuffle {
    case .none: return (0..<n).map { storage[UInt64($0)] }
    case .full: return (0..<n).map { storage[order(n)[UInt64($0)]] }
    case .window:
      let blocks = order(shape.blockCount)
      var ids: [UInt64] = []
      for (c, first) in stride(from: 0, to: shape.blockCount, by: 16).enumerated() {
        var positions: [UInt64] = []
        for b in first..<min(first + 16, shape.blockCount) {
          let block = Int(blocks[UInt64(b)])
          positions += (0..<shape.count(inBlock: block)).map {
            UInt64(block * shape.samplesPerBlock + $0)
          }
        }
        var places = [Int32](repeating: 0, count: positions.count)
        var stream = RandomStream(RandomKey(seed: seed, "mix", epoch, UInt64(c)))
        places.withUnsafeMutableBufferPointer { stream.permutation(into: $0) }
        var mixed = [UInt64](repeating: 0, count: positions.count)
        for (i, place) in places.enumerated() { mixed[Int(place)] = storage[positions[i]] }
        ids += mixed
      }
      return ids
    }
  }
}
