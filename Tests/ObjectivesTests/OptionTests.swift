// What may be switched on around the optimizer: schedule, clipping, running mean.

import Optimizers
import TensorCore
import Testing

@Suite struct OptionTests {
  @Test func aClimbThenHalfACosine() {
    let schedule = LearningRateSchedule(peak: 1, warmup: 4, cosine: (end: 0.1, step: 12))
    #expect((0..<4).map { schedule.rate(step: $0) } == [0.25, 0.5, 0.75, 1])
    #expect(schedule.rate(step: 4) == 1)
    #expect(abs(schedule.rate(step: 8) - 0.55) < 1e-12)
    #expect(abs(schedule.rate(step: 6) - (0.1 + 0.9 * (1 + 0.5.squareRoot()) / 2)) < 1e-12)
    #expect(abs(schedule.rate(step: 12) - 0.1) < 1e-12)
    #expect(schedule.rate(step: 1000) == schedule.rate(step: 12))
    #expect(!schedule.isConstant && LearningRateSchedule(peak: 1).isConstant)
    #expect(LearningRateSchedule(peak: 0.5, warmup: 2).rate(step: 99) == 0.5)
  }

  @Test func aLongGradientIsShortened() {
    let gradient = Storage<Float>(count: 100)
    for i in 0..<100 { gradient.base[i] = Float(i % 7) - 3 }
    let plain = (10..<90).reduce(0.0) { $0 + Double(gradient.base[$1] * gradient.base[$1]) }
      .squareRoot()
    let norm = GradientNorm<Float>(lanes: 3)
    let found = norm.norm(gradient.base, 10..<90)
    #expect(abs(found - plain) < 1e-5 * plain)
    let before = Array(gradient.buffer)
    norm.clip(gradient.base, 10..<90, norm: found, to: 2 * found)
    #expect(Array(gradient.buffer) == before)
    norm.clip(gradient.base, 10..<90, norm: found, to: 1)
    #expect(abs(norm.norm(gradient.base, 10..<90) - 1) < 1e-6)
    #expect(gradient.base[9] == before[9] && gradient.base[90] == before[90])
  }

  @Test func theMeanFollowsTheParameters() {
    let parameters = Storage<Float>(count: 33)
    for i in 0..<33 { parameters.base[i] = Float(i) }
    let average = ParameterAverage<Float>(of: parameters.base, count: 33, decay: 0.25)
    #expect(average.values.base[7] == 7)
    for i in 0..<33 { parameters.base[i] = 0 }
    average.update(towards: parameters.base, updates: 1, lanes: 2)
    #expect(abs(average.values.base[11] - 11 * 2 / 11) < 1e-5)  // (1 + 1) / (10 + 1)
    average.update(towards: parameters.base, updates: 100, lanes: 2)
    #expect(abs(average.values.base[11] - 0.5) < 1e-5)  // min(0.25, 101 / 110)
  }
}
