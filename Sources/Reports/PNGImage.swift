// A small image as PNG bytes (ISO/IEC 15948): 8-bit RGB, one zlib stream of stored blocks. The report's pictures are a
// few kilobytes each; compression would not be worth a library here.

import Foundation

/// Rows of red, green and blue bytes.
public struct PNGImage {
  public let width: Int
  public let height: Int
  /// height x width x 3.
  var pixels: [UInt8]

  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0 && pixels.count == width * height * 3)
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// For the `src` of an `<img>`.
  var dataURL: String { "data:image/png;base64," + Data(encoded()).base64EncodedString() }

  /// The file's bytes.
  public func encoded() -> [UInt8] {
    var rows: [UInt8] = []
    rows.reserveCapacity(height * (width * 3 + 1))
    for y in 0..<height {
      rows.append(0)  // filter: none
      rows.append(contentsOf: pixels[y * width * 3..<(y + 1) * width * 3])
    }
    var png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    Self.chunk("IHDR", Self.big(width) + Self.big(height) + [8, 2, 0, 0, 0], &png)
    Self.chunk("IDAT", Self.stored(rows), &png)
    Self.chunk("IEND", [], &png)
    return png
  }

  /// zlib (RFC 1950) around stored deflate blocks (RFC 1951, 3.2.4).
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let count = min(65_535, bytes.count - start)
      stream.append(start + count == bytes.count ? 1 : 0)
      stream += [UInt8(count & 255), UInt8(count >> 8), ~UInt8(count & 255), ~UInt8(count >> 8)]
      stream.append(contentsOf: bytes[start..<start + count])
      start += count
    } while start < bytes.count
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return stream + big(Int(b << 16 | a))
  }

  private static func chunk(_ type: String, _ data: [UInt8], _ png: inout [UInt8]) {
    let body = Array(type.utf8) + data
    png += big(data.count) + body + big(Int(crc(body)))
  }

  private static func big(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(value >> $0 & 255) }
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 255)] ^ crc >> 8 }
    return ~crc
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { c, _ in c & 1 == 1 ? 0xEDB8_8320 ^ c >> 1 : c >> 1 }
  }
}
