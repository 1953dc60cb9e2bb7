// Mean and standard deviation per channel over the training part, as stored. One pass after the other in double and
// in one order, so that the numbers do not depend on the number of processes.

import Basics
import ShardFormat

enum TrainingStatistics {
  /// One entry an input: image (C, H, W) and series (C, L) by channel, a windowed series by column; tokens have none.
  ///
  /// - Parameter plan: the training part.
  static func compute(_ plan: SplitPlan, _ records: DecodedRecords) -> [ChannelStatistics] {
    plan.inputs.indices.map { k in
      let input = plan.inputs[k]
      guard input.kind != "tokens" else { return ChannelStatistics(mean: [], deviation: []) }
      let field = plan.fields.firstIndex { $0.name == "input.\(k)" }!
      let offset = plan.fields[..<field].reduce(0) { $0 + $1.byteCount }
      let channels = input.shape[0]
      let values = plan.fields[field].shape.reduce(1, *)
      let sums = Sums(channels: channels, perChannel: values / channels)
      var mean = [Double](repeating: 0, count: channels)
      var count = 0
      func pass(_ accumulate: (UnsafeRawPointer) -> Void) {
        count = 0
        forEachRecord(of: plan.content, records) { record in
          accumulate(record + offset)
          count += 1
        }
      }
      let type = plan.fields[field].type
      pass { sums.add($0, type, minus: mean) }
      let total = Double(max(count, 1)) * Double(values / channels)
      mean = sums.take(power: 1).map { $0 / total }
      pass { sums.add($0, type, minus: mean) }
      let deviation = sums.take(power: 2).map { ($0 / total).squareRoot() }
      return ChannelStatistics(mean: mean, deviation: deviation)
    }
  }

  private static func forEachRecord(
    of content: SplitPlan.Content, _ records: DecodedRecords, _ body: (UnsafeRawPointer) -> Void
  ) {
    switch content {
    case .records(let rows): for row in rows { body(records.record(Int(row))) }
    case .windows(let segments, _):
      for segment in segments {
        let first = records.record(segment.firstRow)
        for row in 0..<segment.rowCount { body(first + row * records.recordBytes) }
      }
    }
  }

  /// Sums and sums of squares a channel.
  private final class Sums {
    private let channels: Int
    private let perChannel: Int
    private var first: [Double]
    private var second: [Double]

    init(channels: Int, perChannel: Int) {
      self.channels = channels
      self.perChannel = perChannel
      first = [Double](repeating: 0, count: channels)
      second = first
    }

    /// - Precondition: bytes, 16-bit numbers or floats.
    func add(_ record: UnsafeRawPointer, _ type: ElementType, minus mean: [Double]) {
      switch type {
      case .uint8: add(mean) { Double(record.load(fromByteOffset: $0, as: UInt8.self)) }
      case .uint16:
        add(mean) { Double(record.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) }
      case .float32:
        // Records of 113 bytes leave their floats unaligned.
        add(mean) { Double(record.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
      default: preconditionFailure("no statistics of \(type)")
      }
    }

    @inline(__always)
    private func add(_ mean: [Double], _ value: (Int) -> Double) {
      for channel in 0..<channels {
        var (one, two) = (0.0, 0.0)
        for i in 0..<perChannel {
          let difference = value(channel * perChannel + i) - mean[channel]
          one += difference
          two += difference * difference
        }
        first[channel] += one
        second[channel] += two
      }
    }

    /// The sums of that power since the last call; starts anew.
    func take(power: Int) -> [Double] {
      defer {
        first = [Double](repeating: 0, count: channels)
        second = first
      }
      return power == 1 ? first : second
    }
  }
}
