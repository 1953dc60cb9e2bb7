// Python pickles, protocols 0 to 4, as data (datasets.md section 3): values are built, nothing is ever called. A class
// or function is its name; what it would have been called with is kept beside it. Values are numbers into flat tables,
// so that a file cannot make us recurse, and strings stay where they are in the file.

import Basics
import Glibc

final class Pickle {
  private let file: FileBytes
  private var position = 0
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [PickleValue] = []
  private var sparseMemo: [Int: PickleValue] = [:]
  private var nodes: [PickleNode] = []
  private var parts: [PickleValue] = []
  private(set) var root = PickleValue.none

  /// Runs to STOP. Memory: at most about 60 bytes for each byte of the file, strings aside.
  /// - Throws: badData with the offset of the opcode that cannot be.
  init(_ file: FileBytes) throws {
    self.file = file
    while try step() {}
    memo = []
    sparseMemo = [:]
  }

  var place: String { file.place }

  // MARK: Looking at values

  func node(_ value: PickleValue) -> PickleNode? {
    if case .node(let number) = value { return nodes[number] }
    return nil
  }

  /// The values of a tuple or list.
  func items(_ value: PickleValue) -> [PickleValue]? {
    switch node(value) {
    case .tuple(let start, let count): Array(parts[start..<(start + count)])
    case .list(let items): items
    default: nil
    }
  }

  /// A dict's value of a key that is this text in any of Python's forms.
  func member(_ key: String, of value: PickleValue) -> PickleValue? {
    guard case .dict(let pairs) = node(value) else { return nil }
    for k in stride(from: 0, to: pairs.count - 1, by: 2) where text(pairs[k]) == key {
      return pairs[k + 1]
    }
    return nil
  }

  func object(_ value: PickleValue) -> (
    name: String, arguments: PickleValue, state: PickleValue
  )? {
    guard case .object(let start) = node(value) else { return nil }
    guard case .global(let name) = node(parts[start]) else { return nil }
    return (name, parts[start + 1], parts[start + 2])
  }

  /// Text or bytes in any of their forms, `_codecs.encode(text, "latin1")` included.
  func withBytes<Result>(of value: PickleValue, _ body: (UnsafeRawBufferPointer) -> Result)
    -> Result?
  {
    if case .bytes(let start, let count) = value { return body(slice(start, count)) }
    switch node(value) {
    case .text(let start, let count): return body(slice(start, count))
    case .spelled(let bytes): return bytes.withUnsafeBytes(body)
    default: break
    }
    guard let found = object(value) else { return nil }
    // How Python 3 writes no bytes at all in protocol 2.
    if found.name == "__builtin__ bytes", items(found.arguments)?.isEmpty == true {
      return body(UnsafeRawBufferPointer(start: nil, count: 0))
    }
    guard found.name == "_codecs encode", let text = items(found.arguments)?.first else {
      return nil
    }
    return withBytes(of: text) { utf8 in
      // Latin-1 text as UTF-8: one character a byte.
      return Self.latin1(utf8).withUnsafeBytes(body)
    }
  }

  /// Two bytes of UTF-8 are a character from 0x80 on; what no Latin-1 text has, longer ones, keeps its low bits.
  private static func latin1(_ utf8: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: utf8.count) { target, count in
      var i = 0
      while i < utf8.count {
        var value = utf8[i]
        i += 1
        if value >= 0x80 {
          while i < utf8.count, utf8[i] & 0xC0 == 0x80 {
            value = value << 6 | utf8[i] & 0x3F
            i += 1
          }
        }
        target[count] = value
        count += 1
      }
    }
  }

  func text(_ value: PickleValue) -> String? {
    withBytes(of: value) { String(decoding: $0, as: UTF8.self) }
  }

  private func slice(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[start..<(start + count)])
  }

  // MARK: Bytes

  func complaint(_ what: String, at offset: Int? = nil) -> Failure {
    Failure(
      .badData, at: "\(place), offset \(offset ?? position)", what,
      remedy: "The file is damaged, or not the publisher's.")
  }

  /// Takes bytes of the file.
  private func take(_ count: Int) throws -> Int {
    guard count >= 0, count <= file.bytes.count - position else {
      throw complaint("expected \(count) more bytes of the pickle, found its end")
    }
    defer { position += count }
    return position
  }

  /// A little-endian number of so many bytes.
  private func number(_ bytes: Int) throws -> Int {
    let start = try take(bytes)
    var value: UInt64 = 0
    for k in (0..<bytes).reversed() { value = value << 8 | UInt64(file.bytes[start + k]) }
    guard let whole = Int(exactly: value) else {
      throw complaint("expected a length, found \(value)", at: start)
    }
    return whole
  }

  private func line() throws -> UnsafeRawBufferPointer {
    guard let base = file.bytes.baseAddress, position < file.bytes.count,
      let end = memchr(base + position, 0x0A, file.bytes.count - position)
    else { throw complaint("expected a line of text, found the pickle's end") }
    let start = position
    position = UnsafeRawPointer(end) - base + 1
    return slice(start, position - 1 - start)
  }

  private func lineText() throws -> String { String(decoding: try line(), as: UTF8.self) }

  // MARK: The stack

  private func pop() throws -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw complaint("expected a value on the pickle's stack, found none")
    }
    return value
  }

  private func top() throws -> PickleValue {
    guard stack.count > (marks.last ?? 0) else {
      throw complaint("expected a value on the pickle's stack, found none")
    }
    return stack[stack.count - 1]
  }

  /// What was pushed since the last mark, which goes too.
  private func sinceMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else {
      throw complaint("expected a mark on the pickle's stack, found none")
    }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  private func push(_ node: PickleNode) {
    nodes.append(node)
    stack.append(.node(nodes.count - 1))
  }

  private func pushTuple(_ values: some Collection<PickleValue>) {
    push(.tuple(start: parts.count, count: values.count))
    parts += values
  }

  private func pushObject(_ name: PickleValue, _ arguments: PickleValue) {
    push(.object(start: parts.count))
    parts += [name, arguments, .none]
  }

  private func remember(_ value: PickleValue, as number: Int) {
    if number < memo.count {
      memo[number] = value
    } else if number <= memo.count + 1024 {
      while memo.count < number { memo.append(.none) }
      memo.append(value)
    } else {
      sparseMemo[number] = value
    }
  }

  private func recall(_ number: Int) throws -> PickleValue {
    if number >= 0, number < memo.count { return memo[number] }
    guard let value = sparseMemo[number] else {
      throw complaint("expected item \(number) of the pickle's memo, found it never stored")
    }
    return value
  }

  private func extend(_ values: [PickleValue], _ what: String) throws {
    guard case .node(let number) = try top() else {
      throw complaint("expected \(what) on the pickle's stack, found a plain value")
    }
    switch nodes[number] {
    case .list(var items) where what == "a list":
      nodes[number] = .list([])
      items += values
      nodes[number] = .list(items)
    case .dict(var pairs) where what == "a dict" && values.count % 2 == 0:
      nodes[number] = .dict([])
      pairs += values
      nodes[number] = .dict(pairs)
    case .object: break  // A subclass fills itself; nothing of it is needed.
    default: throw complaint("expected \(what) on the pickle's stack, found something else")
    }
  }

  // MARK: Opcodes

  /// - Returns: false at STOP.
  private func step() throws -> Bool {
    let opcode = file.bytes[try take(1)]
    switch opcode {
    case UInt8(ascii: "."):
      root = try pop()
      return false
    case 0x80: _ = try take(1)  // PROTO
    case 0x95: _ = try take(8)  // FRAME
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"):
      if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
    case UInt8(ascii: "1"): _ = try sinceMark()
    case UInt8(ascii: "2"): stack.append(try top())
    default:
      if try !pushNumber(opcode) && !pushString(opcode) && !useMemo(opcode) {
        try build(opcode)
      }
    }
    return true
  }

  private func pushNumber(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "J"): stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))
    case UInt8(ascii: "K"): stack.append(.int(try number(1)))
    case UInt8(ascii: "M"): stack.append(.int(try number(2)))
    case UInt8(ascii: "I"), UInt8(ascii: "L"):
      let text = try lineText()
      if text == "00" || text == "01" {
        stack.append(.bool(text == "01"))
      } else {
        guard let value = Int(text.hasSuffix("L") ? text.dropLast() : text[...]) else {
          throw complaint("expected a whole number, found '\(text.prefix(40))'")
        }
        stack.append(.int(value))
      }
    case UInt8(ascii: "F"):
      let text = try lineText()
      guard let value = Double(text) else {
        throw complaint("expected a number, found '\(text.prefix(40))'")
      }
      stack.append(.float(value))
    case UInt8(ascii: "G"):
      let start = try take(8)
      let bits = file.bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self).byteSwapped
      stack.append(.float(Double(bitPattern: bits)))
    case 0x8A, 0x8B:
      let count = try number(opcode == 0x8A ? 1 : 4)
      let start = try take(count)
      // Two's complement, little endian; more than 64 bits are of no use to anyone here.
      var value: Int64 = count > 0 && file.bytes[start + count - 1] >= 0x80 ? -1 : 0
      for k in (0..<min(count, 8)).reversed() {
        value = value << 8 | Int64(file.bytes[start + k])
      }
      stack.append(.int(Int(value)))
    default: return false
    }
    return true
  }

  private func pushString(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "T"), UInt8(ascii: "B"): try pushBytes(4)
    case UInt8(ascii: "U"), UInt8(ascii: "C"): try pushBytes(1)
    case 0x8E: try pushBytes(8)
    case UInt8(ascii: "X"): try pushText(4)
    case 0x8C: try pushText(1)
    case 0x8D: try pushText(8)
    case UInt8(ascii: "S"):
      let spelled = try line()
      guard spelled.count >= 2, let quote = spelled.first, quote == spelled.last,
        quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
      else { throw complaint("expected a quoted string, found none") }
      push(.spelled(PickleEscapes.bytes(spelled.dropFirst().dropLast())))
    case UInt8(ascii: "V"): push(.spelled(PickleEscapes.text(try line())))
    default: return false
    }
    return true
  }

  private func pushBytes(_ width: Int) throws {
    let count = try number(width)
    stack.append(.bytes(start: try take(count), count: count))
  }

  private func pushText(_ width: Int) throws {
    let count = try number(width)
    push(.text(start: try take(count), count: count))
  }

  private func useMemo(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case UInt8(ascii: "p"): remember(try top(), as: try lineNumber())
    case UInt8(ascii: "q"): remember(try top(), as: try number(1))
    case UInt8(ascii: "r"): remember(try top(), as: try number(4))
    case 0x94: remember(try top(), as: memo.count)
    case UInt8(ascii: "g"): stack.append(try recall(try lineNumber()))
    case UInt8(ascii: "h"): stack.append(try recall(try number(1)))
    case UInt8(ascii: "j"): stack.append(try recall(try number(4)))
    default: return false
    }
    return true
  }

  private func lineNumber() throws -> Int {
    let text = try lineText()
    guard let value = Int(text), value >= 0 else {
      throw complaint("expected a number of the memo, found '\(text.prefix(40))'")
    }
    return value
  }

  private func build(_ opcode: UInt8) throws {
    switch opcode {
    case UInt8(ascii: "]"): push(.list([]))
    case UInt8(ascii: "}"): push(.dict([]))
    case UInt8(ascii: ")"): pushTuple([])
    case 0x8F: push(.list([]))  // EMPTY_SET
    case UInt8(ascii: "l"): push(.list(try sinceMark()))
    case UInt8(ascii: "d"): push(.dict(try sinceMark()))
    case UInt8(ascii: "t"), 0x91: pushTuple(try sinceMark())
    case 0x85, 0x86, 0x87:
      var values: [PickleValue] = []
      for _ in 0x85...opcode { values.append(try pop()) }
      pushTuple(values.reversed())
    case UInt8(ascii: "a"): try extend([try pop()], "a list")
    case UInt8(ascii: "e"), 0x90: try extend(try sinceMark(), "a list")
    case UInt8(ascii: "s"):
      let value = try pop()
      try extend([try pop(), value], "a dict")
    case UInt8(ascii: "u"): try extend(try sinceMark(), "a dict")
    case UInt8(ascii: "c"):
      let module = try lineText()
      push(.global(module + " " + (try lineText())))
    case 0x93:
      let (name, module) = (text(try pop()), text(try pop()))
      guard let name, let module else {
        throw complaint("expected the name of a class, found none")
      }
      push(.global(module + " " + name))
    case UInt8(ascii: "R"), 0x81:
      let arguments = try pop()
      pushObject(try pop(), arguments)
    case 0x92:
      _ = try pop()
      let arguments = try pop()
      pushObject(try pop(), arguments)
    case UInt8(ascii: "i"):
      let name = try lineText() + " " + lineText()
      pushTuple(try sinceMark())
      let arguments = try pop()
      push(.global(name))
      pushObject(try pop(), arguments)
    case UInt8(ascii: "o"):
      let values = try sinceMark()
      guard let name = values.first else { throw complaint("expected a class, found none") }
      pushTuple(values.dropFirst())
      pushObject(name, try pop())
    case UInt8(ascii: "b"):
      let state = try pop()
      guard case .object(let start) = node(try top()) else {
        throw complaint("expected an object to give a state to, found something else")
      }
      parts[start + 2] = state
    default:
      throw complaint(
        "expected an opcode of pickle protocols 0 to 4, found byte \(opcode)", at: position - 1)
    }
  }
}
