"""Pairs of timings, PyTorch and metamae-bench in turns, each in a process of its own. usage: compare.py [PRESET ...]"""
import json, math, os, resource, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
BENCH = os.path.join(HERE, '../../.build/release/metamae-bench')
REPEATS = 3


def torch_step(name, objective, fused):
    """Median seconds and peak bytes of one step, in this process."""
    import time, torch, oracle
    from presets import presets
    torch.manual_seed(0)
    cfg, batch = presets()[name]
    m = oracle.MetaMAE(cfg).train()
    for b in m.encoder:
        b.attn.fused = fused          # the decoder needs a second derivative, which torch's fused kernel lacks
    opt = torch.optim.AdamW(m.parameters(), lr=1e-4, weight_decay=1e-4, fused=True)
    xs = [torch.randint(0, i.vocab, (batch, *i.shape)) if i.kind == 'tokens' else torch.randn(batch, *i.shape) for i in cfg.inputs]
    times = []
    for _ in range(REPEATS + 1):
        t = time.perf_counter()
        order = torch.rand(batch, cfg.tokens).argsort(1)
        r = m.metamae(xs, order, torch.rand(batch, cfg.tokens)) if objective == 'metamae' else m.mae(xs, order)
        opt.zero_grad(); r['loss'].backward(); opt.step()
        times.append(time.perf_counter() - t)
    return statistics.median(times[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(*words):
    return json.loads(subprocess.run([sys.executable, __file__, '--one', *words], check=True, capture_output=True, text=True).stdout)


def main(names):
    from presets import presets
    names = names or list(presets())
    ratios = []
    print(f'{"preset":14}{"torch s":>10}{"here s":>10}{"ratio":>8}{"GFLOP/s":>10}{"torch MB":>10}{"here MB":>10}')
    for name in names:
        fused, plain = child(name, 'metamae', '1'), child(name, 'metamae', '0')
        ours = json.loads(subprocess.run([BENCH, 'run', f'step/metamae/{name}', '--json'], check=True, capture_output=True, text=True).stdout)['cases'][0]
        theirs = min(fused, plain)
        ratio = theirs[0] / ours['median_seconds']
        ratios.append(ratio)
        print(f'{name:14}{theirs[0]:10.3f}{ours["median_seconds"]:10.3f}{ratio:8.2f}{ours["gflops"]:10.0f}'
              f'{theirs[1] / 2**20:10.0f}{ours["peak_rss_bytes"] / 2**20:10.0f}', flush=True)
    print(f'geometric mean of the ratios: {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}')


if __name__ == '__main__':
    if sys.argv[1:2] == ['--one']:
        print(json.dumps(torch_step(sys.argv[2], sys.argv[3], sys.argv[4] == '1')))
    else:
        main(sys.argv[1:])
