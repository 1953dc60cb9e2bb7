// Recordings made for tests.

import Basics
import CSndfile

enum AudioFixture {
  /// A WAV of 16-bit samples, channels interleaved, written byte by byte.
  static func wav(_ samples: [Int16], rate: Int, channels: Int = 1, dataSize: UInt32? = nil)
    -> [UInt8]
  {
    func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    let data = samples.flatMap { little($0) }
    let format: [UInt8] =
      little(UInt16(1)) + little(UInt16(channels)) + little(UInt32(rate))
      + little(UInt32(rate * channels * 2)) + little(UInt16(channels * 2)) + little(UInt16(16))
    // A chunk of odd size that has to be stepped over.
    let extra = Array("LIST".utf8) + little(UInt32(3)) + [1, 2, 3, 0]
    let body =
      Array("WAVE".utf8) + Array("fmt ".utf8) + little(UInt32(16)) + format + extra
      + Array("data".utf8) + little(dataSize ?? UInt32(data.count)) + data
    return Array("RIFF".utf8) + little(UInt32(body.count)) + body
  }

  /// By libsndfile; `format` is FLAC unless said otherwise.
  static func flac(_ samples: [Int16], rate: Int, to path: String) {
    var information = SF_INFO(
      frames: 0, samplerate: Int32(rate), channels: 1,
      format: Int32(SF_FORMAT_FLAC | SF_FORMAT_PCM_16), sections: 0, seekable: 0)
    let file = sf_open(path, Int32(SFM_WRITE), &information)!
    var samples = samples
    sf_writef_short(file, &samples, sf_count_t(samples.count))
    sf_close(file)
  }

  /// The noise of datasets.md 8.2.
  static func noise(_ count: Int) -> [Int16] {
    var x: UInt32 = 1
    return (0..<count).map { _ in
      x = 1_664_525 &* x &+ 1_013_904_223
      return Int16(Int(x >> 16) - 32768)
    }
  }
}
