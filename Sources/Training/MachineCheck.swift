// `metamae-train doctor`: the machine before a run. Each check says what it found and, if a run could not work so, what to
// do.

import Basics
import CSystem
import Foundation
import Glibc
import TensorCore

/// One line of the doctor's report.
public struct MachineFinding: Codable, Equatable, Sendable {
  public var name: String
  public var found: String
  /// What keeps a run from working; nil: nothing.
  public var problem: String?

  init(_ name: String, _ found: String, problem: String? = nil) {
    self.name = name
    self.found = found
    self.problem = problem
  }
}

public enum MachineCheck {
  /// - Parameter folder: where a run would write.
  public static func all(folder: String) -> [MachineFinding] {
    // Processes first: BLAS has not been called yet.
    [processes(), sharedMemory(), cores(), memory(), descriptors(), blas(), numbers()]
      + fileSystem(folder)
  }

  static func cores() -> MachineFinding {
    let allowed = ProcessInfo.processInfo.activeProcessorCount
    let quota = ControlGroup.cores().map { ", control group's quota \($0)" } ?? ", no quota"
    return MachineFinding("cores", "\(GrantedCores.count()) granted (\(allowed) allowed\(quota))")
  }

  static func memory() -> MachineFinding {
    var information: [String: Int] = [:]
    if let bytes = try? Files.read("/proc/meminfo") {
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        let words = line.split { $0 == ":" || $0 == " " }
        if words.count >= 2, let kilobytes = Int(words[1]) {
          information[String(words[0])] = kilobytes << 10
        }
      }
    }
    let limit = ControlGroup.memoryLimit()
    var address = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &address)
    let own = address.rlim_cur < 1 << 60 ? Int(address.rlim_cur) : nil
    let total = [information["MemTotal"], limit, own].compactMap { $0 }.min() ?? 0
    let free = min(information["MemAvailable"] ?? total, total)
    func text(_ bytes: Int) -> String { significant(Double(bytes) / 1e9) + " GB" }
    let limits =
      (limit.map { ", control group's limit \(text($0))" } ?? ", no control group's limit")
      + (own.map { ", address space \(text($0))" } ?? "")
    return MachineFinding(
      "memory", "\(text(total)) granted, \(text(free)) available\(limits)",
      problem: free < 256 << 20
        ? "a run of the smallest preset needs 256 MB: free some, or raise the limit" : nil)
  }

  static func descriptors() -> MachineFinding {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let open = (try? Files.list("/proc/self/fd").count) ?? 0
    return MachineFinding(
      "descriptors", "\(limit.rlim_cur), at most \(limit.rlim_max), \(open) open",
      problem: limit.rlim_cur < 32 ? "expected 32 at least: raise it with ulimit -n" : nil)
  }

  static func processes() -> MachineFinding {
    let child = cs_fork_child()
    if child == 0 { _exit(7) }
    guard child > 0 else {
      return MachineFinding(
        "processes", "cannot fork: \(String(cString: strerror(errno)))",
        problem: "the loader needs processes of its own: raise ulimit -u")
    }
    let descriptor = cs_pidfd_open(child)
    let code = errno
    var status: Int32 = 0
    let ended = cs_reap(child, 1, &status)
    guard descriptor >= 0 else {
      return MachineFinding(
        "processes", "cannot watch one: \(String(cString: strerror(code)))",
        problem: "expected pidfd_open (Linux 5.3 or later, allowed in this container)")
    }
    close(descriptor)
    return MachineFinding(
      "processes", "fork, wait and watch work",
      problem: ended == 1 && status == 7 ? nil : "a child that left with 7 was seen as \(status)")
  }

  static func sharedMemory() -> MachineFinding {
    let bytes = 64 << 20
    guard let memory = cs_shared_alloc(bytes) else {
      return MachineFinding(
        "shared memory", "none: \(String(cString: strerror(errno)))",
        problem: "the rings need some tens of MB: free memory, or raise ulimit -v")
    }
    defer { munmap(memory, bytes) }
    let word = memory.assumingMemoryBound(to: UInt32.self)
    let child = cs_fork_child()
    if child == 0 {
      _ = cs_swap(word, 1)
      _ = cs_futex_wake(word, 1)
      _exit(0)
    }
    for _ in 0..<100 where cs_load(word) == 0 { _ = cs_futex_wait(word, 0, 20_000_000) }
    var status: Int32 = 0
    if child > 0 { _ = cs_reap(child, 1, &status) }
    return MachineFinding(
      "shared memory", "64 MB anonymous, futex wakes work",
      problem: cs_load(word) == 1 ? nil : "a child's write was not seen")
  }

  static func blas() -> MachineFinding {
    do {
      try BLAS.prepare()
    } catch {
      return MachineFinding("BLAS", BLAS.configuration, problem: "\(error)")
    }
    return MachineFinding(
      "BLAS",
      "\(BLAS.configuration.split(separator: " ").prefix(2).joined(separator: " ")), kernels "
        + "\(BLAS.coreName), own kernels \(BLAS.instructionSet)")
  }

  /// Products of odd shapes, OpenBLAS's in two lanes and our own, against sums in double.
  static func numbers() -> MachineFinding {
    var worst = 0.0
    var stream = RandomStream(RandomKey(seed: 0, "doctor"))
    for (m, k, n) in [(1, 1, 1), (3, 5, 7), (17, 33, 65), (64, 256, 48), (130, 97, 111)] {
      let (a, b) = (Storage<Float>(count: m * k), Storage<Float>(count: k * n))
      let results = (0..<3).map { _ in Storage<Float>(count: m * n) }
      for i in 0..<m * k { a.base[i] = Float(stream.normal()) }
      for i in 0..<k * n { b.base[i] = Float(stream.normal()) }
      inLanes(2) { lane in
        multiply(
          Matrix(a.base, m, k), Matrix(b.base, k, n), into: Matrix(results[lane].base, m, n))
      }
      Arena<Float>().multiply(
        Matrix(a.base, m, k), Matrix(b.base, k, n), into: Matrix(results[2].base, m, n))
      for row in 0..<m {
        for column in 0..<n {
          var sum = 0.0
          var size = 1e-30
          for i in 0..<k {
            let term = Double(a.base[row * k + i]) * Double(b.base[i * n + column])
            sum += term
            size += abs(term)
          }
          for result in results {
            let error = abs(Double(result.base[row * n + column]) - sum) / size
            worst = error.isNaN ? .infinity : max(worst, error)
          }
        }
      }
    }
    return MachineFinding(
      "numbers", "products agree with double arithmetic to \(Float(worst))",
      problem: worst < 1e-5
        ? nil : "expected 1e-5: set OPENBLAS_CORETYPE to kernels that this CPU has, or unset it")
  }
}
