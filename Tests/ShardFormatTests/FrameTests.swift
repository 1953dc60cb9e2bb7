import Basics
import Testing

@testable import ShardFormat

/// Frames of blocks whose planes differ: noise, and what a code of bytes shortens.
@Suite struct FrameTests {
  /// A plane of random bytes, or of five values that an entropy code brings to a third.
  static func plane(noise: Bool, _ count: Int, _ stream: inout RandomStream) -> [UInt8] {
    (0..<count).map { _ in noise ? UInt8(stream.below(256)) : UInt8(40 * stream.below(5)) }
  }

  struct Planes: CustomTestStringConvertible, Sendable {
    var noise: [Bool]
    var count: Int
    var testDescription: String {
      "\(count) x " + noise.map { $0 ? "noise" : "code" }.joined(separator: ", ")
    }
    var widths: [(element: Int, count: Int)] { [(noise.count, count)] }
    func bytes() -> [UInt8] {
      var stream = RandomStream(RandomKey(seed: 3, "planes"))
      return noise.flatMap { FrameTests.plane(noise: $0, count, &stream) }
    }
  }

  static let cases = [
    Planes(noise: [true, true, false, false], count: 16_000),
    Planes(noise: [false, true, true], count: 5_000),
    Planes(noise: [true, false], count: 200_000),
    Planes(noise: [true, false, true, false], count: 100),
    Planes(noise: [false], count: 70_000), Planes(noise: [true], count: 70_000),
    Planes(noise: Array(repeating: [true, false], count: 50).flatMap { $0 }, count: 4_096),
  ]

  static func compress(_ bytes: [UInt8], _ widths: [(element: Int, count: Int)]) -> [UInt8] {
    let compressor = FrameCompressor(mostBytes: bytes.count)
    return bytes.withUnsafeBytes { Array(compressor.compress($0, widths: widths)) }
  }

  @Test(arguments: cases) func comesBack(_ planes: Planes) {
    let bytes = planes.bytes()
    let frame = Self.compress(bytes, planes.widths)
    var target = [UInt8](repeating: 0, count: bytes.count)
    let problem = frame.withUnsafeBytes { frame in
      target.withUnsafeMutableBytes { FrameDecompressor().decompress(frame, into: $0) }
    }
    #expect(problem == nil)
    #expect(target == bytes)
  }

  /// Three quarters of noise hide from zstd that the last plane is worth coding, and the noise is coded for nothing.
  @Test func noiseDoesNotSpoilTheCodeOfTheOtherPlanes() {
    let bytes = Planes(noise: [true, true, true, false], count: 16_000).bytes()
    let apart = Self.compress(bytes, [(4, 16_000)]).count
    let together = Self.compress(bytes, [(1, 64_000)]).count
    // 48,000 of noise and the last plane's log2(5) bits a byte, 4,644 bytes.
    #expect(apart < 48_000 + 4_644 + 200)
    #expect(apart < together)
  }

  /// The same compressor gives the same frame of a block, whatever it has compressed before: numbers, single bytes, bytes
  /// that are about equally frequent, and what entropy coding alone is best for.
  @Test func framesDoNotDependOnEarlierOnes() {
    let compressor = FrameCompressor(mostBytes: 64_000)
    let numbers = Self.cases[0].bytes()
    let repeated = (0..<64_000).map { UInt8($0 % 3000 % 251) }
    let blocks = [
      (numbers, 4), (Self.cases[1].bytes(), 3), (repeated, 1),
      (Planes(noise: [true], count: 64_000).bytes(), 1),
      (Planes(noise: [false], count: 64_000).bytes(), 1),
    ]
    func frame(_ k: Int) -> [UInt8] {
      let (bytes, width) = blocks[k]
      return bytes.withUnsafeBytes {
        Array(compressor.compress($0, widths: [(width, bytes.count / width)]))
      }
    }
    let alone = blocks.map { bytes, width in Self.compress(bytes, [(width, bytes.count / width)]) }
    for k in [0, 1, 2, 3, 4, 3, 2, 0, 4, 1, 0, 2, 2, 4, 3, 1] { #expect(frame(k) == alone[k]) }
  }

  /// Byte b of number i at plane b, place i; and back.
  @Test(arguments: [2, 4, 8], [0, 1, 15, 16, 17, 33, 4097]) func bytesApart(
    _ width: Int, _ count: Int
  ) {
    var stream = RandomStream(RandomKey(seed: 5, "numbers"))
    let numbers = (0..<width * count).map { _ in UInt8(stream.below(256)) }
    var (planes, back) = (numbers, [UInt8](repeating: 0, count: numbers.count))
    ByteShuffle.apply(numbers, &planes, [(element: width, count: count)])
    let expected = (0..<width).flatMap { byte in (0..<count).map { numbers[$0 * width + byte] } }
    #expect(planes == expected)
    ByteShuffle.undo(planes, &back, [(element: width, count: count)])
    #expect(back == numbers)
  }

  /// Fetches count for some calls after the last one was seen.
  @Test func diskWatch() {
    var disk = DiskWatch()
    let busy = [7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9].map { disk.isBusy(fetched: $0) }
    #expect(busy == [true, true, true, true, false, false, true, true, true, true, false])
  }
}
