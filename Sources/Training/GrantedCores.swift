// How many cores this process may use: the affinity mask, cut by the control group's quota.

import Basics
import Foundation

public enum GrantedCores {
  /// At least 1.
  public static func count() -> Int {
    let allowed = ProcessInfo.processInfo.activeProcessorCount
    return min(allowed, ControlGroup.cores() ?? allowed)
  }

  /// `200000 100000` is 2; `max 100000` is nil: no quota.
  static func fromQuota(_ text: String) -> Int? {
    let parts = text.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
    guard parts.count == 2, parts[0] > 0, parts[1] > 0 else { return nil }
    return max(1, Int((parts[0] / parts[1]).rounded(.up)))
  }
}
