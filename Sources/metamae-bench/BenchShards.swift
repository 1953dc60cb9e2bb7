// Shards of records that are made on the spot.

import Basics
import ShardFormat

extension Manifest {
  /// Writes the shards of a split whose blocks `fill` makes (number, memory), and then the manifest, which names them.
  func write(
    to folder: String, _ fill: (Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    try Files.createFolder(folder)
    var whole = self
    for (k, blocks) in ShardPlan(self).shards.enumerated() {
      whole.shards.append(
        try ShardWriter.write(shard: k, blocks: blocks, of: self, in: folder, fill: fill))
    }
    try whole.write(to: folder)
  }
}
