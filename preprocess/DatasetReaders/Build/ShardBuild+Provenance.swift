// What the output of a build follows from: the raw files with their checksums, and the options. Another build of the same
// goes on where one stopped; any other is refused.

import Basics
import ShardFormat

extension ShardBuild {
  func provenance() throws -> Provenance {
    Provenance(rawFiles: try rawFiles(), options: optionTexts, notes: reader.notes)
  }

  func plan(_ provenance: Provenance) throws -> BuildFolder.Plan {
    BuildFolder.Plan(
      provenance: provenance, recordBytes: reader.recordBytes,
      stamp: try (reader as? any FileTreeReader)?.tree.listingDigest(withTimes: true))
  }

  private var optionTexts: [String: String] {
    var texts = ["dataset": request.dataset]
    if let limit = request.limit { texts["limit"] = String(limit) }
    if request.skipsBadRecords { texts["on-bad-record"] = "skip" }
    let options = request.options
    // What it says counts, not where it lies.
    if let path = options.labelsFrom, let codes = try? ClassTable.read(path) {
      let bytes = Array(codes.map { String($0) }.joined(separator: " ").utf8)
      texts["labels-from"] = hexadecimal(bytes.withUnsafeBytes { Digest.of($0, .sha256) })
    }
    texts.merge(options.texts) { $1 }
    texts["format"] = options.format
    guard request.dataset == "series" else {
      if !options.normalises { texts["normalise"] = "no" }
      return texts
    }
    texts["window"] = String(options.window ?? 320)
    guard options.format != nil else {
      texts["stride"] = String(options.stride ?? options.window ?? 320)
      texts["normalise"] = options.normalises ? "yes" : "no"
      return texts
    }
    texts["per-epoch"] = String(options.perEpoch ?? 50_000)
    texts["test-subjects"] = Set(options.testSubjects ?? []).sorted().map { String($0) }.joined(
      separator: ",")
    texts["normalise"] = options.normalises ? "yes" : "no"
    return texts
  }

  /// The files on disk, named relative to `--raw`; a tree of files is one, known by its listing.
  private func rawFiles() throws -> [Provenance.RawFile] {
    guard let tree = (reader as? any FileTreeReader)?.tree else {
      return try files((reader as? any DatasetReader)?.parts.map(\.file) ?? [])
    }
    let tables = (reader as? any FileTreeReader)?.tables.map(\.file) ?? []
    // An archive is a file like any other; what it holds needs no second mention.
    let archives = tree.archives
    guard archives.isEmpty else { return try files(archives + tables) }
    return try [
      .init(
        name: tree.name + "/", bytes: tree.size ?? 0, files: tree.count,
        listing: tree.listingDigest(withTimes: false))
    ] + files(tables)
  }

  private func files(_ paths: [String]) throws -> [Provenance.RawFile] {
    let paths = Set(paths).sorted()
    let sizes = try paths.map { try Files.size($0) }
    let digests = try digests(of: paths, bytes: sizes.reduce(0, +))
    return paths.indices.map {
      .init(name: relative(paths[$0]), bytes: sizes[$0], sha256: digests[$0])
    }
  }

  /// Small files one by one, many bytes by all processes.
  private func digests(of paths: [String], bytes: Int) throws -> [String] {
    let jobs = min(request.jobs, paths.count)
    guard jobs > 1, bytes > 1 << 25 else { return try paths.map { try Digest.sha256(file: $0) } }
    return try Workforce(size: jobs).map(paths.count) { try Digest.sha256(file: paths[$0]) }
  }

  private func relative(_ place: String) -> String {
    place.hasPrefix(source.path + "/")
      ? String(place.dropFirst(source.path.count + 1))
      : place.hasPrefix(source.path)
        ? Files.name(of: source.path) + place.dropFirst(source.path.count) : place
  }

  /// With what only decoding tells.
  func completed(_ provenance: Provenance, _ decoded: BuildFolder.Decoded) -> Provenance {
    var provenance = provenance
    if let digest = decoded.digest {
      for k in provenance.rawFiles.indices where provenance.rawFiles[k].listing != nil {
        provenance.rawFiles[k].xxh128 = digest
      }
    }
    if request.skipsBadRecords {
      provenance.skipped = decoded.skipped.map {
        .init(name: relative($0.place), problem: $0.problem)
      }
    }
    return provenance
  }

  func refusal(_ place: String, _ found: Provenance, _ wanted: Provenance) -> Failure {
    var difference = "other raw files"
    if found.tool != wanted.tool {
      difference = "\(found.tool), this is \(wanted.tool)"
    } else if found.options != wanted.options {
      let keys = Set(found.options.keys).union(wanted.options.keys).sorted()
      difference = keys.filter { found.options[$0] != wanted.options[$0] }.map { key in
        "\(key) \(found.options[key] ?? "none"), asked for \(wanted.options[key] ?? "none")"
      }.joined(separator: "; ")
    }
    return Failure(
      .usage, at: place, "is there already, built with \(difference)",
      remedy: "Remove the folder, or choose another --out.")
  }
}
