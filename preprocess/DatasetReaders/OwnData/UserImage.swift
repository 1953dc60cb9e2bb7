// An image of the user's: any size, one channel or many, 8 or 16 bits, brought to one shape.

import Basics

/// What all images of a set become.
struct ImageShape: Equatable, Sendable {
  var channels: Int
  var height: Int
  var width: Int
  /// Of a sample: 8 or 16.
  var bits: Int

  var list: [Int] { [channels, height, width] }
  var byteCount: Int { channels * height * width * bits / 8 }

  /// `--size`: N or ROWSxCOLUMNS.
  static func size(_ text: String) throws -> (height: Int, width: Int) {
    let sides = text.lowercased().split(separator: "x", omittingEmptySubsequences: false).map {
      Int($0)
    }
    guard (1...2).contains(sides.count), let height = sides[0], let width = sides.last!,
      (1...4096).contains(height), (1...4096).contains(width)
    else {
      throw Failure(
        .usage, at: "--size", "expected N or ROWSxCOLUMNS of 1 to 4096, found '\(text)'")
    }
    return (height, width)
  }

  /// A token size: the divisor of a side nearest to an eighth of it, or to 16 for large images.
  static func patch(_ side: Int) -> Int {
    let wanted = Double(min(16, max(1, side / 8)))
    return (1...side).filter { side % $0 == 0 }.min {
      abs(Double($0) - wanted) < abs(Double($1) - wanted)
    }!
  }
}

enum UserImage {
  case narrow(Raster)
  case wide(WideRaster)

  static let suffixes = [
    ".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".pnm", ".tif", ".tiff",
  ]

  /// By the first bytes, whatever the name says.
  /// - Throws: badData for what is none of JPEG, PNG, binary PPM or PGM, and TIFF; and for damage.
  init(_ bytes: UnsafeRawBufferPointer, at place: String) throws {
    let isTIFF =
      bytes.starts(with: [0x49, 0x49, 0x2A, 0]) || bytes.starts(with: [0x4D, 0x4D, 0, 0x2A])
    guard isTIFF else {
      self = .narrow(try ImageDecoder.raster(bytes, at: place))
      return
    }
    let image = try ImageDecoder.tiff(bytes, at: place)
    if image.bits == 16 {
      self = .wide(
        WideRaster(
          width: image.width, height: image.height, channels: image.bands, samples: image.samples))
    } else {
      self = .narrow(
        Raster(
          width: image.width, height: image.height, channels: image.bands,
          pixels: image.samples.map { UInt8(truncatingIfNeeded: $0) }))
    }
  }

  var shape: ImageShape {
    switch self {
    case .narrow(let raster):
      ImageShape(channels: raster.channels, height: raster.height, width: raster.width, bits: 8)
    case .wide(let raster):
      ImageShape(channels: raster.channels, height: raster.height, width: raster.width, bits: 16)
    }
  }

  /// Stores it channel after channel, in the shape of the set.
  /// - Parameter resizes: whether another size is resized; else it is refused.
  /// - Throws: badData for a shape that it cannot be brought to.
  func store(
    as wanted: ImageShape, resizes: Bool, at place: String, into record: UnsafeMutableRawPointer
  ) throws {
    let found = shape
    func refuse(_ want: String, _ is: String, _ remedy: String) -> Failure {
      Failure(.badData, at: place, "expected \(want), found \(`is`)", remedy: remedy)
    }
    guard found.bits == wanted.bits else {
      throw refuse(
        "\(wanted.bits) bits a sample as the first image has", "\(found.bits)",
        "Choose the files with --files, or build with --on-bad-record skip.")
    }
    guard resizes || (found.height, found.width) == (wanted.height, wanted.width) else {
      throw refuse(
        "\(wanted.height) x \(wanted.width) pixels as the first image has",
        "\(found.height) x \(found.width)", "Bring all to one size with --size.")
    }
    switch self {
    case .narrow(let raster):
      guard let suited = raster.converted(toChannels: wanted.channels) else {
        throw refuse(
          "\(wanted.channels) channels", "\(found.channels)",
          "Say how many with --channels, or choose the files with --files.")
      }
      suited.resized(width: wanted.width, height: wanted.height).storePlanes(to: record)
    case .wide(let raster):
      guard raster.channels == wanted.channels else {
        throw refuse(
          "\(wanted.channels) channels", "\(found.channels)", "Choose the files with --files.")
      }
      raster.resized(width: wanted.width, height: wanted.height).storePlanes(to: record)
    }
  }
}

extension Raster {
  /// Grey repeated; colour to grey by Pillow's rule (ITU-R 601); a fourth channel dropped. nil for anything else.
  func converted(toChannels wanted: Int) -> Raster? {
    if channels == wanted { return self }
    let count = width * height
    var result = Raster(
      width: width, height: height, channels: wanted,
      pixels: [UInt8](repeating: 0, count: count * wanted))
    switch (channels, wanted) {
    case (1, _):
      for i in 0..<count { for c in 0..<wanted { result.pixels[i * wanted + c] = pixels[i] } }
    case (3...4, 1):
      for i in 0..<count {
        let (r, g, b) = (
          Int(pixels[i * channels]), Int(pixels[i * channels + 1]), Int(pixels[i * channels + 2])
        )
        result.pixels[i] = UInt8((19_595 * r + 38_470 * g + 7_471 * b + 0x8000) >> 16)
      }
    case (4, 3):
      for i in 0..<count { for c in 0..<3 { result.pixels[3 * i + c] = pixels[4 * i + c] } }
    default: return nil
    }
    return result
  }
}

/// An image of 16-bit samples: rows from the top, pixels from the left, the samples of a pixel together.
struct WideRaster: Equatable, Sendable {
  let width: Int
  let height: Int
  let channels: Int
  var samples: [UInt16]

  /// Bilinear with antialiasing, the weights of Pillow's 8-bit resize; 16 bits after each pass.
  func resized(width: Int, height: Int) -> WideRaster {
    let wide =
      width == self.width
      ? self : pass(width, lines: self.height, from: self.width, step: channels, isDown: false)
    return height == self.height
      ? wide
      : wide.pass(height, lines: width, from: self.height, step: width * channels, isDown: true)
  }

  /// - Parameters:
  ///   - size: samples of a line after the pass, `from` before.
  ///   - step: between the neighbours that are mixed.
  private func pass(_ size: Int, lines: Int, from: Int, step: Int, isDown: Bool) -> WideRaster {
    let plan = ResizeWeights(from: from, to: size)
    let (width, height) = isDown ? (self.width, size) : (size, self.height)
    var result = WideRaster(
      width: width, height: height, channels: channels,
      samples: [UInt16](repeating: 0, count: width * height * channels))
    for line in 0..<lines {
      let (source, target) =
        isDown
        ? (line * channels, line * channels)
        : (line * self.width * channels, line * size * channels)
      for x in 0..<size {
        for c in 0..<channels {
          var sum: Int64 = 1 << 21
          for k in 0..<plan.counts[x] {
            let sample = samples[source + (plan.starts[x] + k) * step + c]
            sum += Int64(plan.weights[x * plan.width + k]) * Int64(sample)
          }
          result.samples[target + x * step + c] = UInt16(clamping: sum >> 22)
        }
      }
    }
    return result
  }

  /// Writes channel after channel, little endian.
  func storePlanes(to target: UnsafeMutableRawPointer) {
    let count = width * height
    for c in 0..<channels {
      for i in 0..<count {
        target.storeBytes(
          of: samples[i * channels + c].littleEndian, toByteOffset: 2 * (c * count + i),
          as: UInt16.self)
      }
    }
  }
}
