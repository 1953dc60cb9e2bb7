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
  ///   - sample: the frame's samples by place, 0 ..< frameLength.
  ///   - power: room for `binCount` numbers.
  func compute(_ sample: (Int) -> Double, into power: UnsafeMutablePointer<Double>) {
    for i in 0..<frameLength { frame[i] = window[i] * sample(i) }
    fftw_execute(plan)
    for k in 0..<binCount { power[k] = bins[k].0 * bins[k].0 + bins[k].1 * bins[k].1 }
  }
}
