"""Painters: the loss is that of the drawn strokes, played actions are replayed as they were, verbs go by the goal."""

import copy
import dataclasses

import pytest
import torch
from drawgen_envs.brush import mask, paint
from drawgen_envs.easel import BezierEasel
from drawgen_envs.spiral import SpiralEpisodes

from drawgen.contract import Request, Spec, generator
from drawgen.data.pictures import Pictures
from drawgen.data.strokes import DrawnPictures
from drawgen.models.painter import PAINTERS, Config
from drawgen.nn.painting_goals import DARK, Subject
from drawgen.nn.painting_ways import fitted_colour
from drawgen.nn.pyramid import pyramid

SPEC = Spec((1, 16, 16))
SMALL = Config(strokes=3, units=16, width=4, critic_width=4, noise=4)
RECONSTRUCT, DOODLE, COMPLETE = (dataclasses.replace(SMALL, goal=goal) for goal in ("reconstruct", "doodle", "complete"))
FITTED = dataclasses.replace(RECONSTRUCT, fitted=True)
KINDS = [dataclasses.replace(SMALL, goal=goal, learn=learn) for goal, learn in PAINTERS if learn not in ("imitation", "people")]
KINDS.append(FITTED)


def pictures(count=8, spec=SPEC):
    return Pictures((torch.rand(count, *spec.image, generator=generator(1)) > 0.6).float())


def walk(model, batch, seed=2):
    losses = []
    for loss in model.losses(batch, state={}, rng=generator(seed)):
        model.zero_grad(set_to_none=True)
        loss.value.backward()
        losses.append(loss)
    return losses


@pytest.mark.parametrize("config", KINDS, ids=lambda config: f"{config.goal}-{config.learn}{'-fitted' * config.fitted}")
@pytest.mark.parametrize("channels", [1, 3])
def test_each_kind_learns_something(config, channels):
    spec = Spec((channels, 16, 16))
    model = config.build(spec, rng=generator(0))
    losses = walk(model, pictures(spec=spec))
    players = [loss.player for loss in losses]
    policy_steps = 1 if config.learn == "pathwise" else config.epochs * config.minibatches
    assert players == ["critic"] * (0 if config.goal == "reconstruct" else config.critic_steps) + ["policy"] * policy_steps
    assert all(torch.isfinite(loss.value) for loss in losses)
    moved = [name for name, p in model.policy.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert any("eye" in name for name in moved)
    assert any("pointers" in name for name in moved)
    assert {name for player in model.players().values() for group in player.groups for name in map(id, group.parameters)} == set(
        map(id, model.parameters())
    )


def test_the_loss_is_that_of_the_drawn_strokes():
    model = RECONSTRUCT.build(SPEC, rng=generator(0))
    batch = pictures()
    (loss,) = walk(model, batch)
    strokes = model.reconstruct(batch.images, rng=generator(5)).strokes
    canvas, costs = torch.zeros_like(batch.images), []
    for stroke in strokes.unbind(1):
        canvas = paint(canvas, stroke[:, None])
        costs.append(pyramid(canvas, batch.images) / (pyramid(torch.zeros_like(canvas), batch.images) + DARK))
    assert float(loss.value.detach()) == pytest.approx(float(torch.stack(costs).mean()), rel=1e-5)


def test_a_fitted_colour_is_the_least_squares_one():
    rng = generator(3)
    canvas, target = 0.3 + 0.4 * torch.rand(2, 5, 3, 24, 24, generator=rng)
    stroke = torch.cat([torch.rand(5, 6, generator=rng), 0.1 + 0.2 * torch.rand(5, 2, generator=rng), torch.full((5, 2), 0.7)], 1)
    found = fitted_colour(canvas, target, stroke)
    for row in range(5):
        m = mask(stroke[row : row + 1], 24, 24).flatten()
        for channel in range(3):
            before, wanted = canvas[row, channel].flatten(), target[row, channel].flatten()
            best = torch.linalg.lstsq(m[:, None], (wanted - (1 - m) * before)[:, None]).solution
            assert float(found[row, channel]) == pytest.approx(float(best), abs=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
@torch.no_grad()
def test_a_fitted_painter_begins_on_the_mean_colour(channels):
    """On which its worth is -1; polishing keeps that stroke as wide."""
    model = FITTED.build(Spec((channels, 16, 16)), rng=generator(0))
    images = torch.rand(4, channels, 16, 16, generator=generator(1))
    drawn = model.drawn(images, 3, rng=generator(2))
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    torch.testing.assert_close(drawn.canvases[0], mean)
    assert float((model.goal.worth(drawn.canvases[:1], images) + 1).abs().max()) < 0.05
    with torch.enable_grad():
        polished = model.polish(drawn.strokes.transpose(0, 1), images, 3)
    assert float((polished.images - images).square().mean()) < float((drawn.canvases[-1] - images).square().mean())
    assert float(polished.strokes[:, 0, 6:8].min()) > 0.7


def test_strokes_drawn_again_are_the_picture():
    for config in (kind for kind in KINDS if kind.goal != "complete"):
        model = config.build(SPEC, rng=generator(0))
        batch = pictures()
        sample = model.sample(Request(n=3)) if config.goal == "doodle" else model.reconstruct(batch.images, rng=generator(5))
        again = paint(torch.zeros_like(sample.images), sample.strokes).clamp(0, 1)
        torch.testing.assert_close(again, sample.images, atol=3 / 255, rtol=0)  # an environment shows bytes


def test_played_actions_are_replayed_as_they_were():
    model = dataclasses.replace(RECONSTRUCT, learn="policy-gradient").build(SPEC, rng=generator(0))
    batch = pictures()
    with torch.no_grad():
        subject = Subject(batch.images, None)
        played = model.learning.play(subject, model.learning.uniforms(3, 8, rng=generator(3)))
        log_prob, _, value = model.learning.replay(played.before, played.action, subject)
    torch.testing.assert_close(log_prob, played.log_prob)
    torch.testing.assert_close(value, played.value)
    assert torch.equal(played.before[1:], played.after[:-1])


def test_the_flag_learns_by_its_score_function():
    """The gradient of the flag's layer is that of the expected cost, which two flags and one stroke give in closed form."""
    count = 4096
    config = dataclasses.replace(RECONSTRUCT, strokes=1, lift=True)
    model = config.build(SPEC, rng=generator(0))
    model.policy.flag.bias.data[:] = 0
    images = pictures(1).images.expand(count, -1, -1, -1)
    walk(model, Pictures(images))
    estimate = model.policy.flag.bias.grad.clone()
    model.zero_grad()
    one = images[:1]
    costs = []
    for uniform in (1.0, 0.0):  # left out, laid
        drawn = model.learning.draw(Subject(one, None), torch.full((1, 1, 1), uniform))
        costs.append(-model.goal.worth(drawn.canvases, one).mean().detach())
    _, memory = model.policy.look(model.goal.view(torch.zeros_like(one), one), model.policy.start(1))
    expected = (model.policy.flag(memory.h).softmax(1)[0] * torch.stack(costs)).sum()
    expected.backward()
    torch.testing.assert_close(estimate, model.policy.flag.bias.grad, rtol=0.1, atol=1e-4)


def drawn(count=4, strokes=3):
    """People's drawings; the first one has a stroke less."""
    numbers = torch.rand(count, strokes, 11, generator=generator(4)) * 0.5 + 0.25
    numbers[..., 6:8], numbers[..., 8:] = 0.05, 1.0
    numbers[0, -1, 6:8] = 0.0
    return DrawnPictures(paint(torch.zeros(count, 1, 16, 16), numbers), numbers)


PEOPLE = dataclasses.replace(RECONSTRUCT, learn="people", lift=True, pixels=0.0)


@torch.no_grad()
def test_cloning_by_a_slow_loop():
    """Stroke by stroke on people's canvases, with the policy's own step."""
    model, batch = PEOPLE.build(SPEC, rng=generator(0)), drawn()
    least, greatest = model.config.radius
    distance = off = flags = torch.tensor(0.0)
    for image, strokes in zip(*batch, strict=True):
        canvas, memory = torch.zeros(1, 1, 16, 16), model.policy.start(1)
        for stroke in strokes:
            seen, memory = model.policy.look(torch.cat([canvas, image[None], image - canvas], 1), memory)
            points, numbers, _, _ = model.policy.stroke(seen, memory, None)
            down = model.policy.flag(memory.h).softmax(1)[0, 1]
            if stroke[6] > 0:
                distance = distance + (points.flatten() - stroke[:6]).square().sum()
                radii = (stroke[6:8] - least) / (greatest - least)
                off = off + (numbers[0, :2] - radii).square().sum() + (numbers[0, 2:4] - 1).square().sum()
                flags = flags - down.log()
            else:
                flags = flags - (1 - down).log()
            canvas = paint(canvas, stroke[None, None])
    [loss] = model.losses(batch, state={}, rng=generator(2))
    expected = (30 * distance + off + flags) / (batch.strokes[..., 6] > 0).sum()
    assert float(loss.value) == pytest.approx(float(expected), rel=1e-4)


def test_a_painter_of_people_learns_their_strokes():
    """A few drawings are learned by heart, and with `pixels` the gradient through the brush is there too."""
    model, batch = PEOPLE.build(SPEC, rng=generator(0)), drawn()
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    values = []
    for _ in range(150):
        [loss] = model.losses(batch, state={}, rng=generator(2))
        adam.zero_grad()
        loss.value.backward()
        adam.step()
        values.append(float(loss.value.detach()))
    assert values[-1] < 0.2 * values[0]
    both = dataclasses.replace(PEOPLE, pixels=2.0, lift=False).build(SPEC, rng=generator(0))
    alone = dataclasses.replace(PEOPLE, lift=False).build(SPEC, rng=generator(0))
    [sum_of], [cloning] = (painter.losses(batch, state={}, rng=generator(2)) for painter in (both, alone))
    [pathwise] = both.learning.losses(batch.images, 3, rng=generator(2))
    torch.testing.assert_close(sum_of.value, cloning.value + 2 * pathwise.value)


def test_pictures_without_strokes_teach_no_people():
    model = PEOPLE.build(SPEC, rng=generator(0))
    for batch, given in ((pictures(), 0), (drawn(strokes=2), 2)):
        with pytest.raises(ValueError, match=f"data.strokes is {given}; a painter of 3 strokes"):
            model.check(batch)
    model.check(drawn())
    model.eval().check(pictures())


def test_pictures_of_another_size_are_refused():
    model = RECONSTRUCT.build(SPEC, rng=generator(0))
    for spec in (Spec((1, 20, 20)), Spec((3, 16, 16))):
        with pytest.raises(ValueError, match="and the model for 16x16 with 1 channels"):
            model.check(pictures(spec=spec))


@torch.no_grad()
def test_the_pen_is_where_the_last_action_ended():
    model = dataclasses.replace(RECONSTRUCT, learn="policy-gradient").build(SPEC, rng=generator(0))
    ends = torch.tensor([0, 9, 63])  # of a grid of 8x8: a cell's corner, two pixels apart
    assert model.learning.pen(ends).flatten(1).nonzero().tolist() == [[0, 0], [1, 2 * 16 + 2], [2, 14 * 16 + 14]]


def test_a_stroke_left_out_leaves_the_canvas():
    model = dataclasses.replace(RECONSTRUCT, lift=True).build(SPEC, rng=generator(0))
    drawn = model.learning.draw(Subject(pictures(2).images, None), torch.ones(3, 2, 1))
    assert drawn.canvases.abs().max() < 1e-6


@pytest.mark.parametrize("given", ["left", "right", "top", "bottom"])
def test_a_half_is_completed(given):
    """The given half stays as it is, the other is drawn, and what was there before makes no difference."""
    model = dataclasses.replace(COMPLETE, given=given).build(SPEC, rng=generator(0))
    images = pictures().images
    given_half = (..., slice(None), slice(0, 8)) if given in ("left", "right") else (..., slice(0, 8), slice(None))
    other_half = (..., slice(None), slice(8, 16)) if given in ("left", "right") else (..., slice(8, 16), slice(None))
    if given in ("right", "bottom"):
        given_half, other_half = other_half, given_half
    completed = model.reconstruct(images, rng=generator(5)).images
    assert torch.equal(completed[given_half], images[given_half])
    assert completed[other_half].amax((1, 2, 3)).min() > 0
    images[other_half] = 0
    assert torch.equal(model.reconstruct(images, rng=generator(5)).images, completed)


def saved(config, folder, spec=SPEC):
    from drawgen import checkpoint

    model = config.build(spec, rng=generator(7))
    folder.mkdir(exist_ok=True)
    checkpoint.write_model(folder, "painter", config, spec)
    checkpoint.write_weights(folder, model.state_dict())
    return model


def test_a_painter_with_a_lifting_teacher_learns(tmp_path):
    saved(dataclasses.replace(SMALL, lift=True), tmp_path)
    config = dataclasses.replace(SMALL, learn="imitation", teacher=str(tmp_path), strokes=6)
    model = config.build(SPEC, rng=generator(0))
    model.learning.teacher.policy.flag.bias.data = torch.tensor([50.0, -50.0])  # lifts always
    before, actions = model.learning.lesson(Subject(pictures().images, None), 6, 8, rng=generator(1))
    assert (actions[:, :, 2] == 0).all()
    assert (before == 0).all()


def test_chance_differs_from_batch_to_batch(monkeypatch):
    """A brush that has chance in it is seeded by each drawing's own random numbers: again alike for the same ones only."""
    seen = []
    monkeypatch.setattr(SpiralEpisodes, "make_easel", lambda self, *size: BezierEasel(*size, background=[0.0], device=self.device))
    clear = BezierEasel.clear
    monkeypatch.setattr(
        BezierEasel, "clear", lambda self, rows, seeds, target=None: seen.append(seeds) or clear(self, rows, seeds, target)
    )
    model = dataclasses.replace(RECONSTRUCT, learn="policy-gradient", brush="mypaint:any").build(SPEC, rng=generator(0))
    images = pictures(4).images
    for seed in (1, 1, 2):
        model.reconstruct(images, rng=generator(seed))
    first, again, other = seen
    assert first == again
    assert len(set(first + other)) == 8


@pytest.mark.parametrize("goal", ["reconstruct", "doodle"])
def test_imitation_comes_nearer_to_its_teacher(goal, tmp_path):
    saved(dataclasses.replace(SMALL, goal=goal), tmp_path)
    config = dataclasses.replace(SMALL, goal=goal, learn="imitation", teacher=str(tmp_path), strokes=6)
    model = config.build(SPEC, rng=generator(0))
    optimiser = torch.optim.Adam(model.policy.parameters(), 1e-2)
    costs = []
    for _ in range(12):
        (loss,) = walk(model, pictures())
        optimiser.step()
        costs.append(float(loss.value.detach()))
    assert costs[-1] < 0.8 * costs[0]
    assert config.published().teacher == tmp_path.name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strokes": 5}, "set model.strokes 6 and model.noise 4"),
        ({"noise": 5, "goal": "doodle"}, "draws 3 strokes from 4 numbers of noise"),
        ({"goal": "reconstruct"}, "no painter that learned pathwise to reconstruct"),
    ],
)
def test_teachers_of_something_else(change, words, tmp_path):
    saved(DOODLE, tmp_path)
    config = dataclasses.replace(DOODLE, **({"learn": "imitation", "teacher": str(tmp_path), "strokes": 6} | change))
    with pytest.raises(ValueError, match=words):
        config.build(SPEC, rng=generator(0)).check(pictures())


def test_a_fitted_painter_is_no_teacher(tmp_path):
    saved(FITTED, tmp_path)
    config = dataclasses.replace(RECONSTRUCT, learn="imitation", teacher=str(tmp_path), strokes=6)
    with pytest.raises(ValueError, match=r"no action covers the canvas"):
        config.build(SPEC, rng=generator(0)).check(pictures())


def test_verbs_go_by_the_goal():
    painter, doodler, completer = (config.build(SPEC, rng=generator(0)) for config in (RECONSTRUCT, DOODLE, COMPLETE))
    for model in (painter, completer):
        assert hasattr(model, "reconstruct")
        assert not hasattr(model, "sample")
    assert hasattr(doodler, "sample")
    assert not hasattr(doodler, "reconstruct")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("lift", [False, True])
def test_polished_strokes_are_such_as_it_paints(channels, lift):
    """Nearer to the picture, within the ranges, drawn as they are shown, and stage by stage; what was left out stays out."""
    config = dataclasses.replace(RECONSTRUCT, inset=0.1, opacity=0.4, lift=lift)
    batch = pictures(4, Spec((channels, 16, 16)))
    model = config.build(Spec((channels, 16, 16)), rng=generator(0))
    if lift:
        model.policy.flag.bias.data[:] = 0
    drawn = model.reconstruct(batch.images, rng=generator(5))
    better = model.polish(drawn.strokes, batch.images, 30)
    errors = [(sample.images - batch.images).square().mean((1, 2, 3)) for sample in (drawn, better)]
    out = (drawn.strokes[..., 6] == 0).any(1) if lift else torch.zeros(4, dtype=torch.bool)
    assert bool((errors[1] < errors[0])[~out].all())
    points, radii, opacities, colours = better.strokes.split([6, 2, 2, channels], 2)
    assert torch.equal(radii == 0, drawn.strokes[..., 6:8] == 0)
    radii = radii[radii > 0]
    for values, least, most in ((points, 0.1, 0.9), (radii, *config.radius), (opacities, 0.4, 1), (colours, 0, 1)):
        assert least - 1e-6 <= float(values.min()) <= float(values.max()) <= most + 1e-6
    assert channels > 1 or bool((colours == 1).all())
    torch.testing.assert_close(paint(torch.zeros_like(batch.images), better.strokes).clamp(0, 1), better.images)
    frames = list(better.frames(99))
    assert len(frames) == 3
    assert torch.equal(frames[-1], better.images)


def test_a_copy_is_composed_of_its_own_parts():
    """Goal and way to learn hold the policy and the critic, of which the copy has others; none of it is twice in the weights."""
    for goal, learn in PAINTERS:
        teacher = "x" if learn == "imitation" else ""
        model = dataclasses.replace(SMALL, goal=goal, learn=learn, teacher=teacher).build(SPEC, rng=generator(0))
        other = copy.deepcopy(model)
        for painter in (model, other):
            assert painter.learning.policy is painter.policy
            assert painter.learning.goal is painter.goal
            assert painter.critic is None or painter.goal.critic is painter.critic
            assert {name.split(".")[0] for name in painter.state_dict()} <= {"policy", "critic"}
        assert other.policy is not model.policy


def test_who_learned_from_a_black_box_polishes_nothing():
    assert [kind for kind, painter in PAINTERS.items() if hasattr(painter, "polish")] == [
        ("reconstruct", "pathwise"),
        ("reconstruct", "people"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"goal": "draw"}, "model.goal is 'draw'; it is one of reconstruct, doodle, complete"),
        ({"learn": "ppo"}, "model.learn is 'ppo'"),
        ({"strokes": 0}, "model.strokes is 0"),
        ({"goal": "doodle", "noise": 0}, "model.noise is 0"),
        ({"goal": "complete", "noise": 0}, "model.noise is 0"),
        ({"goal": "complete", "learn": "policy-gradient"}, "model.learn is 'policy-gradient', which does not learn to complete"),
        ({"learn": "imitation"}, "imitation needs a teacher, no other does"),
        ({"teacher": "x"}, "imitation needs a teacher, no other does"),
        ({"goal": "complete", "given": "middle"}, "model.given is 'middle'; it is one of left, right, top, bottom"),
        ({"radius": (0.2, 0.1)}, "model.radius is"),
        ({"gamma": 1.5}, "model.gamma is 1.5"),
        ({"fitted": True, "strokes": 1}, "model.strokes is 1, and with `model.fitted` that only covers"),
        ({"fitted": True, "goal": "doodle"}, "model.fitted is for painters that learn pathwise to reconstruct"),
        ({"fitted": True, "learn": "policy-gradient"}, "model.fitted is for painters that learn pathwise to reconstruct"),
    ],
)
def test_settings_that_make_no_sense(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(SMALL, **change)


def test_pictures_that_are_not_square():
    with pytest.raises(ValueError, match="24x16"):
        SMALL.build(Spec((1, 16, 24)), rng=generator(0))


@pytest.fixture
def doodler(tmp_path):
    from drawgen import jobs, models

    recipe = models.recipe("painter", "tiny")
    model = dataclasses.replace(recipe.model, goal="doodle", noise=4, critic_width=4)
    jobs.train("painter", dataclasses.replace(recipe, model=model), tmp_path / "run", preset="tiny")
    return tmp_path / "run"


def test_doodles_as_paths_and_as_numbers(doodler, tmp_path):
    """What a file of strokes draws is what the grid shows."""
    from drawgen import images, jobs
    from drawgen.strokes.painting import Painting

    for ending in ("svg", "json", "png"):
        jobs.sample(str(doodler), tmp_path / f"x.{ending}", n=2)
    assert (tmp_path / "x.svg").read_text().count("<path") == 6
    painting = Painting.read(tmp_path / "x.json")
    assert painting.size == (32, 16)
    drawn, grid = painting.draw(32, 16), images.load_image(tmp_path / "x.png")
    for row in range(2):
        one, other = drawn[:1, 16 * row : 16 * row + 16], grid[:1, 18 * row : 18 * row + 16]
        assert (one - other).abs().mean() < 0.05  # a stroke's two opacities have become their mean


def test_a_doodler_takes_no_picture(doodler, tmp_path):
    from drawgen import jobs

    with pytest.raises(ValueError, match="is not a model that redraws pictures"):
        jobs.reconstruct(str(doodler), ["photo:coffee"], tmp_path / "x.png")
