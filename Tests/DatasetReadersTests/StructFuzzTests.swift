// Damaged MATLAB v7.3 files. HDF5 trusts what it reads, so that a build reads it in a process of its own (Workforce),
// which may die of it: here too. What no file may do: hang, take memory beyond the bound, or give another error than a
// typed one.

import Basics
import CSystem
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DatasetReaders

@Suite struct StructFuzzTests {
  @Test(.enabled(if: FuzzTests.only == nil || FuzzTests.only == "hdf5"))
  func damagedFiles() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) { exit(try StructFuzz.run()) }
    let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    if !said.isEmpty { print(said, terminator: "") }
  }
}

private enum StructFuzz {
  /// Seconds that a file may take, and bytes that reading it may add to a process.
  static let (mostSeconds, mostBytes): (UInt32, UInt) = (10, 1 << 30)
  /// Files to a process: what one of them does to the heap ends there.
  static let batch = 250

  /// Words that parent and child share.
  private enum Word { static let number = 0, refused = 1, whole = 2 }

  /// - Returns: the exit code: 0 when no file did what it may not.
  static func run() throws -> Int32 {
    let seed = try Fixtures.bytes("WM811K.mat")
    let folder = try TemporaryFolder()
    let words = cs_shared_alloc(64)!.bindMemory(to: Int.self, capacity: 8)
    let end = FuzzTests.first + FuzzTests.count
    var (next, deaths, wrong) = (FuzzTests.first, 0, 0)
    while next < end {
      let last = min(next + batch, end)
      let child = cs_fork_child()
      guard child >= 0 else { return 71 }
      if child == 0 { _exit(read(next..<last, seed, folder, words)) }
      var status: Int32 = 0
      let how = cs_reap(child, 1, &status)
      if how == 1, status == 0 {
        next = last
        continue
      }
      let number = words[Word.number]
      next = number + 1
      if how == 2, [SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL].contains(status) {
        deaths += 1
      } else {
        wrong += 1
        say("hdf5 \(number): \(how == 2 ? "signal" : "exit code") \(status)")
      }
    }
    if FuzzTests.count > 500 || wrong > 0 {
      say(
        "hdf5: \(FuzzTests.count) files, \(words[Word.refused]) refused, \(words[Word.whole]) read,"
          + " \(deaths) ended their process, \(wrong) wrong")
    }
    return wrong == 0 ? 0 : 1
  }

  private static func say(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }

  private static func read(
    _ numbers: Range<Int>, _ seed: [UInt8], _ folder: TemporaryFolder,
    _ words: UnsafeMutablePointer<Int>
  ) -> Int32 {
    var limit = rlimit(rlim_cur: mostBytes, rlim_max: mostBytes)
    setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
    limit = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    let path = folder.file("WM811K.mat")
    for number in numbers {
      words[Word.number] = number
      alarm(mostSeconds)
      var random = RandomStream(RandomKey(seed: 7, "hdf5", 0, UInt64(number)))
      FuzzedFormat.write(FuzzTests.mutated(seed, &random), path)
      do {
        let array = try MATStructArray(RawSource(path).entries[0], scratch: path + ".mat")
        for member in ["waferMap", "failureType"] {
          for row in 0..<min(try array.count(member), 1000) { _ = try array.element(member, row) }
        }
        words[Word.whole] += 1
      } catch let failure as Failure where failure.kind == .badData && failure.place.hasPrefix(path)
      {
        words[Word.refused] += 1
      } catch {
        say("hdf5 \(number): \(error)")
        return 3
      }
    }
    alarm(0)
    return 0
  }
}
