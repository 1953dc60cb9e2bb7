// Archives and files made for tests.

import Basics
import CArchive

public enum ArchiveFixture {
  public enum Kind: Sendable { case zip, tar, tarGzip, gzip }

  /// Writes `files` (name, bytes) as one archive; `gzip` takes one file.
  public static func write(_ kind: Kind, _ files: [(name: String, bytes: [UInt8])], to path: String)
  {
    let archive = archive_write_new()!
    switch kind {
    case .zip: archive_write_set_format_zip(archive)
    case .tar: archive_write_set_format_pax_restricted(archive)
    case .tarGzip:
      archive_write_set_format_ustar(archive)
      archive_write_add_filter_gzip(archive)
    case .gzip:
      archive_write_set_format_raw(archive)
      archive_write_add_filter_gzip(archive)
    }
    archive_write_open_filename(archive, path)
    for file in files {
      let entry = archive_entry_new()
      archive_entry_set_pathname(entry, file.name)
      archive_entry_set_size(entry, Int64(file.bytes.count))
      archive_entry_set_filetype(entry, 0o100000)
      archive_entry_set_perm(entry, 0o644)
      archive_write_header(archive, entry)
      _ = file.bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
      archive_entry_free(entry)
    }
    archive_write_close(archive)
    archive_write_free(archive)
  }
}

/// Writes text to a file, making its folders.
public func put(_ text: String, _ path: String) throws { try put(Array(text.utf8), path) }

public func put(_ bytes: [UInt8], _ path: String) throws {
  try Files.createFolder(Files.parent(of: path))
  try bytes.withUnsafeBytes { try Files.write($0, to: path) }
}

/// Every file below a folder with its bytes.
public func tree(_ path: String) throws -> [String: [UInt8]] {
  var found: [String: [UInt8]] = [:]
  func visit(_ folder: String, _ name: String) throws {
    for child in try Files.list(folder) {
      let below = folder + "/" + child
      if Files.isFolder(below) {
        try visit(below, name + child + "/")
      } else {
        found[name + child] = try Files.read(below)
      }
    }
  }
  if Files.isFolder(path) { try visit(path, "") }
  return found
}
