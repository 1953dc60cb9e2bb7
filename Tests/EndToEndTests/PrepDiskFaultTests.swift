// A disk that fills up while shards are built. Needs small file systems of its own: root only.

import Basics
import Foundation
import TestSupport
import Testing

@Suite struct PrepDiskFaultTests {
  /// Each size of disk that is too small: 75 and one sentence; with room again the build goes on to the same bytes.
  @Test(.enabled(if: getuid() == 0), .timeLimit(.minutes(2)))
  func aDiskFullAnywhereInABuild() throws {
    let folder = try TemporaryFolder()
    let raw = folder.file("raw")
    try Files.createFolder(raw)
    var stream = RandomStream(RandomKey(seed: 1, "higgs"))
    let lines = (0..<4000).map { row in
      "\(row % 2).0" + (0..<28).map { _ in ",\(stream.uniformFloat())" }.joined()
    }
    try Files.writeAtomically(lines.joined(separator: "\n") + "\n", to: raw + "/HIGGS.csv")
    func build(_ out: String) throws -> ProgramRun {
      try ProgramRun(
        "metamae-prep",
        ["build-shards", "--dataset", "higgs", "--raw", raw, "--out", out, "--jobs", "2"])
    }
    let whole = folder.file("whole")
    #expect(try build(whole).code == 0)
    let disk = folder.file("disk")
    try Files.createFolder(disk)
    var failures = 0
    for kilobytes in [16, 100, 300, 500, 700, 900, 1100, 1300] {
      guard mount("tmpfs", disk, "tmpfs", 0, "size=\(kilobytes)k") == 0 else {
        return print("aDiskFullAnywhereInABuild: not run, mounting is refused here")
      }
      defer { umount(disk) }
      let run = try build(disk + "/out")
      if run.code != 0 {
        failures += 1
        #expect(run.code == 75, "\(kilobytes) KB: \(run.messages)")
        #expect(
          run.messages.contains("No space left on device") || run.messages.contains(" free"),
          "\(kilobytes) KB: \(run.messages)")
        #expect(mount("tmpfs", disk, "tmpfs", UInt(MS_REMOUNT), "size=64m") == 0)
        let again = try build(disk + "/out")
        #expect(again.code == 0, "\(kilobytes) KB: \(again.messages)")
      }
      #expect(try tree(disk + "/out") == tree(whole), "\(kilobytes) KB")
    }
    #expect(failures > 2)
  }

  /// Paths and contents below a folder.
  private func tree(_ path: String, _ prefix: String = "") throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for name in try Files.list(path) {
      let item = path + "/" + name
      if Files.isFolder(item) {
        found.merge(try tree(item, prefix + name + "/")) { $1 }
      } else {
        found[prefix + name] = try Files.read(item)
      }
    }
    return found
  }
}
