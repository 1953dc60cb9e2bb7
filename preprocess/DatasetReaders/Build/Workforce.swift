// Forked processes that share one job of a build. A child runs plain Swift, answers through a pipe and leaves by
// _exit; its failure becomes the parent's, a killed one an error. On every way out all children are ended and reaped.

import Basics
import CSystem
import Foundation
import Glibc

/// Counters that parent and children share: work taken, progress made.
struct SharedCounters: @unchecked Sendable {
  private let words: UnsafeMutablePointer<UInt64>

  init() throws {
    guard let memory = cs_shared_alloc(128) else {
      throw Failure.system(errno, at: "shared memory", "cannot allocate 128 bytes")
    }
    words = memory.bindMemory(to: UInt64.self, capacity: 16)
  }

  func free() { munmap(words, 128) }

  /// The next piece of work, from 0; each is given out once.
  func take() -> Int { Int(cs_add64(words, 1)) }

  func advance(_ amount: Int) { _ = cs_add64(words + 8, UInt64(amount)) }
  var progress: Int { Int(cs_load64(words + 8)) }
}

/// Turns SIGINT and SIGTERM into an orderly end of the build that runs; a second one leaves at once.
public func stopOnSignals() {
  _ = cs_stop_install()
  // Whoever started us may have blocked them: a thread of Dispatch blocks all signals, and masks are inherited.
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGINT)
  sigaddset(&signals, SIGTERM)
  sigprocmask(SIG_UNBLOCK, &signals, nil)
}

struct Workforce {
  let size: Int
  /// The raw data that the children read: when one of them crashes, it is to blame.
  var reading: String?

  /// What a library dies of that believed a damaged file.
  private static let crashes: Set<Int32> = [SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL]

  /// What a child sends back.
  private struct Reply: Codable {
    var kind: Int32?
    var place: String?
    var problem: String?
    var remedy: String?
    var result: Data?
  }

  private struct Child {
    let pid: pid_t
    let pipe: Int32
    var bytes: [UInt8] = []
    var isReaped = false
  }

  /// Runs `body(index)` in a process for each index below `size` and gathers what they return, in that order.
  ///
  /// - Parameter watch: called about ten times a second while the children work.
  /// - Throws: the first failure that a child reports; tryAgain for a child that was killed; interrupted after a stop
  ///   signal.
  func run<Result: Codable>(_ body: (Int) throws -> Result, watch: () -> Void) throws -> [Result] {
    var children: [Child] = []
    defer {
      for child in children {
        close(child.pipe)
        guard !child.isReaped else { continue }
        kill(child.pid, SIGKILL)
        var status: Int32 = 0
        _ = cs_reap(child.pid, 1, &status)
      }
    }
    for index in 0..<size { children.append(try start(index, body)) }
    var results = [Result?](repeating: nil, count: size)
    while results.contains(where: { $0 == nil }) {
      guard cs_stop_requested() == 0 else {
        throw Failure(
          .interrupted, at: "metamae-prep", "interrupted",
          remedy: "The same command goes on from here.")
      }
      watch()
      var waiting = children.indices.filter { results[$0] == nil }.map { index in
        (index, pollfd(fd: children[index].pipe, events: Int16(POLLIN), revents: 0))
      }
      var polls = waiting.map(\.1)
      _ = poll(&polls, nfds_t(polls.count), 100)
      for k in waiting.indices { waiting[k].1 = polls[k] }
      for (index, poll) in waiting where poll.revents != 0 {
        if try receive(&children[index]) {
          results[index] = try finish(&children[index])
        }
      }
    }
    watch()
    return results.map { $0! }
  }

  /// Runs `body(k)` for each k below `count`, whichever process is free taking the next, and gathers the results in order.
  ///
  /// - Throws: as `run`.
  func map<Result: Codable>(
    _ count: Int, watch: () -> Void = {}, _ body: (Int) throws -> Result
  ) throws -> [Result] {
    let counters = try SharedCounters()
    defer { counters.free() }
    let shares: [[Int: Result]] = try run(
      { _ in
        var own: [Int: Result] = [:]
        var next = counters.take()
        while next < count {
          own[next] = try body(next)
          next = counters.take()
        }
        return own
      }, watch: watch)
    return (0..<count).map { k in shares.lazy.compactMap { $0[k] }.first! }
  }

  private func start<Result: Codable>(_ index: Int, _ body: (Int) throws -> Result) throws -> Child
  {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw Failure.system(errno, at: "metamae-prep", "cannot open a pipe")
    }
    let pid = cs_fork_child()
    if pid < 0 {
      close(ends[0])
      close(ends[1])
      throw Failure.system(errno, at: "metamae-prep", "cannot start a process")
    }
    if pid == 0 {
      close(ends[0])
      var reply = Reply()
      do {
        reply.result = try JSONEncoder().encode([try body(index)])
      } catch let failure as Failure {
        reply.kind = failure.kind.rawValue
        (reply.place, reply.problem, reply.remedy) = (
          failure.place, failure.problem, failure.remedy
        )
      } catch {
        reply.kind = Failure.Kind.internalError.rawValue
        (reply.place, reply.problem) = ("metamae-prep", "unexpected error: \(error)")
      }
      let bytes = (try? JSONEncoder().encode(reply)).map { [UInt8]($0) } ?? []
      var done = 0
      bytes.withUnsafeBytes { bytes in
        while done < bytes.count {
          let count = write(ends[1], bytes.baseAddress! + done, bytes.count - done)
          if count < 0 && errno == EINTR { continue }
          if count < 0 { break }
          done += count
        }
      }
      _exit(0)
    }
    close(ends[1])
    return Child(pid: pid, pipe: ends[0])
  }

  /// - Returns: whether the child has said all.
  private func receive(_ child: inout Child) throws -> Bool {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(child.pipe, &chunk, chunk.count)
    if count < 0 {
      if errno == EINTR { return false }
      throw Failure.system(errno, at: "metamae-prep", "cannot hear a process")
    }
    child.bytes += chunk[..<count]
    return count == 0
  }

  private func finish<Result: Codable>(_ child: inout Child) throws -> Result {
    var status: Int32 = 0
    let end = cs_reap(child.pid, 1, &status)
    child.isReaped = true
    guard end == 1, status == 0,
      let reply = try? JSONDecoder().decode(Reply.self, from: Data(child.bytes))
    else {
      if end == 2, let reading, Self.crashes.contains(status) {
        throw Failure(
          .badData, at: reading,
          "expected a whole file, found damage that ended its reader (signal \(status))",
          remedy: "Get the file again.")
      }
      throw Failure(
        .tryAgain, at: "metamae-prep",
        end == 2
          ? "expected process \(child.pid) of this build to finish, it was killed by signal \(status)"
          : "expected process \(child.pid) of this build to finish, it left with \(status)",
        remedy: "Perhaps memory ran out; run it again, with fewer --jobs.")
    }
    if let kind = reply.kind {
      throw Failure(
        Failure.Kind(rawValue: kind) ?? .internalError, at: reply.place ?? "",
        reply.problem ?? "", remedy: reply.remedy)
    }
    return try JSONDecoder().decode([Result].self, from: reply.result ?? Data())[0]
  }
}
