// What a pickle is made of, as PickleMachine.swift builds it, and how its texts are spelled.

/// One value; containers are numbers of the machine's nodes.
enum PickleValue: Equatable {
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  /// Bytes of the file: a Python 2 string, or bytes.
  case bytes(start: Int, count: Int)
  case node(Int)
}

/// What a node is.
enum PickleNode {
  /// UTF-8 in the file.
  case text(start: Int, count: Int)
  /// A string that the file spells with escapes.
  case spelled([UInt8])
  /// Values `start ..< start + count` of the machine's `parts`.
  case tuple(start: Int, count: Int)
  case list([PickleValue])
  /// Keys and values in turn.
  case dict([PickleValue])
  /// "module name".
  case global(String)
  /// Class, arguments and state: three of the machine's `parts`.
  case object(start: Int)
}

/// How protocol 0 spells strings.
enum PickleEscapes {
  /// Python 2's repr of a byte string.
  static func bytes(_ spelled: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    let source = Array(spelled)
    var i = 0
    while i < source.count {
      guard source[i] == UInt8(ascii: "\\"), i + 1 < source.count else {
        result.append(source[i])
        i += 1
        continue
      }
      i += 2
      switch source[i - 1] {
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "r"): result.append(13)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "x"):
        let digits = String(decoding: source[i..<min(i + 2, source.count)], as: UTF8.self)
        result.append(UInt8(digits, radix: 16) ?? 0)
        i += 2
      default: result.append(source[i - 1])
      }
    }
    return result
  }

  /// "raw-unicode-escape" as UTF-8: `\uXXXX`, everything else a Latin-1 byte.
  static func text(_ spelled: some Collection<UInt8>) -> [UInt8] {
    var result = ""
    let source = Array(spelled)
    var i = 0
    while i < source.count {
      if source[i] == UInt8(ascii: "\\"), i + 5 < source.count, source[i + 1] == UInt8(ascii: "u"),
        let code = UInt32(String(decoding: source[(i + 2)..<(i + 6)], as: UTF8.self), radix: 16)
      {
        result.unicodeScalars.append(Unicode.Scalar(code) ?? "\u{FFFD}")
        i += 6
      } else {
        result.unicodeScalars.append(Unicode.Scalar(source[i]))
        i += 1
      }
    }
    return Array(result.utf8)
  }
}
