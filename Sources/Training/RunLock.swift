// One process at a time writes a run directory. A POSIX record lock on RUN/.lock: it ends with the process that took it
// and, unlike flock's, is not shared with the loader's forked workers, so a killed trainer leaves it free at once.

import Basics
import Experiments
import Glibc

public final class RunLock {
  private let descriptor: Int32

  /// - Throws: try again when another process writes the run.
  init(_ directory: RunDirectory) throws {
    descriptor = open(directory.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: directory.lock, "cannot create") }
    var request = Self.request()
    guard fcntl(descriptor, F_SETLK, &request) == 0 else {
      let code = errno
      let holder = Self.holder(descriptor)
      close(descriptor)
      guard code == EAGAIN || code == EACCES else {
        throw Failure.system(code, at: directory.lock, "cannot lock")
      }
      throw Self.inUse(directory, by: holder)
    }
  }

  deinit { close(descriptor) }

  /// - Throws: try again when another process writes the run; nothing on disk changes.
  /// - Precondition: this process holds no lock on the directory; closing any descriptor of the file would end it.
  static func refuseIfHeld(_ directory: RunDirectory) throws {
    let descriptor = open(directory.lock, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if let holder = holder(descriptor) { throw inUse(directory, by: holder) }
  }

  private static func inUse(_ directory: RunDirectory, by holder: pid_t?) -> Failure {
    let process = holder.map { "process \($0)" } ?? "another process"
    return Failure(
      .tryAgain, at: directory.path, "the run directory is in use by \(process)",
      remedy: "Wait until it ends, or choose another --run.")
  }

  private static func request() -> flock {
    var request = flock()
    request.l_type = Int16(F_WRLCK)
    request.l_whence = Int16(SEEK_SET)
    return request
  }

  /// The process that holds the lock; nil: none but perhaps this one.
  private static func holder(_ descriptor: Int32) -> pid_t? {
    var request = request()
    guard fcntl(descriptor, F_GETLK, &request) == 0, request.l_type != Int16(F_UNLCK) else {
      return nil
    }
    return request.l_pid
  }
}
