// A fresh folder for one test, removed with all it holds when the test lets go of it.

import Basics
import Glibc

public final class TemporaryFolder {
  public let path: String

  public init() throws {
    // `scripts/fuzz` names a file system in memory.
    let root = getenv("METAMAE_FUZZ_FOLDER").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(root)/metamae-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure.system(errno, at: root, "cannot create a temporary folder")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? Files.remove(path) }

  public func file(_ name: String) -> String { path + "/" + name }
}
