// The one door to FFTW: the power spectrum of a windowed frame of real numbers, in double.

import Basics
import CFFTW
import Glibc

/// |X[k]|^2, k = 0 ... n/2, of frames of `n` samples under one window. Not to be shared between threads.
final class PowerSpectrum {
  let frameLength: Int
  var binCount: Int { frameLength / 2 + 1 }
  private let window: [Double]
  private let frame: UnsafeMutablePointer<Double>
  private let bins: UnsafeMutablePointer<fftw_complex>
  private let plan: fftw_plan

  /// - Parameter window: one factor a sample.
  init(window: [Double]) {
    frameLength = window.count
    self.window = window
    frame = fftw_alloc_real(window.count)
    bins = fftw_alloc_complex(window.count / 2 + 1)
    // ESTIMATE: the plan, and with it the rounding, does not depend on timing.
    plan = fftw_plan_dft_r2c_1d(Int32(window.count), frame, bins, FFTW_ESTIMATE)
  }

  deinit {
    fftw_destroy_plan(plan)
    fftw_free(frame)
    fftw_free(bins)
  }

  /// The periodic Hann window: 0.5 - 0.5 cos(2 pi n / count).
  static func hann(_ count: Int) -> [Double] {
    (0..<count).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(count)) }
  }

  /// - Parameters:
  ///   - samples: of a whole recording; zeros stand before and behind them.
  ///   - start: of the frame among them.
  ///   - power: room for `binCount` numbers.
  func compute(
    _ samples: UnsafeBufferPointer<Float>, from start: Int,
    into power: UnsafeMutablePointer<Double>
  ) {
    let first = min(max(0, -start), frameLength)
    let end = max(first, min(frameLength, samples.count - start))
    for i in 0..<first { frame[i] = 0 }
    window.withUnsafeBufferPointer { window in
      for i in first..<end { frame[i] = window[i] * Double(samples[start + i]) }
    }
    for i in end..<frameLength { frame[i] = 0 }
    fftw_execute(plan)
    for k in 0..<binCount { power[k] = bins[k].0 * bins[k].0 + bins[k].1 * bins[k].1 }
  }
}
