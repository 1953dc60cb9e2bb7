"""The loaders of loader_sides.py and metamae-bench load, in turns, on the same records.
usage: compare_loader.py [--data DIR] [--seconds S] [--turns N] [--python SIDE=PYTHON ...] [NAME ...]"""
import argparse, json, os, statistics, subprocess, sys, tempfile
from loader_sides import CASES, SIDES, measure

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../.build/release/metamae-bench')


def records(name):
    """The records of a case, one array."""
    import numpy as np
    shape, kind, n, _ = CASES[name]
    rng = np.random.default_rng(0)
    one = (lambda: rng.integers(0, 3, shape).astype(kind) * np.uint8(127)) if kind == 'u1' else \
        (lambda: np.cumsum(rng.standard_normal(shape), -1).astype(kind))
    return np.stack([one() for _ in range(n)])


def child(*words, env={}):
    """The last line that a program prints, as JSON; its own complaint when it fails."""
    run = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **env})
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or [f'exit code {run.returncode}'])[-1])
    return json.loads(run.stdout if words[0] == BENCH else run.stdout.splitlines()[-1])


def own(side, *words):
    """The same program in a process of its own, in the side's Python."""
    return child(PYTHONS.get(side, sys.executable), os.path.abspath(__file__), *words)


def usable():
    """The sides whose modules are here, with their versions; the others are named with the reason."""
    for side in SIDES:
        try:
            print(f'{side}: {", ".join(own(side, "--versions", side))}', flush=True)
            yield side
        except RuntimeError as problem:
            print(f'{side}: left out, it cannot be used here: {problem}', flush=True)


def versions(side):
    from importlib import import_module, metadata
    packages = metadata.packages_distributions()
    for module in SIDES[side].modules:
        import_module(module)
    return [f'{p} {metadata.version(p)}' for p in [packages[m][0] for m in SIDES[side].modules]]


def build(folder, name, sides):
    """The same records for all: raw for metamae-bench, and as each side stores them. What is there stays."""
    raw = f'{folder}/{name}.bin'
    if not os.path.exists(raw):
        records(name).tofile(raw + '.part')
        os.rename(raw + '.part', raw)
    for side in sides:
        if SIDES[side].build and not os.path.exists(f'{folder}/{name}.{side}'):
            own(side, '--build', side, folder, name)
            open(f'{folder}/{name}.{side}', 'w').close()


def build_one(side, folder, name):
    import numpy as np
    shape, kind = CASES[name][:2]
    SIDES[side].build(folder, name, np.fromfile(f'{folder}/{name}.bin', kind).reshape(-1, *shape))


def compare(folder, name, sides, turns, seconds):
    """A row for each loader: medians over the turns."""
    found = {side: [] for side in [*sides, 'here']}
    for _ in range(turns):
        for side in sides:
            try:
                with tempfile.TemporaryDirectory(dir=folder) as scratch:
                    found[side].append(own(side, '--measure', side, folder, name, scratch, str(seconds)))
            except RuntimeError as problem:
                print(f'{name}: {side} failed: {problem}', flush=True)
        ours = child(BENCH, 'load', name, '--json', env={'METAMAE_LOAD_RECORDS': folder})[0]
        found['here'].append([ours[k] for k in ('samples_per_second', 'cpu_seconds_per_million', 'share_of_decode')])
    mine = [statistics.median(column) for column in zip(*found['here'])]
    for side, results in found.items():
        if results:
            rate, cpu = (statistics.median(column) for column in list(zip(*results))[:2])
            tail = f'   {mine[2]:.0%} of bare decode' if side == 'here' else ''
            print(f'{name:14}{side:12}{rate:14,.0f}{cpu:15.2f}{mine[0] / rate:10.1f}{mine[1] / cpu:10.3f}{tail}', flush=True)


def main(words):
    with tempfile.TemporaryDirectory() as own_folder:
        folder = words.data or own_folder
        os.makedirs(folder, exist_ok=True)
        sides = list(usable())
        for name in words.names or CASES:
            build(folder, name, sides)
        print(f'{"records":14}{"loader":12}{"samples/s":>14}{"CPU s/million":>15}{"here is x":>10}{"CPU share":>10}')
        for name in (words.names or CASES) if words.turns else []:
            compare(folder, name, sides, words.turns, words.seconds)


def arguments():
    words = argparse.ArgumentParser()
    words.add_argument('--data', help='where the records are built and stay; else a folder that goes')
    words.add_argument('--seconds', type=float, default=3, help='how long each of the others is measured')
    words.add_argument('--turns', type=int, default=3, help='0: only build the records')
    words.add_argument('--python', action='append', default=[], metavar='SIDE=PYTHON', help='an interpreter for one of them')
    words.add_argument('names', nargs='*', metavar='NAME', help=', '.join(CASES))
    return words.parse_args()


if __name__ == '__main__':
    if sys.argv[1:2] == ['--versions']:
        print(json.dumps(versions(sys.argv[2])))
    elif sys.argv[1:2] == ['--build']:
        print(json.dumps(build_one(*sys.argv[2:])))
    elif sys.argv[1:2] == ['--measure']:
        print(json.dumps(measure(*sys.argv[2:6], float(sys.argv[6]))), flush=True)
        os._exit(0)  # some of them take their time to stop their workers
    else:
        words = arguments()
        PYTHONS = dict(w.split('=', 1) for w in words.python)
        main(words)
