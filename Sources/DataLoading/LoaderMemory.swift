// The loader's one shared mapping: anonymous, so that nothing is left under a name whatever dies. Made before the
// fork; trainer, supervisor and workers see it at the same address. Layout: CSystem/LoaderLayout.h.

import Basics
import CSystem
import Glibc

final class LoaderMemory {
  let control: UnsafeMutablePointer<cs_control>
  let rings: [Ring]
  let byteCount: Int
  private let base: UnsafeMutableRawPointer

  /// - Throws: `tryAgain` when the memory is not to be had.
  init(workers: Int, slotsPerWorker: Int, slotBytes: Int) throws {
    func pages(_ n: Int) -> Int { (n + 4095) & ~4095 }
    let head = pages(
      MemoryLayout<cs_control>.stride + workers * MemoryLayout<cs_worker>.stride)
    let ringBytes = slotsPerWorker * slotBytes
    let total = pages(head + workers * ringBytes)
    guard let base = cs_shared_alloc(total) else {
      throw Failure(
        .tryAgain, at: "loader",
        "the ring of \(workers) x \(slotsPerWorker) slots needs \(total) bytes of memory: "
          + String(cString: strerror(errno)),
        remedy: "Use fewer workers or a smaller batch.")
    }
    self.base = base
    byteCount = total
    control = base.assumingMemoryBound(to: cs_control.self)
    let firstWorker = (base + MemoryLayout<cs_control>.stride)
      .assumingMemoryBound(to: cs_worker.self)
    rings = (0..<workers).map {
      Ring(
        worker: firstWorker + $0, slots: base + head + $0 * ringBytes, slotCount: slotsPerWorker,
        slotBytes: slotBytes)
    }
  }

  deinit { munmap(base, byteCount) }
}

extension UnsafeMutablePointer<cs_worker> {
  var failure: UnsafeMutablePointer<cs_failure> { pointer(to: \.failure)! }
  var note: UnsafeMutablePointer<cs_failure> { pointer(to: \.note)! }
}

extension UnsafeMutablePointer<cs_failure> {
  /// Stores a failure for another process to throw; long texts are cut.
  func write(_ failure: Failure) {
    cs_failure_write(
      self, failure.kind.rawValue, failure.place, failure.problem, failure.remedy ?? "")
  }

  /// The failure that was stored, if any.
  func read() -> Failure? {
    guard cs_load(pointer(to: \.ready)!) != 0 else { return nil }
    let remedy = String(cString: cs_failure_remedy(self))
    return Failure(
      Failure.Kind(rawValue: pointee.kind) ?? .internalError,
      at: String(cString: cs_failure_place(self)), String(cString: cs_failure_problem(self)),
      remedy: remedy.isEmpty ? nil : remedy)
  }
}
