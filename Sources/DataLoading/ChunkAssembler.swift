// Assembles chunks into slots: what a worker does all day, and what `SampleReader` does without one.

import Basics

/// What to do about a block that does not decode.
public enum BadBlocks: String, CaseIterable, Codable, Sendable {
  /// The run stops with the block's failure.
  case fail
  /// Its samples are left out, always the same ones; each is counted.
  case skip
}

final class ChunkAssembler {
  enum Source {
    case records(RecordSource)
    case windows(WindowSource)
  }

  let layout: SlotLayout
  private let source: Source
  private let badBlocks: BadBlocks
  private let places: UnsafeMutableBufferPointer<Int32>
  private var lookups: [(element: UInt64, place: Int)] = []

  /// Called when decoding ends and copying begins, and with each damaged block that is skipped.
  var placing: () -> Void = {}
  var skipping: (Failure) -> Void = { _ in }
  /// Has a block brought into memory that is read soon; nil: nothing is prefetched.
  var prefetch: ((Int) -> Void)?

  init(layout: SlotLayout, source: Source, badBlocks: BadBlocks) {
    self.layout = layout
    self.source = source
    self.badBlocks = badBlocks
    places = .allocate(capacity: layout.capacity)
  }

  deinit { places.deallocate() }

  /// Fills `slot` with a chunk of `order`.
  /// - Throws: the block's failure, unless it is bad data and bad blocks are skipped.
  func fill(_ slot: UnsafeMutableRawPointer, _ chunk: SampleOrder.Chunk, _ order: SampleOrder)
    throws
  {
    layout.head(slot).initialize(
      to: SlotHead(chunk: chunk.index, epoch: chunk.epoch, count: chunk.count))
    if order.isBlockwise, case .records(let records) = source {
      try fill(slot, chunk, order, blocksOf: records)
    } else {
      let element = order.elements(epoch: chunk.epoch)
      try gather(
        slot, (0..<chunk.count).lazy.map { element(chunk.first + UInt64($0)) }, epoch: chunk.epoch)
    }
  }

  /// Prefetches the blocks of a chunk that is made of whole ones.
  func prefetchBlocks(of chunk: SampleOrder.Chunk, _ order: SampleOrder) {
    guard order.isBlockwise, let prefetch else { return }
    let block = order.blocks(epoch: chunk.epoch)
    for i in 0..<UInt64(chunk.blockCount) { prefetch(Int(block(chunk.firstBlock + i))) }
  }

  /// So many blocks are prefetched at once where samples are looked up one by one.
  private static let prefetchCount = 64

  /// Prefetches the next blocks that the lookups from `first` on want.
  /// - Returns: the first lookup that was left.
  private func prefetchBlocks(from first: Int, epoch: UInt64, _ prefetch: (Int) -> Void) -> Int {
    var (i, count, last) = (first, 0, -1)
    while i < lookups.count, count < Self.prefetchCount {
      let element = lookups[i].element
      let blocks =
        switch source {
        case .records(let records): records.block(of: element)...records.block(of: element)
        case .windows(let windows): windows.blocks(of: element, epoch: epoch)
        }
      for block in blocks where block != last {
        prefetch(block)
        last = block
        count += 1
      }
      i += 1
    }
    return i
  }

  /// Fills `slot` with these storage positions or draws, in their order; reads them in ascending order.
  func gather(
    _ slot: UnsafeMutableRawPointer, _ elements: some Collection<UInt64>, epoch: UInt64
  ) throws {
    layout.placeInOrder(elements.count, slot)
    lookups.removeAll(keepingCapacity: true)
    for (place, element) in elements.enumerated() { lookups.append((element, place)) }
    if case .records = source { lookups.sort { $0.element < $1.element } }
    var prefetched = 0
    for (i, (element, place)) in lookups.enumerated() {
      if let prefetch, i == prefetched {
        prefetched = prefetchBlocks(from: i, epoch: epoch, prefetch)
      }
      try guarded {
        switch source {
        case .records(let records): try records.gather(position: element, to: place, of: slot)
        case .windows(let windows):
          try windows.gather(draw: element, epoch: epoch, to: place, of: slot)
        }
      } otherwise: {
        layout.ids(slot)[place] = id(of: element) | SlotLayout.skippedBit
      }
    }
    placing()
  }

  private func fill(
    _ slot: UnsafeMutableRawPointer, _ chunk: SampleOrder.Chunk, _ order: SampleOrder,
    blocksOf records: RecordSource
  ) throws {
    order.mix(chunk, into: UnsafeMutableBufferPointer(rebasing: places[..<chunk.count]))
    let block = order.blocks(epoch: chunk.epoch)
    var first = 0
    for i in 0..<UInt64(chunk.blockCount) {
      let block = Int(block(chunk.firstBlock + i))
      let count = records.shape.count(inBlock: block)
      let these = UnsafeBufferPointer(rebasing: places[first..<first + count])
      try guarded {
        try records.place(
          block: block, Int(i), after: first, as: these, in: slot, placing: placing)
      } otherwise: {
        let ids = layout.ids(slot)
        let position = UInt64(block * records.shape.samplesPerBlock)
        for (i, place) in these.enumerated() {
          ids[Int(place)] = records.id(at: position + UInt64(i)) | SlotLayout.skippedBit
        }
      }
      first += count
    }
  }

  private func id(of element: UInt64) -> UInt64 {
    switch source {
    case .records(let records): records.id(at: element)
    case .windows: element
    }
  }

  private func guarded(_ read: () throws -> Void, otherwise leaveOut: () -> Void) throws {
    do {
      try read()
    } catch let failure as Failure where failure.kind == .badData && badBlocks == .skip {
      skipping(failure)
      leaveOut()
    }
  }
}
