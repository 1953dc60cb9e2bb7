// From waveform to a 224 x 224 log-mel picture: datasets.md section 8.1, librosa's numbers (0.9 or later).

import Glibc

/// Slaney's mel filters as sparse rows, rounded to float32 as the reference stores them.
struct MelFilters {
  struct Row {
    var first: Int
    var weights: [Double]
  }

  let rows: [Row]
  /// In Hz; row i rises from edge i to i + 1 and falls to i + 2.
  let edges: [Double]

  /// - Parameters:
  ///   - rate: samples a second; the filters span 0 ... rate / 2.
  ///   - bins: of the power spectrum, `frameLength / 2 + 1`.
  init(rate: Int, count: Int, frameLength: Int) {
    let most = Self.mel(Double(rate) / 2)
    edges = (0..<(count + 2)).map { Self.hertz(most * Double($0) / Double(count + 1)) }
    let bins = frameLength / 2 + 1
    var rows: [Row] = []
    for i in 0..<count {
      let (low, centre, high) = (edges[i], edges[i + 1], edges[i + 2])
      var row = Row(first: 0, weights: [])
      for k in 0..<bins {
        let f = Double(k) * Double(rate) / Double(frameLength)
        let weight = max(0, min((f - low) / (centre - low), (high - f) / (high - centre)))
        if weight > 0 {
          if row.weights.isEmpty { row.first = k }
          row.weights.append(Double(Float(weight * 2 / (high - low))))
        } else if !row.weights.isEmpty {
          break
        }
      }
      rows.append(row)
    }
    self.rows = rows
  }

  private static let step = log(6.4) / 27

  static func mel(_ hertz: Double) -> Double {
    hertz < 1000 ? hertz / (200.0 / 3) : 15 + log(hertz / 1000) / step
  }

  static func hertz(_ mel: Double) -> Double {
    mel < 15 ? mel * (200.0 / 3) : 1000 * exp(step * (mel - 15))
  }
}

/// Log-mel pictures of one sampling rate. Not to be shared between threads.
final class LogMel {
  /// Mel bands, and frames.
  static let size = 224
  /// Samples of a clip.
  static let length = 150_526
  static let frameLength = 2048
  static let hop = 672
  static let byteCount = 4 * size * size

  let filters: MelFilters
  private let spectrum = PowerSpectrum(window: PowerSpectrum.hann(LogMel.frameLength))
  private let power: UnsafeMutablePointer<Double>
  private var decibels = [Double](repeating: 0, count: LogMel.size * LogMel.size)

  init(rate: Int) {
    filters = MelFilters(rate: rate, count: Self.size, frameLength: Self.frameLength)
    power = .allocate(capacity: Self.frameLength / 2 + 1)
  }

  deinit { power.deallocate() }

  /// Decibels, mel bands (low to high) x frames, to `target`: float32, row-major.
  ///
  /// - Parameter samples: at most `length`; zeros follow shorter ones, and stand on both sides of the clip.
  func compute(_ samples: [Float], into target: UnsafeMutableRawPointer) {
    let size = Self.size
    let margin = Self.frameLength / 2
    let count = min(samples.count, Self.length)
    samples.withUnsafeBufferPointer { samples in
      for frame in 0..<size {
        let start = Self.hop * frame - margin
        // Frames that lie behind the last sample are silent.
        guard start < count else {
          for band in 0..<size { decibels[band * size + frame] = -100 }
          continue
        }
        spectrum.compute(
          { i in
            let place = start + i
            return place >= 0 && place < count ? Double(samples[place]) : 0
          }, into: power)
        for (band, row) in filters.rows.enumerated() {
          var sum = 0.0
          for (k, weight) in row.weights.enumerated() { sum += weight * power[row.first + k] }
          // The mel power squared once more, as in the benchmark.
          decibels[band * size + frame] = 10 * log10(max(1e-10, sum * sum))
        }
      }
    }
    let floor = decibels.max()! - 80
    for i in decibels.indices {
      target.storeBytes(of: Float(max(decibels[i], floor)), toByteOffset: 4 * i, as: Float.self)
    }
  }
}
