// Mean and standard deviation per channel over the training part, as stored. Sums of whole numbers are exact; those of
// floats run in double over eight lanes in one order, the mean first: the numbers do not depend on the number of
// processes or on the machine.

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
      let perChannel = plan.fields[field].shape.reduce(1, *) / channels
      var count = 0
      func pass(_ accumulate: (UnsafeRawPointer) -> Void) {
        count = 0
        forEachRecord(of: plan.content, records) { record in
          accumulate(record + offset)
          count += 1
        }
      }
      if plan.fields[field].type != .float32 {
        let sums = WholeSums(channels: channels, perChannel: perChannel)
        let type = plan.fields[field].type
        pass { sums.add($0, type) }
        return sums.statistics(count: count * perChannel)
      }
      let sums = FloatSums(channels: channels, perChannel: perChannel)
      pass { sums.add($0) }
      let total = Double(max(count, 1)) * Double(perChannel)
      let mean = sums.take().map { $0 / total }
      pass { sums.addSquares($0, around: mean) }
      return ChannelStatistics(mean: mean, deviation: sums.take().map { ($0 / total).squareRoot() })
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
}

/// Sums and sums of squares of whole numbers a channel, exact: below 2^31 records of 16 bits and any count a record.
private final class WholeSums {
  private let channels: Int
  private let perChannel: Int
  private var sums: [UInt64]
  private var squares: [UInt64]
  private var high: [UInt64]

  init(channels: Int, perChannel: Int) {
    (self.channels, self.perChannel) = (channels, perChannel)
    sums = [UInt64](repeating: 0, count: channels)
    squares = sums
    high = sums
  }

  /// - Precondition: bytes or 16-bit numbers.
  func add(_ record: UnsafeRawPointer, _ type: ElementType) {
    switch type {
    case .uint8: add(record, as: UInt8.self)
    case .uint16: add(record, as: UInt16.self)
    default: preconditionFailure("no statistics of \(type)")
    }
  }

  @inline(__always)
  private func add<Number: FixedWidthInteger>(_ record: UnsafeRawPointer, as _: Number.Type) {
    let width = MemoryLayout<Number>.size
    for channel in 0..<channels {
      let start = record + channel * perChannel * width
      var (sum, square) = (UInt64(0), UInt64(0))
      var i = 0
      while i < perChannel {
        // 2^12 numbers of 16 bits: their sum fits into 32 bits, so that the compiler keeps narrow lanes.
        let end = min(i &+ 4096, perChannel)
        var part = UInt32(0)
        while i < end {
          let value = UInt32(
            truncatingIfNeeded: start.loadUnaligned(fromByteOffset: i &* width, as: Number.self))
          part &+= value
          square &+= UInt64(value &* value)
          i &+= 1
        }
        sum &+= UInt64(part)
      }
      sums[channel] &+= sum
      let (total, carried) = squares[channel].addingReportingOverflow(square)
      squares[channel] = total
      if carried { high[channel] += 1 }
    }
  }

  /// Variance = (n * sum of squares - sum^2) / n^2, the difference in whole numbers.
  func statistics(count: Int) -> ChannelStatistics {
    let n = Double(max(count, 1))
    return ChannelStatistics(
      mean: sums.map { Double($0) / n },
      deviation: sums.indices.map { channel in
        let all =
          (UInt128(high[channel]) << 64 | UInt128(squares[channel])) * UInt128(max(count, 1))
        let square = UInt128(sums[channel]) * UInt128(sums[channel])
        return (Double(all - square)).squareRoot() / n
      })
  }
}

/// Sums of floats a channel, in double.
private final class FloatSums {
  private typealias Lanes = SIMD8<Double>
  private let channels: Int
  private let perChannel: Int
  private var sums: [Double]

  init(channels: Int, perChannel: Int) {
    (self.channels, self.perChannel) = (channels, perChannel)
    sums = [Double](repeating: 0, count: channels)
  }

  func add(_ record: UnsafeRawPointer) {
    for channel in 0..<channels {
      sums[channel] += total(record, channel) {
        $0
      } one: {
        $0
      }
    }
  }

  func addSquares(_ record: UnsafeRawPointer, around mean: [Double]) {
    for channel in 0..<channels {
      let centre = mean[channel]
      sums[channel] += total(record, channel) {
        let difference = $0 - Lanes(repeating: centre)
        return difference * difference
      } one: {
        ($0 - centre) * ($0 - centre)
      }
    }
  }

  /// Records of 113 bytes leave their floats unaligned.
  @inline(__always)
  private func total(
    _ record: UnsafeRawPointer, _ channel: Int, _ lanes: (Lanes) -> Lanes,
    one: (Double) -> Double
  ) -> Double {
    let start = record + 4 * channel * perChannel
    var sum = Lanes(repeating: 0)
    var i = 0
    while i &+ 8 <= perChannel {
      let values = start.loadUnaligned(fromByteOffset: 4 &* i, as: SIMD8<Float>.self)
      sum += lanes(Lanes(values))
      i &+= 8
    }
    var rest = 0.0
    while i < perChannel {
      rest += one(Double(start.loadUnaligned(fromByteOffset: 4 &* i, as: Float.self)))
      i &+= 1
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])) + rest
  }

  /// The sums since the last call; starts anew.
  func take() -> [Double] {
    defer { sums = [Double](repeating: 0, count: channels) }
    return sums
  }
}
