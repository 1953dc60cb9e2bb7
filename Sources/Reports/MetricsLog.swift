// metrics.jsonl of a run directory, read leniently: a report is wanted most when a run has gone wrong.

import Basics
import Experiments

/// The lines of metrics.jsonl that could be read.
public struct MetricsLog: Equatable, Sendable {
  /// Ascending steps.
  public var records: [MetricsRecord]
  /// Lines that are no record (the last one of a killed run may be cut).
  public var unreadableLines: Int

  public init(records: [MetricsRecord] = [], unreadableLines: Int = 0) {
    self.records = records
    self.unreadableLines = unreadableLines
  }

  /// An absent file is an empty log.
  /// - Throws: when the file is there but cannot be read.
  public init(path: String) throws {
    guard Files.exists(path) else {
      self.init()
      return
    }
    let bytes = try Files.read(path)
    let lineCount = bytes.split(separator: UInt8(ascii: "\n")).count
    let records = MetricsRecord.records(in: String(decoding: bytes, as: UTF8.self))
    self.init(
      records: records.sorted { $0.step < $1.step }, unreadableLines: lineCount - records.count)
  }

  /// (step, value) where there is a value.
  func series(_ value: (MetricsRecord) -> Double?) -> [ChartPoint] {
    records.compactMap { record in
      value(record).flatMap { $0.isFinite ? ChartPoint(x: Double(record.step), y: $0) : nil }
    }
  }
}
