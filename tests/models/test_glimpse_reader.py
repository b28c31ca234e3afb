"""The reader that moves its eye, against its equations and exact expectations."""

import math

import pytest
import torch
from torch.nn import functional as F

from drawgen.contract import Spec, generator
from drawgen.data.clutter import Cluttered
from drawgen.data.digit_scenes import DigitScene
from drawgen.models.glimpse_reader import Config, GlimpseReader, NoisyScene, led_places, likely_rows
from drawgen.nn.crops import crops
from drawgen.policy_gradient import reinforce

DOUBLE = torch.float64
DIGITS = tuple("0123456789")
ONE, ROW = Spec((1, 30, 30), classes=DIGITS), Spec((1, 30, 30), classes=DIGITS, counts=(1, 3))


def small(spec=ONE, **changes) -> GlimpseReader:
    settings = {"glimpses": 2, "crop": 9, "units": 6, "width": 2} | changes
    model = Config(**settings).build(spec, rng=generator(0)).double()
    rng = generator(1)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, dtype=DOUBLE, generator=rng)
    return model


def batch_for(model, targets, *, seed=0, led=1.0):
    rng = generator(seed)
    shape = model.noise_shape(len(targets))
    images = torch.rand(len(targets), *model.spec.picture, dtype=DOUBLE, generator=rng)
    noise = torch.randn(shape, dtype=DOUBLE, generator=rng)
    leading = torch.rand(shape, dtype=DOUBLE, generator=rng)
    return NoisyScene(images, torch.tensor(targets), noise, leading, torch.full((len(targets),), led, dtype=DOUBLE))


def loss_of(model, batch, state=None):
    return next(model.losses(batch, state=state or {}, rng=generator(0)))


def test_a_slow_loop_says_the_same():
    """The paper's equations, glimpse by glimpse and picture by picture."""
    model = small(ROW)
    batch = batch_for(model, [[3, 1, -1], [5, -1, -1]])
    with torch.no_grad():
        looks = model(batch.images, batch.noise)
        for b in range(2):
            image = batch.images[b : b + 1]
            h1 = c1 = torch.zeros(1, 6, dtype=DOUBLE)
            coarse = F.interpolate(image, (12, 12), mode="area")
            h2, c2 = model.context_to_state(model.context(coarse)).chunk(2, 1)
            h2 = h2.tanh()
            said = []
            for t in range(8):
                mean = model.emission(h2).tanh()
                place = mean + 0.1 * batch.noise[t, b]
                torch.testing.assert_close(looks.means[t, b], mean[0])
                torch.testing.assert_close(looks.places[t, b], place[0])
                torch.testing.assert_close(looks.baselines[t, b], model.baseline(h2)[0, 0])
                seen = place.clamp(-1, 1)
                g = model.what(crops(image, seen, 9, 2)) * model.where(seen).relu()
                h1, c1 = model.lstm1(g, h1, c1)
                h2, c2 = model.lstm2(h1, h2, c2)
                if t % 2:
                    said.append(model.says(h1)[0])
            torch.testing.assert_close(looks.logits[:, b], torch.stack(said))


def test_the_context_reaches_the_answer_through_the_places_alone():
    """With the same places, another context changes nothing that is said."""
    model = small()
    batch = batch_for(model, [[3]])
    there = torch.rand(model.noise_shape(1), dtype=DOUBLE, generator=generator(5))
    with torch.no_grad():
        before = model(batch.images, batch.noise, there).logits
        model.context_to_state.bias += 1.0
        after = model(batch.images, batch.noise, there).logits
    torch.testing.assert_close(before, after)


def test_rewards_stop_at_the_first_wrong_target():
    """Of three digits and the end, the second is wrong: the cross-entropy has the first two, and so has the policy's loss. The
    reward is 1 before the first answer and 0 after it."""
    model = small(ROW)
    batch = batch_for(model, [[3, 1, 4]])
    with torch.no_grad():
        looks = model(batch.images, batch.noise)
        log_probs = looks.logits.log_softmax(2)[:, 0]
        said = log_probs.argmax(1).tolist()
    batch = batch._replace(targets=torch.tensor([[said[0], (said[1] + 1) % 10, 4]]))
    wanted = batch.targets[0].tolist()
    loss = loss_of(model, batch)
    nats = -(log_probs[0, wanted[0]] + log_probs[1, wanted[1]])
    assert loss.log["cross_entropy_nats"].item() == pytest.approx(nats.item())
    reward = [1.0, 1.0, 0.0, 0.0]  # of two glimpses for each of the two targets that count
    baselines = looks.baselines[:4, 0].tolist()
    log_prob = (-0.5 * batch.noise[:4, 0].square().sum(1)).tolist()
    policy = -sum((r - b) * p for r, b, p in zip(reward, baselines, log_prob, strict=True))
    missed = sum((r - b) ** 2 for r, b in zip(reward, baselines, strict=True))
    assert loss.value.item() == pytest.approx(nats.item() + policy + missed)


def test_gradients_stop_where_they_should():
    """The baseline's error does not train the network, and no gradient goes through a place."""
    model = small()
    batch = batch_for(model, [[3], [5]])
    looks = model(batch.images, batch.noise)
    grads = torch.autograd.grad(looks.baselines.sum(), list(model.parameters()), allow_unused=True, retain_graph=True)
    touched = {name for (name, _), grad in zip(model.named_parameters(), grads, strict=True) if grad is not None}
    assert touched == {"baseline.weight", "baseline.bias"}
    grads = torch.autograd.grad(looks.logits.sum(), list(model.emission.parameters()), allow_unused=True)
    assert all(grad is None for grad in grads)


def test_policy_gradient_is_that_of_the_expected_reward():
    """One glimpse, whose place alone decides whether the answer is right: REINFORCE, integrated over the noise, has the gradient of
    the probability of being right, by finite differences."""
    model = small(Spec((1, 30, 30), classes=("left", "right")), glimpses=1)
    with torch.no_grad():
        for layer in (model.says, model.emission[2], model.baseline):
            layer.weight.zero_()
        model.baseline.bias.fill_(0.3)  # any baseline
        model.emission[2].bias.copy_(torch.tensor([0.05, 0.0]))
    nodes = torch.linspace(-6, 6, 4001, dtype=DOUBLE)
    weights = (-0.5 * nodes.square()).exp() * (nodes[1] - nodes[0]) / math.sqrt(2 * math.pi)
    deviation = model.config.deviation

    def right_at(x):  # the reward of a look at x
        return (x > 0).double()

    mean = model.emission[2].bias[:1].tanh()
    places = (mean + deviation * nodes).detach()
    log_prob = -0.5 * ((places - mean) / deviation).square()
    loss = reinforce(log_prob * weights * len(nodes), right_at(places), torch.full_like(places, 0.3))
    found = torch.autograd.grad(loss, model.emission[2].bias)[0][0].item()

    def expected(bias):
        return 0.5 * (1 + math.erf(math.tanh(bias) / deviation / math.sqrt(2)))

    assert -found == pytest.approx((expected(0.05 + 1e-5) - expected(0.05 - 1e-5)) / 2e-5, rel=1e-3)


def test_led_places_lie_on_the_ink_from_left_to_right():
    images = torch.zeros(2, 1, 20, 30)
    images[0, 0, 5, 2:6] = images[0, 0, 15, 20:24] = 1.0  # two strokes of four pixels
    images[1, 0, 3:7, 9] = 1.0
    uniforms = torch.rand(4, 2, 2, generator=generator(0))
    found = (led_places(images, uniforms, torch.tensor([4, 4])) + 1) / 2 * torch.tensor([30, 20]) - 0.5
    assert found[:, 0, 1].tolist() == pytest.approx([5, 5, 15, 15], abs=1e-4)
    assert found[:, 0, 0].tolist() == pytest.approx(sorted(found[:, 0, 0].tolist()))
    assert ((found[:2, 0, 0] < 6) & (found[2:, 0, 0] > 19)).all()
    assert found[:, 1, 0].tolist() == pytest.approx([9] * 4, abs=1e-4)
    led_places(torch.zeros(1, 1, 20, 30), uniforms[:, :1], torch.tensor([4]))  # nothing to see


def test_a_led_eye_is_imitated_less_and_less():
    model = small(lead=10)
    batch = batch_for(model, [[3], [5]], led=0.5)
    places = led_places(batch.images, batch.leading, torch.tensor([2, 2]))
    found = {}
    for step in (0.0, 4.9, 5.1):
        steps = model.losses(batch, state={"step": torch.tensor(step)}, rng=generator(0))
        loss = next(steps)
        with pytest.raises(StopIteration) as end:
            next(steps)
        assert end.value.value["step"] == step + 1
        found[step] = loss.value.item()
    assert found[0.0] == found[4.9]  # both are led
    with torch.no_grad():
        looks = model(batch.images, batch.noise, places)
    torch.testing.assert_close(looks.places, places)
    alone = loss_of(small(lead=0), batch)
    assert found[5.1] == pytest.approx(alone.value.item())


def test_likely_rows_are_the_best_of_all():
    log_probs = torch.randn(4, 4, generator=generator(0)).log_softmax(1)  # rows of one to three of a, b, c, and the end
    every = {}
    for text in (a + b + c for a in "abc" for b in ["", *"abc"] for c in ["", *"abc"] if b or not c):
        numbers = ["abc".index(letter) for letter in text]
        every[text] = sum(log_probs[place, n].item() for place, n in enumerate(numbers)) + log_probs[len(text), 3].item()
    best = sorted(every, key=lambda text: -every[text])[:10]
    found = likely_rows(log_probs, tuple("abc"), (1, 3))
    assert list(found) == best
    assert list(found.values()) == pytest.approx([every[text] for text in best])


def test_a_row_is_read_as_text():
    model = small(ROW)
    images = torch.rand(3, 1, 30, 30, dtype=DOUBLE, generator=generator(2))
    found = model.read(images, rng=generator(0))
    best = [found.best(row)[0] for row in range(3)]
    assert all(1 <= len(text) <= 3 and text.isdigit() and 0 < p <= 1 for text, p in best)
    seen = found.seen
    assert set(seen.boxes) == {"read", "around"}
    assert seen.boxes["read"].shape == (8, 3, 4)
    assert [frame.shape for frame in seen.frames(3)] == [images.shape] * 3
    assert torch.equal(list(seen.frames(8))[-1], seen.images)


def test_averaging_over_ways():
    """The mean of the probabilities along the drawn ways."""
    model = small(ways=3)
    scene = DigitScene(torch.rand(4, 1, 30, 30, dtype=DOUBLE, generator=generator(2)), torch.tensor([[1], [2], [3], [4]]))
    rng = generator(7)
    with torch.no_grad():
        found = model.log_probs(scene.images, 3, rng=generator(7))
        noise = [torch.randn(model.noise_shape(4), generator=rng) for _ in range(3)]
        each = [model(scene.images, one).logits.softmax(2) for one in noise]
    torch.testing.assert_close(found.exp().double(), torch.stack(each).mean(0), rtol=1e-4, atol=1e-6)
    assert set(model.measure(scene, rng=generator(0))) == {
        "error_rate", "error_rate_squared", "cross_entropy_nats", "cross_entropy_nats_squared", "averaged_error_rate",
        "averaged_error_rate_squared",
    }  # fmt: skip


def test_it_learns():
    """A digit of a pocket calculator anywhere in a picture: better than guessing by far after a few steps."""
    data = Cluttered(digits="segments", side_px=40, pieces=0, batch=32)
    model = Config(glimpses=2, crop=14, units=48, width=4, lead=10_000).build(data.spec(), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    rng, errors = generator(1), []
    for batch, _ in zip(data.stream("train", seed=0), range(150), strict=False):
        scene = DigitScene(batch.images, batch.labels[:, None])
        loss = loss_of(model, model.draw_noise(scene, rng=rng))
        optimiser.zero_grad()
        loss.value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        errors.append(loss.log["error_rate"])
    assert torch.stack(errors[-15:]).mean() < 0.5


@pytest.mark.parametrize(
    ("settings", "words"), [({"crop": 8}, r"model\.crop is 8"), ({"deviation": 0.0}, "above 0"), ({"glimpses": 0}, "at least 1")]
)
def test_what_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Config(**settings)
