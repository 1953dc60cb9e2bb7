// What a program says: results on stdout, everything else on stderr. The one place that turns a Failure into a
// message and an exit code.

import CSystem
@preconcurrency import Glibc

/// The version of every program and of the `tool` field in what they write.
public let metamaeVersion = "0.1.2"

public enum Console {
  /// A line of results on stdout, flushed: somebody may wait for it at the other end of a pipe.
  public static func print(_ line: String) {
    fputs(line + "\n", stdout)
    fflush(stdout)
  }

  /// A line for the person watching, on stderr.
  public static func note(_ line: String) {
    fputs(line + "\n", stderr)
  }

  /// Leaves at once with a failure's message and exit code, where nothing can be thrown. What has been saved is whole;
  /// the loader's processes end by themselves.
  public static func leave(_ failure: Failure) -> Never {
    report(failure, Files.name(of: CommandLine.arguments[0]))
    fflush(nil)
    _exit(failure.kind.rawValue)
  }

  /// A command line's errors stand at the program itself: its name once is enough.
  private static func report(_ failure: Failure, _ program: String) {
    note(failure.place == program ? "\(failure)" : "\(program): \(failure)")
  }

  /// Runs a program's body and leaves with the contract's exit code.
  ///
  /// `--help` and `--version` are answered here, so bodies never see them.
  /// - Parameters:
  ///   - program: its name, in front of each message.
  ///   - commands: the subcommands by their word; the empty word stands for a program without subcommands.
  public static func run(
    _ program: String,
    _ commands: [(word: String, command: Command, body: (Arguments) throws -> Void)]
  ) -> Never {
    // Who reads our messages may leave first (`| tee log` and ^C): that must not end a run before it has saved.
    signal(SIGPIPE, SIG_IGN)
    var words = Array(CommandLine.arguments.dropFirst())
    do {
      if words.first == "--version" {
        print("\(program) \(metamaeVersion)")
        exit(0)
      }
      let plain = commands.first { $0.word.isEmpty }
      var chosen = plain
      if let word = words.first,
        let found = commands.first(where: { $0.word == word && !word.isEmpty })
      {
        chosen = found
        words.removeFirst()
      } else if plain == nil {
        let table = commands.map { "  " + $0.word.padded(to: 16) + $0.command.summary }.joined(
          separator: "\n")
        let overview =
          "usage: \(program) COMMAND [options]\n\n\(table)\n\nEach command answers --help."
        if words.isEmpty || words.first == "--help" {
          print(overview)
          exit(words.isEmpty ? Failure.Kind.usage.rawValue : 0)
        }
        let hint = nearest(to: words[0], among: commands.map(\.word)).map { "Did you mean \($0)?" }
        throw Failure(
          .usage, at: program, "unknown command '\(words[0])'",
          remedy: hint ?? "See: \(program) --help")
      }
      if words.contains("--help") {
        let others = commands.filter { !$0.word.isEmpty }
        print(chosen!.command.help)
        if chosen!.word.isEmpty && !others.isEmpty {
          print(
            "\nalso:\n"
              + others.map { "  \(program) \($0.word.padded(to: 10))\($0.command.summary)" }.joined(
                separator: "\n"))
        }
        exit(0)
      }
      try chosen!.body(try chosen!.command.parse(words))
      exit(0)
    } catch let failure as Failure {
      report(failure, program)
      exit(failure.kind.rawValue)
    } catch {
      note(
        "\(program): unexpected error: \(error)\n  This is a bug; please report it with the command that showed it."
      )
      exit(Failure.Kind.internalError.rawValue)
    }
  }
}

/// A progress bar with rate and time left: redrawn in place on a terminal, a plain line now and then otherwise.
public struct Progress {
  private let label: String
  private let unit: String
  private let total: Int
  private let start: Int
  private let began: Double
  private var lastDrawn = -Double.infinity
  private let onTerminal = isatty(2) == 1

  /// - Parameters:
  ///   - start: how much was done before (a resumed run); the rate counts from here.
  public init(_ label: String, total: Int, start: Int = 0, unit: String) {
    self.label = label
    self.unit = unit
    self.total = total
    self.start = start
    began = monotonicSeconds()
  }

  /// - Parameter detail: what else to show ("loss 0.412").
  public mutating func show(_ done: Int, _ detail: String = "") {
    let now = monotonicSeconds()
    let interval = onTerminal ? 0.1 : 10
    guard now - lastDrawn >= interval || done == total else { return }
    lastDrawn = now
    let seconds = max(now - began, 1e-9)
    let rate = Double(done - start) / seconds
    let left = rate > 0 ? clock(Double(total - done) / rate) : "?"
    var line = "\(label) \(done)/\(total) \(unit)  \(significant(rate)) \(unit)/s  \(left) left"
    if !detail.isEmpty { line += "  " + detail }
    if onTerminal {
      let width = max(Int(cs_terminal_columns(2)) - 1, 20)
      let filled = total > 0 ? done * 16 / total : 0
      let bar =
        "[" + String(repeating: "#", count: filled) + String(repeating: " ", count: 16 - filled)
        + "] "
      fputs("\r" + String((bar + line).prefix(width)) + "\u{1B}[K", stderr)
      if done == total { fputs("\n", stderr) }
    } else {
      Console.note(line)
    }
  }

  /// Leaves the bar where it stands, so that the next message starts on its own line.
  public func interrupt() { if onTerminal && lastDrawn > 0 { fputs("\n", stderr) } }

  private func clock(_ seconds: Double) -> String {
    let s = Int(seconds.rounded())
    return s >= 3600
      ? "\(s / 3600)h \(s % 3600 / 60)m" : s >= 60 ? "\(s / 60)m \(s % 60)s" : "\(s)s"
  }
}

/// Seconds on a clock that never jumps.
public func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Three significant digits for a person: 0.0123, 4.56, 78.9, 1234.
public func significant(_ value: Double) -> String {
  let magnitude = abs(value)
  if magnitude == 0 || !value.isFinite { return "\(value)" }
  if magnitude >= 100 { return decimal(value, 0) }
  return decimal(value, magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : magnitude >= 0.1 ? 3 : 4)
}

/// Fixed-point text with `digits` after the point.
public func decimal(_ value: Double, _ digits: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let count = withVaList([Int32(digits), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
  return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
