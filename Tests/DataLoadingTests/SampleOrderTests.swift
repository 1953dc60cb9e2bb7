import Basics
import Testing

@testable import DataLoading

@Suite("Sample order")
struct SampleOrderTests {
  static let sizes: [(count: Int, perBlock: Int)] = {
    var sizes: [(Int, Int)] = []
    for count in 1...40 { for perBlock in [1, 2, 3, 7] { sizes.append((count, perBlock)) } }
    var stream = RandomStream(RandomKey(seed: 9, "sizes"))
    for _ in 0..<60 { sizes.append((1 + stream.below(2000), 1 + stream.below(50))) }
    return sizes
  }()

  /// Chunks tile every epoch, `locate` finds every position in its chunk, and the elements are a permutation.
  @Test(arguments: Shuffle.allCases)
  func everyEpochVisitsEverySampleOnce(shuffle: Shuffle) throws {
    for (count, perBlock) in Self.sizes {
      let split = ComputedSplit.records(count: count, perBlock: perBlock)
      let order = SampleOrder(split.orderShape, shuffle: shuffle, seed: 3)
      let ids = try assembled(split, order, epochs: 3)
      #expect(ids.count == 3 * count, "\(count) samples in blocks of \(perBlock)")
      for epoch in 0..<3 {
        let these = ids[epoch * count..<(epoch + 1) * count]
        #expect(these.allSatisfy { $0.epoch == UInt64(epoch) })
        #expect(
          Set(these.map(\.id)).count == count, "\(count) samples in blocks of \(perBlock)")
      }
      #expect(ids == expectedSequence(split, shuffle: shuffle, seed: 3, start: 0, count: 3 * count))
      for position in 0..<3 * count {
        let (index, offset) = order.locate(UInt64(position))
        let chunk = order.chunk(index)
        #expect(offset >= 0 && offset < chunk.count)
        #expect(Int(chunk.epoch) * count + Int(chunk.first) + offset == position)
      }
    }
  }

  @Test(arguments: Shuffle.allCases, [true, false])
  func windowsCoverTheDraws(shuffle: Shuffle, fixed: Bool) throws {
    for perEpoch in [1, 5, 100, 10_000] {
      let split = ComputedSplit.windows(rows: [50, 21, 90], perEpoch: perEpoch, fixed: fixed)
      let order = SampleOrder(split.orderShape, shuffle: shuffle, seed: 4)
      let ids = try assembled(split, order, epochs: 2)
      #expect(
        ids == expectedSequence(split, shuffle: shuffle, seed: 4, start: 0, count: 2 * perEpoch))
      #expect(Set(ids[..<perEpoch].map(\.id)).count == perEpoch)
    }
  }

  /// No batch touches more chunks than the ring is made for.
  @Test(arguments: Shuffle.allCases)
  func chunksTouchedIsABound(shuffle: Shuffle) {
    for (count, perBlock) in Self.sizes {
      let order = SampleOrder(
        ComputedSplit.records(count: count, perBlock: perBlock).orderShape, shuffle: shuffle,
        seed: 3)
      for batch in [1, 2, 8, 64, 500] {
        let bound = order.chunksTouched(by: batch)
        for start in stride(from: 0, to: 3 * count, by: 1 + count / 20) {
          let touched =
            order.locate(UInt64(start + batch - 1)).chunk - order.locate(UInt64(start)).chunk + 1
          #expect(Int(touched) <= bound, "\(count)/\(perBlock), batch \(batch) from \(start)")
        }
      }
    }
  }

  /// 10^9 samples: any position at once, chunks tile, blocks are a permutation where looked at.
  @Test(arguments: Shuffle.allCases)
  func billionsOfSamples(shuffle: Shuffle) {
    let count: UInt64 = 1_000_000_007
    let order = SampleOrder(
      OrderShape(kind: .records(samplesPerBlock: 21), sampleCount: count), shuffle: shuffle, seed: 1
    )
    var stream = RandomStream(RandomKey(seed: 5, "positions"))
    for _ in 0..<2000 {
      let position = UInt64(stream.below(Int(7 * count)))
      let (index, offset) = order.locate(position)
      let chunk = order.chunk(index)
      #expect(chunk.epoch * count + chunk.first + UInt64(offset) == position)
      let next = order.chunk(index + 1)
      #expect(
        chunk.epoch * count + chunk.first + UInt64(chunk.count)
          == next.epoch * count + next.first)
    }
    // Around the short block of an epoch and around its end.
    for position in [count - 1, count, count + 1, 5 * count - 1, 5 * count] {
      let (index, offset) = order.locate(position)
      let chunk = order.chunk(index)
      #expect(chunk.epoch * count + chunk.first + UInt64(offset) == position)
    }
  }

  /// Epochs and seeds differ; a mixing window really mixes.
  @Test func ordersDiffer() {
    let split = ComputedSplit.records(count: 1000, perBlock: 10)
    for shuffle in [Shuffle.full, .window] {
      let a = expectedSequence(split, shuffle: shuffle, seed: 1, start: 0, count: 1000).map(\.id)
      let b = expectedSequence(split, shuffle: shuffle, seed: 1, start: 1000, count: 1000).map(\.id)
      let c = expectedSequence(split, shuffle: shuffle, seed: 2, start: 0, count: 1000).map(\.id)
      #expect(zip(a, b).filter { $0 == $1 }.count < 10)
      #expect(zip(a, c).filter { $0 == $1 }.count < 10)
    }
  }

  /// The ids of whole epochs, by the assembler itself; bytes are checked on the way.
  private func assembled(
    _ split: Split, _ order: SampleOrder, epochs: UInt64
  ) throws -> [Delivered] {
    let layout = SlotLayout(split.sample, capacity: order.chunkCapacity)
    let slot = UnsafeMutableRawPointer.allocate(byteCount: layout.byteCount, alignment: 64)
    defer { slot.deallocate() }
    let assembler = split.assembler(
      layout: layout, seed: order.seed, cacheBytes: 1000, badBlocks: .fail,
      decode: try split.open().decode)
    let table = BatchTable(capacity: order.chunkCapacity, sample: split.sample)
    var ids: [Delivered] = []
    for index in 0..<epochs * order.chunksPerEpoch {
      let chunk = order.chunk(index)
      try assembler.fill(slot, chunk, order)
      for i in 0..<chunk.count {
        table.set(i, layout, slot, place: i, id: layout.ids(slot)[i])
      }
      let batch = Batch(count: chunk.count, table: table)
      if case .windows = split.content {
        #expect(batch.holdsWindows(of: split, seed: order.seed))
      } else {
        #expect(batch.holdsRecords)
      }
      ids += batch.delivered
    }
    return ids
  }
}
