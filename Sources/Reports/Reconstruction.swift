// What the decoder makes of masked samples, as plain values: written into the run directory by who has a network,
// drawn here. Values are in the network's own (normalised) units.

import Basics
import Foundation

/// One sample with its prediction before and after the adaptation of the latent (eq. 2).
public enum Reconstruction: Codable, Equatable, Sendable {
  case series(SeriesReconstruction)
  case image(ImageReconstruction)
  case tokens(TokenReconstruction)
}

public struct SeriesReconstruction: Codable, Equatable, Sendable {
  /// Curves over the steps, one a channel shown.
  public struct Channel: Codable, Equatable, Sendable {
    public var name: String
    public var original: [Float]
    /// Nil for objectives without adaptation.
    public var before: [Float]?
    public var after: [Float]

    public init(name: String, original: [Float], before: [Float]?, after: [Float]) {
      self.name = name
      self.original = original
      self.before = before
      self.after = after
    }
  }

  public var title: String
  /// Steps of a token.
  public var patch: Int
  /// One a token.
  public var masked: [Bool]
  public var channels: [Channel]

  public init(title: String, patch: Int, masked: [Bool], channels: [Channel]) {
    self.title = title
    self.patch = patch
    self.masked = masked
    self.channels = channels
  }
}

public struct ImageReconstruction: Codable, Equatable, Sendable {
  public var title: String
  public var height: Int
  public var width: Int
  /// Rows and columns of a token.
  public var patch: [Int]
  /// One a token, row-major over the grid.
  public var masked: [Bool]
  /// 1 (drawn with a colour map) or 3 (red, green, blue), each of height x width values, row-major.
  public var original: [[Float]]
  /// Nil for objectives without adaptation.
  public var before: [[Float]]?
  public var after: [[Float]]

  public init(
    title: String, height: Int, width: Int, patch: [Int], masked: [Bool], original: [[Float]],
    before: [[Float]]?, after: [[Float]]
  ) {
    self.title = title
    self.height = height
    self.width = width
    self.patch = patch
    self.masked = masked
    self.original = original
    self.before = before
    self.after = after
  }
}

public struct TokenReconstruction: Codable, Equatable, Sendable {
  public var title: String
  /// What each id is shown as; ids beyond are shown as numbers.
  public var alphabet: [String]
  public var masked: [Bool]
  public var original: [Int]
  /// Nil for objectives without adaptation.
  public var before: [Int]?
  public var after: [Int]

  public init(
    title: String, alphabet: [String], masked: [Bool], original: [Int], before: [Int]?,
    after: [Int]
  ) {
    self.title = title
    self.alphabet = alphabet
    self.masked = masked
    self.original = original
    self.before = before
    self.after = after
  }
}

extension Reconstruction {
  /// Where a run directory keeps them.
  static func path(in run: String) -> String { run + "/reconstructions.json" }

  /// Keeps them in the run directory, so that every later report shows them.
  public static func save(_ reconstructions: [Reconstruction], run: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(reconstructions), as: UTF8.self)
    try Files.writeAtomically(text, to: path(in: run))
  }

  /// None when nothing was saved.
  /// - Throws: bad data when the file isn't what `save` writes.
  static func load(run: String) throws -> [Reconstruction] {
    let path = path(in: run)
    guard Files.exists(path) else { return [] }
    do {
      return try JSONDecoder().decode([Reconstruction].self, from: Data(try Files.read(path)))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(
        .badData, at: path, "expected the reconstructions of a run, found something else",
        remedy: "Remove the file; the next report is made without it.")
    }
  }
}
