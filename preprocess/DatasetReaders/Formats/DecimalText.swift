// Numbers of text tables, correctly rounded: short ones exactly by one division or multiplication of doubles
// (Clinger 1990, the case that needs no big integers), the others by the C library.

import Glibc

enum DecimalText {
  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// The number that `text`, followed by a byte that belongs to no number, begins with, and how many bytes it takes;
  /// 0 bytes when there is none. NaN and infinities count as numbers.
  static func number(at text: UnsafePointer<UInt8>) -> (value: Double, length: Int) {
    var i = 0
    let isNegative = text[0] == UInt8(ascii: "-")
    if isNegative || text[0] == UInt8(ascii: "+") { i = 1 }
    let first = i
    var mantissa: UInt64 = 0
    var digits = 0
    var fraction = 0
    var sawPoint = false
    while true {
      let digit = text[i] &- UInt8(ascii: "0")
      if digit < 10 {
        // Trailing zeros of a fraction (HIGGS writes many) only shift the point.
        mantissa = mantissa &* 10 &+ UInt64(digit)
        digits &+= 1
        if sawPoint { fraction &+= 1 }
      } else if text[i] == UInt8(ascii: ".") && !sawPoint {
        sawPoint = true
      } else {
        break
      }
      i &+= 1
    }
    guard digits > 0, digits <= 19 else { return slow(text) }
    var exponent = 0
    if text[i] | 0x20 == UInt8(ascii: "e") {
      var j = i + 1
      let isDown = text[j] == UInt8(ascii: "-")
      if isDown || text[j] == UInt8(ascii: "+") { j += 1 }
      let start = j
      while text[j] &- UInt8(ascii: "0") < 10, j - start < 4 {
        exponent = exponent * 10 + Int(text[j] &- UInt8(ascii: "0"))
        j += 1
      }
      guard j > start, j - start < 4 else { return slow(text) }
      if isDown { exponent = -exponent }
      i = j
    }
    exponent -= fraction
    while mantissa > 1 << 53, mantissa % 10 == 0 {
      mantissa /= 10
      exponent += 1
    }
    guard mantissa <= 1 << 53, exponent >= -22, exponent <= 22, i > first else {
      return slow(text)
    }
    let magnitude = powers.withUnsafeBufferPointer { powers in
      exponent < 0 ? Double(mantissa) / powers[-exponent] : Double(mantissa) * powers[exponent]
    }
    return (isNegative ? -magnitude : magnitude, i)
  }

  private static func slow(_ text: UnsafePointer<UInt8>) -> (value: Double, length: Int) {
    // strtod would skip white space, which separates fields here.
    if text[0] == 0x20 || (text[0] >= 0x09 && text[0] <= 0x0D) { return (0, 0) }
    return text.withMemoryRebound(to: CChar.self, capacity: 1) { text in
      var end: UnsafeMutablePointer<CChar>?
      let value = strtod(text, &end)
      return (value, end! - UnsafeMutablePointer(mutating: text))
    }
  }
}
