"""Scores of translations against references: corpus BLEU (Papineni et al. 2002) and chrF (Popović 2015), as computed by sacrebleu
(the extra `eval`).

The name of each score is its signature, by which it can be computed again and compared (Post 2018):
BLEU nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0.
"""

from collections.abc import Sequence
from typing import Any

from drawgen.data.words import words_of

MISSING = "BLEU and chrF need the extra `eval`: pip install 'drawgen[eval]'"
LENGTHS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, None))
"""Least and most words of the sources of a group."""


def available() -> bool:
    """Whether the extra is installed."""
    try:
        import sacrebleu  # noqa: F401
    except ImportError:
        return False
    return True


def metrics(references: Sequence[Sequence[str]], *, lower_case: bool = False) -> dict[str, Any]:
    """Name -> sacrebleu's metric. BLEU's tokeniser is 13a, sacrebleu's default, and by character if most references have no blanks,
    as Chinese ones, or single words."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    unspaced = sum(len(texts[0].split()) < 2 for texts in references) > len(references) / 2
    return {
        "BLEU": BLEU(tokenize="char" if unspaced else "13a", lowercase=lower_case),
        "chrF": CHRF(lowercase=lower_case),
    }


def corpus(metric: Any, written: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """The score of a corpus. Sacrebleu takes the first reference of each text, the second, and so on, with None where there is
    none."""
    most = max(map(len, references))
    streams = [[texts[k] if k < len(texts) else None for texts in references] for k in range(most)]
    return float(metric.corpus_score(list(written), streams).score)


def score(
    sources: Sequence[str], written: Sequence[str], references: Sequence[Sequence[str]], *, lower_case: bool = False
) -> dict[str, float]:
    """Scores of one translation per source against its references, over the whole corpus, 0 to 100, by name and signature; and for
    sources of so many words their number and their BLEU, as in `BLEU_of_words_6-10`. With `lower_case` capitals do not count.
    Raises ValueError for empty data.

    >>> [round(value) for value in score(["Un chien court."], ["A dog runs."], [["A dog runs.", "A dog is running."]]).values()]
    [100, 100, 1, 100]
    """
    if not written or not len(sources) == len(written) == len(references) or not all(references):
        raise ValueError(f"{len(written)} translations and {len(references)} sets of references cannot be compared")
    known = metrics(references, lower_case=lower_case)
    values = {name: corpus(metric, written, references) for name, metric in known.items()}
    found: dict[str, float] = {f"{name} {known[name].get_signature()}": value for name, value in values.items()}
    counts = [max(1, len(words_of(source))) for source in sources]
    for least, most in LENGTHS:
        rows = [row for row, count in enumerate(counts) if count >= least and (most is None or count <= most)]
        if rows:
            words = f"{least}+" if most is None else f"{least}-{most}"
            found[f"sentences_of_words_{words}"] = len(rows)
            found[f"BLEU_of_words_{words}"] = corpus(
                known["BLEU"], [written[row] for row in rows], [references[row] for row in rows]
            )
    return found
