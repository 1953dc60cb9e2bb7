// Lines of comma-separated text with optional quotes, as data frames are dumped.

enum CSVLine {
  /// The fields of a line; a field in double quotes may hold the separator, its quotes are removed.
  static func fields(
    _ line: UnsafeBufferPointer<UInt8>, _ separator: UInt8 = UInt8(ascii: ",")
  ) -> [ArraySlice<UInt8>] { fields(Array(line), separator) }

  static func fields(_ bytes: [UInt8], _ separator: UInt8) -> [ArraySlice<UInt8>] {
    var fields: [ArraySlice<UInt8>] = []
    var start = 0
    var isQuoted = false
    for i in 0...bytes.count {
      if i < bytes.count && bytes[i] == UInt8(ascii: "\"") { isQuoted.toggle() }
      guard i == bytes.count || (bytes[i] == separator && !isQuoted) else { continue }
      var field = bytes[start..<i]
      if field.count >= 2, field.first == UInt8(ascii: "\""), field.last == UInt8(ascii: "\"") {
        field = field.dropFirst().dropLast()
      }
      fields.append(field)
      start = i + 1
    }
    return fields
  }

  /// A field with its doubled quotes made single and the white space around it dropped.
  static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.count)
    var isSecond = false
    for byte in field {
      isSecond = byte == quote && !isSecond && bytes.last == quote
      if !isSecond { bytes.append(byte) }
    }
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
    return Array(bytes.drop { $0 == 0x20 || $0 == 0x09 })
  }

  /// What stands between the quotes of a printed Python bytes literal, or the field as it is.
  static func unwrapped(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard field.count >= 3, field.first == UInt8(ascii: "b"),
      let quote = field.dropFirst().first,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
      field.last == quote
    else { return field }
    return field.dropFirst(2).dropLast()
  }
}
