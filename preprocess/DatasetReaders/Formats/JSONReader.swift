// JSON read as a stream, value after value: files of many gigabytes on a single line, in a buffer of 1 MiB and the
// longest string. Grammar as RFC 8259, and NaN and Infinity, which Python writes. Errors name the byte.

import Basics
import Glibc

/// Walks through one document in file order. The caller says what it expects next; what it does not want it skips,
/// and skipped values are checked like the others.
final class JSONReader {
  enum Kind { case object, array, string, number, literal }

  static let deepest = 64
  static let longestString = 1 << 26
  private static let longestNumber = 1024

  let place: String
  private let stream: ByteStream
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 20)
  private var position = 0
  private var end = 0
  private var ended = false
  /// Bytes of the file before the buffer.
  private var base = 0
  private var depth = 0
  /// Whether reading stands within a string: where `recover` begins.
  private var isInString = false
  /// What `readString` read last, escapes resolved.
  private(set) var string: [UInt8] = []
  private var digits: [UInt8] = []

  init(_ entry: RawEntry) throws {
    stream = try entry.open()
    place = entry.place
  }

  deinit { buffer.deallocate() }

  /// Bytes read so far: where the next value or separator begins.
  var offset: Int { base + position }

  // MARK: Structure

  /// Calls `body` in front of each element of the array that comes next; it reads or skips exactly one value.
  func forEachElement(_ body: () throws -> Void) throws {
    try open(UInt8(ascii: "["), "an array")
    if try !closes(UInt8(ascii: "]")) {
      repeat { try body() } while try separated(UInt8(ascii: "]"), "array")
    }
    depth -= 1
  }

  /// Calls `body` with each key of the object that comes next; it reads or skips exactly one value.
  func forEachMember(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    try open(UInt8(ascii: "{"), "an object")
    if try !closes(UInt8(ascii: "}")) {
      repeat {
        try readString("a key")
        let key = string[...]
        guard try next("':'") == UInt8(ascii: ":") else { throw complaint("':' behind a key") }
        position += 1
        try body(key)
      } while try separated(UInt8(ascii: "}"), "object")
    }
    depth -= 1
  }

  /// What comes next.
  func kind() throws -> Kind {
    switch try next("a value") {
    case UInt8(ascii: "{"): .object
    case UInt8(ascii: "["): .array
    case UInt8(ascii: "\""): .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
    case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "N"),
      UInt8(ascii: "I"):
      .literal
    default: throw complaint("a value")
    }
  }

  func skip() throws {
    switch try kind() {
    case .object: try forEachMember { _ in try skip() }
    case .array: try forEachElement { try skip() }
    case .string: try readString("a string")
    case .number: _ = try number()
    case .literal:
      if try !["null", "true", "false", "NaN", "Infinity"].contains(where: take) {
        throw complaint("a value")
      }
    }
  }

  /// Calls `body` in front of each element of the array that comes next, as `forEachElement`; one in which it fails with
  /// badData is left where it was found bad, told to `bad`, and everything up to the comma or bracket behind it passed
  /// over, strings and brackets alone being looked at.
  /// - Throws: what `bad` throws; badData where an element does not end before the file does.
  func forEachElement(_ body: () throws -> Void, bad: (Failure) throws -> Void) throws {
    var isFirst = true
    while try nextElement(isFirst: isFirst, body, bad: bad) { isFirst = false }
  }

  /// One step of `forEachElement`, for callers that do more with an element than read it.
  /// - Returns: false when there is no further element.
  func nextElement(isFirst: Bool, _ body: () throws -> Void, bad: (Failure) throws -> Void) throws
    -> Bool
  {
    if isFirst { try open(UInt8(ascii: "["), "an array") }
    let outer = depth
    let end = UInt8(ascii: "]")
    guard try isFirst ? !closes(end) : separated(end, "array") else {
      depth -= 1
      return false
    }
    do {
      try body()
    } catch let failure as Failure where failure.kind == .badData {
      guard try recover(to: outer) else { throw failure }
      try bad(failure)
    }
    return true
  }

  /// - Returns: whether the element's end was found.
  private func recover(to outer: Int) throws -> Bool {
    while try position < end || refill() {
      let byte = buffer[position]
      if isInString {
        position += 1
        if byte == UInt8(ascii: "\"") { isInString = false }
        if byte == UInt8(ascii: "\\"), try position < end || refill() { position += 1 }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if depth == outer { return true }
        depth -= 1
      case UInt8(ascii: ","): if depth == outer { return true }
      default: break
      }
      position += 1
    }
    return false
  }

  /// Only white space may follow the document.
  func finish() throws {
    if try more() { throw complaint("the end of the file") }
  }

  // MARK: Values

  /// Reads the string that comes next into `string`.
  func readString(_ what: String = "a string") throws {
    guard try next(what) == UInt8(ascii: "\"") else { throw complaint(what) }
    position += 1
    string.removeAll(keepingCapacity: true)
    isInString = true
    while true {
      var i = position
      while i < end, buffer[i] != UInt8(ascii: "\""), buffer[i] != UInt8(ascii: "\\"),
        buffer[i] >= 0x20
      { i &+= 1 }
      string.append(contentsOf: UnsafeBufferPointer(start: buffer + position, count: i - position))
      position = i
      guard string.count <= Self.longestString else {
        throw complaint("a string of at most \(Self.longestString) bytes")
      }
      guard try i < end || refill() else { throw complaint("the end of a string") }
      switch buffer[position] {
      case UInt8(ascii: "\""):
        position += 1
        isInString = false
        return
      case UInt8(ascii: "\\"): try escape()
      case ..<0x20: throw complaint("no control character in a string")
      default: continue
      }
    }
  }

  /// The string that comes next.
  func text(_ what: String = "a string") throws -> String {
    try readString(what)
    guard let text = String(validating: string, as: UTF8.self) else {
      throw complaint("UTF-8 in a string", found: "other bytes before this place")
    }
    return text
  }

  /// The number that comes next; NaN and infinities count.
  func number(_ what: String = "a number") throws -> Double {
    let first = try next(what)
    if first == UInt8(ascii: "N"), try take("NaN") { return .nan }
    if first == UInt8(ascii: "I"), try take("Infinity") { return .infinity }
    guard first == UInt8(ascii: "-") || first &- UInt8(ascii: "0") < 10 else {
      throw complaint(what)
    }
    try gatherNumber()
    if digits.elementsEqual("-Infinity".utf8) { return -.infinity }
    guard Self.isNumber(digits) else {
      throw complaint(what, found: "'\(String(decoding: digits.prefix(40), as: UTF8.self))'")
    }
    digits.append(0)
    return DecimalText.number(at: digits).value
  }

  /// The whole number that comes next.
  func integer(_ what: String = "a whole number") throws -> Int {
    let value = try number(what)
    digits.removeAll { $0 == 0 }
    let text = String(decoding: digits, as: UTF8.self)
    guard let whole = Int(text) ?? Int(exactly: value) else {
      throw complaint(what, found: "'\(text.prefix(40))'")
    }
    return whole
  }

  /// The text of the string or number that comes next, or of the only one in an array; nil for null and the like.
  func scalar() throws -> [UInt8]? {
    switch try kind() {
    case .string:
      try readString()
      return string
    case .number:
      let value = try number()
      if let last = digits.last, last == 0 { digits.removeLast() }
      return value.isFinite ? digits : nil
    case .array:
      var found: [[UInt8]?] = []
      try forEachElement {
        guard found.isEmpty else { throw complaint("one value in an array", found: "more") }
        found.append(try scalar())
      }
      return found.first ?? nil
    case .literal:
      try skip()
      return nil
    case .object: throw complaint("a string or a number")
    }
  }

  /// What was wanted and what is there instead, with the byte.
  func complaint(_ expected: String, found: String? = nil) -> Failure {
    let rest = UnsafeBufferPointer(start: buffer + position, count: min(end - position, 12))
    let seen = rest.isEmpty ? "the end of the file" : "'\(String(decoding: rest, as: UTF8.self))'"
    return Failure(
      .badData, at: "\(place), byte \(offset)", "expected \(expected), found \(found ?? seen)",
      remedy: "The file is truncated or of another layout.")
  }

  // MARK: Bytes

  private func open(_ mark: UInt8, _ what: String) throws {
    guard try next(what) == mark else { throw complaint(what) }
    position += 1
    depth += 1
    guard depth <= Self.deepest else {
      throw complaint("at most \(Self.deepest) arrays and objects within each other", found: "more")
    }
  }

  private func closes(_ mark: UInt8) throws -> Bool {
    guard try next("a value or an end") == mark else { return false }
    position += 1
    return true
  }

  /// Whether another element follows; takes the comma or the end.
  private func separated(_ mark: UInt8, _ what: String) throws -> Bool {
    let found = try next("',' or the end of the \(what)")
    guard found == mark || found == UInt8(ascii: ",") else {
      throw complaint("',' or the end of the \(what)")
    }
    position += 1
    return found != mark
  }

  /// The next byte that is no white space; it stays.
  private func next(_ what: String) throws -> UInt8 {
    guard try more() else { throw complaint(what) }
    return buffer[position]
  }

  private func more() throws -> Bool {
    while true {
      while position < end {
        switch buffer[position] {
        case 0x20, 0x0A, 0x0D, 0x09: position &+= 1
        default: return true
        }
      }
      if try !refill() { return false }
    }
  }

  /// Reads on when all bytes are used; false at the end of the file.
  private func refill() throws -> Bool {
    guard position == end, !ended else { return position < end }
    base += end
    (position, end) = (0, 0)
    end = try stream.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: 1 << 20))
    ended = end == 0
    return !ended
  }

  /// Takes a word letter by letter; false, with nothing taken, when the first letter is another.
  private func take(_ word: String) throws -> Bool {
    for (i, letter) in word.utf8.enumerated() {
      guard try position < end || refill(), buffer[position] == letter else {
        if i == 0 { return false }
        throw complaint("'\(word)'")
      }
      position += 1
    }
    return true
  }

  private func gatherNumber() throws {
    digits.removeAll(keepingCapacity: true)
    while try position < end || refill() {
      let byte = buffer[position]
      let isPart =
        byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 26
        || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
      guard isPart else { return }
      digits.append(byte)
      position += 1
      guard digits.count <= Self.longestNumber else {
        throw complaint("a number of at most \(Self.longestNumber) digits", found: "a longer one")
      }
    }
  }

  /// RFC 8259's grammar of numbers.
  private static func isNumber(_ text: [UInt8]) -> Bool {
    var i = text.first == UInt8(ascii: "-") ? 1 : 0
    func digits() -> Int {
      let first = i
      while i < text.count, text[i] &- UInt8(ascii: "0") < 10 { i += 1 }
      return i - first
    }
    let first = i
    let whole = digits()
    guard whole > 0, whole == 1 || text[first] != UInt8(ascii: "0") else { return false }
    if i < text.count, text[i] == UInt8(ascii: ".") {
      i += 1
      guard digits() > 0 else { return false }
    }
    if i < text.count, text[i] | 0x20 == UInt8(ascii: "e") {
      i += 1
      if i < text.count, text[i] == UInt8(ascii: "+") || text[i] == UInt8(ascii: "-") { i += 1 }
      guard digits() > 0 else { return false }
    }
    return i == text.count
  }

  private func escape() throws {
    position += 1
    try escaped()
  }

  /// What stands behind a backslash.
  private func escaped() throws {
    guard try position < end || refill() else { throw complaint("an escape") }
    let byte = buffer[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): string.append(byte)
    case UInt8(ascii: "b"): string.append(8)
    case UInt8(ascii: "f"): string.append(12)
    case UInt8(ascii: "n"): string.append(10)
    case UInt8(ascii: "r"): string.append(13)
    case UInt8(ascii: "t"): string.append(9)
    case UInt8(ascii: "u"): try unicode()
    default:
      position -= 1
      throw complaint("an escape")
    }
  }

  /// Four hexadecimal digits; a pair of surrogates is one character, a single one U+FFFD.
  private func unicode() throws {
    var unit = try hexadecimal()
    if (0xD800..<0xDC00).contains(unit), try position < end || refill(),
      buffer[position] == UInt8(ascii: "\\")
    {
      position += 1
      guard try position < end || refill() else { throw complaint("an escape") }
      guard buffer[position] == UInt8(ascii: "u") else {
        append(0xFFFD)
        return try escaped()
      }
      position += 1
      let low = try hexadecimal()
      if (0xDC00..<0xE000).contains(low) {
        unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
      } else {
        append(0xFFFD)
        unit = low
      }
    }
    append(unit)
  }

  private func append(_ unit: UInt32) {
    string += Array(String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8)
  }

  private func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard try position < end || refill(),
        let digit = Character(Unicode.Scalar(buffer[position])).hexDigitValue
      else { throw complaint("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
