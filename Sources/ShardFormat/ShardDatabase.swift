// A shard file: a single-file LMDB environment, key = block number as 8 big-endian bytes, value = one zstd frame.
// The only file that imports CLMDB. Opened read-only without locks, so that a read-only folder will do and a killed
// reader leaves nothing behind.

import Basics
import CLMDB
import CSystem
import Glibc

/// Writes one shard in ascending block order. The bytes depend on the blocks alone.
public final class ShardDatabaseWriter {
  private let path: String
  private var environment: OpaquePointer?
  private var transaction: OpaquePointer?
  private var table: MDB_dbi = 0
  private var pending = 0
  private var notWrittenOut = 0

  /// - Parameter mostBytes: an upper bound of the file's size, a function of the shard's contents alone (it is
  ///   stored in the file).
  public init(path: String, mostBytes: Int) throws {
    self.path = path
    unlink(path)
    try check(mdb_env_create(&environment), "create")
    let page = 4096
    try check(mdb_env_set_mapsize(environment, (mostBytes + page - 1) / page * page), "size")
    try check(
      mdb_env_open(environment, path, UInt32(MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK), 0o644), "open"
    )
    try begin()
    try check(mdb_dbi_open(transaction, nil, 0, &table), "open the table")
  }

  deinit {
    if transaction != nil { mdb_txn_abort(transaction) }
    if environment != nil { mdb_env_close(environment) }
  }

  private func begin() throws {
    try check(mdb_txn_begin(environment, nil, 0, &transaction), "begin")
  }

  private func check(_ code: Int32, _ doing: String) throws {
    if code == 0 { return }
    if code > 0 { throw Failure.system(code, at: path, "cannot \(doing) the shard") }
    throw Failure(
      .internalError, at: path, "cannot \(doing) the shard: \(String(cString: mdb_strerror(code)))")
  }

  public func append(block: Int, _ frame: UnsafeRawBufferPointer) throws {
    var number = UInt64(block).bigEndian
    try withUnsafeMutableBytes(of: &number) { key in
      var key = MDB_val(mv_size: 8, mv_data: key.baseAddress)
      var value = MDB_val(
        mv_size: frame.count, mv_data: UnsafeMutableRawPointer(mutating: frame.baseAddress))
      try check(mdb_put(transaction, table, &key, &value, UInt32(MDB_APPEND)), "write")
    }
    pending += frame.count
    if pending > 1 << 20 {
      notWrittenOut += pending
      try commit()
      if notWrittenOut > 8 << 20 { try beginWritingOut() }
      try begin()
    }
  }

  /// Has the kernel begin to write the file out, so that little is left to wait for at the end.
  private func beginWritingOut() throws {
    var descriptor: Int32 = -1
    try check(mdb_env_get_fd(environment, &descriptor), "flush")
    cs_begin_writing_out(descriptor)
    notWrittenOut = 0
  }

  private func commit() throws {
    defer { transaction = nil }
    try check(mdb_txn_commit(transaction), "commit")
    pending = 0
  }

  /// Commits and has the kernel begin to write the file out: what reads it meanwhile does not wait for the disk. Nothing
  /// may be appended after it.
  public func flush() throws {
    try commit()
    try beginWritingOut()
  }

  /// Makes the flushed file durable.
  public func finish() throws {
    try check(mdb_env_sync(environment, 1), "sync")
    mdb_env_close(environment)
    environment = nil
  }
}

/// Reads one shard. Open it in the process that reads.
final class ShardDatabaseReader {
  private let path: String
  private var environment: OpaquePointer?
  private var transaction: OpaquePointer?
  private var table: MDB_dbi = 0

  /// - Parameter blocks: the block numbers that the file must hold, no more and no fewer.
  /// - Throws: badData for a file that is shorter than its pages, whose tree is damaged, or that is no shard at all.
  init(path: String, expectedBytes: Int, blocks: Range<Int>) throws {
    self.path = path
    let size = try Files.size(path)
    guard size == expectedBytes else {
      throw damaged("expected \(expectedBytes) bytes, found \(size)")
    }
    do {
      try TreeCheck.run(path, blocks: blocks)
    } catch let problem as TreeCheck.Damage {
      throw damaged(problem.description)
    }
    try check(mdb_env_create(&environment), "create")
    let flags = MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOSUBDIR
    try check(mdb_env_open(environment, path, UInt32(flags), 0), "open")
    var information = MDB_envinfo()
    var status = MDB_stat()
    try check(mdb_env_info(environment, &information), "inspect")
    try check(mdb_env_stat(environment, &status), "inspect")
    let needed = (information.me_last_pgno + 1) * Int(status.ms_psize)
    guard needed <= size else { throw damaged("expected at least \(needed) bytes, found \(size)") }
    try check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction), "begin")
    try check(mdb_dbi_open(transaction, nil, 0, &table), "open the table")
  }

  deinit {
    if transaction != nil { mdb_txn_abort(transaction) }
    if environment != nil { mdb_env_close(environment) }
  }

  private func damaged(_ what: String) -> Failure {
    Failure(
      .badData, at: path, what,
      remedy: "The shard is damaged. Rebuild it with: metamae-prep build-shards")
  }

  private func check(_ code: Int32, _ doing: String) throws {
    if code == 0 { return }
    if code > 0 { throw Failure.system(code, at: path, "cannot \(doing) the shard") }
    throw damaged("cannot \(doing) the shard: \(String(cString: mdb_strerror(code)))")
  }

  /// The file that is mapped, as it is now.
  func identity() throws -> FileIdentity {
    var descriptor: mdb_filehandle_t = -1
    try check(mdb_env_get_fd(environment, &descriptor), "inspect")
    return try Files.identity(of: descriptor, at: path)
  }

  /// The frame of a block, in the mapped file; nil when it is not there.
  func frame(block: Int) -> UnsafeRawBufferPointer? {
    var number = UInt64(block).bigEndian
    return withUnsafeMutableBytes(of: &number) { key in
      var key = MDB_val(mv_size: 8, mv_data: key.baseAddress)
      var value = MDB_val()
      guard mdb_get(transaction, table, &key, &value) == 0 else { return nil }
      return UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
    }
  }
}

/// Another program's LMDB file, read by key (TAPE's `data.mdb`). Open it in the process that reads.
public final class LMDBFile {
  private let path: String
  private var environment: OpaquePointer?
  private var transaction: OpaquePointer?
  private var table: MDB_dbi = 0

  /// - Throws: badData for a file that is cut, whose tree is damaged, or that is no LMDB file.
  public init(path: String) throws {
    self.path = path
    do {
      try TreeCheck.run(path)
    } catch let problem as TreeCheck.Damage {
      throw damaged(problem.description)
    }
    try check(mdb_env_create(&environment))
    let flags = MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOSUBDIR
    try check(mdb_env_open(environment, path, UInt32(flags), 0))
    try check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction))
    try check(mdb_dbi_open(transaction, nil, 0, &table))
  }

  deinit {
    if transaction != nil { mdb_txn_abort(transaction) }
    if environment != nil { mdb_env_close(environment) }
  }

  /// The value of a key, in the mapped file; nil when there is none.
  public func value(_ key: String) -> UnsafeRawBufferPointer? {
    var bytes = Array(key.utf8)
    return bytes.withUnsafeMutableBytes { bytes in
      var key = MDB_val(mv_size: bytes.count, mv_data: bytes.baseAddress)
      var value = MDB_val()
      guard mdb_get(transaction, table, &key, &value) == 0 else { return nil }
      return UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
    }
  }

  private func damaged(_ what: String) -> Failure {
    Failure(
      .badData, at: path, "expected a whole LMDB file: \(what)",
      remedy: "The file is damaged; get it again.")
  }

  private func check(_ code: Int32) throws {
    if code == 0 { return }
    if code > 0 { throw Failure.system(code, at: path, "cannot open") }
    throw damaged(String(cString: mdb_strerror(code)))
  }
}
