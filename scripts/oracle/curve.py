"""The PyTorch side of scripts/compare-curve: pamap2's preset trained on a split of windows read from shards, and the
comparison of its losses with those of metamae-train."""
import argparse, json, math, os, statistics, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
PART = 10                       # a point of the curve is the mean over so many steps up to it: one step's loss is noise
T95 = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 10: 2.228, 14: 2.145, 18: 2.101}   # Student's t, two-sided


def windows(folder, count, length, generator):
    """Windows as the loader delivers them: segment and start uniform, transformed as the manifest says."""
    import numpy as np, torch, read_shards
    with open(os.path.join(folder, 'manifest.json')) as f:
        transform = json.load(f)['transforms'][0]
    scale, shift = np.float32(transform['scale'])[:, None], np.float32(transform['shift'])[:, None]
    segments = [rows for rows, _ in read_shards.load(folder)]
    while True:
        batch = []
        for _ in range(count):
            rows = segments[generator.integers(len(segments))]
            start = generator.integers(len(rows) - length)
            batch.append(rows[start:start + length].T * scale + shift)
        yield torch.from_numpy(np.stack(batch).astype(np.float32))


def run(a):
    import numpy as np, torch, oracle, safetensors.torch
    from presets import presets
    torch.manual_seed(a.seed)
    data = windows(a.shards, a.batch, 320, np.random.default_rng(a.seed))
    cfg = presets()['pamap2'][0]
    cfg.inputs = [oracle.Input('series', (next(data).shape[1], 320), (5,))]
    m = oracle.MetaMAE(cfg).train()
    if a.initial:
        found = safetensors.torch.load_file(a.initial)
        with torch.no_grad():
            for name, p in m.named_parameters():
                p.copy_(found[name].reshape(p.shape))
    optimizer = torch.optim.AdamW(m.parameters(), lr=1e-4, weight_decay=1e-4)
    losses = []
    for step in range(a.steps):
        x = next(data)
        order = torch.rand(a.batch, cfg.tokens).argsort(1)
        loss = m.metamae([x], order, torch.rand(a.batch, cfg.tokens))
        optimizer.zero_grad()
        loss['loss'].backward()
        optimizer.step()
        losses.append([loss[k].item() for k in ('loss', 'reconstruction', 'contrast')])
        if step % 20 == 19:
            print(f'torch, seed {a.seed}{", our initial values" if a.initial else ""}: step {step + 1}, loss {losses[-1][0]:.4f}', file=sys.stderr)
    with open(a.out, 'w') as f:
        json.dump(losses, f)


def ours(folder):
    with open(os.path.join(folder, 'metrics.jsonl')) as f:
        lines = [json.loads(line) for line in f]
    return [[r['loss'], r['reconstruction'], r['contrast']] for r in lines if 'loss' in r]


def point(losses, step, column=0):
    return statistics.mean(row[column] for row in losses[max(0, step - PART):step])


def compare(a):
    load_ours = lambda kind: [ours(os.path.join(a.work, f'{kind}-{k}')) for k in range(a.seeds)]
    name = f'{a.steps}-{a.batch}.json'
    load = lambda path: json.load(open(os.path.join(a.work, path)))
    here, torch_side = load_ours('here'), [load(f'torch-{k}-{name}') for k in range(a.seeds)]
    same = load(f'torch-same-{a.batch}.json')
    steps = [s for s in (10, 50, 100, 200) if s <= a.steps]
    agree = table(steps, ('here', here), ('PyTorch', torch_side))
    if a.precision == 'bf16':
        agree &= table(steps, ('here, bf16', load_ours('bf16')), ('here, float32', here))
    print('\nFrom the same initial values (seed 0), other batches and masks:\n\n| step | here | PyTorch |\n| --- | --- | --- |')
    for s in [s for s in (1, 2, 3, 5, 10) if s <= a.steps]:
        print(f'| {s} | {here[0][s - 1][0]:.4f} | {same[s - 1][0]:.4f} |')
    print(f'| 1 to 10, mean | {point(here[0], 10):.4f} | {point(same, 10):.4f} |')
    print(f'\nthe losses {"agree" if agree else "do not all agree"} within the noise of {a.seeds} seeds')
    return 0 if agree else 1


def table(steps, first, second):
    """Prints mean and spread of two sides over the seeds; whether the losses agree."""
    (name, xs), (other, ys), seeds = first, second, len(first[1])
    print(f'\n| steps | {name}, mean | spread | {other}, mean | spread | difference | its 95% bound | agree |\n|{" --- |" * 8}')
    agree = True
    for column, what in ((0, 'loss'), (1, 'reconstruction'), (2, 'contrast')):
        for s in steps:
            x, y = [point(r, s, column) for r in xs], [point(r, s, column) for r in ys]
            difference = statistics.mean(x) - statistics.mean(y)
            # Two samples of the same size: pooled spread, 2 n - 2 degrees of freedom.
            bound = T95.get(2 * seeds - 2, 2) * math.sqrt((statistics.variance(x) + statistics.variance(y)) / seeds)
            fits = abs(difference) <= bound
            agree &= fits or column > 0          # the verdict is about the loss; its parts are there to see which differs
            print(f'| {what}, {max(1, s - PART + 1)} to {s} | {statistics.mean(x):.4f} | {statistics.stdev(x):.4f} | {statistics.mean(y):.4f} | '
                  f'{statistics.stdev(y):.4f} | {difference:+.4f} | {bound:.4f} | {"yes" if fits else "no"} |')
    return agree


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('what', choices=['run', 'compare'])
    for name, kind in (('shards', str), ('work', str), ('out', str), ('initial', str), ('precision', str), ('seed', int), ('seeds', int), ('steps', int), ('batch', int)):
        p.add_argument('--' + name, type=kind)
    a = p.parse_args()
    sys.exit(run(a) if a.what == 'run' else compare(a))
