"""The training step in PyTorch and here, in turns, each run in a process of its own; prints a Markdown table.

usage: compare.py [--objective metamae|mae|both] [--precision float32|bf16] [--repeats N] [PRESET ...]
"""
import argparse, json, math, os, resource, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
BENCH = os.path.join(HERE, '../../.build/release/metamae-bench')


def torch_step(name, objective, fused, autocast, repeats):
    """Median seconds and peak bytes of one step, in this process."""
    import time, torch, oracle
    from presets import presets
    torch.manual_seed(0)
    cfg, batch = presets()[name]
    m = oracle.MetaMAE(cfg).train()
    for b in m.encoder:
        b.attn.fused = fused
    if objective == 'mae':            # a second derivative, which torch's fused kernel lacks, is MetaMAE's decoder's alone
        for b in m.decoder:
            b.attn.fused = fused
    opt = torch.optim.AdamW(m.parameters(), lr=1e-4, weight_decay=1e-4, fused=True)
    xs = [torch.randint(0, i.vocab, (batch, *i.shape)) if i.kind == 'tokens' else torch.randn(batch, *i.shape) for i in cfg.inputs]
    times = []
    for _ in range(repeats + 1):      # the first one warms up
        t = time.perf_counter()
        order = torch.rand(batch, cfg.tokens).argsort(1)
        with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
            r = m.metamae(xs, order, torch.rand(batch, cfg.tokens)) if objective == 'metamae' else m.mae(xs, order)
        opt.zero_grad(); r['loss'].backward(); opt.step()
        times.append(time.perf_counter() - t)
    return statistics.median(times[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def theirs(name, objective, precision, repeats):
    """The fastest of fused and plain attention, for bf16 under autocast and without: seconds, bytes, which."""
    found = []
    for autocast in ['0'] if precision == 'float32' else ['0', '1']:
        for fused, how in (('1', 'fused'), ('0', 'plain')):
            words = [sys.executable, __file__, '--one', name, objective, fused, autocast, str(repeats)]
            run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if run.returncode:        # what torch cannot do in this form is not its fastest
                print(f'{name}, {how}, autocast {autocast}: {run.stderr.strip().splitlines()[-1]}', file=sys.stderr)
            else:
                found.append(json.loads(run.stdout) + [how + (', autocast' if autocast == '1' else '')])
    return min(found)


def ours(name, objective, precision, repeats):
    words = [BENCH, 'run', f'{"step" if precision == "float32" else "step-bf16"}/{objective}/{name}', '--repeats', str(repeats), '--json']
    report = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return report['machine'], report['cases'][0]


def mean(values):
    return math.exp(statistics.mean(map(math.log, values)))


def table(objective, precision, names, repeats):
    rows, peaks = [], []
    print(f'\n`step/{objective}`, {precision} here, median of {repeats} steps\n')
    print('| preset | PyTorch s | attention | here s | times faster | GFLOP/s | of the peak | PyTorch MB | here MB | memory, here over PyTorch |')
    print('|' + ' --- |' * 10)
    for name in names:
        seconds, memory, how = theirs(name, objective, precision, repeats)
        machine, here = ours(name, objective, precision, repeats)
        peaks.append(machine['peak_gflops'])
        rows.append((seconds / here['median_seconds'], here['peak_rss_bytes'] / memory))
        print(f'| {name} | {seconds:.3f} | {how} | {here["median_seconds"]:.3f} | {rows[-1][0]:.2f} | {here["gflops"]:.0f} | '
              f'{here["peak_share"]:.0%} | {memory / 2**20:.0f} | {here["peak_rss_bytes"] / 2**20:.0f} | {rows[-1][1]:.2f} |', flush=True)
    print(f'| geometric mean | | | | {mean(r[0] for r in rows):.2f} | | | | | {mean(r[1] for r in rows):.2f} |')
    print(f'\n{machine["cores"]} cores, OpenBLAS {machine["blas_core"]}, own kernels {machine["instruction_set"]}, '
          f'fused multiply-add peak {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s; OPENBLAS_CORETYPE '
          f'{os.environ.get("OPENBLAS_CORETYPE", "unset")}, OPENBLAS_L2_SIZE {os.environ.get("OPENBLAS_L2_SIZE", "unset")}')


def main():
    from presets import presets
    p = argparse.ArgumentParser(prog='scripts/compare-torch')
    p.add_argument('--objective', choices=['metamae', 'mae', 'both'], default='metamae')
    p.add_argument('--precision', choices=['float32', 'bf16'], default='float32',
                   help='of the products here; bf16: PyTorch may take its autocast where that is faster')
    p.add_argument('--repeats', type=int, default=5, help='timed steps of each process (default: 5)')
    p.add_argument('presets', nargs='*', metavar='PRESET', help=f'of {", ".join(presets())} (default: all)')
    a = p.parse_args()
    for name in a.presets:
        if name not in presets():
            p.error(f'unknown preset {name}')
    for objective in ['metamae', 'mae'] if a.objective == 'both' else [a.objective]:
        table(objective, a.precision, a.presets or list(presets()), max(1, a.repeats))


if __name__ == '__main__':
    if sys.argv[1:2] == ['--one']:
        print(json.dumps(torch_step(sys.argv[2], sys.argv[3], sys.argv[4] == '1', sys.argv[5] == '1', int(sys.argv[6]))))
    else:
        main()
