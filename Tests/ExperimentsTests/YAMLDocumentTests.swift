import Basics
import Experiments
import Testing

@Suite struct YAMLDocumentTests {
  private func flat(_ node: YAMLNode) -> String {
    switch node.content {
    case .scalar(let text): "\(text)@\(node.line):\(node.column)"
    case .sequence(let items): "[" + items.map(flat).joined(separator: " ") + "]"
    case .map(let pairs):
      "{"
        + pairs.map { "\($0.key)@\($0.line):\($0.column)=\(flat($0.value))" }
        .joined(separator: " ") + "}"
    }
  }

  @Test(arguments: [
    ("", "{}"),
    ("# only a comment\n", "{}"),
    ("a: 1", "{a@1:1=1@1:4}"),
    (
      "a: 1\nb:\n  c: x y\n  d: [1, [2]]\n",
      "{a@1:1=1@1:4 b@2:1={c@3:3=x y@3:6 d@4:3=[1@4:7 [2@4:11]]}}"
    ),
    ("- 1\n- two", "[1@1:3 two@2:3]"),
    ("a: \"q: #\" # comment", "{a@1:1=q: #@1:4}"),
    ("a:", "{a@1:1=@1:3}"),
  ]) func reads(text: String, expected: String) throws {
    #expect(flat(try YAMLDocument.parse(text, path: "x.yaml")) == expected)
  }

  @Test(arguments: [
    ("a: 1\na: 2\n", "x.yaml, line 2, column 1: key 'a' given twice, first in line 1"),
    ("m:\n  a: 1\n  a: 2\n", "x.yaml, line 3, column 3: key 'a' given twice, first in line 2"),
    ("a: &x 1\n", "x.yaml, line 1, column 4: anchors (&name) are not read; write the value out"),
    ("a: *x\n", "x.yaml, line 1, column 4: aliases (*name) are not read; write the value out"),
    ("a: !int 1\n", "x.yaml, line 1, column 4: tags (!name) are not read"),
    ("[a]: 1\n", "x.yaml, line 1, column 1: expected a plain key, found a list, a map or an alias"),
    ("a: 1\n---\nb: 1\n", "x.yaml, line 2, column 1: expected one document, found a second one"),
    (
      "a: [1,\n",
      "x.yaml, line 2, column 1: not YAML: while parsing a flow node: did not find expected node content"
    ),
    (
      "a: b: c\n",
      "x.yaml, line 1, column 5: not YAML: mapping values are not allowed in this context"
    ),
    (String(repeating: "[", count: 40), "x.yaml, line 1, column 18: nested more than 16 deep"),
  ]) func refuses(text: String, expected: String) {
    let failure = #expect(throws: Failure.self) { try YAMLDocument.parse(text, path: "x.yaml") }
    #expect(failure?.description == expected)
    #expect(failure?.kind == .usage)
  }
}
