// What the control group of this process grants, versions 1 and 2.

import Basics

enum ControlGroup {
  /// Bytes of memory; nil: no limit.
  static func memoryLimit() -> Int? {
    // Version 1 writes a huge number for none.
    number(in: "memory.max", orVersion1: ("memory", "memory.limit_in_bytes")).flatMap {
      $0 < 1 << 60 ? $0 : nil
    }
  }

  /// Cores; nil: no quota.
  static func cores() -> Int? {
    if let text = text("cpu.max", nil) { return GrantedCores.fromQuota(text) }
    guard let quota = text("", ("cpu", "cpu.cfs_quota_us")),
      let period = text("", ("cpu", "cpu.cfs_period_us"))
    else { return nil }
    return GrantedCores.fromQuota(quota + " " + period)
  }

  private static func number(in name: String, orVersion1 old: (String, String)) -> Int? {
    text(name, old).flatMap { Int($0.split(separator: "\n").first ?? "") }
  }

  /// The file of this process's group in the unified tree, else in the controller's own.
  private static func text(_ name: String, _ old: (controller: String, name: String)?) -> String? {
    guard let bytes = try? Files.read("/proc/self/cgroup") else { return nil }
    var candidates: [String] = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[0] == "0", !name.isEmpty {
        candidates += ["/sys/fs/cgroup\(fields[2])/\(name)", "/sys/fs/cgroup/\(name)"]
      } else if let old, fields[1].split(separator: ",").contains(Substring(old.controller)) {
        let root = "/sys/fs/cgroup/\(old.controller)"
        candidates += ["\(root)\(fields[2])/\(old.name)", "\(root)/\(old.name)"]
      }
    }
    for path in candidates where Files.exists(path) {
      if let bytes = try? Files.read(path) { return String(decoding: bytes, as: UTF8.self) }
    }
    return nil
  }
}
