import Basics
import Foundation
import Testing
import Training

@Suite struct ShardLocationTests {
  @Test func findsTheSplit() throws {
    let bench = try Bench()
    let shards = bench.folder + "/shards"
    func message(_ dataset: String, _ split: String? = nil) -> String? {
      let failure = #expect(throws: Failure.self) {
        try ShardLocation(shards: shards, dataset: dataset, split: split)
      }
      #expect(failure?.kind == .missingInput)
      return failure?.description
    }
    #expect(
      message("a")
        == "\(shards): expected the folder that metamae-prep's --out named, found none")
    try Files.createFolder(shards)
    #expect(
      message("a")
        == "\(shards): expected the dataset 'a', found no folder\n"
        + "  Build it: metamae-prep build-shards --dataset a --raw RAW --out \(shards)")
    try Files.createFolder(shards + "/a/test")
    try Files.createFolder(shards + "/b.unfinished")
    #expect(message("b")?.contains("expected the dataset 'b', found a\n") == true)
    #expect(message("a") == "\(shards)/a: expected a split 'pretrain' or 'train', found test")
    try Files.createFolder(shards + "/a/train")
    #expect(try ShardLocation(shards: shards, dataset: "a", split: nil).split == "train")
    try Files.createFolder(shards + "/a/pretrain")
    let found = try ShardLocation(shards: shards, dataset: "a", split: nil)
    #expect(found.folder == shards + "/a/pretrain")
    #expect(try ShardLocation(shards: shards, dataset: "a", split: "test").split == "test")
    #expect(
      message("a", "none") == "\(shards)/a: expected a split 'none', found pretrain, test, train")
  }
}
