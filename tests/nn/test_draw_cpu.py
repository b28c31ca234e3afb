"""DRAW's compiled recurrence against its definition, `models.draw.Draw.forward`, in value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from drawgen.contract import Spec, generator
from drawgen.models import draw
from drawgen.nn import draw_cpu
from drawgen.nn.recording import recording

SIZES = st.fixed_dictionaries(
    {
        "steps": st.integers(1, 4),
        "units": st.sampled_from([3, 16, 17]),
        "latent": st.sampled_from([1, 5, 16]),
        "read": st.integers(0, 3),
        "write": st.integers(0, 3),
    }
)


def case(settings_, shape, *, kind=torch.float64, batch=3, seed=0):
    """A model with random weights everywhere, pictures, noise, and how canvas and KL terms are weighed in a loss."""
    model = draw.Config(likelihood="cross-entropy", **settings_).build(Spec(shape), rng=generator(seed)).to(kind)
    rng = generator(seed, 1)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, dtype=kind, generator=rng)
    images = torch.rand(batch, *shape, dtype=kind, generator=rng)
    noise = torch.randn(model.config.steps, batch, model.config.latent, dtype=kind, generator=rng)
    on_canvas = torch.randn(images.shape, dtype=kind, generator=rng)
    on_kl = torch.rand(noise.shape[:2], dtype=kind, generator=rng)
    return model, images, noise, on_canvas, on_kl


def definition(model, images, noise):
    drawing, mean, log_std = model(images, noise)
    return drawing.canvases[-1], 0.5 * (mean.square() + (2 * log_std).exp() - 2 * log_std - 1).sum(2), mean, log_std


def twin(model, images, noise, *, half=False):
    config = model.config
    return draw_cpu.reconstruct(images, noise, model.weights(), model.spare, read=config.read, write=config.write, half=half)


def gradients(found, model, on_canvas, on_kl):
    loss = (found[0] * on_canvas).sum() + (found[1] * on_kl).sum()
    return torch.autograd.grad(loss, list(model.parameters()))


def furthest(found, wanted):
    """The largest difference of a tensor, as a share of its largest number."""
    pairs = [(a.detach(), b.detach()) for a, b in zip(found, wanted, strict=True)]
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-3)) for a, b in pairs)


@settings(max_examples=25, deadline=None)
@given(SIZES, st.sampled_from([1, 3]), st.integers(3, 19), st.integers(3, 19), st.integers(0, 1000))
def test_equals_the_definition_in_value_and_gradient(sizes, channels, height, width, seed):
    model, images, noise, *weighed = case(sizes, (channels, height, width), seed=seed)
    wanted, found = definition(model, images, noise), twin(model, images, noise)
    assert furthest(found, wanted) < 1e-9
    assert furthest(gradients(found, model, *weighed), gradients(wanted, model, *weighed)) < 1e-9


@pytest.mark.parametrize("attention", [{"read": 3, "write": 5}, {"read": 0, "write": 0}], ids=str)
@pytest.mark.parametrize(("half", "value", "slope"), [(False, 2e-5, 2e-4), (True, 0.1, 0.2)])
def test_rounds_as_its_numbers_do(attention, half, value, slope):
    """In single precision, and with products in bfloat16, whose numbers have 8 bits."""
    sizes = {"steps": 5, "units": 32, "latent": 10} | attention
    model, images, noise, *weighed = case(sizes, (1, 28, 28), kind=torch.float32, batch=9)
    wanted, found = definition(model, images, noise), twin(model, images, noise, half=half)
    assert found[0].dtype == torch.float32
    assert furthest(found, wanted) < value
    assert furthest(gradients(found, model, *weighed), gradients(wanted, model, *weighed)) < slope


def test_more_steps_than_are_added_at_once():
    sizes = {"steps": 2 * draw_cpu.TOGETHER + 3, "units": 4, "latent": 2, "read": 2, "write": 2}
    model, images, noise, *weighed = case(sizes, (1, 5, 5))
    wanted, found = definition(model, images, noise), twin(model, images, noise)
    assert furthest(gradients(found, model, *weighed), gradients(wanted, model, *weighed)) < 1e-9


def test_a_window_far_off_the_picture():
    """All weight is on the nearest pixel, and every gradient is finite."""
    model, images, noise, *weighed = case({"steps": 2, "units": 4, "latent": 2, "read": 2, "write": 3}, (1, 6, 6))
    model.outputs.bias.data[:2] = torch.tensor([40.0, -30.0])
    model.outputs.bias.data[2] = -8.0
    wanted, found = definition(model, images, noise), twin(model, images, noise)
    assert furthest(found, wanted) < 1e-9
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(found, model, *weighed))


def test_autocast_takes_bfloat16_and_a_recorder_the_definition():
    model, images, noise, *_ = case({"steps": 3, "units": 8, "latent": 4, "read": 2, "write": 2}, (1, 8, 8), kind=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.encode(images, noise)
    assert torch.equal(rounded.canvas, twin(model, images, noise, half=True)[0])
    assert torch.equal(model.encode(images, noise).canvas, twin(model, images, noise)[0])
    with recording() as record:
        recorded = model.encode(images, noise)
    assert torch.equal(recorded.canvas, definition(model, images, noise)[0])
    assert len(record.tracks(model)) == 2


def test_a_second_gradient_is_refused():
    """What the gradient is computed from was overwritten by the first."""
    model, images, noise, *_ = case({"steps": 2, "units": 4, "latent": 2, "read": 2, "write": 2}, (1, 5, 5))
    loss = twin(model, images, noise)[0].sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="asked for twice"):
        loss.backward()


def test_memory_is_used_again_and_never_shared():
    """A step takes the last one's memory; two steps whose gradients are still to come have their own."""
    sizes = {"steps": 2, "units": 4, "latent": 2, "read": 2, "write": 2}
    model, images, noise, *weighed = case(sizes, (1, 5, 5))
    wanted = gradients(definition(model, images, noise), model, *weighed)
    first, second = twin(model, images, noise), twin(model, 1 - images, noise)
    assert furthest(gradients(first, model, *weighed), wanted) < 1e-9
    other = definition(model, 1 - images, noise)
    assert furthest(gradients(second, model, *weighed), gradients(other, model, *weighed)) < 1e-9
    spare = model.spare.tape
    assert spare is not None
    with torch.no_grad():
        third = twin(model, images, noise)
    assert model.spare.tape is spare
    twin(model, 1 - images, noise)
    assert furthest(third, definition(model, images, noise)) < 1e-9


def test_memory_of_another_size_is_not_taken():
    """A larger batch is measured between a step and its gradient; what is handed back last has the step's size."""
    sizes = {"steps": 2, "units": 4, "latent": 2, "read": 2, "write": 2}
    model, images, noise, *weighed = case(sizes, (1, 5, 5))
    wanted = gradients(definition(model, images, noise), model, *weighed)
    step = twin(model, images, noise)
    more, its_noise = images.repeat(3, 1, 1, 1), noise.repeat(1, 3, 1)
    with torch.no_grad():
        twin(model, more, its_noise)
    assert furthest(gradients(step, model, *weighed), wanted) < 1e-9
    with torch.no_grad():
        assert furthest(twin(model, more, its_noise), definition(model, more, its_noise)) < 1e-9
        assert furthest(twin(model, images, noise), definition(model, images, noise)) < 1e-9
