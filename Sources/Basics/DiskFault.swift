// For drills: lets the n-th write, sync or rename of this process fail, or kill the process in front of it. Nothing
// happens unless a test arms it.

import Glibc

package enum DiskFault {
  package enum Action: Sendable {
    case kill
    /// With this errno; so does every later one, as on a disk that is full.
    case fail(Int32)
  }

  nonisolated(unsafe) private static var armed: (left: Int, action: Action)?

  /// - Parameter count: calls that still work.
  package static func arm(after count: Int, _ action: Action) { armed = (count, action) }
  package static func disarm() { armed = nil }
  /// Calls that were still to work when last looked; negative once the fault has come. nil: not armed.
  package static var left: Int? { armed?.left }

  /// Call before a write, sync or rename.
  /// - Returns: true when it is to fail; errno is set.
  package static func strikes() -> Bool {
    guard armed != nil else { return false }
    armed!.left -= 1
    guard armed!.left < 0 else { return false }
    switch armed!.action {
    case .kill:
      kill(getpid(), SIGKILL)
      return true
    case .fail(let code):
      errno = code
      return true
    }
  }
}
