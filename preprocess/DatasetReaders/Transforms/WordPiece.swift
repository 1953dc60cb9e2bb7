// BERT's uncased word pieces: datasets.md section 10.2, one step of it a function. Ids are line numbers of the
// published vocab.txt.

import Basics
import Foundation

struct WordPiece: Sendable {
  static let size = 30_522
  /// Ids of one sample, padded with 0.
  static let length = 32
  private static let (unknown, start, separator) = (100 as UInt16, 101 as UInt16, 102 as UInt16)

  private let ids: [ArraySlice<UInt8>: UInt16]
  private let longest: Int

  /// - Throws: badData when it is not the vocabulary of bert-base-uncased.
  init(_ entry: RawEntry) throws {
    let reader = try LineReader(entry)
    var ids: [ArraySlice<UInt8>: UInt16] = [:]
    var longest = 0
    var count = 0
    while let line = try reader.next() {
      let piece = Array(line)[...]
      if count < Self.size && ids[piece] == nil { ids[piece] = UInt16(count) }
      longest = max(longest, line.count)
      count += 1
    }
    let special = [
      "[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, "the": 1996,
    ]
    let odd = special.first { ids[Array($0.key.utf8)[...]] != UInt16($0.value) }
    guard count == Self.size, odd == nil else {
      throw Failure(
        .badData, at: entry.place,
        "expected the \(Self.size) lines of bert-base-uncased's vocab.txt, found \(count) lines"
          + (odd.map { ", '\($0.key)' not on line \($0.value + 1)" } ?? ""),
        remedy: "Give that file with --vocabulary.")
    }
    self.ids = ids
    self.longest = longest
  }

  /// [CLS] pieces [SEP], at most 32 ids.
  func encode(_ text: String) -> [UInt16] {
    Self.padded([Self.start] + pieces(text).prefix(30) + [Self.separator])
  }

  /// [CLS] first [SEP] second [SEP], at most 32 ids.
  func encode(_ first: String, _ second: String) -> [UInt16] {
    let (a, b) = (pieces(first), pieces(second))
    let kept = Self.lengths(a.count, b.count)
    return Self.padded(
      [Self.start] + a.prefix(kept.0) + [Self.separator] + b.prefix(kept.1) + [Self.separator])
  }

  /// "Longest first" of today's fast tokenizer: how many pieces of two texts are kept.
  static func lengths(_ first: Int, _ second: Int) -> (Int, Int) {
    let budget = length - 3
    guard first + second > budget else { return (first, second) }
    guard min(first, second) >= 15 else {
      return first <= second ? (first, budget - first) : (budget - second, second)
    }
    return first <= second ? (14, 15) : (15, 14)
  }

  private static func padded(_ ids: [UInt16]) -> [UInt16] {
    ids + [UInt16](repeating: 0, count: length - ids.count)
  }

  // MARK: Words

  func pieces(_ text: String) -> [UInt16] {
    var pieces: [UInt16] = []
    for word in Self.words(text) { append(word, to: &pieces) }
    return pieces
  }

  /// Steps 1 to 4: cleaned, decomposed without accents, lower case, cut at white space and around punctuation.
  static func words(_ text: String) -> [[Unicode.Scalar]] {
    var words: [[Unicode.Scalar]] = []
    var word: [Unicode.Scalar] = []
    func end() {
      if !word.isEmpty { words.append(word) }
      word = []
    }
    for scalar in cleaned(text).decomposedStringWithCanonicalMapping.unicodeScalars {
      let properties = scalar.properties
      if properties.generalCategory == .nonspacingMark { continue }
      if scalar == " " {
        end()
      } else if isPunctuation(scalar) {
        end()
        words.append([scalar])
      } else {
        word += Array(properties.lowercaseMapping.unicodeScalars)
      }
    }
    end()
    return words
  }

  private static func cleaned(_ text: String) -> String {
    var cleaned = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if ["\t", "\n", "\r"].contains(scalar) {
        cleaned.append(" ")
      } else if scalar.value == 0 || scalar.value == 0xFFFD || isControl(scalar) {
        continue
      } else if scalar.properties.isWhitespace {
        cleaned.append(" ")
      } else if isIdeograph(scalar.value) {
        cleaned.append(contentsOf: [" ", scalar, " "])
      } else {
        cleaned.append(scalar)
      }
    }
    return String(cleaned)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned: true
    default: false
    }
  }

  private static func isIdeograph(_ value: UInt32) -> Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B820...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  // MARK: Pieces

  /// Step 5: the longest prefix that is known, again and again; a word with an unknown rest is [UNK].
  private func append(_ word: [Unicode.Scalar], to pieces: inout [UInt16]) {
    guard word.count <= 100 else { return pieces.append(Self.unknown) }
    let bytes = Array(String(String.UnicodeScalarView(word)).utf8)
    let before = pieces.count
    var start = 0
    while start < bytes.count {
      let mark: [UInt8] = start == 0 ? [] : Array("##".utf8)
      var end = min(bytes.count, start + longest)
      var found: UInt16?
      while end > start {
        let isBoundary = end == bytes.count || bytes[end] & 0xC0 != 0x80
        if isBoundary {
          found = ids[(mark + bytes[start..<end])[...]]
          if found != nil { break }
        }
        end -= 1
      }
      guard let found else {
        pieces.removeSubrange(before...)
        return pieces.append(Self.unknown)
      }
      pieces.append(found)
      start = end
    }
  }
}

extension RawSource {
  /// BERT's vocabulary: `--vocabulary`, else a vocab.txt among the raw files, else one beside the raw folder.
  func vocabulary(_ option: String?, of dataset: String) throws -> RawEntry {
    if let option {
      guard Files.exists(option), !Files.isFolder(option) else {
        throw Failure(.missingInput, at: option, "expected the vocabulary, found no such file")
      }
      return try RawSource(option).entries[0]
    }
    if let found = find(["vocab.txt"])["vocab.txt"] { return found }
    let beside = Files.parent(of: path)
    for name in ["vocab.txt"] + (try Files.list(beside)).map({ $0 + "/vocab.txt" }) {
      let file = beside + "/" + name
      if Files.exists(file) { return try RawSource(file).entries[0] }
    }
    throw Failure(
      .missingInput, at: path,
      "expected bert-base-uncased's vocab.txt among the raw files of \(dataset) or beside them,"
        + " found none", remedy: "Give it with --vocabulary FILE.")
  }
}
