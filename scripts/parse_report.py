"""Reports parsing on a treebank: labelled F1 of a right-branching baseline, of a probabilistic context-free grammar read off the
same trees, and of trained models.

    uv run python scripts/parse_report.py TREEBANK --out scripts/results/parse_gum.md [--model RUN ...] [--beam 5]

TREEBANK is a file or a folder of trees in Penn brackets. Training and held-out part are those of `drawgen.data.treebanks`.
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from drawgen import jobs, models
from drawgen.data.penn_text import known, signature
from drawgen.data.treebanks import REPLACED, Sentence, Treebank
from drawgen.trees import pcfg
from drawgen.trees.reading import trees
from drawgen.trees.scoring import PUNCTUATION, Score, score_of
from drawgen.trees.tree import Tree

BOUNDS = (10, 20, 30, 40, 10**9)
"""Longest sentences of the columns, in words."""
GRAMMARS = {
    "PCFG, whole rules": {"horizontal": 99, "vertical": 1},
    "PCFG, horizontal 2": {"horizontal": 2, "vertical": 1},
    "PCFG, horizontal 2, vertical 2": {"horizontal": 2, "vertical": 2},
}
NOTES = (
    "In percent, by EVALB's rules with COLLINS.prm (`drawgen.trees.scoring`), on all sentences held out. complete: sentences",
    "whose constituents all match. other length: sentences that are not scored, since the tree has another number of words.",
    "malformed: of a grammar, sentences that it has no tree for, which get the right-branching one; of a model, symbols that had",
    "to be mended. right-branching: a label is the most frequent one of constituents that begin with the same part of speech.",
    "PCFG: relative frequencies of the training trees, the most probable tree by CKY; horizontal 2: a rule's next part depends on",
    "the two before it; vertical 2: a label depends on the one above it. Unknown words by the signatures that the models use, too.",
)
SMOOTHING = 1.0
"""Occurrences that the signature of a word adds to its own."""


class Lexicon:
    """How probable words are for parts of speech. A word's parts of speech are those that it has in training, and as `SMOOTHING`
    further occurrences those of rare words with its signature. Each token counts for its signature by the probability that training
    replaces it."""

    def __init__(self, data: Treebank) -> None:
        self.words, _, tags = data.tables
        self.tags = tuple(tags)
        own, shared = (np.zeros((len(self.words), len(tags))) for _ in range(2))
        for one in data.sentences("train"):
            for place, (word, tag) in enumerate(zip(one.words, one.tags, strict=True)):
                rare = REPLACED / (REPLACED + data.counts[word])
                own[known(word, place == 0, self.words), tags[tag]] += 1
                shared[signature(word, self.words, first=place == 0), tags[tag]] += rare
                shared[0, tags[tag]] += 1e-3 * rare
        self.own, self.shared, self.share = own, shared, own.sum(0) / own.sum()

    def tagged(self, words: Sequence[str]) -> np.ndarray:
        """W T: the probability of each part of speech, given the word."""
        rows = []
        for place, word in enumerate(words):
            number = known(word, place == 0, self.words)
            like = self.shared[signature(word, self.words, first=place == 0)]
            counts = self.own[number] * (number != 0) + SMOOTHING * like / max(like.sum(), 1e-9)
            rows.append(counts / counts.sum())
        return np.array(rows)

    def emission(self, words: Sequence[str]) -> np.ndarray:
        """W T: log p(word | part of speech) without a term that is the same for all."""
        with np.errstate(divide="ignore"):
            return np.log(self.tagged(words) / np.maximum(self.share, 1e-12)).astype(np.float32)


def right_branching(data: Treebank, lexicon: Lexicon) -> Callable[[Sentence], Tree]:
    """Every constituent has a word on its left and the rest on its right; a mark at the end belongs to the whole. A constituent has
    the label that is most frequent in training over constituents of two words and more that begin with its first part of speech;
    the whole has that of whole sentences."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    roots: Counter[str] = Counter()

    def walk(part: Tree) -> str:
        """Counts, and returns the first part of speech."""
        if pcfg.tag_of(part):
            return part.label
        first, *_ = [walk(child) if isinstance(child, Tree) else "" for child in part.children]
        if len(list(part.leaves())) > 1:
            labels[first][part.label] += 1
        return first

    for one in data.sentences("train"):
        walk(one.tree)
        roots[one.tree.label] += 1
    whole = roots.most_common(1)[0][0]

    def parsed(one: Sentence) -> Tree:
        best = lexicon.tagged(one.words).argmax(1)
        tags = [lexicon.tags[k] for k in best]
        leaves = [Tree(tag, (word,)) for tag, word in zip(tags, one.words, strict=True)]
        marks = 1 if len(leaves) > 1 and tags[-1] in PUNCTUATION else 0
        tree = leaves[-1 - marks]
        for leaf in reversed(leaves[: len(leaves) - 1 - marks]):
            label = labels[leaf.label].most_common(1)[0][0] if labels[leaf.label] else "NP"
            joined = leaf.label in PUNCTUATION and not pcfg.tag_of(tree)
            tree = Tree(tree.label, (leaf, *tree.children)) if joined else Tree(label, (leaf, tree))
        inside = tree.children if len(leaves) - marks > 1 else (tree,)
        return Tree(whole, (*inside, *leaves[len(leaves) - marks :]))

    return parsed


def row(name: str, held: Sequence[Sentence], found: Sequence[Tree], notes: Sequence[str]) -> str:
    total, bare = Score(), Score()
    by_length = [Score() for _ in BOUNDS]
    for one, tree in zip(held, found, strict=True):
        score = score_of(one.tree, tree)
        total, bare = total.plus(score), bare.plus(score_of(one.tree, tree, labelled=False))
        place = next(n for n, bound in enumerate(BOUNDS) if len(one.words) <= bound)
        by_length[place] = by_length[place].plus(score)
    cells = [
        name,
        *(f"{100 * value:.1f}" for value in (total.precision, total.recall, total.f1, total.complete_match, bare.f1)),
        *(f"{100 * score.f1:.1f}" if score.sentences else "-" for score in by_length),
        str(total.errors),
        *notes,
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("treebank")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--held-out", type=float, default=Treebank.held_out)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = Treebank(path=arguments.treebank, held_out=arguments.held_out)
    held, train = data.sentences("valid"), data.sentences("train")
    lexicon = Lexicon(data)
    table = []

    def add(name: str, found: list[Tree], *notes: str) -> None:
        table.append(row(name, held, found, notes))
        print(table[-1], flush=True)

    branching = right_branching(data, lexicon)
    add("right-branching", [branching(one) for one in held], "-", "-")
    for name, options in GRAMMARS.items():
        grammar = pcfg.read_off([one.tree for one in train], lexicon.tags, **options)
        grammar.parse(lexicon.emission(held[0].words[:1]), held[0].words[:1])  # compiles
        begun = time.process_time()
        found = [grammar.parse(lexicon.emission(one.words), one.words) for one in held]
        pace = len(held) / (time.process_time() - begun)
        none = sum(tree is None for tree in found)
        whole = [branching(one) if tree is None else tree for tree, one in zip(found, held, strict=True)]
        add(name, whole, f"{none / len(held):.1%}", f"{pace:.1f}")
    texts = [one.words for one in held]
    for run in arguments.model:
        model = models.load(run)
        for beams, constrained in ((1, False), (1, True), (arguments.beam, True)):
            begun = time.process_time()
            answers = model.parse_words(texts, beams=beams, constrained=constrained)
            pace = len(held) / (time.process_time() - begun)
            broken = np.mean([not answer.whole for answer in answers])
            way = f"{run.name}, {'greedy' if beams == 1 else f'beam {beams}'}{'' if constrained else ', free'}"
            add(way, [next(trees(answer.tree)) for answer in answers], f"{broken:.1%}", f"{pace:.0f}")
    lengths = np.array([len(one.words) for one in held])
    of_lengths = [f"F1, up to {bound} words" if bound < 10**9 else "F1, longer" for bound in BOUNDS]
    columns = ["parser", "precision", "recall", "F1", "complete", "unlabelled F1", *of_lengths, "other length", "malformed",
               "sentences per CPU second"]  # fmt: skip
    lines = [
        f"# Parsing {Path(arguments.treebank).name}",
        "",
        f"By `scripts/parse_report.py`. {data.notes[0]}; {sum(len(one.words) for one in train)} words of training, "
        f"{lengths.mean():.1f} words in the mean sentence held out. One thread of {jobs.machine()}, shared with other work.",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + " --- |" * len(columns),
        *table,
        "",
        *NOTES,
        "",
    ]
    arguments.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
