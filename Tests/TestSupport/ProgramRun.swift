// Runs one of the built programs as a user would: its exit code, what it printed, what it said.

import Basics
import Foundation

public struct ProgramRun: Sendable {
  public let code: Int32
  /// Number of the signal that ended it, 0 when it left by itself.
  public let signal: Int32
  public let output: String
  public let messages: String

  /// - Parameters:
  ///   - program: `metamae-prep`, ...: beside the test bundle; or an absolute path.
  ///   - killAfter: seconds after which it gets SIGKILL.
  ///   - meanwhile: told its process id once it runs.
  public init(
    _ program: String, _ arguments: [String], killAfter: Double? = nil,
    meanwhile: (Int32) -> Void = { _ in }
  ) throws {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL =
      program.hasPrefix("/")
      ? URL(fileURLWithPath: program)
      : URL(fileURLWithPath: CommandLine.arguments[0])
        .deletingLastPathComponent().appendingPathComponent(program)
    process.arguments = arguments
    let (output, messages) = (folder.file("output"), folder.file("messages"))
    for file in [output, messages] {
      _ = FileManager.default.createFile(atPath: file, contents: nil)
    }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: messages)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    meanwhile(process.processIdentifier)
    if let killAfter {
      let end = monotonicSeconds() + killAfter
      while process.isRunning && monotonicSeconds() < end { usleep(500) }
      kill(process.processIdentifier, SIGKILL)
    }
    process.waitUntilExit()
    let killed = process.terminationReason == .uncaughtSignal
    signal = killed ? process.terminationStatus : 0
    code = killed ? -1 : process.terminationStatus
    self.output = String(decoding: try Files.read(output), as: UTF8.self)
    self.messages = String(decoding: try Files.read(messages), as: UTF8.self)
  }
}
