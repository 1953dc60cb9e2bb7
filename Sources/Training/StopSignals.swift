// SIGINT, SIGTERM, and SIGUSR1, which Slurm sends ahead of a time limit and mpirun passes on: the first asks the run to
// save and leave, a second one leaves at once (130 both).

import Basics
import CSystem
import Glibc

public enum StopSignals {
  /// Call once, early in `main`, from the main thread. Signals that the parent left blocked (a program started from a
  /// Dispatch thread inherits its mask) are let through.
  public static func install() throws {
    guard cs_stop_install() == 0 else {
      throw Failure.system(errno, at: "stop signals", "cannot be caught")
    }
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGUSR1)
    let code = pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    guard code == 0 else {
      throw Failure.system(code, at: "stop signals", "cannot be let through")
    }
  }
}
