// Whether the kernel has killed for want of memory: it keeps count, nothing else tells such a SIGKILL from another.

import Basics

/// The count, and which of it is accounted for.
struct MemoryKills {
  /// Where kills are counted: by the control group, else on the machine.
  private let files =
    ControlGroup.files("memory", "memory.events", orVersion1: "memory.oom_control")
    + ["/proc/vmstat"]
  /// At the look before the last one, and at the last: a kill is counted before its victim's end can be seen, so the
  /// look right before that end may have the kill already.
  private var (before, last) = (UInt64(0), UInt64(0))

  init() {
    last = count()
    before = last
  }

  /// Counts what has been as past. Call once in every turn, after the ends of processes were looked at.
  mutating func look() {
    before = last
    last = max(last, count())
  }

  /// Whether a process that was just seen to have ended by SIGKILL was killed for memory. Each kill explains one end.
  mutating func explainsAnEnd() -> Bool {
    guard count() > before else { return false }
    before += 1
    last = max(last, before)
    return true
  }

  /// Processes killed for memory: in this control group where it says so, else on the machine; 0 when neither is known.
  private func count() -> UInt64 {
    for path in files {
      if let bytes = try? Files.read(path),
        let count = Self.count(in: String(decoding: bytes, as: UTF8.self))
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
}
