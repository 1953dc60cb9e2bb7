// What the records of a run add up to, channel by channel; runs merge.

import Basics
import ShardFormat

/// Sums and sums of squares of whole numbers a channel, exact: below 2^31 records of 16 bits and any count a record.
struct WholeSums: Codable {
  private let channels: Int
  private let perChannel: Int
  private let type: ElementType
  private var sums: [UInt64]
  private var squares: [UInt64]
  private var high: [UInt64]

  /// - Precondition: bytes or 16-bit numbers.
  init(channels: Int, perChannel: Int, type: ElementType) {
    precondition(type == .uint8 || type == .uint16, "no statistics of \(type)")
    (self.channels, self.perChannel, self.type) = (channels, perChannel, type)
    sums = [UInt64](repeating: 0, count: channels)
    squares = sums
    high = sums
  }

  mutating func add(_ record: UnsafeRawPointer) {
    if type == .uint8 { add(record, as: UInt8.self) } else { add(record, as: UInt16.self) }
  }

  @inline(__always)
  private mutating func add<Number: FixedWidthInteger>(
    _ record: UnsafeRawPointer, as _: Number.Type
  ) {
    let width = MemoryLayout<Number>.size
    for channel in 0..<channels {
      let start = record + channel * perChannel * width
      var (sum, square) = (UInt64(0), UInt64(0))
      var i = 0
      while i < perChannel {
        // 2^12 numbers of 16 bits: their sum fits into 32 bits, so that the compiler keeps narrow lanes. Of bytes the
        // squares' as well.
        let end = min(i &+ 4096, perChannel)
        var (part, squares32, squares64) = (UInt32(0), UInt32(0), UInt64(0))
        while i < end {
          let value = UInt32(
            truncatingIfNeeded: start.loadUnaligned(fromByteOffset: i &* width, as: Number.self))
          part &+= value
          if width == 1 {
            squares32 &+= value &* value
          } else {
            squares64 &+= UInt64(value &* value)
          }
          i &+= 1
        }
        sum &+= UInt64(part)
        square &+= squares64 &+ UInt64(squares32)
      }
      sums[channel] &+= sum
      let (total, carried) = squares[channel].addingReportingOverflow(square)
      squares[channel] = total
      if carried { high[channel] += 1 }
    }
  }

  mutating func merge(_ other: WholeSums) {
    for channel in 0..<channels {
      sums[channel] &+= other.sums[channel]
      let (total, carried) = squares[channel].addingReportingOverflow(other.squares[channel])
      squares[channel] = total
      high[channel] += other.high[channel] + (carried ? 1 : 0)
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

/// Sums of floats a channel, in double over eight lanes: of the values, or of their squared distances from a centre.
struct FloatSums: Codable {
  private typealias Lanes = SIMD8<Double>
  private let channels: Int
  private let perChannel: Int
  private let centre: [Double]?
  private(set) var sums: [Double]

  init(channels: Int, perChannel: Int, around centre: [Double]? = nil) {
    (self.channels, self.perChannel, self.centre) = (channels, perChannel, centre)
    sums = [Double](repeating: 0, count: channels)
  }

  mutating func add(_ record: UnsafeRawPointer) {
    for channel in 0..<channels {
      guard let middle = centre?[channel] else {
        sums[channel] += total(record, channel) {
          $0
        } one: {
          $0
        }
        continue
      }
      sums[channel] += total(record, channel) {
        let difference = $0 - Lanes(repeating: middle)
        return difference * difference
      } one: {
        ($0 - middle) * ($0 - middle)
      }
    }
  }

  mutating func merge(_ other: FloatSums) {
    for channel in 0..<channels { sums[channel] += other.sums[channel] }
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
}
