// Log-mel pictures against the vectors of datasets.md 8.2, and the audio files they are made of.

import Basics
import Glibc
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct MelFilterTests {
  struct Vector: Sendable {
    var rate: Int
    var edges: [Int: Double]
    var rows: [Int: (first: Int, count: Int?, weights: [Double])]
    var sum: Double
  }

  static let vectors = [
    Vector(
      rate: 16_000,
      edges: [
        0: 0, 1: 13.406116, 2: 26.812231, 100: 1420.863467, 112: 1677.273793, 224: 7890.157743,
        225: 8000,
      ],
      rows: [
        0: (1, 3, [0.0434694439, 0.062246751, 0.0187773071]),
        112: (
          215, 6,
          [
            0.0043963939, 0.0186263006, 0.0328562073, 0.0380372927, 0.0240027644, 0.00996823981,
          ]
        ),
        223: (
          997, 27,
          [
            0.000612529053, 0.00127359864, 0.0019346684, 0.00259573804, 0.0032568078,
            0.0039178771,
          ]
        ),
      ], sum: 28.6676136),
    Vector(
      rate: 48_000,
      edges: [
        0: 0, 1: 18.140753, 2: 36.281507, 100: 2315.294494, 112: 2898.039624, 224: 23555.178611,
        225: 24000,
      ],
      rows: [
        0: (1, 1, [0.039029222]),
        112: (
          124, 5, [0.00271565397, 0.0104678134, 0.0179852583, 0.0103767794, 0.00276829978]
        ),
        223: (
          987, 38,
          [
            7.38613599e-05, 0.00019567844, 0.000317495549, 0.0004393126, 0.000561129709,
            0.000682946818,
          ]
        ),
      ], sum: 9.55110623),
  ]

  @Test(arguments: vectors)
  func published(vector: Vector) {
    let filters = MelFilters(rate: vector.rate, count: 224, frameLength: 2048)
    for (i, edge) in vector.edges { #expect(abs(filters.edges[i] - edge) < 1e-6) }
    let largest = filters.rows.flatMap(\.weights).max()!
    for (i, row) in vector.rows {
      #expect(filters.rows[i].first == row.first)
      #expect(filters.rows[i].weights.count == row.count)
      for (weight, expected) in zip(filters.rows[i].weights, row.weights) {
        #expect(abs(weight - expected) < 1e-7 * largest)
      }
    }
    let sum = filters.rows.flatMap(\.weights).reduce(0, +)
    #expect(abs(sum - vector.sum) < 1e-6 * vector.sum)
  }
}

@Suite struct LogMelTests {
  private func picture(_ samples: [Float], rate: Int) -> [Float] {
    var values = [Float](repeating: 0, count: 224 * 224)
    values.withUnsafeMutableBytes { LogMel(rate: rate).compute(samples, into: $0.baseAddress!) }
    return values
  }

  private func expect(
    _ values: [Float], _ expected: [(Int, Int, Double)], most: Double, least: Double, mean: Double
  ) {
    for (band, frame, value) in expected {
      #expect(abs(Double(values[band * 224 + frame]) - value) < 1e-4, "[\(band)][\(frame)]")
    }
    #expect(abs(Double(values.max()!) - most) < 1e-4)
    #expect(abs(Double(values.min()!) - least) < 1e-4)
    #expect(abs(values.reduce(0) { $0 + Double($1) } / 50176 - mean) < 1e-4)
  }

  @Test func signalA() {
    let samples = (0..<32_000).map { n in
      let t = 2 * Double.pi * Double(n) / 16_000
      return Float(0.5 * sin(440 * t) + 0.25 * sin(3000 * t))
    }
    let values = picture(samples, rate: 16_000)
    expect(
      values,
      [
        (0, 0, 1.43059), (10, 0, 3.85679), (0, 1, -6.35704), (31, 10, 65.64436),
        (32, 10, 73.64296), (33, 10, 55.62924), (34, 10, -3.49395), (152, 10, 22.51664),
        (153, 10, 54.54706), (154, 10, 33.14007), (155, 10, -6.35704), (32, 46, 73.64296),
        (32, 47, 72.05673), (32, 48, 53.83469), (32, 49, -6.35704),
      ], most: 73.64296, least: -6.35704, mean: -5.96920)
    #expect(values.filter { $0 == values.min()! }.count == 49_637)
    // With LibriSpeech's constants.
    let transform = SpeechSet.libriSpeech.transform
    let normalised = { (value: Float) in value * transform.scale[0] + transform.shift[0] }
    #expect(abs(normalised(values[33 * 224 + 10]) - 6.240823) < 2e-5)
    #expect(abs(normalised(values.min()!) - 1.316196) < 2e-5)
  }

  private static let places = [
    (0, 0), (0, 1), (1, 1), (10, 5), (50, 50), (111, 111), (112, 112), (200, 100), (223, 0),
    (223, 222), (223, 223),
  ]

  struct Noise: Sendable {
    var name: String
    var count: Int
    var rate: Int
    var isTail: Bool
    var values: [Double]
    var range: (most: Double, least: Double, mean: Double)
  }

  static let noises = [
    Noise(
      name: "F", count: 150_000, rate: 16_000, isTail: false,
      values: [
        7.94454, 12.94934, 18.14320, 9.90103, 4.28229, 8.59376, 1.40924, 6.83689, 3.08332, 6.31641,
        0.32277,
      ], range: (26.11880, -32.36898, 4.56708)),
    Noise(
      name: "G", count: 160_000, rate: 16_000, isTail: false,
      values: [
        7.94454, 12.94934, 18.14320, 9.90103, 4.28229, 8.59376, 1.40924, 6.83689, 3.08332, 6.31751,
        2.52872,
      ], range: (26.11880, -32.36898, 4.58562)),
    Noise(
      name: "H", count: 160_000, rate: 16_000, isTail: true,
      values: [
        13.96709, 13.63727, 6.27603, -6.02900, 8.60065, 0.47866, 1.98982, 1.13326, -0.66451,
        5.51821, 3.72457,
      ], range: (26.38520, -30.36424, 4.59622)),
    Noise(
      name: "I", count: 48_000, rate: 48_000, isTail: false,
      values: [
        -2.89120, -3.65084, 1.10120, -13.25544, -15.82986, -65.72505, -65.72505, -65.72505,
        -7.80379, -65.72505, -65.72505,
      ], range: (14.27495, -65.72505, -46.26526)),
  ]

  /// The noise as samples of a WAV file, read back, then pictured.
  @Test(arguments: noises)
  func noise(vector: Noise) throws {
    let noise = AudioFixture.noise(vector.count)
    #expect(noise.prefix(6) == [-17272, -8568, 278, 13427, -29456, -8552])
    let bytes = AudioFixture.wav(noise, rate: vector.rate)
    let clip = try bytes.withUnsafeBytes {
      try AudioFile.read($0, place: "noise.wav", keeping: LogMel.length)
    }
    #expect((clip.count, clip.rate) == (vector.count, vector.rate))
    let end = (vector.isTail ? clip.tail : clip.head).map { $0 * 0.25 }
    let values = picture(end, rate: vector.rate)
    expect(
      values, zip(Self.places, vector.values).map { ($0.0, $0.1, $1) }, most: vector.range.most,
      least: vector.range.least, mean: vector.range.mean)
    if vector.name == "I" {
      expect(
        values,
        [(100, 70, -10.97997), (100, 71, -7.21817), (100, 72, -31.81470), (100, 73, -65.72505)],
        most: 14.27495, least: -65.72505, mean: -46.26526)
    }
  }

  @Test func silence() {
    for count in [0, 1, 5000, 200_000] {
      let values = picture([Float](repeating: 0, count: count), rate: 16_000)
      #expect(values.allSatisfy { $0 == -100 })
    }
    let transform = SpeechSet.googleSpeech.transform
    #expect(abs(-100 * transform.scale[0] + transform.shift[0] + 2.775469) < 1e-5)
  }
}

@Suite struct AudioFileTests {
  private func read(_ bytes: [UInt8], keeping length: Int = 10) throws -> AudioClip {
    try bytes.withUnsafeBytes { try AudioFile.read($0, place: "x.wav", keeping: length) }
  }

  @Test func ends() throws {
    let clip = try read(AudioFixture.wav((0..<25).map { $0 * 100 }, rate: 8000))
    #expect(clip.head == (0..<10).map { Float($0 * 100) / 32768 })
    #expect(clip.tail == (15..<25).map { Float($0 * 100) / 32768 })
    #expect((clip.count, clip.rate) == (25, 8000))
    let short = try read(AudioFixture.wav([-32768, 5], rate: 8000))
    #expect(short.head == [-1, 5 / 32768])
    #expect(short.tail == short.head)
    let stereo = try read(AudioFixture.wav([1, 2, 3, 4], rate: 8000, channels: 2))
    #expect(stereo.head == [1, 3].map { $0 / 32768 })
    for size in [UInt32(0), .max] {
      #expect(try read(AudioFixture.wav([1, 2, 3], rate: 8000, dataSize: size)).count == 3)
    }
  }

  /// FLAC decodes to the very samples that went in.
  @Test func flac() throws {
    let folder = try TemporaryFolder()
    let noise = AudioFixture.noise(30_000)
    AudioFixture.flac(noise, rate: 16_000, to: folder.file("x.flac"))
    let bytes = try Files.read(folder.file("x.flac"))
    let clip = try read(bytes, keeping: 30_000)
    #expect(clip.head == noise.map { Float($0) / 32768 })
    #expect(clip.rate == 16_000)
    // Cut anywhere behind the header, or a bit flipped in a frame: an error.
    for count in [bytes.count - 1, bytes.count / 2, 1000] {
      #expect(try failure { _ = try read(Array(bytes[..<count])) }.kind == .badData)
    }
    for place in stride(from: bytes.count / 3, to: bytes.count - 10, by: 7919) {
      var flipped = bytes
      flipped[place] ^= 1
      #expect(try failure { _ = try read(flipped) }.kind == .badData, "byte \(place)")
    }
  }

  @Test func damage() throws {
    let whole = AudioFixture.wav((0..<25).map { $0 }, rate: 8000)
    let cut = try failure { _ = try read(Array(whole.dropLast(4))) }
    #expect(cut.problem == "expected 50 bytes of samples, found 46: it is cut short")
    #expect(cut.place == "x.wav")
    let headless = try failure { _ = try read(Array(whole[..<40])) }
    #expect(headless.problem == "expected a chunk of samples, found none: it is cut short")
    let text = try failure { _ = try read(Array("no audio at all".utf8)) }
    #expect(text.problem.hasPrefix("expected audio (WAV, FLAC), found "))
    #expect(try failure { _ = try read([]) }.kind == .badData)
    #expect(
      try failure { _ = try read(AudioFixture.wav([], rate: 8000)) }.problem
        == "expected at least one sample, found none")
  }
}
