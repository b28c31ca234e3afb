"""Sentences to trees: whole sequences and steps, padding, batches, constrained search, parts of speech."""

import itertools

import pytest
import torch

from drawgen.contract import Parses, Spec, generator
from drawgen.data.scene_sentences import SceneSentences
from drawgen.data.tree_batches import FINISH, UNKNOWN, TreeBatch
from drawgen.data.treebanks import Treebank
from drawgen.models.seq2tree import ATTENTIONS, Config, affixes_of
from drawgen.ranges import ArgumentError
from drawgen.trees.linear import XX, linearised
from drawgen.trees.reading import trees

SYMBOLS = (FINISH, XX, "(S", ")S", "(NP", ")NP", "(VP", ")VP")
SPEC = Spec(
    vocabulary=SYMBOLS,
    source_vocabulary=(UNKNOWN, "<unknown-C>", "the", "dogs", "bark", "."),
    classes=("NN", "V", "."),
    unit="words",
)
SMALL = {"units": 6, "embedding": 5, "attention_units": 4, "dropout": 0.0, "input_dropout": 0.0}
KINDS = [(attention, aligned) for attention, aligned in itertools.product(ATTENTIONS, (False, True))]


def model_of(spec=SPEC, seed=0, **settings):
    made = Config(**SMALL | settings).build(spec, rng=generator(seed)).double().eval()
    for n, parameter in enumerate(made.parameters()):
        parameter.data += 0.5 * torch.randn(parameter.shape, generator=generator(seed, n), dtype=torch.float64)
    return made


def batch_of(*texts):
    rows = [linearised(tree) for text in texts for tree in trees(text)]
    words = [torch.tensor([SPEC.source_vocabulary.index(word) for word in words]) for words, _, _ in rows]
    symbols = [torch.tensor([SYMBOLS.index(symbol) for symbol in (*symbols, FINISH)]) for _, _, symbols in rows]
    tags = [torch.tensor([SPEC.classes.index(tag) for tag in tags]) for _, tags, _ in rows]
    lengths = [torch.tensor([len(row) for row in each]) for each in (words, symbols)]
    padded = [torch.nn.utils.rnn.pad_sequence(each, batch_first=True) for each in (words, symbols, tags)]
    return TreeBatch(padded[0], lengths[0], padded[1], lengths[1], padded[2])


BATCH = batch_of(
    "(S (NP (NN the) (NN dogs)) (VP (V bark)) (. .))", "(NP (NP (NN the)) (NN dogs))", "(S (NP (NN dogs) (. .)) (VP (V bark)))"
)


@pytest.mark.parametrize(("attention", "aligned"), KINDS)
def test_whole_trees_are_their_steps(attention, aligned):
    model = model_of(attention=attention, aligned=aligned, decoder_layers=2)
    whole, _ = model.log_probs(BATCH)
    read, state, memory = model.encode(BATCH.words, BATCH.word_lengths)
    rows, token = torch.arange(3), torch.zeros(3, dtype=torch.long)
    used, opened = torch.zeros(3, dtype=torch.long), [[] for _ in rows]
    for t in range(BATCH.symbols.shape[1]):
        first = torch.tensor([row[-1] if row else 0 for row in opened])
        beside = model.seen(read, rows, used, first) if aligned else None
        logits, state, _ = model.decoder.step(token, state, memory, beside)
        inside = t < BATCH.symbol_lengths
        torch.testing.assert_close(logits.log_softmax(1)[inside], whole[inside, t], atol=1e-9, rtol=0)
        token = BATCH.symbols[:, t]
        for row, symbol, count in zip(opened, token.tolist(), used.tolist(), strict=True):
            if SYMBOLS[symbol][0] == "(":
                row.append(count)
            elif SYMBOLS[symbol][0] == ")":
                row.pop()
        used = used + (token == 1)


def test_what_is_seen_are_the_words_around():
    """The next word, the last one, and the first of the constituent; zeros where there is none."""
    read = torch.arange(1.0, 4.0).view(1, 3, 1).expand(1, 3, 2)
    model = model_of()
    seen = model.seen(read, torch.tensor([0, 0, 0]), torch.tensor([0, 1, 3]), torch.tensor([0, 0, 2]))
    assert seen[:, ::2].tolist() == [[1, 0, 1], [2, 1, 1], [0, 3, 3]]


@pytest.mark.parametrize(("attention", "aligned"), KINDS)
def test_padding_changes_nothing(attention, aligned):
    model = model_of(attention=attention, aligned=aligned)
    pad = torch.nn.functional.pad
    wider = BATCH._replace(words=pad(BATCH.words, (0, 3)), tags=pad(BATCH.tags, (0, 3)), symbols=pad(BATCH.symbols, (0, 2)))
    a, b = (model.measure(each, rng=generator(0)) for each in (BATCH, wider))
    assert set(a) == {"f1", "exact", "tagged", "nats_per_symbol"}
    for name in a:
        assert a[name][1] == b[name][1]
        torch.testing.assert_close(a[name][0], b[name][0])
    assert a["nats_per_symbol"][1] == int(BATCH.symbol_lengths.sum())
    assert a["tagged"][1] == int(BATCH.word_lengths.sum())


@pytest.mark.parametrize(("attention", "aligned"), KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_batches_and_single_sentences_agree(attention, aligned, beams):
    model = model_of(attention=attention, aligned=aligned)
    assert isinstance(model, Parses)
    texts = ["the dogs bark.", "dogs", "The cats bark and bark and bark.", "the dogs"]
    for text, found in zip(texts, model.parse(texts, beams=beams), strict=True):
        alone = model.parse([text], beams=beams)[0]
        assert alone.tree == found.tree
        assert alone.score == pytest.approx(found.score, abs=1e-9)
        assert found.whole
        (tree,) = trees(found.tree)
        assert list(tree.leaves()) == model.words_of(text)
        assert set(linearised(tree)[1]) <= set(SPEC.classes)


def test_without_constraints_it_is_mended_and_said():
    """An untrained model writes no trees; the words are there all the same."""
    found = model_of().parse(["the dogs bark."] * 2, constrained=False)[0]
    assert not found.whole
    (tree,) = trees(found.tree)
    assert list(tree.leaves()) == ["the", "dogs", "bark", "."]


def test_a_wider_beam_finds_likelier_trees():
    model = model_of()
    one, five = (model.parse(["the dogs bark and bark."], beams=beams)[0].score for beams in (1, 20))
    assert five >= one


def test_trees_of_scenes_have_their_own_leaves():
    data = SceneSentences(batch=4, count=4)
    model = model_of(data.spec(), aligned=False, affixes=False)
    batch = next(iter(data.stream("valid", seed=0)))
    assert set(model.measure(batch, rng=generator(0))) == {"exact", "nats_per_symbol"}
    assert model.parse(["two red circles"])[0].whole
    with pytest.raises(ArgumentError, match=r"model\.aligned.* is true, and these trees have leaves of their own"):
        model_of(data.spec())


def test_affixes():
    table, count = affixes_of((UNKNOWN, "<unknown-C-ing>", "sing", "Sing", "ring", "<unknown-N>"))
    names = [set(row.tolist()) - {0} for row in table]
    assert names[2] & names[3] == names[2] - {next(iter(names[2] - names[3]))}  # all but the capital
    assert len(names[2] & names[4]) == 4 + 0  # -g, -ng, -ing, and no capital
    assert len(names[1] & names[3]) == 4  # -g, -ng, -ing, a capital
    assert max(max(row) for row in names) == count - 1


def test_bad_values_are_refused():
    with pytest.raises(ArgumentError, match=r"model\.attention is 'soft'"):
        Config(attention="soft")
    with pytest.raises(ArgumentError, match=r"model\.units is 7"):
        Config(units=7)
    with pytest.raises(ValueError, match="sentence 2 has no words"):
        model_of().parse(["dogs", "  "])


def test_it_learns_a_treebank(tmp_path):
    """A few steps on a small grammar; then the sentences that were held out have their trees."""
    subjects = [f"(NP (DT the) (NN {noun}))" for noun in ("dog", "cat", "bird", "cow", "hen")]
    lines = [f"(S {a} (VP (V sees) {b}) (. .))" for a, b in itertools.product(subjects, subjects)]
    lines += [f"(S (NP {a} (PP (P with) {b})) (VP (V sleeps)) (. .))" for a, b in itertools.product(subjects, subjects)]
    (tmp_path / "trees.ptb").write_text("\n".join(lines[::2] + lines[1::2]))
    data = Treebank(path=str(tmp_path / "trees.ptb"), batch=16, held_out=0.2, min_count=1)
    settings = {"units": 32, "embedding": 16, "attention": "none"}
    model = Config(**SMALL | settings).build(data.spec(), rng=generator(0))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for batch in itertools.islice(data.stream("train", seed=0), 150):
        loss = next(model.losses(batch, state={}, rng=generator(1)))
        optimiser.zero_grad()
        loss.value.backward()
        optimiser.step()
    model.eval()
    held = data.sentences("valid")
    right = [model.parse([" ".join(one.words)])[0].tree == str(one.tree) for one in held]
    assert sum(right) >= 0.8 * len(held)
