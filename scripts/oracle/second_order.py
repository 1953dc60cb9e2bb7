"""The two derivative machineries of docs/decisions/001 with the same kernels: one MetaMAE step (loss and every gradient) by
double backward (the oracle's way) and by forward-over-reverse (tangents through the decoder's inner gradient), both with
plain attention. Prints seconds, peak memory and how well the gradients agree.

usage: second_order.py [PRESET] [--batch N] [--repeats N]          (each machinery runs in a process of its own)
"""
import argparse, json, os, resource, statistics, subprocess, sys, time

import torch
import torch.autograd.forward_ad as forward_ad

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle
from presets import presets


def double_backward(m, xs, order, draw, names):
    """The inner gradient keeps its graph; one backward pass goes through it."""
    loss = m.metamae(xs, order, draw)['loss']
    return loss.detach(), torch.autograd.grad(loss, names)


def forward_over_reverse(m, xs, order, draw, names):
    """No graph of a graph: L(z, z*, phi) with z* = z - alpha g(z, phi) is differentiated with z* held as an input, and
    with v = dL/dz* the rest is -alpha times the directional derivative of the inner gradients along v."""
    c = m.cfg
    z, keep = m.encode(xs, order)
    targets = [oracle.patchify(i, x) for i, x in zip(c.inputs, xs)]
    support = keep | (oracle.neighbours(c.inputs, keep) & ~keep & (draw < c.nearby_ratio))
    inside = [p for n, p in zip(m.names, names) if n.startswith(('decoder', 'mask_token', 'norm_dec')) or
              (n.startswith('patch_embed') and any(i.kind == 'tokens' for i in c.inputs))]

    def inner(latent):
        return m.reconstruction(m.decode(latent, order), targets, support) * z.shape[0]

    # 1. the adapted latent
    latent = z.detach().requires_grad_()
    (slope,) = torch.autograd.grad(inner(latent), latent)
    adapted = (latent.detach() - c.inner_lr * slope).requires_grad_()
    # 2. the outer loss, adapted latent as an input
    outer = m.reconstruction(m.decode(adapted, order), targets, ~keep)
    loss = outer + c.contrast_weight * m.contrast(latent, adapted)
    outside = [p for p in names if p.requires_grad]
    first = torch.autograd.grad(loss, [latent, adapted] + outside, allow_unused=True)
    direct, v, rest = first[0], first[1], first[2:]
    # 3. tangents along v through the inner gradient
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(latent.detach(), v).requires_grad_()
        slopes = torch.autograd.grad(inner(dual), [dual] + inside, allow_unused=True)
        curved = [None if s is None else forward_ad.unpack_dual(s).tangent for s in slopes]
    # 4. back through the encoder
    back = torch.autograd.grad(z, outside, direct + v - c.inner_lr * curved[0], allow_unused=True)
    total = {id(p): torch.zeros_like(p) for p in names}
    for part, factor, owners in ((rest, 1, outside), (back, 1, outside), (curved[1:], -c.inner_lr, inside)):
        for p, g in zip(owners, part):
            if g is not None:
                total[id(p)].add_(g, alpha=factor)
    return loss.detach(), [total[id(p)] for p in names]


def one(preset, batch, repeats, way):
    torch.manual_seed(0)
    cfg, paper = presets()[preset]
    batch = batch or paper
    cfg.dropout = 0.0                 # the encoder's; so that both ways see the same function
    m = oracle.MetaMAE(cfg).train()
    m.names, parameters = zip(*[(n, p) for n, p in m.named_parameters() if p.requires_grad])
    xs = [torch.randint(0, i.vocab, (batch, *i.shape)) if i.kind == 'tokens' else torch.randn(batch, *i.shape) for i in cfg.inputs]
    order, draw = torch.rand(batch, cfg.tokens).argsort(1), torch.rand(batch, cfg.tokens)
    step = dict(double=double_backward, tangents=forward_over_reverse)[way]
    loss, gradients = step(m, xs, order, draw, parameters)          # to warm up
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        loss, gradients = step(m, xs, order, draw, parameters)
        seconds.append(time.perf_counter() - began)
    torch.save([g.clone() for g in gradients], f'/tmp/second-order-{os.getppid()}-{way}.pt')
    print(json.dumps(dict(loss=float(loss), median=statistics.median(seconds), least=min(seconds),
                          bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('preset', nargs='?', default='pamap2')
    p.add_argument('--batch', type=int, default=0, help='default: the paper\'s')
    p.add_argument('--repeats', type=int, default=5)
    p.add_argument('--way', choices=['double', 'tangents'])
    a = p.parse_args()
    if a.way:
        return one(a.preset, a.batch, a.repeats, a.way)
    found = {}
    for way in ('double', 'tangents'):
        words = [sys.executable, __file__, a.preset, '--batch', str(a.batch), '--repeats', str(a.repeats), '--way', way]
        found[way] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
    gradients = {}
    for way in found:
        path = f'/tmp/second-order-{os.getpid()}-{way}.pt'
        gradients[way] = torch.load(path)
        os.remove(path)
    errors = [float((x - y).norm() / x.norm().clamp(min=1e-12)) for x, y in zip(gradients['double'], gradients['tangents'])]
    whole = [torch.cat([g.flatten() for g in gradients[w]]) for w in ('double', 'tangents')]
    print('| machinery, PyTorch, plain attention | seconds a step, median (least) | peak memory |\n| --- | --- | --- |')
    for way, name in (('double', 'double backward'), ('tangents', 'forward over reverse')):
        r = found[way]
        print(f'| {name} | {r["median"]:.2f} ({r["least"]:.2f}) | {r["bytes"] / 2**20:,.0f} MB |')
    print(f'{a.preset}, batch {a.batch or presets()[a.preset][1]}, {a.repeats} steps, {torch.get_num_threads()} threads, torch {torch.__version__}; '
          f'loss {found["double"]["loss"]:.6f} and {found["tangents"]["loss"]:.6f}; gradients differ by '
          f'{float((whole[0] - whole[1]).norm() / whole[0].norm()):.1e} of their norm, tensor by tensor by {max(errors):.1e} at most')


if __name__ == '__main__':
    main()
