// A decoded image, and what every decoder checks before it allocates by a size that a file claims.

import Basics

/// Samples of 8 bits, rows from the top, pixels from the left, the samples of a pixel together.
struct Raster: Equatable, Sendable {
  let width: Int
  let height: Int
  let channels: Int
  /// height x width x channels.
  var pixels: [UInt8]

  /// The pixel's samples.
  subscript(y: Int, x: Int) -> ArraySlice<UInt8> {
    pixels[((y * width + x) * channels)..<((y * width + x + 1) * channels)]
  }

  /// Grey repeated, CMYK as Adobe stores it (inverted) by the naive rule; as Pillow's `convert("RGB")`.
  func asRGB() -> Raster {
    if channels == 3 { return self }
    let rgb = [UInt8](unsafeUninitializedCapacity: width * height * 3) { target, count in
      count = width * height * 3
      for i in 0..<(width * height) {
        for c in 0..<3 {
          target[3 * i + c] = channels == 4 ? Self.mixed(pixels, 4 * i, c) : pixels[channels * i]
        }
      }
    }
    return Raster(width: width, height: height, channels: 3, pixels: rgb)
  }

  /// (255 - C)(255 - K) / 255 from inverted ink, rounded as Pillow does.
  private static func mixed(_ pixels: [UInt8], _ start: Int, _ c: Int) -> UInt8 {
    let white = Int(pixels[start + 3])
    let product = (255 - Int(pixels[start + c])) * white + 128
    return UInt8(max(0, white - (((product >> 8) + product) >> 8)))
  }

  /// Rows `y ..< y + height` and columns `x ..< x + width`; what lies outside is black.
  func cropped(x: Int, y: Int, width: Int, height: Int) -> Raster {
    var crop = Raster(
      width: width, height: height, channels: channels,
      pixels: [UInt8](repeating: 0, count: width * height * channels))
    for row in max(0, -y)..<max(0, -y, min(height, self.height - y)) {
      let columns = max(0, -x)..<max(0, -x, min(width, self.width - x))
      let from = ((row + y) * self.width + columns.lowerBound + x) * channels
      let to = (row * width + columns.lowerBound) * channels
      for i in 0..<(columns.count * channels) { crop.pixels[to + i] = pixels[from + i] }
    }
    return crop
  }

  /// Writes channel after channel: C x H x W, as images are stored.
  func storePlanes(to target: UnsafeMutableRawPointer) {
    let count = width * height
    pixels.withUnsafeBytes { source in
      for c in 0..<channels {
        for i in 0..<count {
          target.storeBytes(
            of: source[i * channels + c], toByteOffset: c * count + i, as: UInt8.self)
        }
      }
    }
  }
}

enum RasterLimits {
  /// The largest image of the sets has 65 million pixels.
  static let mostPixels = 1 << 28

  /// - Parameters:
  ///   - needed: raw bytes at least that this many pixels take, however well they are packed.
  /// - Throws: badData for a size that no file of `count` bytes can have.
  static func check(
    width: Int, height: Int, needed: Int, of count: Int, format: String, at place: String
  ) throws {
    guard width > 0, height > 0, width <= 1 << 20, height <= 1 << 20,
      width * height <= mostPixels, needed <= count
    else {
      throw Failure(
        .badData, at: place,
        "expected \(format) of a size that \(count) bytes can hold, found \(width) x \(height)"
          + " pixels claimed", remedy: "The file is damaged; get it again.")
    }
  }
}
