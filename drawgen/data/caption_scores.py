"""Scores of captions against references: BLEU, ROUGE-L and CIDEr, and METEOR if Java is installed, as computed by coco-caption
(package pycocoevalcap, the extra `eval`).

The tokeniser is Stanford's PTB tokeniser without punctuation, as for published scores, if Java is installed (`ptb`), and otherwise
`words.words_of` (`words`); a score's name includes it. Stanford's tokeniser is for the Latin script. If any caption has letters of
another script, `words_of` splits all of them.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from drawgen.data.words import NOT_LATIN, words_of

MISSING = "BLEU, ROUGE-L and CIDEr need the extra `eval`: pip install 'drawgen[eval]'"


def available() -> bool:
    """Whether the extra is installed."""
    try:
        import pycocoevalcap.bleu.bleu  # noqa: F401
    except ImportError:
        return False
    return True


def tokenise(sentences: Sequence[str]) -> tuple[list[str], str]:
    """(the words of each sentence joined by blanks, the tokeniser's name)."""
    if shutil.which("java") is None or any(map(NOT_LATIN.search, sentences)):
        return [" ".join(words_of(sentence)) for sentence in sentences], "words"
    from pycocoevalcap.tokenizer import ptbtokenizer

    jar = Path(ptbtokenizer.__file__).parent / ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR
    command = ["java", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    lines = "".join(" ".join(sentence.split()) + "\n" for sentence in sentences)
    told = subprocess.run(command, input=lines.encode(), capture_output=True, check=True).stdout.decode().split("\n")
    if len(told) != len(sentences) + 1:
        raise RuntimeError(f"the tokeniser made {len(told) - 1} lines of {len(sentences)} captions")
    kept = [[word for word in line.split() if word not in ptbtokenizer.PUNCTUATIONS] for line in told[:-1]]
    return [" ".join(words) for words in kept], "ptb"


def score(written: Sequence[str], references: Sequence[Sequence[str]], *, meteor: bool = False) -> dict[str, float]:
    """The scores of one caption per picture against its references, over the whole corpus (BLEU with the brevity penalty; CIDEr
    with the document frequencies of these references). `meteor` needs Java and about ten seconds. Raises ValueError for empty data,
    and for METEOR without Java."""
    if meteor and shutil.which("java") is None:
        raise ValueError("METEOR needs Java, which is not here; install a Java runtime, or leave `meteor` out")
    if not written or len(written) != len(references) or not all(references):
        raise ValueError(f"{len(written)} captions and {len(references)} sets of references cannot be compared")
    from pycocoevalcap.rouge.rouge import Rouge

    (result,), truth, name = tokenised([written], references)
    scores = bleu_and_cider(result, truth)
    scores = {**scores, "ROUGE-L": float(Rouge().compute_score(truth, result)[0]), "CIDEr": scores.pop("CIDEr")}
    if meteor:
        from pycocoevalcap.meteor.meteor import Meteor

        judge = Meteor()
        scores["METEOR"] = float(judge.compute_score(truth, result)[0])
        for pipe in (judge.meteor_p.stdin, judge.meteor_p.stdout, judge.meteor_p.stderr):
            pipe.close()
    return {f"{kind} {name}": value for kind, value in scores.items()}


def compared(written: Mapping[str, Sequence[str]], references: Sequence[Sequence[str]]) -> dict[str, dict[str, float]]:
    """BLEU-4 and CIDEr, as by `score`, of sets of captions (name -> one caption per picture) against the same references."""
    results, truth, name = tokenised(list(written.values()), references)
    found = [bleu_and_cider(result, truth) for result in results]
    return {
        who: {f"{kind} {name}": scores[kind] for kind in ("BLEU-4", "CIDEr")} for who, scores in zip(written, found, strict=True)
    }


Texts: TypeAlias = dict[int, list[str]]
"""Texts of each picture, of words joined by blanks."""


def tokenised(written: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> tuple[list[Texts], Texts, str]:
    """Sets of captions, the references, and the tokeniser's name. One run of the tokeniser splits all of them."""
    flat, name = tokenise([text for texts in (*written, *references) for text in texts])
    rest = iter(flat)
    results = [{n: [next(rest)] for n in range(len(texts))} for texts in written]
    return results, {n: [next(rest) for _ in texts] for n, texts in enumerate(references)}, name


def bleu_and_cider(result: Texts, truth: Texts) -> dict[str, float]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider

    bleu, _ = Bleu(4).compute_score(truth, result, verbose=0)
    scores = {f"BLEU-{n}": float(value) for n, value in enumerate(bleu, 1)}
    return scores | {"CIDEr": float(Cider().compute_score(truth, result)[0])}
