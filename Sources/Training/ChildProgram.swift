// A program of ours run by another one: it dies with us, is asked to stop when we are, and what it says passes through.

import Basics
import CSystem
import Glibc

public struct ChildProgram {
  private let program: String
  /// Exit code, or 128 and the signal's number.
  public let code: Int32
  public let output: String
  /// Its last message, which says what went wrong; empty when it said nothing.
  public let problem: String

  /// What its end amounts to; nil: it went well.
  public var failure: Failure? {
    guard code != 0 else { return nil }
    return Failure(Failure.Kind(rawValue: code) ?? .internalError, at: program, problem)
  }

  /// Runs `program`, which stands beside the one that is running, to its end.
  /// - Parameter quiet: its messages do not pass through.
  /// - Throws: interrupted when a stop was asked for, after the child has saved and left; what the system reports.
  public init(_ program: String, _ arguments: [String], quiet: Bool = false) throws {
    self.program = program
    let path = try Self.folder() + "/" + program
    guard access(path, X_OK) == 0 else {
      throw Failure(
        .missingInput, at: path, "expected the program \(program) beside this one, found none",
        remedy: "Build all four: scripts/build")
    }
    let (output, messages) = (try Pipe(), try Pipe())
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    let child = cs_spawn(path, &words, output.write, messages.write)
    guard child > 0 else { throw Failure.system(errno, at: path, "cannot start") }
    output.closeWrite()
    messages.closeWrite()
    let (out, err) = try Self.follow(output, messages, child: child, quiet: quiet)
    var status: Int32 = 0
    let how = cs_reap(child, 1, &status)
    guard how > 0 else { throw Failure.system(errno, at: path, "cannot wait for it") }
    code = how == 1 ? status : 128 + status
    self.output = String(decoding: out, as: UTF8.self)
    let lines = String(decoding: err, as: UTF8.self).split(separator: "\n").map(String.init)
    let last = lines.lastIndex { $0.hasPrefix(program + ": ") }
    problem =
      last.map { String(lines[$0].dropFirst(program.count + 2)) }
      ?? (how == 2 ? "killed by signal \(status)" : lines.last ?? "")
    if cs_stop_requested() != 0 {
      throw Failure(.interrupted, at: program, "stopped on request")
    }
  }

  /// Reads both pipes to their ends; asks the child to stop once we are asked.
  private static func follow(
    _ output: Pipe, _ messages: Pipe, child: pid_t, quiet: Bool
  ) throws -> ([UInt8], [UInt8]) {
    var taken: [[UInt8]] = [[], []]
    var open = [
      pollfd(fd: output.read, events: Int16(POLLIN), revents: 0),
      pollfd(fd: messages.read, events: Int16(POLLIN), revents: 0),
    ]
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var hasAsked = false
    while open.contains(where: { $0.fd >= 0 }) {
      if cs_stop_requested() != 0, !hasAsked {
        hasAsked = true
        kill(child, SIGTERM)
      }
      guard poll(&open, 2, 500) >= 0 else {
        if errno == EINTR { continue }
        throw Failure.system(errno, at: "poll", "cannot wait for a program")
      }
      for i in 0..<2 where open[i].fd >= 0 && open[i].revents != 0 {
        let count = read(open[i].fd, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          open[i].fd = -1
          continue
        }
        taken[i] += buffer[..<count]
        if i == 1 {
          if !quiet { _ = Glibc.write(2, buffer, count) }
          // A run's progress is long; its last words are enough.
          if taken[1].count > 1 << 18 { taken[1].removeFirst(taken[1].count - (1 << 16)) }
        }
      }
    }
    return (taken[0], taken[1])
  }

  private static func folder() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { throw Failure.system(errno, at: "/proc/self/exe", "cannot read") }
    return Files.parent(
      of: String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}

/// Two ends, both closed with it; nothing of it reaches a child but what `cs_spawn` puts in place.
private final class Pipe {
  let read: Int32
  private(set) var write: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0,
      ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 })
    else {
      throw Failure.system(errno, at: "pipe", "cannot open")
    }
    (read, write) = (ends[0], ends[1])
  }

  func closeWrite() {
    close(write)
    write = -1
  }

  deinit {
    close(read)
    if write >= 0 { close(write) }
  }
}
