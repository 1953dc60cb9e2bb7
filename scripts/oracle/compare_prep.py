"""A Python writer of LMDB + zstd and metamae-prep --jobs 2 in turns, on the same raw files. usage: compare_prep.py DATA [NAME ...]"""
import json, os, pickle, shutil, statistics, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PREP = os.environ.get('METAMAE_PREP') or os.path.join(HERE, '../../.build/release/metamae-prep')
NAMES, TURNS, JOBS = ['libri-speech', 'eurosat', 'cifar10'], int(os.environ.get('METAMAE_TURNS', 3)), 2


def raw(name, data, out):
    """The set's raw files, repeated, in the publisher's layout; and what build-shards takes besides."""
    import numpy as np
    if name == 'libri-speech':
        for subset in ('train-clean-100', 'test-other'):
            top = f'{data}/librispeech_mini/LibriSpeech/{subset}'
            for speaker in os.listdir(top):
                for k in range(4):
                    shutil.copytree(f'{top}/{speaker}', f'{out}/LibriSpeech/{subset}/{int(speaker) + 100000 * k}')
        return ['--subsets', 'train-clean-100,test-other']
    if name == 'eurosat':
        for folder, _, files in os.walk(f'{data}/eurosat_ms'):
            for k, file in enumerate(f for f in files if f.endswith('.tif')):
                place = f'{out}/{os.path.basename(folder)}'
                os.makedirs(place, exist_ok=True)
                for copy in range(12):
                    shutil.copy(f'{folder}/{file}', f'{place}/{os.path.basename(folder)}_{copy}{k:04d}.tif')
        return []
    os.makedirs(f'{out}/cifar-10-batches-py')
    for batch in [f'data_batch_{k}' for k in range(1, 6)] + ['test_batch']:
        found = [os.path.join(f, batch + '.bin') for f, _, files in os.walk(f'{data}/cifar10') if batch + '.bin' in files]
        rows = np.tile(np.fromfile(found[0], np.uint8).reshape(-1, 3073), (10, 1))
        pickle.dump({b'data': rows[:, 1:].copy(), b'labels': rows[:, 0].tolist()}, open(f'{out}/cifar-10-batches-py/{batch}', 'wb'), 4)
    return []


def records(name, folder):
    """Decodes the raw files one by one, as the benchmark's own code does."""
    import numpy as np
    if name == 'cifar10':
        for batch in sorted(os.listdir(f'{folder}/cifar-10-batches-py')):
            rows = pickle.load(open(f'{folder}/cifar-10-batches-py/{batch}', 'rb'), encoding='bytes')
            for x, label in zip(rows[b'data'], rows[b'labels']):
                yield x.tobytes() + bytes([label])
    for place, _, files in sorted(os.walk(folder)):
        for file in sorted(files):
            if file.endswith('.flac'):
                import librosa, soundfile
                x, rate = soundfile.read(f'{place}/{file}', dtype='float32')
                x = np.pad(x[:150526], (0, max(0, 150526 - len(x))))
                mel = librosa.feature.melspectrogram(y=x, sr=rate, n_fft=2048, hop_length=672, n_mels=224, pad_mode='constant')
                yield librosa.power_to_db(mel ** 2).astype(np.float32).tobytes() + struct.pack('<H', 0)
            elif file.endswith('.tif'):
                import tifffile
                yield np.ascontiguousarray(tifffile.imread(f'{place}/{file}').transpose(2, 0, 1)).tobytes() + b'\0'


def python_writer(name, folder, out, count):
    """Seconds without starting Python and importing; as many records as the shards hold."""
    import lmdb, zstandard
    if name == 'libri-speech':
        import librosa, numpy as np, soundfile
        librosa.feature.melspectrogram(y=np.zeros(150526, np.float32), sr=16000, n_mels=224)
    if name == 'eurosat':
        import tifffile
    start = time.perf_counter()
    env, compressor, written = lmdb.open(out, map_size=16 << 30), zstandard.ZstdCompressor(level=3), 0
    transaction = env.begin(write=True)
    for record in records(name, folder):
        if written == count:
            break
        transaction.put(struct.pack('>Q', written), compressor.compress(record), append=True)
        written += 1
        if written % 1000 == 0:
            transaction.commit()
            transaction = env.begin(write=True)
    transaction.commit()
    env.sync(True)
    env.close()
    assert written == count, (written, count)
    return time.perf_counter() - start


def prep(name, folder, out, options, jobs=JOBS):
    """Seconds of the whole program, and how many records the shards hold."""
    start = time.perf_counter()
    run = subprocess.run([PREP, 'build-shards', '--dataset', name, '--raw', folder, '--out', out, '--jobs', str(jobs),
                          '--json'] + options, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start, sum(s['samples'] for s in json.loads(run.stdout)['splits'])


def size(folder):
    return sum(os.path.getsize(os.path.join(f, n)) for f, _, files in os.walk(folder) for n in files)


def main(data, names):
    if len(names) == 6 and names[0] == 'python':
        print(python_writer(names[1], names[2], names[3], int(names[4])))
        return
    print(f'{"set":14}{"records":>9}{"Python s":>10}{"here s":>9}{"one job s":>11}{"times":>8}{"Python MB":>11}{"here MB":>9}')
    for name in names or NAMES:
        with tempfile.TemporaryDirectory() as top:
            options = raw(name, data, f'{top}/raw')
            theirs, ours, alone, sizes = [], [], [], (0, 0)
            for turn in range(TURNS):
                seconds, count = prep(name, f'{top}/raw', f'{top}/here', options)
                ours.append(seconds)
                run = subprocess.run([sys.executable, __file__, data, 'python', name, f'{top}/raw', f'{top}/lmdb', str(count), '-'],
                                     check=True, stdout=subprocess.PIPE, text=True)
                theirs.append(float(run.stdout))
                sizes = (size(f'{top}/lmdb'), size(f'{top}/here'))
                for folder in ('here', 'lmdb'):
                    shutil.rmtree(f'{top}/{folder}')
                if turn == 0:
                    alone.append(prep(name, f'{top}/raw', f'{top}/here', options, jobs=1)[0])
                    shutil.rmtree(f'{top}/here')
            there, here = statistics.median(theirs), statistics.median(ours)
            print(f'{name:14}{count:9}{there:10.2f}{here:9.2f}{alone[0]:11.2f}{there / here:8.1f}{sizes[0] / 1e6:11.1f}{sizes[1] / 1e6:9.1f}', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
