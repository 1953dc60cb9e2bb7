// Pillow's resize: the vectors of datasets.md 9.1, 9.9 and 10.1.

import Basics
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct ResizeTests {
  private func grey(_ height: Int, _ width: Int, _ value: (Int, Int) -> Int) -> Raster {
    let pixels = (0..<height).flatMap { y in (0..<width).map { UInt8(value(y, $0) & 255) } }
    return Raster(width: width, height: height, channels: 1, pixels: pixels)
  }

  @Test func shrinkAndGrow() {
    let ramp = grey(5, 7) { 6 * (7 * $0 + $1) }
    #expect(
      ramp.resized(width: 4, height: 4).pixels == [
        14, 23, 35, 44, 63, 72, 84, 93, 111, 120, 132, 141, 161, 170, 182, 191,
      ])
    let rows: [[UInt8]] = [
      [0, 5, 10, 15, 21, 26, 31, 36], [18, 23, 28, 33, 39, 44, 49, 54],
      [45, 50, 55, 60, 66, 71, 76, 81], [71, 76, 81, 86, 92, 97, 102, 107],
      [97, 102, 107, 112, 118, 123, 128, 133], [123, 128, 133, 138, 144, 149, 154, 159],
      [150, 155, 160, 165, 171, 176, 181, 186], [168, 173, 178, 183, 189, 194, 199, 204],
    ]
    #expect(ramp.resized(width: 8, height: 8).pixels == rows.flatMap { $0 })
    let wild = grey(5, 7) { 259 * $0 + 29 * $1 + 5 * $0 * $1 }
    #expect(
      wild.resized(width: 4, height: 4).pixels == [
        17, 64, 120, 167, 23, 79, 146, 202, 29, 95, 172, 159, 37, 111, 160, 57,
      ])
    #expect(ramp.resized(width: 7, height: 5) == ramp)
  }

  @Test func weights() {
    let seven = ResizeWeights(from: 7, to: 4)
    #expect(seven.starts == [0, 1, 3, 4])
    let rows: [[Int32]] = [
      [2_197_016, 1_797_559, 199_729], [838_861, 2_181_038, 1_174_405],
      [1_174_405, 2_181_038, 838_861], [199_729, 1_797_559, 2_197_016],
    ]
    for (x, row) in rows.enumerated() {
      #expect(Array(seven.weights[(x * seven.width)...].prefix(seven.counts[x])) == row)
    }
    let five = ResizeWeights(from: 5, to: 4)
    #expect(five.starts == [0, 1, 2, 3])
    #expect(Array(five.weights[five.width...].prefix(five.counts[1])) == [2_446_677, 1_747_627])
  }

  @Test func acrossBeforeDown() {
    let image = grey(7, 3) { 59 * $0 + 97 * $1 + 13 * $1 * $0 * $0 }
    #expect(
      image.resized(width: 8, height: 3).pixels == [
        51, 54, 76, 98, 110, 112, 113, 113, 162, 157, 129, 101, 90, 96, 102, 102, 102, 105, 122,
        140, 146, 143, 140, 139,
      ])
  }

  private func sums(_ image: Raster) -> [Int] {
    (0..<3).map { c in
      stride(from: c, to: image.pixels.count, by: 3).reduce(0) { $0 + Int(image.pixels[$1]) }
    }
  }

  @Test func colour() {
    let image = Raster(width: 131, height: 97, channels: 3, pixels: ImageFixture.pixels())
    let small = image.resized(width: 32, height: 32)
    let expected: [(Int, Int, [UInt8])] = [
      (0, 0, [12, 3, 211]), (0, 31, [134, 86, 114]), (15, 16, [177, 123, 167]),
      (31, 0, [224, 98, 90]), (31, 31, [90, 115, 94]),
    ]
    for (y, x, pixel) in expected { #expect(Array(small[y, x]) == pixel, "\(y), \(x)") }
    #expect(sums(small) == [131_471, 126_189, 128_814])
  }

  @Test func wafer() {
    let rows: [[UInt8]] = [
      [0, 0, 127, 127, 0, 0], [0, 127, 255, 127, 127, 0], [127, 127, 127, 255, 127, 127],
      [127, 255, 127, 127, 127, 127], [0, 127, 127, 127, 255, 0], [0, 0, 127, 127, 0, 0],
    ]
    let image = Raster(width: 6, height: 6, channels: 1, pixels: rows.flatMap { $0 })
    #expect(
      image.resized(width: 4, height: 4).pixels == [
        18, 127, 106, 18, 106, 163, 171, 101, 127, 152, 149, 117, 18, 101, 117, 36,
      ])
  }
}
