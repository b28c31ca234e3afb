"""What captions call ImageNet's labels."""

import pytest
from torchvision.models import ResNet50_Weights

from drawgen.nn.label_words import LABELS, label_words, mentions

NAMES = ResNet50_Weights.DEFAULT.meta["categories"]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("cat", {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat", "cougar", "lynx"}),
        ("zebra", {"zebra"}),
        ("elephant", {"tusker", "Indian elephant", "African elephant"}),
        ("banana", {"banana"}),
        ("umbrella", {"umbrella"}),
        ("train", {"bullet train", "electric locomotive", "freight car", "passenger car", "steam locomotive", "streetcar"}),
    ],
)
def test_words_stand_for_labels(word, names):
    assert {NAMES[label] for label in label_words()[word]} == names


def test_mentions():
    words = ["cat", "kitten", "no such word"]
    matrix = mentions(words)
    assert matrix.shape == (LABELS, 3)
    assert matrix.sum(0).tolist() == [7, 5, 0]
    assert matrix[NAMES.index("tabby")].tolist() == [1, 1, 0]


def test_labels_are_labels():
    for word, labels in label_words().items():
        assert labels, word
        assert 0 <= min(labels) <= max(labels) < LABELS
        assert word == word.lower()
