#!/usr/bin/env python3
"""Reads a split of shards as docs/formats.md specifies it. As a program: prints each field's sum over the split."""
import json, os, struct, sys
import lmdb, numpy as np, zstandard

TYPES = {'uint8': '<u1', 'uint16': '<u2', 'int32': '<i4', 'int64': '<i8', 'float32': '<f4'}

def blocks(folder, manifest):
    """Yields (block number, {field: array of the block's samples}) in storage order."""
    for shard in manifest['shards']:
        env = lmdb.open(os.path.join(folder, shard['file']), subdir=False, readonly=True, lock=False)
        with env.begin(buffers=True) as transaction:
            for b in range(shard['first_block'], shard['first_block'] + shard['block_count']):
                raw = zstandard.ZstdDecompressor().decompress(transaction.get(struct.pack('>Q', b)))
                n, at, sample = len(raw) // sum(size(f) for f in manifest['fields']), 0, {}
                for f in manifest['fields']:
                    part, kind = np.frombuffer(raw, np.uint8, n * size(f), at), np.dtype(TYPES[f['type']])
                    if f['byte_shuffle']:
                        part = part.reshape(kind.itemsize, -1).T.copy()
                    sample[f['name']] = part.reshape(-1).view(kind).reshape([n] + f['shape'])
                    at += n * size(f)
                yield b, sample

def size(field):
    return np.dtype(TYPES[field['type']]).itemsize * int(np.prod(field['shape'], dtype=np.int64))

def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31

def ordinals(count):
    """Storage position to record ordinal."""
    gold, keys = 0x9E3779B97F4A7C15, []
    h = mix((0x4D657461 + gold) % 2**64)
    for byte in b'storage':
        h = mix(((h ^ byte) + gold) % 2**64)
    for _ in range(4):
        h = (h + gold) % 2**64
        keys.append(mix(h))
    half = ((max(count, 2) - 1).bit_length() + 1) // 2
    for x in range(count):
        while True:
            l, r = x >> half, x & (1 << half) - 1
            for k in (0, 2):
                l ^= mix(r ^ keys[k]) & (1 << half) - 1
                r ^= mix(l ^ keys[k + 1]) & (1 << half) - 1
            x = l << half | r
            if x < count:
                break
        yield x

def load(folder):
    """Records: {field: array in record order}. Windows: a list of (rows x channels, label), one a segment."""
    manifest = json.load(open(os.path.join(folder, 'manifest.json')))
    parts = [sample for _, sample in blocks(folder, manifest)]
    whole = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    if 'segments' in manifest:
        ends = np.cumsum([s['row_count'] for s in manifest['segments']])
        return [(rows, s['label']) for rows, s in zip(np.split(whole['input.0'], ends[:-1]), manifest['segments'])]
    return {name: values[np.argsort(list(ordinals(manifest['sample_count'])))] for name, values in whole.items()}

if __name__ == '__main__':
    loaded = load(sys.argv[1])
    if isinstance(loaded, dict):
        for name, values in loaded.items():
            weights = np.arange(1, len(values) + 1) @ values.reshape(len(values), -1).astype(np.float64).sum(1)
            print(name, values.dtype, list(values.shape), f'{weights:.6e}')
    else:
        for k, (rows, label) in enumerate(loaded):
            print(k, label, list(rows.shape), f'{np.arange(1, len(rows) + 1) @ rows.astype(np.float64).sum(1):.6e}')
