// SIGINT and SIGTERM: the first asks the run to save and leave, a second one leaves at once (130 both).

import Basics
import CSystem
import Glibc

public enum StopSignals {
  /// Call once, early in `main`.
  public static func install() throws {
    guard cs_stop_install() == 0 else {
      throw Failure.system(errno, at: "SIGINT and SIGTERM", "cannot be caught")
    }
  }
}
