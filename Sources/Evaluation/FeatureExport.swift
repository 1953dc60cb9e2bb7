// Frozen features as files: x.npy (N, width) in record order, x.labels.npy and x.ids.npy beside it.

import Basics
import Glibc

/// Where an export goes.
public struct FeatureFiles: Equatable, Sendable {
  public let features, labels, ids: String

  /// - Throws: usage when the name doesn't end in .npy, missing input when its folder isn't there.
  public init(out path: String) throws {
    guard path.hasSuffix(".npy"), Files.name(of: path) != ".npy" else {
      throw Failure(.usage, at: "--out", "expected a file name ending in .npy, found '\(path)'")
    }
    guard Files.isFolder(Files.parent(of: path)) else {
      throw Failure(
        .missingInput, at: "--out", "the folder \(Files.parent(of: path)) is not there")
    }
    let stem = path.dropLast(4)
    features = path
    labels = stem + ".labels.npy"
    ids = stem + ".ids.npy"
  }
}

/// Writes a split's mean-pooled features; memory for one part at a time.
///
/// Labels are int64 classes (N), or (N, tokens) for a class a token, or float32 values; no file for a split without
/// labels (one left from before is removed). `files.features` appears last.
/// - Returns: samples and width.
/// - Throws: bad data for an empty split; what the source throws.
public func exportFeatures(
  _ source: FeatureSource, split: Split, to files: FeatureFiles
) throws -> (samples: Int, width: Int) {
  var features: NPYWriter?
  var labels: NPYWriter?
  let ids = try NPYWriter(files.ids, .int64)
  var (samples, width) = (0, 0)
  try source(split, .mean) { part in
    let perSample = part.labels.count / max(part.sampleCount, 1)
    if features == nil {
      width = part.width
      features = try NPYWriter(files.features, .float32, rowShape: [width])
      let rowShape = perSample > 1 ? [perSample] : []
      switch part.labels {
      case .none: break
      case .classes: labels = try NPYWriter(files.labels, .int64, rowShape: rowShape)
      case .values: labels = try NPYWriter(files.labels, .float32, rowShape: rowShape)
      }
    }
    try features?.append(part.features)
    try ids.append(part.ids)
    switch part.labels {
    case .none: break
    case .classes(let classes): try labels?.append(classes.map(Int64.init))
    case .values(let values): try labels?.append(values)
    }
    samples += part.sampleCount
  }
  guard let features, samples > 0 else {
    throw Failure(.badData, at: split.rawValue, "expected samples, found none")
  }
  if let labels { try labels.finish() } else { try Files.remove(files.labels) }
  try ids.finish()
  try features.finish()
  return (samples, width)
}
