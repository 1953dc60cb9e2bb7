// What went wrong in the user's world, as facts: where, what, what to do. Libraries throw it; an executable turns
// it into one message on stderr and one exit code (docs/design.md, "Exit codes"). A programmer's mistake traps
// instead.

import Glibc

/// An error that a person has to act on.
public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of failure; the raw value is the program's exit code.
  public enum Kind: Int32, Sendable {
    /// Unknown option or key, bad value, a run directory with content and no `--resume`.
    case usage = 64
    /// Damaged or malformed raw file, shard or checkpoint; non-finite loss; failed `verify`.
    case badData = 65
    /// An absent file, folder or split.
    case missingInput = 66
    /// A bug of ours.
    case internalError = 70
    /// EIO, read-only file system, no permission.
    case inputOutput = 74
    /// A resource is missing: memory, descriptors, disk, a lock, a worker.
    case tryAgain = 75
    /// Stopped by the user, after saving.
    case interrupted = 130
  }

  public var kind: Kind
  /// Where: a path with block, line or offset, an option, a key.
  public var place: String
  /// What was expected and what was found, in the words the user typed.
  public var problem: String
  /// What to do about it.
  public var remedy: String?

  public init(_ kind: Kind, at place: String, _ problem: String, remedy: String? = nil) {
    self.kind = kind
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  /// `place: problem.` and, on a second line, the remedy.
  public var description: String {
    let head = place.isEmpty ? problem : "\(place): \(problem)"
    return remedy.map { "\(head)\n  \($0)" } ?? head
  }

  /// The failure that a C call's `errno` stands for; its kind follows the exit-code table.
  public static func system(_ code: Int32, at place: String, _ doing: String) -> Failure {
    let kind: Kind =
      switch code {
      case ENOENT, ENOTDIR: .missingInput
      case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EAGAIN: .tryAgain
      default: .inputOutput
      }
    return Failure(kind, at: place, "\(doing): \(String(cString: strerror(code)))")
  }
}
