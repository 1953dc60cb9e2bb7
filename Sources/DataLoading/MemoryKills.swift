// Whether the kernel has killed for want of memory: it keeps count, nothing else tells such a SIGKILL from another.

import Basics

enum MemoryKills {
  /// Processes killed for memory: in this control group where it says so (version 2), else on the machine; 0 when
  /// neither is known.
  static func count() -> UInt64 {
    for path in [group, "/proc/vmstat"].compactMap({ $0 }) {
      if let bytes = try? Files.read(path),
        let count = count(in: String(decoding: bytes, as: UTF8.self))
      {
        return count
      }
    }
    return 0
  }

  /// The number after `oom_kill` in a file of names and numbers.
  static func count(in text: String) -> UInt64? {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "oom_kill" { return UInt64(words[1]) }
    }
    return nil
  }

  /// `memory.events` of this process's group, where there is one.
  private static let group: String? = {
    guard let bytes = try? Files.read("/proc/self/cgroup") else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("0::") {
      let path = "/sys/fs/cgroup" + line.dropFirst(3) + "/memory.events"
      return Files.exists(path) ? path : nil
    }
    return nil
  }()
}
