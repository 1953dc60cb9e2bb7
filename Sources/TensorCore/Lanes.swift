// Our own threads: a lane carries a fixed share of the work, so the same lane count gives the same bytes whatever
// the timing.

import Basics
import CKernels
import Glibc

/// Cores this process may use.
public var availableCores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

/// Runs `body(0)` to `body(count - 1)` at the same time and waits for all. Fork workers before the first call. A call
/// from within, or beside another thread's, runs its lanes one after the other.
public func inLanes(_ count: Int, _ body: (Int) -> Void) { runInLanes(count, body) }

/// `ck_in_lanes` of Sources/CKernels/lanes.c, which takes the closure as it is.
@_silgen_name("ck_in_lanes")
private func runInLanes(_ count: Int, _ body: (Int) -> Void)

/// The part of 0 ..< count that lane `lane` of `lanes` carries, in multiples of `grain`.
public func share(of count: Int, lane: Int, lanes: Int, grain: Int = 1) -> Range<Int> {
  let grains = (count + grain - 1) / grain
  let low = grains * lane / lanes * grain
  let high = grains * (lane + 1) / lanes * grain
  return min(low, count)..<min(high, count)
}

/// Floating-point operations a second that all cores together reach on fused multiply-adds in registers (float32):
/// the best of several short runs. The ceiling of any kernel on this machine.
public func fusedMultiplyAddPeak() -> Double {
  let lanes = availableCores
  let rounds = 20_000_000
  var best = 0.0
  for _ in 0..<8 {
    let start = monotonicSeconds()
    inLanes(lanes) { _ in _ = ck_multiply_add_rounds(rounds) }
    best = max(
      best, Double(lanes) * ck_multiply_add_operations(rounds) / (monotonicSeconds() - start))
  }
  return best
}
