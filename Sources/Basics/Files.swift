// Files that appear whole or not at all, and the few questions we ask a file system.

import Glibc

/// What a half-written item is called; readers ignore such names and the next start removes them.
public let unfinishedSuffix = ".unfinished"

/// Which file a path leads to: another one under the same name has another identity.
public struct FileIdentity: Equatable, Sendable {
  public var device: UInt64
  public var number: UInt64
  public var byteCount: Int

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
    byteCount = Int(status.st_size)
  }
}

public enum Files {
  /// The whole file.
  public static func read(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw Failure.system(errno, at: path, "cannot stat")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw Failure(.usage, at: path, "expected a file, found a folder")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot read") }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Hands a file's bytes over, 1 MiB at a time.
  public static func scan(_ path: String, _ take: (UnsafeRawBufferPointer) -> Void) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(descriptor) }
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { chunk.deallocate() }
    while true {
      let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot read") }
      if count == 0 { return }
      take(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
  }

  /// Writes beside `path`, syncs, renames, syncs the folder: after a crash the old file or the new one is there.
  public static func writeAtomically(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    let beside = path + unfinishedSuffix
    do {
      try write(bytes, to: beside)
      guard !DiskFault.strikes(), rename(beside, path) == 0 else {
        throw Failure.system(errno, at: path, "cannot rename")
      }
    } catch {
      unlink(beside)
      throw error
    }
    try sync(folder: parent(of: path))
  }

  public static func writeAtomically(_ text: String, to path: String) throws {
    try Array(text.utf8).withUnsafeBytes { try writeAtomically($0, to: path) }
  }

  /// Creates or truncates, writes all, syncs the file (not its folder).
  public static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot create") }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
      let count =
        DiskFault.strikes()
        ? -1 : Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
      done += count
    }
    guard !DiskFault.strikes(), fsync(descriptor) == 0 else {
      throw Failure.system(errno, at: path, "cannot sync")
    }
  }

  /// Makes a rename or creation in the folder durable.
  public static func sync(folder path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot open") }
    defer { close(descriptor) }
    guard !DiskFault.strikes(), fsync(descriptor) == 0 || errno == EINVAL else {
      throw Failure.system(errno, at: path, "cannot sync")
    }
  }

  /// Creates the folder and those above it.
  public static func createFolder(_ path: String) throws {
    if isFolder(path) { return }
    let above = parent(of: path)
    if above != path && !isFolder(above) { try createFolder(above) }
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw Failure.system(errno, at: path, "cannot create the folder")
    }
  }

  /// Names in a folder, ascending in byte order, without "." and "..".
  public static func list(_ path: String) throws -> [String] {
    guard let folder = opendir(path) else { throw Failure.system(errno, at: path, "cannot list") }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Removes a file, or a folder with all it holds. Nothing there is no error.
  public static func remove(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw Failure.system(errno, at: path, "cannot stat")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in try list(path) { try remove(path + "/" + name) }
      guard rmdir(path) == 0 else { throw Failure.system(errno, at: path, "cannot remove") }
    } else {
      guard unlink(path) == 0 else { throw Failure.system(errno, at: path, "cannot remove") }
    }
  }

  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// What stands there and its bytes, links followed.
  public static func status(_ path: String) throws -> (isFolder: Bool, size: Int, changed: Int) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Failure.system(errno, at: path, "cannot stat") }
    let changed = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    return (status.st_mode & S_IFMT == S_IFDIR, Int(status.st_size), changed)
  }

  /// Bytes of a file; a typed failure when it isn't there.
  public static func size(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Failure.system(errno, at: path, "cannot stat") }
    return Int(status.st_size)
  }

  /// The file that a path leads to; a typed failure when there is none.
  public static func identity(_ path: String) throws -> FileIdentity {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Failure.system(errno, at: path, "cannot stat") }
    return FileIdentity(status)
  }

  /// The file that a descriptor holds open.
  public static func identity(of descriptor: Int32, at path: String) throws -> FileIdentity {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw Failure.system(errno, at: path, "cannot stat")
    }
    return FileIdentity(status)
  }

  /// Bytes that may still be written to the file system holding `path` (an existing folder).
  public static func freeBytes(at path: String) throws -> Int {
    var information = statvfs()
    guard statvfs(path, &information) == 0 else {
      throw Failure.system(errno, at: path, "cannot stat")
    }
    return Int(information.f_bavail) * Int(information.f_frsize)
  }

  public static func parent(of path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1 && trimmed.hasSuffix("/") { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  public static func name(of path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1 && trimmed.hasSuffix("/") { trimmed.removeLast() }
    return trimmed.lastIndex(of: "/").map { String(trimmed[trimmed.index(after: $0)...]) }
      ?? String(trimmed)
  }
}
