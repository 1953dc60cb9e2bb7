// What the control group of this process grants.

import Basics

extension ControlGroup {
  /// Bytes of memory; nil: no limit.
  static func memoryLimit() -> Int? {
    // Version 1 writes a huge number for none.
    text("memory", "memory.max", orVersion1: "memory.limit_in_bytes")
      .flatMap { Int($0.split(separator: "\n").first ?? "") }
      .flatMap { $0 < 1 << 60 ? $0 : nil }
  }

  /// Cores; nil: no quota.
  static func cores() -> Int? {
    if let text = text("cpu", "cpu.max", orVersion1: nil) { return GrantedCores.fromQuota(text) }
    func old(_ name: String) -> String? {
      folders("cpu").version1.lazy.compactMap { try? Files.read("\($0)/\(name)") }.first
        .map { String(decoding: $0, as: UTF8.self) }
    }
    guard let quota = old("cpu.cfs_quota_us"), let period = old("cpu.cfs_period_us") else {
      return nil
    }
    return GrantedCores.fromQuota(quota + " " + period)
  }
}
