// One machine-readable document on stdout.

import Basics
import Foundation

/// Prints it with sorted snake-case keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .convertToSnakeCase
  Console.print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
