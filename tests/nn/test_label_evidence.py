"""What the classifier says of a photograph in the words of captions, against the sums of the definition."""

import math

import pytest
import torch

from drawgen import images
from drawgen.contract import generator
from drawgen.nn import efficientnet_lite
from drawgen.nn.label_evidence import (
    CPU,
    EVIDENCE,
    HALF,
    PROBED,
    WORDS,
    certainty,
    evidence,
    first_named,
    guesses,
    person_probe,
    word_maps,
)
from drawgen.nn.label_words import label_words

WHOLE, PLACES = range(len(WORDS)), range(len(WORDS), 2 * len(WORDS))


def features_of(*photos):
    pictures = torch.stack([images.fit_to(images.load_image(f"photo:{photo}"), (3, 224, 224)) for photo in photos])
    with torch.no_grad():
        return efficientnet_lite.installed().features(pictures).flatten(2).transpose(1, 2)


def test_evidence_is_as_defined():
    """Slowly: the sum of the probabilities of a word's labels, of the mean and of each place; u is its logarithm."""
    features = features_of("chelsea", "coffee")
    found = evidence(features)
    assert found.shape == (2, EVIDENCE)
    net = efficientnet_lite.installed().classifier
    for word in ("cat", "coffee", "table", "zebra"):
        k = WORDS.index(word)
        for row in range(2):
            p = (net.weight @ features[row].mean(0) + net.bias).softmax(0)
            whole = sum(float(p[label]) for label in label_words()[word])
            best = max(
                sum(float((net.weight @ place + net.bias).softmax(0)[label]) for label in label_words()[word])
                for place in features[row]
            )
            for column, c in ((WHOLE[k], whole), (PLACES[k], best)):
                u = min(1.0, max(0.0, 1 + math.log10(max(c, 1e-9)) / 3))
                assert float(found[row, column]) == pytest.approx(u, abs=2e-3)
    probe = person_probe(CPU)
    person = features.mean(1).sqrt() @ probe.weight + probe.bias
    torch.testing.assert_close(found[:, -1], HALF * person)


def test_it_sees_a_cat_and_a_cup():
    cat, cup = evidence(features_of("chelsea", "coffee"))
    assert cat[WORDS.index("cat")] > 0.9
    assert cup[WORDS.index("cat")] < 0.3
    assert max(cup[WORDS.index("cup")], cup[WORDS.index("coffee")]) > 0.9


def test_certainty():
    assert certainty(torch.tensor([1.0, 0.1, 1e-3, 1e-5, 0.0])).tolist() == pytest.approx([1, 2 / 3, 0, 0, 0], abs=1e-6)


def test_word_maps():
    """Where a label is seen; words that are no label's name have no map."""
    (features,) = features_of("chelsea")
    maps = word_maps(features, ("a", "cat", "on", "a", "table"))
    assert set(maps) == {"cat", "table"}
    for seen in maps.values():
        assert seen.shape == (49,)
        assert float(seen.sum()) == pytest.approx(1, abs=1e-5)
    assert word_maps(features, ("a", "of")) == {}


def test_the_probe_tells_people():
    """Its output for photographs that it was not fitted to, as stored; and the cat is no person."""
    probe = person_probe(CPU)
    assert float(probe.seen[0]) > float(probe.unseen[0]) + 1
    assert float(evidence(features_of("chelsea"))[0, -1]) < HALF * float(probe.seen[0])


def test_nothing_is_no_evidence_of_anything_certain():
    noise = torch.rand(1, 49, 1280, generator=generator(0))
    assert bool(evidence(noise).isfinite().all())


def test_the_first_thing_named():
    row = torch.zeros(EVIDENCE)
    row[WORDS.index("dog")], row[WORDS.index("cat")] = 0.9, 0.2
    assert first_named(("a", "dog", "and", "a", "cat"), row) == ("dog", pytest.approx(0.9))
    assert first_named(("the", "cat"), row) == ("cat", pytest.approx(0.2))
    assert first_named(("a", "of"), row) == ("", 0.0)
    row[-1] = HALF * PROBED[0]
    assert first_named(("two", "people"), row) == ("people", pytest.approx(0.5))
    row[-1] = HALF * 3
    assert first_named(("a", "person"), row)[1] > 0.99


def test_guesses():
    """The classifier's best labels by name, with their probabilities in falling order."""
    (found,) = guesses(features_of("coffee"))
    assert found[0][0] == "espresso"
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    assert len(found) == 3
