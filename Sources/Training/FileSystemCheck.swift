// The doctor's look at a file system: what kind it is, what is free, and whether the calls that a run depends on work.

import Basics
import CSystem
import Glibc

extension MachineCheck {
  static func fileSystem(_ folder: String) -> [MachineFinding] {
    // The nearest folder above that is there: a run directory is made by the run.
    var place = folder
    while !Files.isFolder(place) && place != "/" && place != "." {
      place = Files.parent(of: place)
    }
    let number = cs_file_system(place)
    guard number >= 0 else {
      return [
        MachineFinding(
          "file system", "\(place): \(String(cString: strerror(errno)))",
          problem: "choose another folder")
      ]
    }
    let kind = kinds[number] ?? "kind \(String(number, radix: 16))"
    let free = (try? Files.freeBytes(at: place)) ?? 0
    return [
      MachineFinding(
        "file system", "\(place): \(kind), \(significant(Double(free) / 1e9)) GB free",
        problem: free < 64 << 20 ? "expected 64 MB free: make room" : nil),
      operations(in: place),
    ]
  }

  /// Writing, syncing, locking, renaming, as checkpoints do.
  private static func operations(in folder: String) -> MachineFinding {
    let path = folder + "/metamae-doctor-\(getpid())"
    defer { unlink(path) }
    do {
      try Files.writeAtomically("doctor\n", to: path)
      let descriptor = open(path, O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
      defer { close(descriptor) }
      var request = flock()
      request.l_type = Int16(F_WRLCK)
      request.l_whence = Int16(SEEK_SET)
      guard fcntl(descriptor, F_SETLK, &request) == 0 else {
        throw Failure.system(errno, at: path, "cannot lock")
      }
    } catch {
      return MachineFinding(
        "file operations", "\(error)", problem: "a run directory cannot be here: choose another")
    }
    return MachineFinding("file operations", "write, sync, rename and lock work")
  }

  private static let kinds: [Int64: String] = [
    0xEF53: "ext4", 0x0102_1994: "tmpfs", 0x794C_7630: "overlayfs", 0x5846_5342: "xfs",
    0x9123_683E: "btrfs", 0x6969: "nfs", 0x0BD0_0BD0: "lustre", 0xFF53_4D42: "cifs",
    0x2FC1_2FC1: "zfs", 0x6573_5546: "fuse", 0x0102_1997: "9p",
  ]
}
