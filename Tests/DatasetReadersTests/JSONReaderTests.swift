import Basics
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct JSONReaderTests {
  private func reader(_ text: String) throws -> JSONReader {
    let folder = try TemporaryFolder()
    try put(text, folder.file("x.json"))
    return try JSONReader(RawSource(folder.path).entries[0])
  }

  /// The document as one string, canonical: members and elements in order.
  private func show(_ json: JSONReader) throws -> String {
    switch try json.kind() {
    case .object:
      var parts: [String] = []
      try json.forEachMember { key in
        let name = String(decoding: key, as: UTF8.self)
        parts.append("\(name)=\(try show(json))")
      }
      return "{\(parts.joined(separator: ";"))}"
    case .array:
      var parts: [String] = []
      try json.forEachElement { parts.append(try show(json)) }
      return "[\(parts.joined(separator: ";"))]"
    case .string: return "'\(try json.text())'"
    case .number: return "\(try json.number())"
    case .literal:
      try json.skip()
      return "literal"
    }
  }

  @Test(arguments: [
    (
      #" [ {"a" : 1, "b":[true,false,null ,NaN,-1.5e3]} , "x" ] "#,
      "[{a=1.0;b=[literal;literal;literal;literal;-1500.0]};'x']"
    ),
    (#"{}"#, "{}"), ("[]", "[]"), ("[0,-0,10,0.25,1E+2]", "[0.0;-0.0;10.0;0.25;100.0]"),
    (#"["\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00"]"#, "['\"\\/\u{8}\u{c}\n\r\tAé😀']"),
    (
      #"["\ud83d","\ud83d\n","\ud83dx","\ude00","\ud83d\u0041"]"#,
      "['\u{FFFD}';'\u{FFFD}\n';'\u{FFFD}x';'\u{FFFD}';'\u{FFFD}A']"
    ),
    ("[\"é\u{1F600}\"]", "['é😀']"),
  ])
  func documents(text: String, expected: String) throws {
    let json = try reader(text)
    #expect(try show(json) == expected)
    try json.finish()
    let skipped = try reader(text)
    try skipped.skip()
    try skipped.finish()
    #expect(skipped.offset == json.offset)
  }

  @Test(arguments: [
    ("[1,2", 4, "',' or the end of the array, found the end of the file"),
    ("[1 2]", 3, "',' or the end of the array, found '2]'"),
    ("[1,]", 3, "a value, found ']'"), ("{\"a\" 1}", 5, "':' behind a key, found '1}'"),
    ("{\"a\":1,}", 7, "a key, found '}'"), ("{a:1}", 1, "a key, found 'a:1}'"),
    ("[\"a\nb\"]", 3, "no control character in a string, found '\nb\"]'"),
    ("[\"ab", 4, "the end of a string, found the end of the file"),
    ("[\"\\x\"]", 3, "an escape, found 'x\"]'"),
    ("[\"\\u12g4\"]", 6, "four hexadecimal digits, found 'g4\"]'"),
    ("[01]", 3, "a number, found '01'"), ("[1.]", 3, "a number, found '1.'"),
    ("[-]", 2, "a number, found '-'"), ("[1e]", 3, "a number, found '1e'"),
    ("[nul]", 4, "'null', found ']'"), ("[tru", 4, "'true', found the end of the file"),
    ("", 0, "a value, found the end of the file"), ("[] x", 3, "the end of the file, found 'x'"),
    ("[1]]", 3, "the end of the file, found ']'"), ("+1", 0, "a value, found '+1'"),
  ])
  func malformed(text: String, byte: Int, problem: String) throws {
    for isSkipped in [true, false] {
      let json = try reader(text)
      let found = try failure {
        if isSkipped { try json.skip() } else { _ = try show(json) }
        try json.finish()
      }
      #expect(found.kind == .badData)
      #expect(found.place.hasSuffix("x.json, byte \(byte)"), "\(found)")
      #expect(found.problem == "expected " + problem)
    }
  }

  @Test func depthIsBounded() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(try failure { try reader(deep).skip() }.problem.contains("at most 64"))
    let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    try reader(allowed).skip()
  }

  @Test func numbersAndIntegers() throws {
    let json = try reader("[9007199254740993, 12.0, 1e3, 1.5, -7]")
    var found: [Int] = []
    let wrong = try failure { try json.forEachElement { found.append(try json.integer()) } }
    #expect(found == [9_007_199_254_740_993, 12, 1000])
    #expect(wrong.problem == "expected a whole number, found '1.5'")
  }

  /// Values that lie across the buffer's end, for every place of the cut.
  @Test func acrossTheBuffer() throws {
    let text = #"{"key\n":["a\u0041b",-12.5e1,true,null]}"#
    for cut in 0...text.utf8.count {
      let json = try reader(String(repeating: " ", count: (1 << 20) - cut) + text)
      #expect(try show(json) == "{key\n=['aAb';-125.0;literal;literal]}")
    }
  }
}
