// One machine-readable document on stdout, as `--json` asks for.

import Basics
import Foundation

extension Console {
  /// Prints a value with sorted keys, as they are coded.
  public static func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}
