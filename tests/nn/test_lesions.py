"""Lesions against networks built without the module, enumerations of all paths, and scipy."""

import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from drawgen.contract import Spec, generator
from drawgen.models import resnet_classifier
from drawgen.nn import lesions
from drawgen.nn.lesions import Examined, Mean, error, kendall_tau, row_of, subsets
from drawgen.nn.residual import Lesion, Network, through

DOUBLE = torch.float64


class Layer:
    """y = x + tanh(W x) on 1x1 pictures; without `adds` a plain layer."""

    def __init__(self, rng, adds=True):
        self.weight, self.adds = torch.randn(3, 3, dtype=DOUBLE, generator=rng), adds

    def parts(self, x):
        return x if self.adds else None, torch.einsum("dc,bchw->bdhw", self.weight, x).tanh()

    def shortcut(self, x):
        return x

    def after(self, x):
        return x


def toy(n=4, pictures=40, adds=True):
    rng = generator(0)
    modules = [Layer(rng, adds) for _ in range(n)]
    network = Network(lambda x: x, modules, lambda x: x[:, :, 0, 0])
    images = torch.randn(pictures, 3, 1, 1, dtype=DOUBLE, generator=rng)
    return Examined(network, images, torch.randint(3, (pictures,), generator=rng))


def test_a_deleted_module_is_as_if_it_had_never_been():
    model = resnet_classifier.Config(modules=6, width=4).build(Spec((1, 8, 8), classes=("a", "b", "c")), rng=generator(0)).eval()
    images = torch.rand(5, 1, 8, 8, generator=generator(1))
    whole = model.dissected()
    assert not torch.equal(model(images), model(images, Lesion(deleted={1})))
    without = whole._replace(modules=[module for n, module in enumerate(whole.modules) if n != 1])
    torch.testing.assert_close(model(images, Lesion(deleted={1})), without.logits(images))
    turned = whole._replace(modules=[whole.modules[n] for n in (1, 0, 2, 3, 4, 5)])
    torch.testing.assert_close(model(images, Lesion(order=(1, 0, 2, 3, 4, 5))), turned.logits(images))
    examined = Examined(whole, images, torch.tensor([0, 1, 2, 0, 1]))
    row = row_of(examined)
    assert row.narrows == (False, False, True, False, True, False)
    assert row.pairs() == [(0, 1)]
    assert lesions.without_one(examined, row) == [error(examined, Lesion(deleted={n})) for n in range(6)]


def test_a_module_without_a_shortcut_cannot_be_deleted():
    class Bare(Layer):
        def shortcut(self, x):
            return None

    with pytest.raises(ValueError, match="module 0 has no shortcut"):
        through([Bare(generator(0))], torch.zeros(1, 3, 1, 1, dtype=DOUBLE), Lesion(deleted={0}))


def along(path, pictures=40):
    """The same path for all pictures."""
    return torch.tensor([n in path for n in range(4)]).expand(pictures, -1)


def test_the_paths_add_up_to_the_gradient():
    """Over all 2^4 paths: the gradient as torch has it. Each picture may have a path of its own."""
    examined = toy()
    images = examined.images.clone().requires_grad_()
    F.cross_entropy(examined.network.logits(images), examined.wanted, reduction="sum").backward()
    paths = [set(some) for k in range(5) for some in itertools.combinations(range(4), k)]
    assert len(paths) == 16
    gradients = [lesions.path_gradient(examined, along(path)) for path in paths]
    torch.testing.assert_close(sum(gradients), images.grad)
    mixed = torch.stack([along(paths[n % 16], 1)[0] for n in range(40)])
    expected = torch.stack([gradients[n % 16][n] for n in range(40)])
    torch.testing.assert_close(lesions.path_gradient(examined, mixed), expected)


def test_sampled_paths_estimate_those_of_the_enumeration():
    """The mean norm over all paths of a length, and over paths and pictures drawn by chance."""
    examined = toy()
    row = row_of(examined)
    exact = lesions.gradient_norms(examined, row, range(5), 6, pictures=40, rng=generator(0))
    for k, mean in enumerate(exact):
        norms = [
            lesions.path_gradient(examined, along(path)).flatten(1).norm(dim=1).mean()
            for path in itertools.combinations(range(4), k)
        ]
        assert mean.value == pytest.approx(float(sum(norms) / len(norms)))
    sampled = lesions.gradient_norms(examined, row, [1, 2, 3], 3, pictures=700, rng=generator(1))
    assert sampled[0] != exact[1]
    for found, mean in zip(sampled, exact[1:4], strict=True):
        assert found.error > 0
        assert abs(found.value - mean.value) < 4 * found.error


def test_the_gradient_of_a_long_path_is_not_nothing():
    """In single precision the gradient through forty layers that shrink it tenfold is too small, without a scale."""

    class Thin(Layer):
        def parts(self, x):
            return x, 0.03 * x

    network = Network(lambda x: x, [Thin(generator(0)) for _ in range(30)], lambda x: x[:, :, 0, 0])
    examined = Examined(network, torch.rand(2, 3, 1, 1, generator=generator(0)), torch.tensor([0, 1]))
    short, long = lesions.gradient_norms(examined, row_of(examined), [0, 30], 1, pictures=2, rng=generator(0))
    assert long.value == pytest.approx(short.value * 0.03**30, rel=1e-4)


def test_subsets():
    """All of them if they are few, else as many as are wanted."""
    assert sorted(map(sorted, subsets(4, 2, 6, rng=generator(0)))) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    some = subsets(9, 4, 10, rng=generator(0))
    assert len(some) == 10
    assert all(len(each) == 4 and max(each) < 9 for each in some)
    assert some == subsets(9, 4, 10, rng=generator(0))


def test_several_at_once():
    """Without one of four, enumerated: the mean of the errors without each. Without all: that of the stem alone."""
    examined = toy()
    row = row_of(examined)
    one, most = lesions.without_several(examined, row, [1, 4], 10, rng=generator(0))
    assert one.value == pytest.approx(sum(lesions.without_one(examined, row)) / 4)
    bare = examined._replace(network=examined.network._replace(modules=[]))
    assert most == Mean(error(bare), 0.0)


def test_kendalls_tau():
    """As scipy has it."""
    stats = pytest.importorskip("scipy.stats")
    rng = generator(0)
    for n in (2, 3, 10, 54):
        order = torch.randperm(n, generator=rng).tolist()
        assert kendall_tau(order) == pytest.approx(stats.kendalltau(order, range(n)).statistic)
    assert kendall_tau([0]) == 1


def test_shuffles():
    """Modules with a shortcut change places with others of their shape; the rest stays."""
    examined = toy(6)
    row = row_of(examined)
    found = lesions.shuffled(examined, row, [1, 5], 3, rng=generator(0))
    assert [shuffle.swaps for shuffle in found] == [1, 1, 1, 5, 5, 5]
    assert all(shuffle.tau < 1 for shuffle in found[:3])
    assert found == lesions.shuffled(examined, row, [1, 5], 3, rng=generator(0))


def test_path_lengths():
    """The paper: more than 95 % of 54 modules' paths pass 19 to 35, and 0.45 % of them 5 to 17."""
    shares = lesions.path_shares(54)
    assert sum(shares) == pytest.approx(1)
    assert sum(shares[19:36]) == pytest.approx(0.980, abs=5e-4)
    assert sum(shares[5:18]) == pytest.approx(0.004537, rel=1e-3)
    assert sum(lesions.path_shares(999)) == pytest.approx(1)


def test_contributions_and_their_band():
    """Counts times norms that fall by a third with each module: a binomial distribution with a smaller mean."""
    n = 12
    shares = lesions.contributions([0, 3, 6, 9, 12], [3.0**-k for k in (0, 3, 6, 9, 12)], n)
    binomial = [math.comb(n, k) * 0.25**k * 0.75 ** (n - k) for k in range(n + 1)]
    assert shares == pytest.approx(binomial)
    first, last = lesions.band(shares, 0.95)
    assert (first, last) == (1, 6)
    assert sum(shares[first : last + 1]) >= 0.95
    assert lesions.band([0.5, 0.5], 1.0) == (0, 1)


def test_openness():
    """The mean of the gates over pictures and places; only highway networks have them."""
    spec = Spec((1, 8, 8), classes=("a", "b"))
    highway = resnet_classifier.Config(modules=3, width=4, kind="highway", gate_bias=-1.0).build(spec, rng=generator(0)).eval()
    images = torch.rand(6, 1, 8, 8, generator=generator(1))
    examined = Examined(highway.dissected(), images, torch.zeros(6, dtype=torch.long))
    found = lesions.openness(examined)
    assert len(found) == 3
    first = highway.blocks[0].openness(highway.enter(images)).mean((0, 2, 3)).detach()
    assert found[0].mean == pytest.approx(float(first.mean()), rel=1e-5)
    assert found[0].low < found[0].mean < found[0].high
    assert lesions.openness(toy()) == []
