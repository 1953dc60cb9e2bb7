// Small images in the real formats, with known pixels.

import Basics

public enum ImageFixture {
  /// Test image T of datasets.md 9.1: 97 rows x 131 columns unless asked otherwise, RGB.
  public static func pixels(width: Int = 131, height: Int = 97) -> [UInt8] {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        pixels.append(UInt8((3 * x + 5 * y) & 255))
        pixels.append(UInt8((x * y) & 255))
        pixels.append(UInt8((255 - 2 * x + y) & 255))
      }
    }
    return pixels
  }

  public static func ppm(_ pixels: [UInt8], width: Int, height: Int) -> [UInt8] {
    Array("P6\n# a comment\n\(width) \(height)\n255\n".utf8) + pixels
  }

  /// A picture of its own for each number, of varying size.
  public static func ppm(number: Int) -> [UInt8] {
    let (width, height) = (15 + number % 40, 18 + number % 23)
    let pixels = (0..<(width * height * 3)).map { UInt8(($0 &* 7 &+ number &* 31) & 255) }
    return ppm(pixels, width: width, height: height)
  }

  /// The training images of a small traffic-sign set: path below the source and bytes.
  public static func trafficSigns(eachClass count: Int) -> [(name: String, bytes: [UInt8])] {
    (0..<43).flatMap { sign -> [(String, [UInt8])] in
      let folder = "GTSRB/Final_Training/Images/000" + (sign < 10 ? "0" : "") + "\(sign)/"
      return (0..<count).map { k in
        let frame = k < 10 ? "0\(k)" : "\(k)"
        return (folder + "00000_000\(frame).ppm", ppm(number: sign * count + k))
      } + [(folder + "GT-000.csv", Array("Filename;Width\n".utf8))]
    }
  }
}
