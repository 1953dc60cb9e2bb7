// JPEG, PNG and portable pixmaps, told apart by their first bytes whatever the name says, as 8-bit rasters; and TIFF of
// many bands. JPEG is decoded as Pillow drives libjpeg-turbo (datasets.md section 3).

import Basics
import CImages

enum ImageDecoder {
  /// - Parameter place: what messages call the file.
  /// - Throws: badData with the place and, where known, the offset.
  static func rgb(_ bytes: UnsafeRawBufferPointer, at place: String) throws -> Raster {
    if isPNG(bytes) { return try png(bytes, at: place) }
    return try raster(bytes, at: place).asRGB()
  }

  /// As it is: grey with one channel; inks and palettes as colours.
  static func raster(_ bytes: UnsafeRawBufferPointer, at place: String) throws -> Raster {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      let image = try jpeg(bytes, at: place)
      return image.channels == 1 ? image : image.asRGB()
    }
    if isPNG(bytes) {
      let image = try png(bytes, at: place)
      // The kind of colour in the head: 0 grey, 4 grey with alpha.
      guard bytes[25] == 0 || bytes[25] == 4 else { return image }
      return Raster(
        width: image.width, height: image.height, channels: 1,
        pixels: stride(from: 0, to: image.pixels.count, by: 3).map { image.pixels[$0] })
    }
    if bytes.starts(with: Array("P6".utf8)) || bytes.starts(with: Array("P5".utf8)) {
      return try PortablePixmap.decode(bytes, at: place)
    }
    throw Failure(
      .badData, at: place,
      "expected a JPEG, PNG or binary PPM, found a file that begins with \(begin(bytes))")
  }

  private static func isPNG(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
  }

  static func jpeg(_ bytes: UnsafeRawBufferPointer, at place: String) throws -> Raster {
    // A Huffman-coded block of 64 samples takes a bit at the very least.
    try decode(
      bytes, "a JPEG", place, (ci_jpeg_open, ci_jpeg_read, ci_jpeg_close)
    ) { Int($0.width) * Int($0.height) / 512 - 4096 }
  }

  static func png(_ bytes: UnsafeRawBufferPointer, at place: String) throws -> Raster {
    // Deflate packs at most 1032 bytes into one.
    try decode(
      bytes, "a PNG", place, (ci_png_open, ci_png_read, ci_png_close)
    ) { Int($0.packed / 1032) - 1024 }
  }

  private typealias Library = (
    open: (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<ci_image>?) -> UnsafeMutableRawPointer?,
    read: (
      UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<ci_image>?
    ) -> Int32,
    close: (UnsafeMutableRawPointer?) -> Void
  )

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, _ format: String, _ place: String, _ library: Library,
    needs: (ci_image) -> Int
  ) throws -> Raster {
    var image = ci_image()
    let data = bytes.bindMemory(to: UInt8.self)
    guard let handle = library.open(data.baseAddress, bytes.count, &image) else {
      throw damaged(format, place, &image)
    }
    defer { library.close(handle) }
    let (width, height) = (Int(image.width), Int(image.height))
    let channels = Int(image.channels)
    try RasterLimits.check(
      width: width, height: height, needed: needs(image), of: bytes.count, format: format,
      at: place)
    var code: Int32 = 0
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * channels) { target, count in
      count = width * height * channels
      code = library.read(handle, target.baseAddress, &image)
    }
    guard code == 0 else { throw damaged(format, place, &image) }
    return Raster(width: width, height: height, channels: channels, pixels: pixels)
  }

  /// A TIFF's samples of 16 bits, rows x columns x bands, in the machine's order; 8-bit ones are widened.
  static func tiff(_ bytes: UnsafeRawBufferPointer, at place: String) throws -> (
    width: Int, height: Int, bands: Int, samples: [UInt16], bits: Int
  ) {
    var image = ci_image()
    let data = bytes.bindMemory(to: UInt8.self)
    guard let handle = ci_tiff_open(data.baseAddress, bytes.count, &image) else {
      throw damaged("a TIFF", place, &image)
    }
    defer { ci_tiff_close(handle) }
    let (width, height, bands) = (Int(image.width), Int(image.height), Int(image.channels))
    // LZW's longest code stands for 4096 bytes in 12 bits.
    try RasterLimits.check(
      width: width, height: height, needed: Int(clamping: image.packed / 2731) - 1024,
      of: bytes.count, format: "a TIFF", at: place)
    guard bands > 0, width * height * bands <= RasterLimits.mostPixels else {
      throw Failure(
        .badData, at: place, "expected a TIFF, found \(width) x \(height) x \(bands) samples")
    }
    let count = width * height * bands
    var code: Int32 = 0
    let isWide = image.bits == 16
    let samples = [UInt16](unsafeUninitializedCapacity: count) { target, initialized in
      initialized = count
      code = ci_tiff_read(handle, UnsafeMutableRawPointer(target.baseAddress), &image)
      if code == 0 && !isWide {
        let narrow = UnsafeRawPointer(target.baseAddress!)
        for i in stride(from: count - 1, through: 0, by: -1) {
          target[i] = UInt16(narrow.load(fromByteOffset: i, as: UInt8.self))
        }
      }
    }
    guard code == 0 else { throw damaged("a TIFF", place, &image) }
    return (width, height, bands, samples, Int(image.bits))
  }

  private static func damaged(_ format: String, _ place: String, _ image: inout ci_image) -> Failure
  {
    let problem = withUnsafeBytes(of: &image.problem) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return Failure(
      .badData, at: "\(place), offset \(image.offset)",
      "expected a whole \(format.dropFirst(2)), found it damaged (\(problem))",
      remedy: "Get the file again, or build with --on-bad-record skip.")
  }

  private static func begin(_ bytes: UnsafeRawBufferPointer) -> String {
    bytes.isEmpty ? "nothing" : "bytes " + hexadecimal(Array(bytes.prefix(8)))
  }
}
