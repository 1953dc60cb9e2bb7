import ShardFormat

extension Split {
  init(_ manifest: Manifest, directory: String) throws { fatalError() }
}
