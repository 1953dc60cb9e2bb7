// The one door to libsamplerate: a recording at another sampling rate, by its best sinc filter.

import Basics
import CSamplerate

enum Resampler {
  /// libsamplerate's own bound on the ratio.
  static let mostRatio = 256

  /// - Returns: `samples` of `rate` a second at `wanted` a second, about count * wanted / rate of them.
  /// - Throws: badData for rates more than 256 times apart; internalError when the library refuses.
  static func resample(_ samples: [Float], from rate: Int, to wanted: Int, place: String) throws
    -> [Float]
  {
    guard rate != wanted, !samples.isEmpty else { return samples }
    guard rate <= mostRatio * wanted, wanted <= mostRatio * rate else {
      throw Failure(
        .badData, at: place,
        "expected a rate at most \(mostRatio) times away from \(wanted) Hz, found \(rate) Hz")
    }
    let ratio = Double(wanted) / Double(rate)
    let room = Int((Double(samples.count) * ratio).rounded(.up)) + 16
    var result = [Float](repeating: 0, count: room)
    var data = SRC_DATA()
    let (code, count) = samples.withUnsafeBufferPointer { input in
      result.withUnsafeMutableBufferPointer { output -> (Int32, Int) in
        data.data_in = input.baseAddress
        data.data_out = output.baseAddress
        (data.input_frames, data.output_frames) = (input.count, output.count)
        data.src_ratio = ratio
        let code = src_simple(&data, Int32(SRC_SINC_BEST_QUALITY), 1)
        return (code, data.output_frames_gen)
      }
    }
    guard code == 0 else {
      throw Failure(
        .internalError, at: place, "cannot resample: \(String(cString: src_strerror(code)))")
    }
    return Array(result[..<count])
  }
}
