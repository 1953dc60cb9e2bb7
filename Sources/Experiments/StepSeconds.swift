// Where a training step's time goes, and what that says in one sentence.

import Basics

/// Seconds a step, averaged over the steps of a line of `metrics.jsonl`. The first four are the workers', added up over
/// them; they run beside the trainer, whose step is the sum of the others.
public struct StepSeconds: Codable, Equatable, Sendable {
  /// Workers: bringing compressed blocks into memory.
  public var read: Double
  /// Workers: decompressing.
  public var decode: Double
  /// Workers: ordering and copying samples into slots.
  public var place: Double
  /// Workers: waiting for a free slot, as the trainer is slower.
  public var ringFull: Double
  /// Trainer: waiting for a filled slot, as the workers are slower.
  public var ringEmpty: Double
  /// Trainer: everything else.
  public var compute: Double
  /// Trainer: saving.
  public var checkpoint: Double
  /// Trainer: probes and feature ranks; nil where none are asked for.
  public var measure: Double?

  enum CodingKeys: String, CodingKey {
    case read, decode, place, compute, checkpoint, measure
    case ringFull = "ring_full"
    case ringEmpty = "ring_empty"
  }

  public init(
    read: Double, decode: Double, place: Double, ringFull: Double, ringEmpty: Double,
    compute: Double, checkpoint: Double, measure: Double? = nil
  ) {
    self.read = read
    self.decode = decode
    self.place = place
    self.ringFull = ringFull
    self.ringEmpty = ringEmpty
    self.compute = compute
    self.checkpoint = checkpoint
    self.measure = measure
  }

  /// Which side is slower, and what to do: "trainer-bound: workers idle 81%, one would do".
  /// - Parameter workers: worker processes in all.
  public func verdict(workers: Int) -> String {
    let step = ringEmpty + compute + checkpoint + (measure ?? 0)
    guard step > 0 else { return "nothing was trained" }
    let busy = read + decode + place
    let idle = max(0, min(1, 1 - busy / (Double(workers) * step)))
    // One worker is kept at most 80% busy: the rest is for the unevenness of blocks and of steps.
    let enough = max(1, Int((busy / step / 0.8).rounded(.up)))
    if ringEmpty <= 0.02 * step {
      let advice = enough < workers ? ", \(enough == 1 ? "one" : "\(enough)") would do" : ""
      return "trainer-bound: workers idle \(percent(idle))\(advice)"
    }
    let most = max(read, max(decode, place))
    let name = most == read ? "reading" : most == decode ? "decoding" : "placing"
    let share = busy > 0 ? " (\(percent(most / busy)) of it \(name))" : ""
    return "loader-bound: the trainer waits \(percent(ringEmpty / step)) of the time, workers busy "
      + "\(percent(1 - idle))\(share), try --workers \(max(workers + 1, enough))"
  }

  private func percent(_ share: Double) -> String { "\(Int((100 * share).rounded()))%" }
}
