// Writer of metrics.jsonl (docs/formats.md, "Run directory"): one line a logged step, each written by one call.

import Basics
import DataLoading
import Experiments
import Glibc

final class MetricsRecorder {
  private let path: String
  private let descriptor: Int32
  private let batch: Int
  private let epochLength: UInt64
  private var lastStep: Int
  private var lastTime = monotonicSeconds()
  private var lastWait = 0.0
  private var lastTimes = WorkerTimes()
  private var lastSaving = 0.0
  private var lastMeasuring = 0.0

  /// Removes the lines of steps after `step`, and what a kill has left of a line; then appends.
  init(_ directory: RunDirectory, from step: Int, batch: Int, epochLength: UInt64) throws {
    path = directory.metrics
    self.batch = batch
    self.epochLength = epochLength
    lastStep = step
    try Self.cut(path, after: step)
    descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
  }

  deinit { close(descriptor) }

  private static func cut(_ path: String, after step: Int) throws {
    guard Files.exists(path) else { return }
    let bytes = try Files.read(path)
    let kept = bytes.split(separator: UInt8(ascii: "\n")).filter { line in
      let records = MetricsRecord.records(in: String(decoding: line, as: UTF8.self))
      return records.first.map { $0.step <= step } ?? false
    }
    let text = kept.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()
    if Array(text.utf8) != bytes { try Files.writeAtomically(text, to: path) }
  }

  /// - Parameters:
  ///   - clock: the source's and the run's time so far.
  ///   - receipts: of the epochs that this step has closed.
  func write(
    _ loss: TrainingLoss, at position: CheckpointPosition, _ clock: RunClock,
    receipts: [EpochReceipt], readings: StepReadings
  ) throws {
    let step = position.step
    let now = monotonicSeconds()
    let seconds = max(now - lastTime, 1e-9)
    let samples = Double((step - lastStep) * batch)
    let wait = clock.wait - lastWait
    let perStep = clock.step(
      from: RunClock(
        wait: lastWait, saving: lastSaving, measuring: lastMeasuring, workers: lastTimes),
      seconds: seconds, steps: step - lastStep)
    let record = MetricsRecord(
      step: step, epoch: (position.samples - 1) / epochLength,
      loss: loss.total, reconstruction: loss.reconstruction,
      contrast: loss.contrast, seconds: seconds, waitSeconds: wait,
      samplesPerSecond: samples / seconds, secondsAStep: perStep,
      receipts: receipts.isEmpty ? nil : receipts, readings: readings)
    (lastStep, lastTime, lastWait) = (step, now, clock.wait)
    (lastTimes, lastSaving, lastMeasuring) = (clock.workers, clock.saving, clock.measuring)
    try append(Array(try record.line().utf8))
  }

  /// Makes all lines durable; a checkpoint never outlives the lines before it.
  func sync() throws {
    guard !DiskFault.strikes(), fsync(descriptor) == 0 else {
      throw Failure.system(errno, at: path, "cannot sync")
    }
  }

  private func append(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        DiskFault.strikes()
          ? -1 : Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
      done += count
    }
  }
}
