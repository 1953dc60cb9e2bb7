// Files of the control group of this process, versions 1 and 2.

public enum ControlGroup {
  /// Folders of this process's group for a controller, the likeliest first: in the unified tree (version 2), in the
  /// controller's own (version 1). In a container the group's own folder may be mounted as the root.
  public static func folders(_ controller: String) -> (version2: [String], version1: [String]) {
    guard let bytes = try? Files.read("/proc/self/cgroup") else { return ([], []) }
    var found: (version2: [String], version1: [String]) = ([], [])
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let path = fields[2] == "/" ? "" : String(fields[2])
      if fields[0] == "0" {
        found.version2 += ["/sys/fs/cgroup\(path)", "/sys/fs/cgroup"]
      } else if fields[1].split(separator: ",").contains(Substring(controller)) {
        let root = "/sys/fs/cgroup/\(controller)"
        found.version1 += [root + path, root]
      }
    }
    return found
  }

  /// The paths at which a file of the group is, the likeliest first; none: it is not there.
  /// - Parameters:
  ///   - name: in the unified tree.
  ///   - old: in the controller's own folder; nil: nothing corresponds.
  public static func files(_ controller: String, _ name: String, orVersion1 old: String?)
    -> [String]
  {
    let folders = folders(controller)
    var candidates = folders.version2.map { "\($0)/\(name)" }
    if let old { candidates += folders.version1.map { "\($0)/\(old)" } }
    return candidates.filter(Files.exists)
  }

  /// What the first of them that can be read says; nil: none can.
  public static func text(_ controller: String, _ name: String, orVersion1 old: String?) -> String?
  {
    files(controller, name, orVersion1: old).lazy.compactMap { try? Files.read($0) }.first
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
