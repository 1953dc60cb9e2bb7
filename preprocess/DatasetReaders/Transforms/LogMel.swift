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
  /// The paper's pictures: mel bands, and frames.
  static let size = 224
  /// Samples of the paper's clips.
  static let length = 150_526
  static let byteCount = 4 * size * size

  /// 10 log10(1e-10), decibels.
  private static let silence = -100.0

  /// How a clip becomes a picture.
  struct Shape: Equatable, Sendable {
    var bands: Int
    var frames: Int
    /// Samples of a clip; zeros follow shorter ones, and stand on both sides.
    var length: Int
    /// Samples of a frame, and from one frame to the next.
    var frameLength: Int
    var hop: Int
    /// Whether the mel power is squared once more, as in the benchmark.
    var isSquared: Bool

    static let paper = Shape(
      bands: size, frames: size, length: LogMel.length, frameLength: 2048, hop: 672,
      isSquared: true)

    var byteCount: Int { 4 * bands * frames }
  }

  let filters: MelFilters
  private let shape: Shape
  private let spectrum: PowerSpectrum
  private let power: UnsafeMutablePointer<Double>
  private let decibels: UnsafeMutableBufferPointer<Double>

  init(rate: Int, _ shape: Shape = .paper) {
    self.shape = shape
    filters = MelFilters(rate: rate, count: shape.bands, frameLength: shape.frameLength)
    spectrum = PowerSpectrum(window: PowerSpectrum.hann(shape.frameLength))
    power = .allocate(capacity: shape.frameLength / 2 + 1)
    decibels = .allocate(capacity: shape.bands * shape.frames)
    decibels.initialize(repeating: 0)
  }

  deinit {
    power.deallocate()
    decibels.deallocate()
  }

  /// Decibels, mel bands (low to high) x frames, to `target`: float32, row-major.
  ///
  /// - Parameter samples: of the clip; those behind its length are left out.
  func compute(_ samples: [Float], into target: UnsafeMutableRawPointer) {
    let margin = shape.frameLength / 2
    samples.withUnsafeBufferPointer { samples in
      let clip = UnsafeBufferPointer(rebasing: samples.prefix(shape.length))
      for frame in 0..<shape.frames {
        let start = shape.hop * frame - margin
        // Frames that lie behind the last sample are silent.
        guard start < clip.count else {
          for band in 0..<shape.bands { decibels[band * shape.frames + frame] = Self.silence }
          continue
        }
        spectrum.compute(clip, from: start, into: power)
        for (band, row) in filters.rows.enumerated() {
          let sum = row.weights.withUnsafeBufferPointer { weights in
            var sum = 0.0
            for k in weights.indices { sum += weights[k] * power[row.first + k] }
            return sum
          }
          let value = shape.isSquared ? sum * sum : sum
          decibels[band * shape.frames + frame] =
            value > 1e-10 ? 10 * log10(value) : Self.silence
        }
      }
    }
    let floor = decibels.max()! - 80
    for i in decibels.indices {
      target.storeBytes(of: Float(max(decibels[i], floor)), toByteOffset: 4 * i, as: Float.self)
    }
  }
}
