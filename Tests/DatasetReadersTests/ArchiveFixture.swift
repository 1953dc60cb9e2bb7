// Archives made for tests.

import Basics
import CArchive

enum ArchiveFixture {
  enum Kind { case zip, tarGzip, gzip }

  /// Writes `files` (name, bytes) as one archive; `gzip` takes one file.
  static func write(_ kind: Kind, _ files: [(name: String, bytes: [UInt8])], to path: String) {
    let archive = archive_write_new()!
    switch kind {
    case .zip: archive_write_set_format_zip(archive)
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
func put(_ text: String, _ path: String) throws { try put(Array(text.utf8), path) }

func put(_ bytes: [UInt8], _ path: String) throws {
  try Files.createFolder(Files.parent(of: path))
  try bytes.withUnsafeBytes { try Files.write($0, to: path) }
}
