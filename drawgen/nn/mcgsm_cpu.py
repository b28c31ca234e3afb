"""The sums of an MCGSM over components and scales, with their gradient, compiled for the CPU (numba), in float32.

`mcgsm.log_ratio` is the definition; tests compare the two. In torch each of about ten operations reads and writes K S numbers per
pixel; here they stay in registers, `LANES` pixels at a time. On one core a pixel and its gradient take 3.4 to 5.5 microseconds
instead of 25 to 37 (128 components of 4 scales, 48 features, 40 inputs).

Axes: N pixels (a multiple of LANES), K components, S scales.
"""

from typing import Any

import numpy as np
import torch
from drawgen_envs.compiling_cpu import compiled
from drawgen_envs.lanes_cpu import LANES, load, maximum, store, total
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional as F

from drawgen.nn.lanes_cpu import exponential
from drawgen.threads import spread

CHUNK = 64 * LANES
"""Pixels of one job."""


@compiled(fastmath={"contract"})
def log_sums(
    start: int,
    stop: int,
    energies: Float32[np.ndarray, " KN"],
    differences: Float32[np.ndarray, " KN"],
    logits: Float32[np.ndarray, "K S"],
    volumes: Float32[np.ndarray, "K S"],
    precisions: Float32[np.ndarray, "K S"],
    joint: Float32[np.ndarray, " N"],
    prior: Float32[np.ndarray, " N"],
) -> None:
    """Fills the pixels `start` to `stop` of the logarithms of two sums: of the joint density and of the prior."""
    components, scales = logits.shape
    pixels = len(joint)
    for p in range(start, stop, LANES):
        energy, difference = load(energies, p), load(differences, p)
        most_prior = energy * precisions[0, 0] + logits[0, 0]
        most_joint = difference * precisions[0, 0] + volumes[0, 0]
        for k in range(components):
            energy, difference = load(energies, k * pixels + p), load(differences, k * pixels + p)
            for s in range(scales):
                most_prior = maximum(most_prior, energy * precisions[k, s] + logits[k, s])
                most_joint = maximum(most_joint, difference * precisions[k, s] + volumes[k, s])
        sum_prior, sum_joint = most_prior * np.float32(0.0), most_joint * np.float32(0.0)
        for k in range(components):
            energy, difference = load(energies, k * pixels + p), load(differences, k * pixels + p)
            for s in range(scales):
                sum_prior = sum_prior + exponential(energy * precisions[k, s] + logits[k, s] - most_prior)
                sum_joint = sum_joint + exponential(difference * precisions[k, s] + volumes[k, s] - most_joint)
        store(prior, p, sum_prior)
        store(joint, p, sum_joint)
        for lane in range(LANES):
            prior[p + lane] = np.log(prior[p + lane])
            joint[p + lane] = np.log(joint[p + lane])
        store(prior, p, load(prior, p) + most_prior)
        store(joint, p, load(joint, p) + most_joint)


@compiled(fastmath={"contract"})
def gradients(
    start: int,
    stop: int,
    grad: Float32[np.ndarray, " N"],
    energies: Float32[np.ndarray, " KN"],
    differences: Float32[np.ndarray, " KN"],
    logits: Float32[np.ndarray, "K S"],
    volumes: Float32[np.ndarray, "K S"],
    precisions: Float32[np.ndarray, "K S"],
    joint: Float32[np.ndarray, " N"],
    prior: Float32[np.ndarray, " N"],
    d_energies: Float32[np.ndarray, " KN"],
    d_differences: Float32[np.ndarray, " KN"],
    d_logits: Float32[np.ndarray, "K S"],
    d_volumes: Float32[np.ndarray, "K S"],
    d_precisions: Float32[np.ndarray, "K S"],
) -> None:
    """Fills the pixels `start` to `stop` of the gradients by energies and differences, and the sums over these pixels of those by
    the parameters."""
    components, scales = logits.shape
    pixels = len(joint)
    for k in range(components):
        for p in range(start, stop, LANES):
            store(d_energies, k * pixels + p, np.float32(0.0))
            store(d_differences, k * pixels + p, np.float32(0.0))
        for s in range(scales):
            precision, logit, volume = precisions[k, s], logits[k, s], volumes[k, s]
            by_logit = load(energies, start) * np.float32(0.0)
            by_volume, by_precision = by_logit, by_logit
            for p in range(start, stop, LANES):
                at, weight = k * pixels + p, load(grad, p)
                energy, difference = load(energies, at), load(differences, at)
                of_prior = weight * exponential(energy * precision + logit - load(prior, p))
                of_joint = weight * exponential(difference * precision + volume - load(joint, p))
                by_logit = by_logit + of_prior
                by_volume = by_volume + of_joint
                by_precision = by_precision + of_joint * difference - of_prior * energy
                store(d_energies, at, load(d_energies, at) - of_prior * precision)
                store(d_differences, at, load(d_differences, at) + of_joint * precision)
            d_logits[k, s] = np.float32(0.0) - total(by_logit)
            d_volumes[k, s] = total(by_volume)
            d_precisions[k, s] = total(by_precision)


class LogRatio(torch.autograd.Function):
    """`mcgsm.log_ratio`, float32 on the CPU."""

    @staticmethod
    def forward(
        ctx: Any,
        energies: Float[Tensor, "K N"],
        differences: Float[Tensor, "K N"],
        logits: Float[Tensor, "K S"],
        volumes: Float[Tensor, "K S"],
        precisions: Float[Tensor, "K S"],
    ) -> Float[Tensor, " N"]:
        count = energies.shape[1]
        energies, differences = (F.pad(part, (0, -count % LANES)).contiguous() for part in (energies, differences))
        joint, prior = (energies.new_empty(energies.shape[1]) for _ in range(2))
        given = (energies.view(-1), differences.view(-1), logits, volumes, precisions, joint, prior)
        arrays = [part.detach().contiguous().numpy() for part in given]
        pixels = len(joint)
        spread(lambda n: log_sums(n * CHUNK, min((n + 1) * CHUNK, pixels), *arrays), -(-pixels // CHUNK))
        ctx.arrays, ctx.count = arrays, count
        return (joint - prior)[:count]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        weight = F.pad(grad, (0, -ctx.count % LANES)).contiguous()
        pixels, (components, scales) = len(weight), ctx.arrays[2].shape
        d_energies, d_differences = (grad.new_empty(components, pixels) for _ in range(2))
        chunks = -(-pixels // CHUNK)
        sums = [grad.new_empty(chunks, components, scales) for _ in range(3)]
        outs = d_energies.view(-1).numpy(), d_differences.view(-1).numpy()

        def one(n: int) -> None:
            parts = (part[n].numpy() for part in sums)
            gradients(n * CHUNK, min((n + 1) * CHUNK, pixels), weight.numpy(), *ctx.arrays, *outs, *parts)

        spread(one, chunks)
        d_logits, d_volumes, d_precisions = (part.sum(0) for part in sums)
        return d_energies[:, : ctx.count], d_differences[:, : ctx.count], d_logits, d_volumes, d_precisions
