"""PyTorch's DataLoader over LMDB + zstd and metamae-bench load, in turns, on the same records. usage: compare_loader.py [NAME ...]"""
import json, os, resource, statistics, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, '../../.build/release/metamae-bench')
CASES = {  # name: (shape, numpy type, samples, batch)
    'higgs': ((1, 28), 'f4', 60000, 256),
    'wafer-map': ((3, 32, 32), 'u1', 30000, 128),
    'pamap2': ((52, 320), 'f4', 6000, 256),
    'libri-speech': ((1, 224, 224), 'f4', 2000, 64),
}
TURNS = 3


def records(name):
    """The records of a case, one array."""
    import numpy as np
    shape, kind, n, _ = CASES[name]
    rng = np.random.default_rng(0)
    one = (lambda: rng.integers(0, 3, shape).astype(kind) * np.uint8(127)) if kind == 'u1' else \
        (lambda: np.cumsum(rng.standard_normal(shape), -1).astype(kind))
    return np.stack([one() for _ in range(n)])


def build(folder, name):
    """The same records twice: raw for metamae-bench, and as LMDB with one zstd frame (level 3) a record."""
    import lmdb, zstandard
    x = records(name)
    x.tofile(f'{folder}/{name}.bin')
    env, c = lmdb.open(f'{folder}/{name}.lmdb', map_size=8 << 30), zstandard.ZstdCompressor(level=3)
    with env.begin(write=True) as t:
        for k in range(len(x)):
            t.put(struct.pack('>Q', k), c.compress(x[k].tobytes()), append=True)
    env.close()


def torch_side(folder, name):
    """Samples a second with one worker, and CPU seconds of all processes for a million samples."""
    import lmdb, numpy as np, torch, zstandard
    from torch.utils.data import DataLoader, Dataset
    shape, kind, n, batch = CASES[name]

    class Shard(Dataset):
        env = None

        def __len__(self):
            return n

        def __getitem__(self, k):
            if self.env is None:
                self.env = lmdb.open(f'{folder}/{name}.lmdb', readonly=True, lock=False, readahead=False)
                self.t, self.d = self.env.begin(buffers=True), zstandard.ZstdDecompressor()
            x = np.frombuffer(self.d.decompress(self.t.get(struct.pack('>Q', k))), kind).reshape(shape)
            return torch.from_numpy(x.astype(np.float32) / 255 if kind == 'u1' else x.copy()), k % 10

    def cpu():
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    before, total = cpu(), 0
    loader = iter(DataLoader(Shard(), batch, shuffle=True, num_workers=1, drop_last=True))
    next(loader)
    count, start = 0, time.perf_counter()
    for x, _ in loader:
        count += len(x)
    rate, total = count / (time.perf_counter() - start), count + batch
    del loader
    return rate, (cpu() - before) / total * 1e6


def main(names):
    print(f'{"records":14}{"torch/s":>12}{"here/s":>12}{"times":>8}{"of decode":>11}{"torch CPU s":>13}{"here CPU s":>12}{"share":>8}   (a million samples)')
    for name in names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            build(folder, name)
            theirs, ours = [], []
            for _ in range(TURNS):
                out = subprocess.run([sys.executable, __file__, '--one', folder, name], check=True, capture_output=True, text=True).stdout
                theirs.append(json.loads(out))
                out = subprocess.run([BENCH, 'load', name, '--json'], check=True, capture_output=True, text=True,
                                     env={**os.environ, 'METAMAE_LOAD_RECORDS': folder}).stdout
                ours.append(json.loads(out)[0])
            rate, cpu = (statistics.median(t[k] for t in theirs) for k in (0, 1))
            mine, share, mycpu = (statistics.median(o[k] for o in ours) for k in ('samples_per_second', 'share_of_decode', 'cpu_seconds_per_million'))
            print(f'{name:14}{rate:12,.0f}{mine:12,.0f}{mine / rate:8.1f}{share:11.0%}{cpu:13.2f}{mycpu:12.2f}{mycpu / cpu:8.3f}', flush=True)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--one']:
        print(json.dumps(torch_side(*sys.argv[2:])))
    else:
        main(sys.argv[1:])
