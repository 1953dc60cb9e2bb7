// Pillow's 8-bit bilinear resize, bit for bit: datasets.md section 9.1. Antialiased when shrinking; horizontal pass
// first, rounded to 8 bits, then the vertical one.

/// The weights of one pass from `count` to `size` samples.
struct ResizeWeights {
  /// First source sample of each output.
  let starts: [Int]
  /// How many each output takes.
  let counts: [Int]
  /// `width` a row: 22-bit fixed point.
  let weights: [Int32]
  let width: Int

  private static let one = 4_194_304.0

  init(from count: Int, to size: Int) {
    let scale = Double(count) / Double(size)
    let support = max(scale, 1)
    let inverse = 1 / support
    width = Int(support.rounded(.up)) * 2 + 1
    var starts: [Int] = []
    var counts: [Int] = []
    var weights = [Int32](repeating: 0, count: width * size)
    for x in 0..<size {
      let centre = (Double(x) + 0.5) * scale
      let low = max(0, Int(centre - support + 0.5))
      let high = min(count, Int(centre + support + 0.5))
      let row = (low..<high).map { j in
        max(0, 1 - abs((Double(j) - centre + 0.5) * inverse))
      }
      let total = row.reduce(0, +)
      for (k, weight) in row.enumerated() {
        weights[x * width + k] = Int32((total != 0 ? weight / total : weight) * Self.one + 0.5)
      }
      starts.append(low)
      counts.append(high - low)
    }
    self.starts = starts
    self.counts = counts
    self.weights = weights
  }
}

extension Raster {
  /// Pillow's `resize((width, height), BILINEAR)`.
  func resized(width: Int, height: Int) -> Raster {
    let wide = width == self.width ? self : resizedAcross(width)
    return height == wide.height ? wide : wide.resizedDown(height)
  }

  private func resizedAcross(_ size: Int) -> Raster {
    let plan = ResizeWeights(from: width, to: size)
    let (from, rows, channels) = (width, height, channels)
    let result = [UInt8](unsafeUninitializedCapacity: rows * size * channels) { target, count in
      count = rows * size * channels
      pixels.withUnsafeBufferPointer { source in
        plan.weights.withUnsafeBufferPointer { weights in
          for y in 0..<rows {
            for x in 0..<size {
              let first = (y * from + plan.starts[x]) * channels
              let taps = plan.counts[x]
              let row = x * plan.width
              for c in 0..<channels {
                var sum: Int32 = 1 << 21
                for k in 0..<taps {
                  sum &+= weights[row + k] &* Int32(source[first + k * channels + c])
                }
                target[(y * size + x) * channels + c] = Self.clipped(sum)
              }
            }
          }
        }
      }
    }
    return Raster(width: size, height: rows, channels: channels, pixels: result)
  }

  private func resizedDown(_ size: Int) -> Raster {
    let plan = ResizeWeights(from: height, to: size)
    let row = width * channels
    var sums = [Int32](repeating: 0, count: row)
    let result = [UInt8](unsafeUninitializedCapacity: size * row) { target, count in
      count = size * row
      pixels.withUnsafeBufferPointer { source in
        sums.withUnsafeMutableBufferPointer { sums in
          for y in 0..<size {
            for i in 0..<row { sums[i] = 1 << 21 }
            for k in 0..<plan.counts[y] {
              let weight = plan.weights[y * plan.width + k]
              let line = source.baseAddress! + (plan.starts[y] + k) * row
              for i in 0..<row { sums[i] &+= weight &* Int32(line[i]) }
            }
            for i in 0..<row { target[y * row + i] = Self.clipped(sums[i]) }
          }
        }
      }
    }
    return Raster(width: width, height: size, channels: channels, pixels: result)
  }

  private static func clipped(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> 22) }
}
