// A batch: where its samples lie in the slots they were assembled in. Nothing is copied, nothing allocated for it.

/// The addresses of a batch's samples; reused from batch to batch.
final class BatchTable: @unchecked Sendable {
  let capacity: Int
  let inputCount: Int
  let inputs: UnsafeMutablePointer<UnsafeRawPointer>  // [input][sample]
  let labels: UnsafeMutablePointer<UnsafeRawPointer>?
  let ids: UnsafeMutablePointer<UInt64>
  let epochs: UnsafeMutablePointer<UInt64>
  let folders: UnsafeMutablePointer<UInt8>

  init(capacity: Int, sample: SampleShape) {
    self.capacity = capacity
    inputCount = sample.inputBytes.count
    inputs = .allocate(capacity: capacity * inputCount)
    labels = sample.labelBytes > 0 ? .allocate(capacity: capacity) : nil
    ids = .allocate(capacity: capacity)
    epochs = .allocate(capacity: capacity)
    folders = .allocate(capacity: capacity)
  }

  deinit {
    inputs.deallocate()
    labels?.deallocate()
    ids.deallocate()
    epochs.deallocate()
    folders.deallocate()
  }

  /// Makes entry `i` the sample at `place` of a slot.
  @inline(__always)
  func set(
    _ i: Int, _ layout: SlotLayout, _ slot: UnsafeMutableRawPointer, place: Int, id: UInt64,
    folder: Int = 0
  ) {
    ids[i] = id
    folders[i] = UInt8(truncatingIfNeeded: folder)
    epochs[i] = layout.head(slot).pointee.epoch
    for k in 0..<inputCount {
      inputs[k &* capacity &+ i] = UnsafeRawPointer(slot + layout.places(k, slot)[place])
    }
    if let labels {
      labels[i] = UnsafeRawPointer(slot + layout.places(inputCount, slot)[place])
    }
  }
}

/// `count` samples, valid until the loader's next `next()` or `close()` (in `SampleReader`: until the callback
/// returns). May be read from several threads at once.
public struct Batch: Sendable {
  public let count: Int
  let table: BatchTable

  /// The epoch that sample `i` belongs to; a batch may run over the end of one.
  public func epoch(of i: Int) -> UInt64 {
    precondition(i >= 0 && i < count, "sample \(i) of a batch of \(count)")
    return table.epochs[i]
  }

  /// The folder of a mixture that sample `i` comes from, from 0.
  public func folder(of i: Int) -> Int {
    precondition(i >= 0 && i < count, "sample \(i) of a batch of \(count)")
    return Int(table.folders[i])
  }

  /// The record's ordinal in its split; for windows the draw's index. In a mixture ids count on over the folders.
  public func id(of i: Int) -> UInt64 {
    precondition(i >= 0 && i < count, "sample \(i) of a batch of \(count)")
    return table.ids[i]
  }

  /// Input `k` of sample `i`, in its stored type: contiguous, row-major; for windows channels x length.
  public func input(_ k: Int, of i: Int) -> UnsafeRawPointer {
    precondition(i >= 0 && i < count && k >= 0 && k < table.inputCount, "input \(k) of sample \(i)")
    return table.inputs[k * table.capacity + i]
  }

  /// The label of sample `i` in its stored type; nil when the split has none.
  public func label(of i: Int) -> UnsafeRawPointer? {
    precondition(i >= 0 && i < count, "sample \(i) of a batch of \(count)")
    return table.labels?[i]
  }
}
