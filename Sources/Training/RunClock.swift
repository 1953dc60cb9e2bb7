// Where a run's time has gone up to a moment: differences of two moments are what is reported.

import DataLoading
import Experiments

struct RunClock {
  /// Seconds that the trainer has waited for data.
  var wait = 0.0
  /// Seconds that it has spent on checkpoints.
  var saving = 0.0
  /// Seconds that it has spent on probes and feature ranks.
  var measuring = 0.0
  var workers = WorkerTimes()

  init(
    wait: Double = 0, saving: Double = 0, measuring: Double = 0,
    workers: WorkerTimes = WorkerTimes()
  ) {
    self.wait = wait
    self.saving = saving
    self.measuring = measuring
    self.workers = workers
  }

  /// What lies between an earlier moment and this one, a step.
  /// - Parameters:
  ///   - seconds: on the trainer's clock.
  ///   - steps: at least 1 is counted.
  func step(from earlier: RunClock, seconds: Double, steps: Int) -> StepSeconds {
    let share = 1 / Double(max(1, steps))
    func part(_ end: Double, _ start: Double) -> Double { max(0, end - start) * share }
    let waited = part(wait, earlier.wait)
    let saved = part(saving, earlier.saving)
    let measured = part(measuring, earlier.measuring)
    return StepSeconds(
      read: part(workers.readSeconds, earlier.workers.readSeconds),
      decode: part(workers.decodeSeconds, earlier.workers.decodeSeconds),
      place: part(workers.placeSeconds, earlier.workers.placeSeconds),
      ringFull: part(workers.fullSeconds, earlier.workers.fullSeconds),
      ringEmpty: waited, compute: max(0, seconds * share - waited - saved - measured),
      checkpoint: saved, measure: measured > 0 ? measured : nil)
  }
}
