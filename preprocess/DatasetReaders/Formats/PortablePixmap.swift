// Binary portable pixmaps (P6) and greymaps (P5): datasets.md section 3. A few header words, then the samples; no
// library is worth it.

import Basics

enum PortablePixmap {
  /// - Throws: badData with the offset of what is wrong.
  static func decode(_ bytes: UnsafeRawBufferPointer, at place: String) throws -> Raster {
    let channels = bytes.count > 1 && bytes[1] == UInt8(ascii: "6") ? 3 : 1
    var next = 2
    let width = try number(bytes, &next, "a width", place)
    let height = try number(bytes, &next, "a height", place)
    let most = try number(bytes, &next, "a maximum of 255", place)
    guard most == 255 else {
      throw Failure(
        .badData, at: "\(place), offset \(next)", "expected samples up to 255, found up to \(most)")
    }
    // Exactly one white-space byte follows the maximum.
    next += 1
    let pixels = width.multipliedReportingOverflow(by: height)
    let needed = pixels.partialValue.multipliedReportingOverflow(by: channels)
    guard !pixels.overflow, !needed.overflow, width > 0, height > 0,
      needed.partialValue <= bytes.count - next
    else {
      throw Failure(
        .badData, at: "\(place), offset \(next)",
        "expected \(width) x \(height) pixels of \(channels) bytes, found"
          + " \(max(0, bytes.count - next)) bytes", remedy: "The file is truncated; get it again.")
    }
    return Raster(
      width: width, height: height, channels: channels,
      pixels: Array(bytes[next..<(next + needed.partialValue)]))
  }

  /// The next decimal number; `#` begins a comment that ends with its line.
  private static func number(
    _ bytes: UnsafeRawBufferPointer, _ next: inout Int, _ what: String, _ place: String
  ) throws -> Int {
    while next < bytes.count {
      if bytes[next] == UInt8(ascii: "#") {
        while next < bytes.count && bytes[next] != 0x0A { next += 1 }
      } else if bytes[next] == 0x20 || (0x09...0x0D).contains(bytes[next]) {
        next += 1
      } else {
        break
      }
    }
    var value = 0
    let start = next
    while next < bytes.count, (0x30...0x39).contains(bytes[next]), next - start < 9 {
      value = 10 * value + Int(bytes[next] - 0x30)
      next += 1
    }
    guard next > start else {
      throw Failure(.badData, at: "\(place), offset \(start)", "expected \(what), found none")
    }
    return value
  }
}
