// Mean and standard deviation per channel over the training part, as stored. The part's records are cut into runs, which
// all processes sum; the runs' sums are added in their order. Sums of whole numbers are exact, those of floats run in
// double, the mean first: the numbers do not depend on the number of processes or on the machine.

import Basics
import ShardFormat

struct TrainingStatistics {
  /// The training part.
  let plan: SplitPlan
  let records: DecodedRecords
  let jobs: Int

  static let runCount = 64
  /// A part below this many bytes is summed before other processes have started.
  private static let leastBytes = 1 << 24

  /// One entry an input: image (C, H, W) and series (C, L) by channel, a windowed series by column; tokens have none.
  func compute() throws -> [ChannelStatistics] {
    let inputs = plan.inputs.indices.map { SummedInput(plan, $0) }
    let first = try sums(inputs.map(\.sums))
    let means = zip(inputs, first).map { input, sums in
      sums.floats?.sums.map { $0 / input.valueCount(of: count) }
    }
    var second = first
    if means.contains(where: { $0 != nil }) {
      second = try sums(zip(inputs, means).map { $0.squares(around: $1) })
    }
    return inputs.indices.map { k in
      let total = inputs[k].valueCount(of: count)
      if let whole = first[k].whole { return whole.statistics(count: Int(total)) }
      return ChannelStatistics(
        mean: means[k] ?? [],
        deviation: second[k].floats?.sums.map { ($0 / total).squareRoot() } ?? [])
    }
  }

  /// Adds the records of all runs to sums that start as given, one entry an input.
  private func sums(_ empty: [InputSums]) throws -> [InputSums] {
    let workers = count * records.recordBytes < Self.leastBytes ? 1 : min(jobs, Self.runCount)
    return merged(
      workers > 1
        ? try Workforce(size: workers).map(Self.runCount) { sums(ofRun: $0, empty) }
        : (0..<Self.runCount).map { sums(ofRun: $0, empty) })
  }

  private func merged(_ runs: [[InputSums]]) -> [InputSums] {
    runs.dropFirst().reduce(into: runs[0]) { total, run in
      for k in total.indices { total[k].merge(run[k]) }
    }
  }

  private func sums(ofRun run: Int, _ empty: [InputSums]) -> [InputSums] {
    var sums = empty
    let range = count * run / Self.runCount..<count * (run + 1) / Self.runCount
    forEachRecord(in: range) { record in
      for k in sums.indices { sums[k].add(record) }
    }
    return sums
  }

  // MARK: records

  /// Of windowed sets: rows.
  private var count: Int {
    switch plan.content {
    case .records(let rows): rows.count
    case .windows(let segments, _): segments.reduce(0) { $0 + $1.rowCount }
    }
  }

  private func forEachRecord(in range: Range<Int>, _ body: (UnsafeRawPointer) -> Void) {
    switch plan.content {
    case .records(let rows): for row in rows[range] { body(records.record(Int(row))) }
    case .windows(let segments, _):
      var start = 0
      for segment in segments {
        let own = range.clamped(to: start..<start + segment.rowCount)
        let first = records.record(segment.firstRow)
        for row in own { body(first + (row - start) * records.recordBytes) }
        start += segment.rowCount
      }
    }
  }
}

/// Where an input lies in a record, and what it consists of.
private struct SummedInput {
  let offset: Int
  let channels: Int
  let perChannel: Int
  /// nil: tokens, of which there are no statistics.
  let type: ElementType?

  init(_ plan: SplitPlan, _ k: Int) {
    let field = plan.fields.firstIndex { $0.name == "input.\(k)" }!
    offset = plan.fields[..<field].reduce(0) { $0 + $1.byteCount }
    channels = plan.inputs[k].shape[0]
    perChannel = plan.fields[field].shape.reduce(1, *) / channels
    type = plan.inputs[k].kind == "tokens" ? nil : plan.fields[field].type
  }

  /// Numbers of a channel in so many records.
  func valueCount(of records: Int) -> Double { Double(max(records, 1)) * Double(perChannel) }

  /// Of nothing yet.
  var sums: InputSums {
    InputSums(
      offset: offset,
      whole: type.flatMap {
        $0 == .float32
          ? nil : WholeSums(channels: channels, perChannel: perChannel, type: $0)
      },
      floats: type == .float32 ? FloatSums(channels: channels, perChannel: perChannel) : nil)
  }

  /// The same for squares; only floats need them.
  func squares(around mean: [Double]?) -> InputSums {
    InputSums(
      offset: offset,
      floats: mean.map { FloatSums(channels: channels, perChannel: perChannel, around: $0) })
  }
}

/// The sums of one input; neither for tokens.
private struct InputSums: Codable {
  let offset: Int
  var whole: WholeSums?
  var floats: FloatSums?

  mutating func add(_ record: UnsafeRawPointer) {
    whole?.add(record + offset)
    floats?.add(record + offset)
  }

  mutating func merge(_ other: InputSums) {
    if let sums = other.whole { whole?.merge(sums) }
    if let sums = other.floats { floats?.merge(sums) }
  }
}
