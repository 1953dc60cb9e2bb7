// eurosat from the publisher's tree, in the real size: bands and classes.

import Basics
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct SatelliteImageTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A TIFF of 64 x 64 pixels with 13 samples of 16 bits each, pixel after pixel.
  private func satelliteImage(_ samples: [UInt16]) -> [UInt8] {
    func short(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8 & 255)] }
    func long(_ value: Int) -> [UInt8] { short(value & 65_535) + short(value >> 16) }
    let pixels = samples.flatMap { short(Int($0)) }
    let bits = 8 + pixels.count
    let entries: [(tag: Int, type: Int, count: Int, value: Int)] = [
      (256, 3, 1, 64), (257, 3, 1, 64), (258, 3, 13, bits), (259, 3, 1, 1), (262, 3, 1, 1),
      (273, 4, 1, 8), (277, 3, 1, 13), (278, 3, 1, 64), (279, 4, 1, pixels.count), (284, 3, 1, 1),
    ]
    let table = entries.flatMap { short($0.tag) + short($0.type) + long($0.count) + long($0.value) }
    return Array("II".utf8) + short(42) + long(bits + 26) + pixels
      + (0..<13).flatMap { _ in short(16) } + short(entries.count) + table + long(0)
  }

  /// Band after band as the file has them, the class from the folder.
  @Test func euroSATBands() throws {
    let samples = (0..<10).map { k in
      (0..<(64 * 64 * 13)).map { UInt16(truncatingIfNeeded: $0 * 31 + 7 * k) }
    }
    for (k, name) in EuroSAT.classes.enumerated() {
      for copy in 1...(k == 0 ? 151 : 1) {
        try put(
          satelliteImage(samples[copy == 1 ? k : 9 - k]), folder.file("\(name)/\(name)_\(copy).tif")
        )
      }
    }
    let reader = try #require(EuroSATReader(RawSource(folder.path)))
    let forest = 151
    #expect(Files.name(of: reader.tree.entry(forest).name) == "Forest_1.tif")
    let record = try decodeAll(reader)[forest]
    for band in 0..<13 {
      let plane = (0..<4096).map { place in
        let at = 2 * (band * 4096 + place)
        return UInt16(record[at]) | UInt16(record[at + 1]) << 8
      }
      #expect(plane == (0..<4096).map { samples[1][$0 * 13 + band] }, "band \(band)")
    }
    for plan in try reader.splits(of: [PartContents(rowCount: 160)]) {
      #expect(plan.columns == rows(plan).map { $0 < 151 ? 0 : UInt8($0 - 150) })
    }
  }
}
