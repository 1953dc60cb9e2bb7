// A build from raw files to finished splits: decode to scratch records, compute the training part's statistics, write
// the shards, then the manifests. Output bytes follow from raw files, options and version alone.

import Basics
import ShardFormat

/// What to build.
public struct BuildRequest: Codable, Sendable {
  public var dataset: String
  public var raw: String
  public var output: String
  public var jobs: Int
  /// The first records of each split only.
  public var limit: Int?
  public var options = ReaderOptions()
  /// Leave out records that cannot be decoded, instead of stopping at the first.
  public var skipsBadRecords = false
  /// The piece of the raw records to decode; all of them unless `--part` says otherwise.
  public var part = BuildPart.whole

  public init(dataset: String, raw: String, output: String, jobs: Int = 1, limit: Int? = nil) {
    (self.dataset, self.raw, self.output, self.jobs, self.limit) = (
      dataset, raw, output, jobs, limit
    )
  }
}

/// What was built, or was there already.
public struct BuildReport: Sendable {
  public struct Split: Sendable {
    public var directory: String
    public var manifest: Manifest
    public var bytes: Int { manifest.shards.reduce(0) { $0 + $1.bytes } }
  }

  public var dataset: String
  public var splits: [Split]
  public var wasThere: Bool
  public var seconds: Double
}

/// How far a build is; libraries do not print.
public protocol BuildObserver {
  func note(_ line: String)
  /// - Parameters:
  ///   - phase: what is counted; a new one starts a new bar.
  ///   - total: 0 when it is not known.
  func progress(_ phase: BuildPhase, done: Int, total: Int)
}

public enum BuildPhase: Sendable { case decoding, storing }

public struct ShardBuild {
  let request: BuildRequest
  let reader: any BuildableSet
  let source: RawSource
  let observer: any BuildObserver

  /// Finds the raw files; nothing is written.
  public init(_ request: BuildRequest, observer: any BuildObserver) throws {
    self.request = request
    self.observer = observer
    let entry = try DatasetRegistry.entry(request.dataset, request.options)
    source = try RawSource(request.raw)
    var options = request.options
    options.skipsBadRecords = request.skipsBadRecords
    reader = try entry.open(source, options)
    guard reader.canSkipRecords || !request.skipsBadRecords else {
      throw Failure(
        .usage, at: "--on-bad-record",
        "expected fail, found skip: the rows of \(request.dataset) make windows, none can be left out"
      )
    }
  }

  /// Builds what is missing.
  ///
  /// - Throws: usage when splits of other options or raw files are there; badData, missingInput, inputOutput and
  ///   tryAgain as they come. After any but interrupted nothing half-written is left.
  public func run() throws -> BuildReport { try run(merging: []) }

  /// - Parameter parts: all pieces of a build, whose records are taken instead of decoding.
  func run(merging parts: [(folder: String, built: BuiltPart)]) throws -> BuildReport {
    let began = monotonicSeconds()
    let provenance = try provenance()
    if let part = parts.first, !part.built.provenance.isBuild(of: provenance) {
      throw refusal(part.folder, part.built.provenance, provenance)
    }
    let folder = try BuildFolder(output: request.output, dataset: reader.dataset)
    do {
      let there = try folder.finished { observer.note($0.description) }
      if let stranger = there.first(where: { !$0.provenance.isBuild(of: provenance) }) {
        throw refusal(folder.directory(stranger.split), stranger.provenance, provenance)
      }
      try folder.revoke(except: there)
      let names = reader.splitNames ?? DatasetRegistry.splits(of: request.dataset)
      if names.allSatisfy({ name in there.contains { $0.split == name } }) {
        try folder.clear()
        return report(folder, there, names, wasThere: true, began)
      }
      let decoded =
        try folder.prepare(try plan(provenance))
        ?? (parts.isEmpty ? decode(into: folder) : assemble(parts, into: folder))
      let manifests = try store(decoded, in: folder, completed(provenance, decoded), there)
      try Files.remove(folder.scratch)
      return report(folder, manifests, names, wasThere: false, began)
    } catch let failure as Failure where failure.kind == .interrupted {
      throw failure
    } catch {
      folder.abandon()
      throw error
    }
  }

  private func report(
    _ folder: BuildFolder, _ manifests: [Manifest], _ names: [String], wasThere: Bool,
    _ began: Double
  ) -> BuildReport {
    BuildReport(
      dataset: reader.dataset,
      splits: names.map { name in
        .init(
          directory: folder.directory(name), manifest: manifests.first { $0.split == name }!)
      }, wasThere: wasThere, seconds: monotonicSeconds() - began)
  }
}

/// "3.2 GB", for people.
public func megabytes(_ bytes: Int) -> String {
  bytes >= 1_000_000_000
    ? "\(decimal(Double(bytes) / 1e9, 1)) GB" : "\(decimal(Double(bytes) / 1e6, 1)) MB"
}
