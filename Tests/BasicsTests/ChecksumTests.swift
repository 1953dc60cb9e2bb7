import Basics
import TestSupport
import Testing

/// Published values, and what the tools of the same names print.
@Suite struct ChecksumTests {
  @Test(arguments: [
    ("", "99aa06d3014798d86001c324468d497f"),
    ("abc", "06b05ab6733a618578af5f94892f3950"),
  ]) func xxh128(_ text: String, _ expected: String) throws {
    let folder = try TemporaryFolder()
    try Files.writeAtomically(text, to: folder.file("text"))
    #expect(try Checksum.xxh128(file: folder.file("text")) == expected)
    let bytes = Array(text.utf8)
    #expect(hexadecimal(bytes.withUnsafeBytes(Checksum.xxh128(of:))) == expected)
  }

  /// More than one read's worth.
  @Test func longFiles() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    try bytes.withUnsafeBytes { try Files.writeAtomically($0, to: folder.file("bytes")) }
    #expect(
      try Checksum.xxh128(file: folder.file("bytes")) == "02d4910aa3cb89821f1165149e82d014")
    #expect(
      try Digest.sha256(file: folder.file("bytes"))
        == hexadecimal(bytes.withUnsafeBytes { Digest.of($0, .sha256) }))
  }

  @Test func aMissingFile() {
    let failure = #expect(throws: Failure.self) { try Checksum.xxh128(file: "/nowhere/x") }
    #expect(failure?.place == "/nowhere/x")
  }
}
