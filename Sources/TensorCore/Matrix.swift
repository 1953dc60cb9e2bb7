// Memory and views. Storage owns numbers, a Matrix is a window on them, an Arena hands out scratch windows that
// live until the mark they were taken after is released. Nothing here computes.

import Basics
import Glibc

/// An owned, zeroed, 64-byte aligned block of numbers. Pages that are never touched cost no memory. Ends the program as
/// one that should be tried again (75) when the system grants no more address space.
public final class Storage<R: Real>: @unchecked Sendable {
  public let base: UnsafeMutablePointer<R>
  public let count: Int
  private let bytes: Int

  public init(count: Int) {
    precondition(count >= 0)
    self.count = count
    bytes = max(count * MemoryLayout<R>.stride, 1)
    let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else {
      Console.leave(
        Failure(
          .tryAgain, at: "memory",
          "expected \(bytes) bytes more, found \(String(cString: strerror(errno)))",
          remedy: "Use a smaller batch or model, or raise the limit (ulimit -v)."))
    }
    if bytes >= 1 << 22 { madvise(address, bytes, MADV_HUGEPAGE) }
    base = address.bindMemory(to: R.self, capacity: max(count, 1))
  }

  deinit { munmap(base, bytes) }

  public var buffer: UnsafeMutableBufferPointer<R> {
    UnsafeMutableBufferPointer(start: base, count: count)
  }
}

/// A view of `rows` x `columns` numbers, row-major, `stride` numbers from row to row. Does not own them.
public struct Matrix<R: Real>: @unchecked Sendable {
  public let base: UnsafeMutablePointer<R>
  public let rows: Int
  public let columns: Int
  public let stride: Int

  @inlinable
  public init(_ base: UnsafeMutablePointer<R>, _ rows: Int, _ columns: Int, stride: Int? = nil) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  public var count: Int { rows * columns }
  public var isDense: Bool { stride == columns }

  /// A window of whole rows.
  public subscript(range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Matrix(base + range.lowerBound * stride, range.count, columns, stride: stride)
  }

  /// The first `count` rows: what is in use of a buffer planned for more.
  public func prefix(_ count: Int) -> Matrix { self[0..<count] }

  public func row(_ index: Int) -> UnsafeMutablePointer<R> {
    precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
    return base + index * stride
  }

  public func copy(from other: Matrix) {
    precondition(isDense && other.isDense && count == other.count, "copy of a different shape")
    memcpy(base, other.base, count * MemoryLayout<R>.stride)
  }

  public func zero() {
    precondition(isDense)
    memset(base, 0, count * MemoryLayout<R>.stride)
  }
}

/// A matrix that enters a product transposed.
public struct Transposed<R: Real> {
  public let matrix: Matrix<R>
}

extension Matrix {
  public var transposed: Transposed<R> { Transposed(matrix: self) }
}

/// c = a b + beta c, by OpenBLAS: for products that stand alone.
public func multiply<R: Real>(_ a: Matrix<R>, _ b: Matrix<R>, into c: Matrix<R>, adding beta: R = 0)
{
  product(a, false, b, false, c, beta, nil)
}

/// c = a b^T + beta c.
public func multiply<R: Real>(
  _ a: Matrix<R>, _ b: Transposed<R>, into c: Matrix<R>, adding beta: R = 0
) {
  product(a, false, b.matrix, true, c, beta, nil)
}

/// c = a^T b + beta c.
public func multiply<R: Real>(
  _ a: Transposed<R>, _ b: Matrix<R>, into c: Matrix<R>, adding beta: R = 0
) {
  product(a.matrix, true, b, false, c, beta, nil)
}

extension Arena {
  /// c = a b + beta c, on register tiles: for the products inside a block, whose operands are still in cache.
  public func multiply(_ a: Matrix<R>, _ b: Matrix<R>, into c: Matrix<R>, adding beta: R = 0) {
    product(a, false, b, false, c, beta, self)
  }

  /// c = a b^T + beta c.
  public func multiply(
    _ a: Matrix<R>, _ b: Transposed<R>, into c: Matrix<R>, adding beta: R = 0
  ) {
    product(a, false, b.matrix, true, c, beta, self)
  }

  /// c = a^T b + beta c.
  public func multiply(
    _ a: Transposed<R>, _ b: Matrix<R>, into c: Matrix<R>, adding beta: R = 0
  ) {
    product(a.matrix, true, b, false, c, beta, self)
  }

  /// c = a b + beta c, where `packed` is b as `R.pack` lays it out in this precision.
  public func multiply(
    _ a: Matrix<R>, packed: UnsafePointer<R>, into c: Matrix<R>, adding beta: R = 0
  ) {
    precondition(a.rows == c.rows, "shapes do not fit")
    let mark = mark
    defer { release(mark) }
    R.productPacked(
      precision, a.rows, c.columns, a.columns, a.base, max(a.stride, 1), packed, beta, c.base,
      c.stride, take(R.packedWorkspace(a.columns)))
  }
}

private func product<R: Real>(
  _ a: Matrix<R>, _ flipA: Bool, _ b: Matrix<R>, _ flipB: Bool, _ c: Matrix<R>, _ beta: R,
  _ scratch: Arena<R>?
) {
  let (m, depth) = flipA ? (a.columns, a.rows) : (a.rows, a.columns)
  let (inner, n) = flipB ? (b.columns, b.rows) : (b.rows, b.columns)
  precondition(depth == inner && c.rows == m && c.columns == n, "shapes do not fit")
  if m == 0 || n == 0 || (depth == 0 && beta == 1) { return }
  let (lda, ldb) = (max(a.stride, 1), max(b.stride, 1))
  guard let scratch else {
    return R.gemm(flipA, flipB, m, n, depth, 1, a.base, lda, b.base, ldb, beta, c.base, c.stride)
  }
  let mark = scratch.mark
  defer { scratch.release(mark) }
  R.product(
    scratch.precision, flipA, flipB, m, n, depth, a.base, lda, b.base, ldb, beta, c.base, c.stride,
    scratch.take(R.productWorkspace(scratch.precision, flipA, m, n, depth)))
}

/// Scratch memory of one lane: windows are taken and given back in the order of a stack. It grows during the first
/// step and is only reused after that. The lane's products run in it, in its precision.
public final class Arena<R: Real>: @unchecked Sendable {
  private var blocks: [Storage<R>] = []
  private var block = 0
  private var used = 0
  private let blockCount = 1 << 21
  public let precision: ProductPrecision

  public init(_ precision: ProductPrecision = .exact) { self.precision = precision }

  public struct Mark {
    let block: Int
    let used: Int
  }

  public var mark: Mark { Mark(block: block, used: used) }

  /// Gives back everything taken after the mark.
  public func release(_ mark: Mark) {
    block = mark.block
    used = mark.used
  }

  /// A window with arbitrary contents.
  public func matrix(_ rows: Int, _ columns: Int) -> Matrix<R> {
    Matrix(take(rows * columns), rows, columns)
  }

  public func take(_ count: Int) -> UnsafeMutablePointer<R> {
    let rounded = (count + 15) & ~15
    while true {
      if block == blocks.count { blocks.append(Storage(count: max(rounded, blockCount))) }
      if used + rounded <= blocks[block].count {
        defer { used += rounded }
        return blocks[block].base + used
      }
      block += 1
      used = 0
    }
  }
}
