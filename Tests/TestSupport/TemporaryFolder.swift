// A fresh folder for one test, removed with all it holds when the test lets go of it.

import Basics
import Glibc

public final class TemporaryFolder {
  public let path: String

  public init() throws {
    var template = Array("/tmp/metamae-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure.system(errno, at: "/tmp", "cannot create a temporary folder")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? Files.remove(path) }

  public func file(_ name: String) -> String { path + "/" + name }
}
