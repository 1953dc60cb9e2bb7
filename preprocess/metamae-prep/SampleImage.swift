// A stored image as a PNG: three channels as colours, any other number of them as a contact sheet, a tile a channel.

import Basics
import Reports
import ShardFormat

enum SampleImage {
  /// Tiles are enlarged to at least so many rows.
  private static let leastRows = 128
  private static let gap = 2

  /// - Parameters:
  ///   - values: after the transforms, channel after channel.
  ///   - shape: channels, rows, columns.
  static func picture(_ values: [Float], _ shape: [Int]) -> PNGImage {
    let (channels, rows, columns) = (shape[0], shape[1], shape[2])
    let factor = max(1, leastRows / max(rows, 1))
    let plane = rows * columns
    // Photographs come as 0 to 1; other values are stretched.
    let isPhotograph = channels == 3 && values.allSatisfy { (0...1).contains($0) }
    let grey = (0..<channels).map { channel in
      let part = values[(channel * plane)..<((channel + 1) * plane)]
      return isPhotograph ? part.map { UInt8($0 * 255 + 0.5) } : stretched(part)
    }
    let perRow = channels == 3 ? 1 : Int(Double(channels).squareRoot().rounded(.up))
    let tiles = channels == 3 ? 1 : channels
    let (tileHeight, tileWidth) = (rows * factor + gap, columns * factor + gap)
    let width = min(tiles, perRow) * tileWidth - gap
    let height = (tiles + perRow - 1) / perRow * tileHeight - gap
    var pixels = [UInt8](repeating: 255, count: width * height * 3)
    for tile in 0..<tiles {
      let (top, left) = (tile / perRow * tileHeight, tile % perRow * tileWidth)
      for y in 0..<(rows * factor) {
        for x in 0..<(columns * factor) {
          let source = y / factor * columns + x / factor
          let target = ((top + y) * width + left + x) * 3
          for c in 0..<3 {
            pixels[target + c] = grey[tiles == 1 && channels == 3 ? c : tile][source]
          }
        }
      }
    }
    return PNGImage(width: width, height: height, pixels: pixels)
  }

  /// The range without the outermost fiftieth at either end becomes 0 to 255.
  private static func stretched(_ values: ArraySlice<Float>) -> [UInt8] {
    let sorted = values.sorted()
    let (low, high) = (sorted[sorted.count / 50], sorted[sorted.count - 1 - sorted.count / 50])
    let scale = high > low ? 255 / (high - low) : 0
    return values.map { UInt8(max(0, min(255, ($0 - low) * scale))) }
  }

  /// Writes each image of a sample.
  /// - Returns: the files.
  static func write(_ sample: SampleText, number: Int, of manifest: Manifest, in folder: String)
    throws -> [String]
  {
    var files: [String] = []
    for (k, input) in manifest.inputs.enumerated()
    where input.kind == "image" && input.shape.count == 3 {
      try Files.createFolder(folder)
      let suffix = manifest.inputs.filter { $0.kind == "image" }.count > 1 ? "-input\(k)" : ""
      let file = "\(folder)/\(manifest.dataset)-\(manifest.split)-\(number)\(suffix).png"
      let png = picture(sample.inputs[k], input.shape).encoded()
      try png.withUnsafeBytes { try Files.writeAtomically($0, to: file) }
      files.append(file)
    }
    return files
  }
}
