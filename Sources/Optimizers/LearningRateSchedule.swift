// The learning rate over a run: a straight climb, then constant or half a cosine (Loshchilov and Hutter 2017). A function
// of the step alone, so a resumed run needs no state for it.

import Glibc

public struct LearningRateSchedule: Equatable, Sendable {
  /// The rate after the climb.
  public var peak: Double
  /// Steps of the climb; the first of them has `peak / warmup`.
  public var warmup: Int
  /// Where half a cosine ends, and at which step; nil: the rate stays.
  public var cosine: (end: Double, step: Int)?

  public init(peak: Double, warmup: Int = 0, cosine: (end: Double, step: Int)? = nil) {
    self.peak = peak
    self.warmup = warmup
    self.cosine = cosine
  }

  public var isConstant: Bool { warmup == 0 && cosine == nil }

  /// - Parameter step: updates done before the one it is for.
  public func rate(step: Int) -> Double {
    if step < warmup { return peak * Double(step + 1) / Double(warmup) }
    guard let cosine else { return peak }
    let way = min(1, Double(step - warmup) / Double(max(1, cosine.step - warmup)))
    return cosine.end + (peak - cosine.end) * 0.5 * (1 + cos(.pi * way))
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.peak == b.peak && a.warmup == b.warmup && a.cosine?.end == b.cosine?.end
      && a.cosine?.step == b.cosine?.step
  }
}
