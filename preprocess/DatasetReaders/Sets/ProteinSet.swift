// The five protein sets of datasets.md section 7.2 and 7.3: what their files are called, what their labels are, and
// how residues become tokens.

import Basics
import ShardFormat

enum ProteinSet: String, CaseIterable, Sendable {
  case pfam, scop, stability, fluorescence
  case secondaryStructure = "secondary-structure"

  /// Residues of a sample.
  static let length = 128
  /// Token = place in here; X is also what short sequences are padded with.
  static let alphabet = Array("XARNDCQEGHILKMFPSTWYVUOBZJ").map { String($0) }
  /// Class of the positions behind a sequence's end.
  static let padding: UInt8 = 3
  /// Pfam's transfer set is cut from the last rows of its permuted `valid`.
  static let transferRows = 200_000

  private static let tokens: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 256)
    for (token, letter) in alphabet.enumerated() { table[Int(letter.utf8.first!)] = UInt8(token) }
    return table
  }()

  /// Begins the names of its files: `STEM_train.json`, `STEM_valid.json`.
  var stem: String {
    switch self {
    case .pfam: "pfam"
    case .scop: "remote_homology"
    case .stability: "stability"
    case .fluorescence: "fluorescence"
    case .secondaryStructure: "secondary_structure"
    }
  }

  var labelKey: String {
    switch self {
    case .pfam: "clan"
    case .scop: "fold_label"
    case .stability: "stability_score"
    case .fluorescence: "log_fluorescence"
    case .secondaryStructure: "ss3"
    }
  }

  var labelField: Field {
    switch self {
    case .pfam: Field("label", .int32, [])
    case .scop: Field("label", .uint16, [])
    case .stability, .fluorescence: Field("label", .float32, [])
    case .secondaryStructure: Field("label", .uint8, [Self.length])
    }
  }

  /// - Parameter clans: Pfam's classes.
  func task(clans: [Int]) -> TaskDescription {
    switch self {
    case .pfam:
      TaskDescription(
        kind: "classes", classes: clans.count, names: clans.map { String($0) }, metric: "accuracy")
    case .scop:
      TaskDescription(kind: "classes", classes: 1195, names: [], metric: "accuracy")
    case .stability, .fluorescence:
      TaskDescription(kind: "regression", classes: 1, names: [], metric: "spearman")
    case .secondaryStructure:
      TaskDescription(
        kind: "token-classes", classes: 4, names: ["0", "1", "2", "padding"],
        metric: "token_accuracy")
    }
  }

  // MARK: One protein

  /// The first residues as tokens, padded.
  static func store(
    residues: some Collection<UInt8>, at place: () -> String, into record: UnsafeMutableRawPointer
  ) throws {
    var position = 0
    for letter in residues.prefix(length) {
      let token = tokens[Int(letter)]
      guard token < 255 else {
        throw Failure(
          .badData, at: place(),
          "residue \(position): expected a letter of \(alphabet.joined()), found"
            + " '\(String(decoding: [letter], as: UTF8.self))'")
      }
      record.storeBytes(of: token, toByteOffset: position, as: UInt8.self)
      position += 1
    }
    while position < length {
      record.storeBytes(of: 0, toByteOffset: position, as: UInt8.self)
      position += 1
    }
  }

  /// The label behind the tokens.
  ///
  /// - Parameters:
  ///   - values: the numbers under `labelKey`; a bare number counts as one.
  ///   - residues: letters of the protein.
  func store(
    label values: [Double], residues: Int, at place: () -> String,
    into record: UnsafeMutableRawPointer
  ) throws {
    func complain(_ expected: String, _ found: String) -> Failure {
      Failure(.badData, at: place(), "\(labelKey): expected \(expected), found \(found)")
    }
    let label = record + Self.length
    if self == .secondaryStructure {
      guard values.count == residues else {
        throw complain("\(residues) numbers, one a residue", "\(values.count)")
      }
      for position in 0..<Self.length {
        let value = position < residues ? values[position] : Double(Self.padding)
        guard position >= residues || [0, 1, 2].contains(value) else {
          throw complain("0, 1 or 2", "\(value) at residue \(position)")
        }
        label.storeBytes(of: UInt8(value), toByteOffset: position, as: UInt8.self)
      }
      return
    }
    guard values.count == 1 else { throw complain("one number", "\(values.count)") }
    switch self {
    case .pfam:
      guard let clan = Int32(exactly: values[0]) else {
        throw complain("a whole number", "\(values[0])")
      }
      label.storeBytes(of: clan, as: Int32.self)
    case .scop:
      guard let fold = UInt16(exactly: values[0]), fold < 1195 else {
        throw complain("a whole number below 1195", "\(values[0])")
      }
      label.storeBytes(of: fold, as: UInt16.self)
    default:
      guard values[0].isFinite else { throw complain("a finite number", "\(values[0])") }
      label.storeBytes(of: Float(values[0]), as: Float.self)
    }
  }
}
