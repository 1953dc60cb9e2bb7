"""The loaders that scripts/compare-loader sets beside ours. Each has build(folder, name, x), which stores the records of the
array x, and batches(folder, name, scratch), which yields batches of them for ever as (float32 [B, ...], labels), with one
worker; scratch is an empty folder."""
import glob, os, resource, shutil, struct, threading, time

CASES = {  # name: (shape, numpy type, samples, batch)
    'higgs': ((1, 28), 'f4', 60000, 256),
    'wafer-map': ((3, 32, 32), 'u1', 30000, 128),
    'pamap2': ((52, 320), 'f4', 6000, 256),
    'libri-speech': ((1, 224, 224), 'f4', 2000, 64),
}
LOCK = threading.Lock()


def floats(data, name):
    """One stored record as float32: bytes scaled to 0 ... 1."""
    import numpy as np
    shape, kind = CASES[name][:2]
    x = np.frombuffer(data, kind).reshape(shape)
    return x.astype(np.float32) / 255 if kind == 'u1' else x.copy()


class LMDB:
    """LMDB with one zstd frame (level 3) a record: random access, for torch's DataLoader and for Grain."""

    def __init__(self, folder, name):
        self.path, self.name, self.own = f'{folder}/{name}.lmdb', name, None

    def __len__(self):
        return CASES[self.name][2]

    def __getitem__(self, k):
        import lmdb, zstandard
        with LOCK:  # first asked in the worker, perhaps by threads, which may share neither transaction nor decompressor
            if self.own is None:
                self.env, self.own = lmdb.open(self.path, readonly=True, lock=False, readahead=False), threading.local()
        if not hasattr(self.own, 'd'):
            self.own.t, self.own.d = self.env.begin(buffers=True), zstandard.ZstdDecompressor()
        return floats(self.own.d.decompress(self.own.t.get(struct.pack('>Q', k))), self.name), int(k) % 10

    @staticmethod
    def build(folder, name, x):
        import lmdb, zstandard
        env, c = lmdb.open(f'{folder}/{name}.lmdb', map_size=8 << 30), zstandard.ZstdCompressor(level=3)
        with env.begin(write=True) as t:
            for k in range(len(x)):
                t.put(struct.pack('>Q', k), c.compress(x[k].tobytes()), append=True)
        env.close()


class Torch:
    """torch.utils.data.DataLoader over LMDB + zstd."""
    modules = ['torch', 'lmdb', 'zstandard']
    build = LMDB.build

    @staticmethod
    def batches(folder, name, scratch):
        from torch.utils.data import DataLoader, RandomSampler
        data = LMDB(folder, name)
        return iter(DataLoader(data, CASES[name][3], sampler=RandomSampler(data, num_samples=1 << 30), num_workers=1))


class WebDataset:
    """A tar of records as they are (its own way: no compression), shuffled in a buffer."""
    modules = ['webdataset', 'torch']

    @staticmethod
    def build(folder, name, x):
        import webdataset
        with webdataset.TarWriter(f'{folder}/{name}.tar') as tar:
            for k in range(len(x)):
                tar.write({'__key__': f'{k:09}', 'bin': x[k].tobytes(), 'cls': str(k % 10)})

    @staticmethod
    def batches(folder, name, scratch):
        import webdataset
        data = webdataset.WebDataset(f'{folder}/{name}.tar', shardshuffle=False).repeat().shuffle(1000).map(
            lambda s: (floats(s['bin'], name), int(s['cls']))).batched(CASES[name][3])
        return iter(webdataset.WebLoader(data, batch_size=None, num_workers=1))


class Streaming:
    """MosaicML Streaming: MDS shards with zstd, a fresh copy each time (it keeps what it has decompressed)."""
    modules = ['streaming', 'torch']

    @staticmethod
    def build(folder, name, x):
        from streaming import MDSWriter
        with MDSWriter(out=f'{folder}/{name}.mds', columns={'x': 'bytes', 'y': 'int'}, compression='zstd:3') as out:
            for k in range(len(x)):
                out.write({'x': x[k].tobytes(), 'y': k % 10})

    @staticmethod
    def batches(folder, name, scratch):
        from streaming import StreamingDataset
        from torch.utils.data import DataLoader

        class Records(StreamingDataset):
            def __getitem__(self, k):
                s = super().__getitem__(k)
                return floats(s['x'], name), s['y']

        shutil.copytree(f'{folder}/{name}.mds', scratch, dirs_exist_ok=True)
        batch = CASES[name][3]
        loader = DataLoader(Records(local=scratch, shuffle=True, batch_size=batch), batch, num_workers=1, persistent_workers=True)
        while True:
            yield from loader


class Grain:
    """Grain over the same LMDB + zstd as torch's, its own shuffle and batches, one worker process without threads (with
    its 16 by default a record of 28 floats takes five times as long)."""
    modules = ['grain', 'lmdb', 'zstandard']
    build = None  # torch's

    @staticmethod
    def batches(folder, name, scratch):
        import grain
        data = grain.MapDataset.source(LMDB(folder, name)).seed(0).shuffle().repeat().batch(CASES[name][3], drop_remainder=True)
        alone = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
        return iter(data.to_iter_dataset(alone).mp_prefetch(grain.MultiprocessingOptions(num_workers=1)))


SIDES = {'torch': Torch, 'webdataset': WebDataset, 'streaming': Streaming, 'grain': Grain}


def processor_seconds():
    """Of this process, all that it has waited for, and all that run below it."""
    total = sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    stats = {}
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            fields = open(path).read().rpartition(')')[2].split()
        except OSError:
            continue
        stats[int(path.split('/')[2])] = int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf('SC_CLK_TCK')
    below = {os.getpid()}
    for pid in sorted(stats):  # children have larger numbers, but for a wrap
        if stats[pid][0] in below:
            below.add(pid)
            total += stats[pid][1]
    return total


def measure(side, folder, name, scratch, seconds):
    """Samples a second, and processor seconds for a million samples, from the fifth batch on: buffers are as full at the end."""
    batches = SIDES[side].batches(folder, name, scratch)
    for _ in range(5):
        x, _ = next(batches)
    assert tuple(x.shape) == (CASES[name][3],) + CASES[name][0] and 'float32' in str(x.dtype), (x.shape, x.dtype)
    count, before, start = 0, processor_seconds(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        x, _ = next(batches)
        count += len(x)
    return count / (time.perf_counter() - start), (processor_seconds() - before) / count * 1e6
