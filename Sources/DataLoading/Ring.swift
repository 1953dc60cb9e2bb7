// One worker's ring: one producer, one consumer, in memory shared over fork (CSystem/LoaderLayout.h). Both counters
// only grow, modulo 2^32; the number of slots is a power of two, so that a counter's slot survives the wrap. A slot
// is published when it is whole; one that its worker's death left half-filled is invisible and filled again.

import CSystem
import Glibc

struct Ring {
  /// How a wait ended.
  enum Wake { case changed, timedOut, interrupted }

  private static let publishedOffset = 0
  private static let releasedOffset = 128
  private static let sleepersOffset = 64  // from the word they sleep on

  let worker: UnsafeMutablePointer<cs_worker>
  let slotCount: Int
  private let slots: UnsafeMutableRawPointer
  private let slotBytes: Int
  private let published: UnsafeMutablePointer<UInt32>
  private let released: UnsafeMutablePointer<UInt32>

  init(
    worker: UnsafeMutablePointer<cs_worker>, slots: UnsafeMutableRawPointer, slotCount: Int,
    slotBytes: Int
  ) {
    precondition(slotCount & (slotCount - 1) == 0, "\(slotCount) slots: not a power of two")
    self.worker = worker
    self.slots = slots
    self.slotCount = slotCount
    self.slotBytes = slotBytes
    published = cs_word(worker, Self.publishedOffset)
    released = cs_word(worker, Self.releasedOffset)
  }

  /// The memory of the slot that counter value `k` stands for.
  func slot(_ k: UInt32) -> UnsafeMutableRawPointer {
    slots + (Int(k) & (slotCount - 1)) * slotBytes
  }

  var publishedCount: UInt32 { cs_load(published) }
  var releasedCount: UInt32 { cs_load(released) }

  /// Whether slot `k` is whole. A slot is at most 2^31 ahead.
  func isPublished(_ k: UInt32) -> Bool { Int32(bitPattern: cs_load(published) &- k) > 0 }

  /// Whether slot `k` may be filled.
  func isFree(_ k: UInt32) -> Bool {
    Int32(bitPattern: k &- cs_load(released)) < Int32(slotCount)
  }

  func publish(upTo k: UInt32) { Self.post(published, k) }
  func release(upTo k: UInt32) { Self.post(released, k) }

  /// Sleeps until slot `k` is published, the time is over or a signal came; may also return early.
  func waitUntilPublished(_ k: UInt32, nanoseconds: Int64) -> Wake {
    Self.sleep(published, nanoseconds) { isPublished(k) }
  }

  func waitUntilFree(_ k: UInt32, nanoseconds: Int64) -> Wake {
    Self.sleep(released, nanoseconds) { isFree(k) }
  }

  /// Wakes the trainer, to look at what else has changed.
  static func wakeConsumer(of worker: UnsafeMutablePointer<cs_worker>) {
    _ = cs_futex_wake(cs_word(worker, publishedOffset), .max)
  }

  private static func sleep(
    _ word: UnsafeMutablePointer<UInt32>, _ nanoseconds: Int64, until isDone: () -> Bool
  ) -> Wake {
    for _ in 0..<200 where isDone() { return .changed }
    let sleepers = cs_word(word, sleepersOffset)
    _ = cs_add(sleepers!, 1)
    defer { _ = cs_add(sleepers!, .max) }
    let old = cs_load(word)
    if isDone() { return .changed }
    switch cs_futex_wait(word, old, nanoseconds) {
    case 0, EAGAIN: return .changed
    case EINTR: return .interrupted
    default: return .timedOut
    }
  }

  private static func post(_ word: UnsafeMutablePointer<UInt32>, _ value: UInt32) {
    _ = cs_swap(word, value)  // sequentially consistent: before the look at the sleepers
    if cs_load(cs_word(word, sleepersOffset)) != 0 { _ = cs_futex_wake(word, .max) }
  }
}
