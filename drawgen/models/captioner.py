"""Captions of pictures (Vinyals et al. 2015, "Show and Tell"; Xu et al. 2015, "Show, Attend and Tell").

Axes: B pictures, C channels, H rows, W columns, N places of the feature map, D features per place, T words, V symbols, K beams.

The encoder maps the picture to a map of features a_1 .. a_N, and a recurrent decoder generates words:

    with attention      p(y_t | y_1 .. y_{t-1}, a):  the decoder of `nn/decoder.py` attends to the map before every word
    without             the mean of the map is fed once, before the first word

The loss is -log p of the caption's words, in nats. With attention it has the doubly stochastic term of Xu et al., section 4.2.1,
lambda sum_i (1 - sum_t alpha_ti)^2, which encourages attention to every place.

Of photographs the decoder may also read what a classifier says (`labels`, `nn/label_evidence.py`), and this alone is known of
captions without pictures (`data/told.py`). Generation may lean on the picture: in place of log p(y_t | a) it takes

    (1 + g) log p(y_t | a) - g log p(y_t) - r (1 - u(y_t))

with g `guidance`, r `grounding`, and u(y_t) the certainty of a word that is the name of labels (1 for other words).
"""

import hashlib
import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from drawgen import sampling
from drawgen.contract import Group, Hypothesis, Loss, Player, Recipe, Spec, State, Totals
from drawgen.data.captions import END, SPECIAL, START, UNKNOWN, CaptionBatch, Captioned, TextBatch
from drawgen.data.scenes import Scenes
from drawgen.data.told import Told
from drawgen.data.words import joined
from drawgen.feature_cache import FeatureCache
from drawgen.nn import convnet, label_evidence
from drawgen.nn.attention import Memory, SoftAttention
from drawgen.nn.decoder import Decoder
from drawgen.nn.familiarity import Familiarity
from drawgen.nn.linear import linear
from drawgen.nn.recurrence import CELLS, dropped
from drawgen.ranges import check_choice, check_fields
from drawgen.training import Fit

UNSEEN = "unseen."
"""Before the names of the state of a decoder that does not see the picture."""
ALIVE = 0.1
"""The units of a projection that begins at zero, so that they have gradients."""
OUTLINED = 2048
"""Pictures in the statistics of the training pictures, at most."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """An image encoder and a recurrent decoder."""

    encoder: str = "small"
    """The image encoder: small, efficientnet-lite0, or resnet18, resnet34, resnet50, resnet101, resnet152."""
    encoder_weights: str = ""
    """Initial weights of a ResNet: imagenet (downloaded by torchvision), a file, or empty for random ones. Those of
    efficientnet-lite0: a file, or empty for ImageNet's, which are installed with drawgen."""
    encoder_rate: float = 1.0
    """Factor on the encoder's learning rate; 0 freezes the encoder."""
    decoder_rate: float = 1.0
    """Factor on the learning rate of the decoder's recurrent layers. Lower it where training begins with a captioner, so that what
    it has learned of the language is kept."""
    feature_cache: str = ""
    """A folder that caches the features of a frozen encoder (encoder_rate 0) as float16, or auto, for drawgen/features in the
    user's cache folder: each view of a picture is encoded once instead of once per epoch. Bytes per view: 2 x features, and with
    attention 2 x features x places. Give fit.steps with it, because a budget in minutes is measured while the cache is still
    empty."""
    features: int = 128
    """Features per place of the small encoder's map."""
    projection: int = 0
    """Units of a layer between the encoder's map and the decoder, which keeps the decoder small; 0: none."""
    attention: int = 128
    """Units of the attention; 0 feeds the mean of the map once, before the first word."""
    word_query: bool = False
    """The attention's query includes the last word; in Xu et al. it is the state alone, which has not read that word yet."""
    glimpses: int = 1
    """Glimpses before each word, 1 or 2; the second weighs every place by itself and adds up, so that the decoder can count."""
    cell: str = "lstm"
    """The recurrent cell: rnn, gru, gru_before or lstm."""
    units: int = 256
    """Units of each layer of the decoder."""
    layers: int = 1
    """Layers of the decoder."""
    embedding: int = 128
    """Dimensions of a word embedding."""
    labels: int = 0
    """Units of a layer that reads what the classifier of efficientnet-lite0 says of the picture, in words of captions
    (`nn.label_evidence`); 0: none. It is for a frozen encoder with the installed weights, and for attention."""
    tied: bool = False
    """The output layer has the weights of the word embeddings, which keeps the decoder small (with attention)."""
    dropout: float = 0.0
    """Dropout on the layers' outputs."""
    input_dropout: float = 0.0
    """Dropout on the features, on the word embeddings, and before the output layer."""
    word_dropout: float = 0.0
    """Fraction of the decoder's input words that are masked in training, so that it has to rely on the picture."""
    word_noise: float = 0.0
    """Fraction of the decoder's input words that are replaced by words of another caption in training, so that no word rules out
    the next one."""
    doubly_stochastic: float = 0.0
    """Weight of the doubly stochastic term, which encourages attention to every place."""
    blind: float = 0.0
    """Fraction of the training captions that are learned without their picture, which `guidance` needs."""
    guidance: float = 0.0
    """How much generation leans on the picture: log-probabilities of words are (1 + guidance) times those with the picture less
    guidance times those without (Ho & Salimans 2022)."""
    grounding: float = 0.0
    """Nats that generation takes from a word that is the name of labels (`labels`) of which there is no evidence; less for some
    evidence."""
    label_smoothing: float = 0.0
    """Share of the probability that training wants on all words alike, and not on the caption's word."""
    pairs_once: bool = False
    """Generated captions never have the same two words in succession twice."""
    longest: int = 30
    """Maximal number of words in a generated caption."""
    doubt: int = 0
    """Dimensions of the statistics of the training pictures' features, which are taken at the end of training. Captions of pictures
    far outside them are doubted. 0: no statistics, and no doubt."""
    kind: str = "pictures"
    """What the training pictures are, in the plural, for the sentence of the doubt."""
    sure: float = 0.0
    """Certainty, 0 to 1, of the first thing that a caption names, by its labels (`labels`); a caption is doubted below it. 0: none
    is."""

    def __post_init__(self) -> None:
        check_choice("model.encoder", self.encoder, convnet.STRIDES)
        check_choice("model.cell", self.cell, CELLS)
        check_fields(self, "model", "features", at_least=4)
        check_fields(self, "model", "units", "layers", "embedding", "longest", at_least=1)
        check_fields(self, "model", "attention", "projection", "doubt", at_least=0)
        check_fields(self, "model", "glimpses", at_least=1, at_most=2)
        check_fields(self, "model", "labels", "guidance", "grounding", at_least=0)
        check_fields(self, "model", "sure", at_least=0, at_most=1)
        check_fields(self, "model", "dropout", "input_dropout", "word_dropout", "word_noise", at_least=0, below=1)
        check_fields(self, "model", "blind", "label_smoothing", at_least=0, below=1)
        check_fields(self, "model", "encoder_rate", "decoder_rate", "doubly_stochastic", at_least=0, below=1_000_000)
        if self.glimpses > 1 and not self.attention:
            raise ValueError(f"model.glimpses is {self.glimpses}, and model.attention 0 has none; give it units, or one glimpse")
        if self.labels and not (self.installed and self.attention):
            raise ValueError(
                f"model.labels is {self.labels}, and needs attention and the frozen encoder {convnet.EFFICIENTNET} with its "
                "installed weights; make it 0, or choose those"
            )
        if self.guidance and not self.attention:
            raise ValueError(f"model.guidance is {self.guidance:g}, and needs attention; make it 0, or give model.attention")
        if self.encoder_weights and self.encoder == "small":
            raise ValueError(
                "model.encoder_weights are not for the small encoder; choose another by model.encoder, or leave them out"
            )
        if self.feature_cache and self.encoder_rate:
            raise ValueError(
                f"model.feature_cache caches the features of a frozen encoder, and model.encoder_rate is {self.encoder_rate}; "
                "make that 0, or leave the cache out"
            )

    @property
    def installed(self) -> bool:
        """Whether the encoder has the installed weights, which are then not a part of the model."""
        return self.encoder == convnet.EFFICIENTNET and not self.encoder_rate and not self.encoder_weights

    def published(self) -> "Config":
        """The config as a model folder stores it, without paths (of the initial weights, of the cache)."""
        return replace(self, encoder_weights=Path(self.encoder_weights).name, feature_cache="")

    def build(self, spec: Spec, *, rng: torch.Generator) -> "Captioner":
        if spec.image is None or (spec.vocabulary or ())[: len(SPECIAL)] != SPECIAL:
            raise ValueError("a captioner needs pictures with captions to learn from, and this data is something else")
        stride = convnet.STRIDES[self.encoder]
        if min(spec.picture[1:]) < stride:
            raise ValueError(
                f"pictures of {spec.picture[2]}x{spec.picture[1]} pixels are too small for the encoder {self.encoder}, which sees "
                f"places of {stride}x{stride}; make data.side_px larger, or choose another"
            )
        return Captioner(self, spec, rng=rng)


class Captioner(nn.Module):
    held_out_score = "nats_per_word"

    def __init__(self, config: Config, spec: Spec, *, rng: torch.Generator) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.encoder = convnet.build(config.encoder, spec.picture[0], config.features, installed=config.installed, rng=rng)
        self.projection = linear(self.encoder.features, config.projection, rng) if config.projection else None
        self.evidence = linear(label_evidence.EVIDENCE, config.labels, rng) if config.labels else None
        if self.projection is not None and config.labels:
            nn.init.zeros_(self.projection.weight)  # until pictures are learned from, what they look like changes nothing
            nn.init.constant_(self.projection.bias, ALIVE)
        features = config.projection or self.encoder.features
        attention = None
        if config.attention:
            words = config.embedding if config.word_query else 0
            attention = SoftAttention(features, config.units, config.attention, words, glimpses=config.glimpses, rng=rng)
        self.decoder = Decoder(
            len(spec.symbols),
            cell=config.cell,
            units=config.units,
            layers=config.layers,
            embedding=config.embedding,
            dropout=config.dropout,
            input_dropout=config.input_dropout,
            tied=config.tied and config.attention > 0,
            hints=config.labels,
            attention=attention,
            rng=rng,
        )
        self.whole = None if config.attention else linear(features, config.embedding, rng)
        self.last: tuple[Tensor, Tensor] | None = None
        self.cache: FeatureCache | None = None
        if config.feature_cache:
            self.encoder.eval()
            places = math.prod(self.places) if config.attention else 1
            self.cache = FeatureCache(
                config.feature_cache,
                self.encoder,
                self.encoder if config.attention else lambda images: self.encoder(images).mean(1, keepdim=True),
                image=spec.picture,
                shape=(places, self.encoder.features),
                kept=f"{config.encoder}, {'map' if config.attention else 'mean'}",
            )
        self.familiarity = Familiarity(self.encoder.features, config.doubt) if config.doubt else None
        silent = torch.zeros(len(spec.symbols))
        silent[[START, UNKNOWN]] = -torch.inf  # never generated
        self.silent: Tensor
        self.register_buffer("silent", silent, persistent=False)

    # ---------------------------------------------------------------- encoder and decoder

    @property
    def attends(self) -> bool:
        return self.config.attention > 0

    @property
    def places(self) -> tuple[int, int]:
        """Height and width of the map."""
        stride = convnet.STRIDES[self.config.encoder]
        height, width = (-(-side // stride) for side in self.spec.picture[1:])
        return height, width

    def see(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        """The encoder's feature map, from the cache if there is one; without attention, its mean (N = 1)."""
        if self.config.encoder_rate:
            return self.encoder(images)
        if not self.training and self.last is not None and self.last[0] is images:  # captions and their doubts see the same ones
            return self.last[1]
        with torch.no_grad():
            features: Tensor = self.encoder(images) if self.cache is None else self.cache(images)
        self.last = None if self.training else (images, features)
        return features

    def begin(self, images: Float[Tensor, "B C H W"]) -> tuple[State, Memory | None]:
        """The decoder's state before the first word, and the features that it attends to."""
        return self.begin_from(self.see(images))

    def begin_from(
        self,
        features: Float[Tensor, "B N D"],
        evidence: Float[Tensor, "B E"] | None = None,
        *,
        rng: torch.Generator | None = None,
    ) -> tuple[State, Memory | None]:
        """`begin` from the encoder's map, and from the evidence of its labels, which by default is taken from the map; with dropout
        if an `rng` is given."""
        hints = None
        if self.evidence is not None:
            hints = F.relu(self.evidence(label_evidence.evidence(features) if evidence is None else evidence))
            hints = dropped(hints, self.config.input_dropout, rng)
        features = dropped(features, self.config.input_dropout, rng)
        if self.projection is not None:
            features = dropped(F.relu(self.projection(features)), self.config.input_dropout, rng)
        if self.whole is None:
            memory = self.decoder.look(features, hints=hints)
            return self.decoder.start(len(features), memory), memory
        return self.decoder.feed(self.whole(features.mean(1)), self.decoder.start(len(features))), None

    def unseen(self, rows: int) -> tuple[State, Memory | None]:
        """`begin` without a picture."""
        return self.begin_from(self.nothing(rows), self.silent.new_zeros(rows, label_evidence.EVIDENCE))

    def nothing(self, rows: int) -> Float[Tensor, "B 1 D"]:
        """The features of no picture."""
        return self.silent.new_zeros(rows, 1, self.encoder.features)

    def nats(
        self, batch: CaptionBatch | TextBatch, *, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, " B"], Float[Tensor, "B T"]]:
        """-log p of every word, 0 beyond the end; the doubly stochastic term of each caption; and the mask of words (1). With an
        `rng`, as training wants it: with dropout, and with smoothed labels."""
        features, evidence = self.given(batch, rng)
        state, memory = self.begin_from(features, evidence, rng=rng)
        read, wanted = batch.tokens[:, :-1], batch.tokens[:, 1:]
        if rng is not None and self.config.word_dropout + self.config.word_noise:
            luck = torch.rand(read.shape, device=read.device, generator=rng)
            read = torch.where(luck > 1 - self.config.word_noise, read.roll(1, 0), read)
            read = read.masked_fill((luck < self.config.word_dropout) & (read != START), UNKNOWN)
        logits, _, maps = self.decoder(read, state, memory, rng=rng)
        counted = (torch.arange(1, batch.tokens.shape[1], device=read.device) < batch.lengths[:, None]).to(logits.dtype)
        smoothing = 0.0 if rng is None else self.config.label_smoothing
        nats = F.cross_entropy(logits.float().transpose(1, 2), wanted, reduction="none", label_smoothing=smoothing) * counted
        if maps is None or isinstance(batch, TextBatch):
            return nats, nats.new_zeros(len(nats)), counted
        looked = (maps.float() * counted[..., None]).sum(1)  # B N
        return nats, (1 - looked).square().sum(1), counted

    def given(
        self, batch: CaptionBatch | TextBatch, rng: torch.Generator | None
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B E"] | None]:
        """The features and the evidence of a batch; in training with `blind`, some rows have neither."""
        rows, evidence = len(batch.tokens), None
        if isinstance(batch, TextBatch):
            features = self.nothing(rows)
            evidence = self.silent.new_zeros(rows, label_evidence.EVIDENCE) if batch.evidence is None else batch.evidence
        else:
            features = self.see(batch.images)
            if self.evidence is not None:
                evidence = label_evidence.evidence(features)
        if rng is not None and self.config.blind:
            sees = (torch.rand(rows, 1, device=features.device, generator=rng) >= self.config.blind).to(features.dtype)
            features, evidence = features * sees[..., None], None if evidence is None else evidence * sees
        return features, evidence

    # ---------------------------------------------------------------- training

    def prepare(self, batches: Iterable[CaptionBatch], *, rng: torch.Generator) -> None:
        """Loads the encoder's initial weights. Raises ValueError."""
        if isinstance(self.encoder, convnet.EfficientNet) or (
            self.config.encoder_weights and isinstance(self.encoder, convnet.ResNet)
        ):
            self.encoder.load(self.config.encoder_weights)
        self.last = None

    def train(self, mode: bool = True) -> "Captioner":
        """A pretrained encoder keeps the statistics of its batch norms."""
        super().train(mode)
        if self.config.encoder_weights or not self.config.encoder_rate:
            self.encoder.eval()
        return self

    def players(self) -> dict[str, Player]:
        looking = list(self.encoder.parameters())
        slower = list(self.decoder.recurrent.parameters()) if self.config.decoder_rate != 1 else []
        apart = {id(parameter) for parameter in (*looking, *slower)}
        groups = [Group([parameter for parameter in self.parameters() if id(parameter) not in apart])]
        if slower:
            groups.append(Group(slower, rate=self.config.decoder_rate))
        if self.config.encoder_rate:
            groups.append(Group(looking, rate=self.config.encoder_rate))
        return {"model": Player(groups)}

    def losses(self, batch: CaptionBatch | TextBatch, *, state: State, rng: torch.Generator) -> Generator[Loss, None, State | None]:
        """The mean over captions of -log p, in nats, and the doubly stochastic term."""
        nats, term, counted = self.nats(batch, rng=rng)
        value = nats.sum(1).mean() + self.config.doubly_stochastic * term.mean()
        yield Loss(value, count=len(nats), log={"nats_per_word": (nats.sum() / counted.sum()).detach()})
        return None

    def measure(self, batch: CaptionBatch, *, rng: torch.Generator) -> Totals:
        """`nats_per_word` of the captions under teacher forcing; the end counts as a word."""
        nats, _, counted = self.nats(batch)
        return {"nats_per_word": (nats.sum(), float(counted.sum()))}

    def last_loss(self, batch: CaptionBatch, *, rng: torch.Generator) -> Float[Tensor, " B"]:
        """-log p of each caption's end, in nats."""
        nats, _, counted = self.nats(batch)
        return nats.gather(1, counted.sum(1, keepdim=True).long() - 1)[:, 0]

    # ---------------------------------------------------------------- doubt

    @property
    def kind(self) -> str:
        return self.config.kind if self.familiarity is not None and self.familiarity.fitted else ""

    @torch.no_grad()
    def strangeness(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, " B"]:
        """See `Familiarity`; 0 without statistics."""
        if self.familiarity is None:
            return images.new_zeros(len(images))
        return self.familiarity.strangeness(self.outline(images))

    def unsure(self, images: Float[Tensor, "B C H W"], captions: Sequence[Hypothesis]) -> list[str]:
        """Why each caption may be wrong: the labels give no certainty of the first thing that it names. Empty if they do, or
        without `sure`."""
        if not self.config.sure or self.evidence is None:
            return [""] * len(captions)
        features = self.see(images)
        reasons = []
        for caption, row, best in zip(captions, label_evidence.evidence(features), label_evidence.guesses(features), strict=True):
            word, certainty = label_evidence.first_named(caption.words, row)
            guessed = [f"{label_evidence.with_article(name)} ({p:.0%})" for name, p in best]
            named = f"it is not sure of {word!r}" if word else "it names nothing that its labels know"
            why = f"{named}; its best guesses are {', '.join(guessed[:-1])} and {guessed[-1]}"
            reasons.append(why if certainty < self.config.sure else "")
        return reasons

    @torch.no_grad()
    def outline(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The features of a whole picture whose statistics are taken: the roots of the map's mean activations."""
        return self.see(images).mean(1).clamp(min=0).sqrt()

    def conclude(self, batches: Iterable[CaptionBatch | TextBatch], held: Iterable[CaptionBatch]) -> None:
        """Takes the statistics of training pictures and held-out ones."""
        if self.familiarity is not None:
            self.familiarity.fit(self.outlines(batches), self.outlines(held))

    def outlines(self, batches: Iterable[CaptionBatch | TextBatch]) -> Float[Tensor, "N D"]:
        """The outlines of the first `OUTLINED` pictures, each once, however many captions it has."""
        known: set[bytes] = set()
        found = [self.silent.new_zeros(0, self.encoder.features)]
        for number, batch in enumerate(batches):
            if not isinstance(batch, TextBatch):
                digests = [hashlib.sha256(image.cpu().numpy().tobytes()).digest() for image in batch.images]
                new = [row for row, each in enumerate(digests) if each not in known and each not in digests[:row]]
                known.update(digests)
                if new:
                    found.append(self.outline(batch.images[new]))
            if len(known) >= OUTLINED or (number + 1) * len(batch.tokens) >= 2 * OUTLINED:
                break
        return torch.cat(found)

    # ---------------------------------------------------------------- captions

    @torch.inference_mode()
    def caption(
        self, images: Float[Tensor, "B C H W"], *, beams: int = 5, n: int = 1, alpha: float = 1.0
    ) -> list[list[Hypothesis]]:
        """The `n` best captions of each picture by a beam search of width `beams` (at least n; 1 is greedy), the best first. Raises
        ValueError."""
        if not 1 <= n <= beams:
            raise ValueError(f"{n} captions are asked for of a search with {beams} beams; ask for at most as many as beams")
        features = self.see(images)
        evidence = None if self.evidence is None else label_evidence.evidence(features)
        state, memory = self.begin_from(features, evidence)
        without: Memory | None = None
        if self.config.guidance:
            unseen, without = self.unseen(len(images))
            state |= {f"{UNSEEN}{name}": tensor for name, tensor in unseen.items()}

        unsaid = self.silent
        if evidence is not None and self.config.grounding:
            unsaid = unsaid - self.ungrounded(evidence).repeat_interleave(beams, 0)

        def step(tokens: Int[Tensor, " B"], state: State) -> tuple[Tensor, State, dict[str, Tensor]]:
            own = {name: tensor for name, tensor in state.items() if not name.startswith(UNSEEN)}
            logits, after, extras = self.decoder.step(tokens, own, memory)
            if without is not None:
                other = {name.removeprefix(UNSEEN): tensor for name, tensor in state.items() if name.startswith(UNSEEN)}
                guess, other, _ = self.decoder.step(tokens, other, without)
                logits = sampling.guided(logits, guess, self.config.guidance)
                after |= {f"{UNSEEN}{name}": tensor for name, tensor in other.items()}
            return logits + unsaid, after, extras

        start = torch.full((len(images),), START, device=images.device)
        found = sampling.beam_search(
            step, start, state, beams=beams, length=self.config.longest + 1, end=END, alpha=alpha,
            pairs_once=self.config.pairs_once,
        )  # fmt: skip
        return [[self.read_out(found, row, k, features[row]) for k in range(n)] for row in range(len(images))]

    def ungrounded(self, evidence: Float[Tensor, "B E"]) -> Float[Tensor, "B V"]:
        """What `grounding` takes from each word."""
        seen = evidence[:, :-1].unflatten(1, (2, -1)).amax(1)  # B K
        lacking = seen.new_zeros(len(seen), len(self.spec.symbols))
        numbers = {word: number for number, word in enumerate(self.spec.symbols)}
        named = [(numbers[word], k) for k, word in enumerate(label_evidence.WORDS) if word in numbers]
        if named:
            columns, of = (torch.tensor(each, device=seen.device) for each in zip(*named, strict=True))
            lacking[:, columns] = self.config.grounding * (1 - seen[:, of])
        return lacking

    def read_out(self, found: sampling.Beams, row: int, k: int, features: Float[Tensor, "N D"]) -> Hypothesis:
        """A caption. With `labels`, the map of a word that is a label's name is where the label is seen; that of another word is
        its attention."""
        finished = bool(found.finished[row, k])
        count = int(found.lengths[row, k]) - finished
        tokens = found.tokens[row, k, :count].tolist()
        words = tuple(self.spec.symbols[token] for token in tokens)
        maps = None
        if "map" in found.extras:
            maps = found.extras["map"][row, k, :count].float()
            named = {} if self.evidence is None else label_evidence.word_maps(features, words)
            for word, seen in named.items():
                maps[[n for n, each in enumerate(words) if each == word]] = seen
            maps = maps.unflatten(1, self.places).cpu()
            if self.config.encoder == convnet.EFFICIENTNET:
                maps = convnet.from_middles(maps)
        log_probs = tuple(found.log_probs[row, k, :count].tolist())
        return Hypothesis(words, joined(words), float(found.scores[row, k]), log_probs, finished, maps)


PHOTOS = Config(
    encoder="efficientnet-lite0",
    encoder_rate=0.0,
    feature_cache="auto",
    projection=256,
    attention=192,
    word_query=True,
    labels=256,
    units=384,
    embedding=256,
    tied=True,
    label_smoothing=0.1,
    pairs_once=True,
    longest=20,
    kind="photographs",
)
"""What the captioners of photographs have in common, so that one can begin with the other."""
PHOTOS_FIT = Fit(steps=1, warmup=100, decay=1.0, betas=(0.9, 0.98), weight_decay=1e-4, clip=60.0, ema=0.998, log_steps=20)

PRESETS: dict[str, Recipe] = {
    "scenes": Recipe(
        model=Config(
            features=96,
            attention=64,
            word_query=True,
            units=192,
            embedding=96,
            word_dropout=0.1,
            word_noise=0.1,
            longest=24,
            doubt=32,
            kind="drawn scenes",
        ),
        data=Scenes(batch=32, lessons=128_000),
        fit=Fit(steps=16_000, rate=2.5e-3, warmup=200, decay=0.6, clip=20.0, ema=0.998, valid_steps=1000, log_steps=20),
        what="drawn scenes, on a CPU",
        size="510 k",
        figure="95.2 % true",
        about="Drawn scenes of one to four objects, from scratch on a CPU. Measured (seed 0, 35 CPU minutes of a busy Xeon): "
        "92.0 % true captions on pairs of colour and shape that training never showed, 84.1 % on the other such pairs "
        "that validation has. The shipped model, 16,000 steps later, with a second glimpse and half of the scenes "
        "hard (--begin, --model.glimpses 2, --data.hard 0.5, --data.lessons 0): 95.2 % and 93.4 %. The aim was 97 %.",
    ),
    "own": Recipe(
        model=Config(features=128, attention=128, word_query=True, units=256, embedding=128, dropout=0.3, doubt=32),
        data=Captioned(side_px=96, min_count=2),
        fit=Fit(minutes=30.0, rate=1e-3, warmup=200, decay=0.8, clip=10.0, ema=0.998, valid_steps=1000),
        what="your pictures and captions",
        size="1.4 M",
        about="Your own pictures and captions, from scratch on a CPU, for 30 minutes. With thirty pictures two minutes are "
        "enough: --fit.minutes 2. Give a folder of pictures with captions.csv (the columns picture and caption; "
        "docs/captions.md has the other forms). For photographs take the preset photos.",
    ),
    "photos": Recipe(
        model=replace(PHOTOS, dropout=0.4, input_dropout=0.4, doubt=32),
        data=Captioned(views=4, min_count=3),
        fit=replace(PHOTOS_FIT, steps=1200, rate=1e-3, valid_steps=200, patience=3),
        what="your photographs and captions",
        size="3.3 M",
        figure="BLEU-4 17",
        about="Your own photographs and captions, hundreds to thousands of them, on a CPU: a frozen EfficientNet-Lite0, whose "
        "features of four views of each picture are cached on disk (125 KB per view), soft attention, and what the labels say of "
        "the whole picture. Measured on 113 development pictures of Flickr8k after 753 training pictures, in 6 CPU minutes of a "
        "busy Xeon: scripts/results/captioner_photos.md. With few pictures give --begin captioner:photos: its words and weights "
        "are taken over, and new words are added.",
    ),
    "told": Recipe(
        model=replace(PHOTOS, dropout=0.3, input_dropout=0.3, blind=0.15, guidance=0.75, grounding=1.5, sure=0.85),
        data=Told(),
        fit=replace(PHOTOS_FIT, steps=3000, rate=2e-3, valid_steps=500),
        what="photographs, learned from captions alone",
        size="3.6 M",
        figure="first thing 78 %",
        about="Learned from captions alone: each comes with what a classifier would say of the picture that it describes, "
        "simulated from its words. Measured on 98 photographs of COCO (seed 0, 10 minutes of a busy Xeon): BLEU-4 19.9, CIDEr "
        ".65; the first thing that a caption names is right in 78 %, and in 98 % of the captions without a doubt. On 113 of "
        "Flickr8k: 7.3, .15, 87 % and 98 %. Give --data.path captions_val2017.json and --data.pictures, a folder of captioned "
        "photographs with a free licence. scripts/results/captioner_told.md.",
    ),
    "show-and-tell": Recipe(
        model=Config(
            encoder="resnet101", encoder_weights="imagenet", encoder_rate=0.0, attention=0, units=512, embedding=512, dropout=0.3
        ),
        data=Captioned(batch=64),
        fit=Fit(steps=100_000, rate=4e-4, warmup=1000, decay=1.0, clip=5.0, ema=0.999, valid_steps=5000, log_steps=100),
        what="Show and Tell on a ResNet-101",
        size="56 M",
        about="Vinyals et al. (2015) with a ResNet in place of their net, which is not trained: the picture is fed once. Their "
        "figures on COCO: BLEU-4 27.7, METEOR 23.7, CIDEr 85.5 (an ensemble, beam 20); Flickr8k BLEU-1 63, Flickr30k 66. "
        "Not trained here: it needs the data and a GPU. Give --data.path captions_train2014.json and --data.valid "
        "captions_val2014.json. With --model.feature-cache FOLDER the ResNet looks at each picture once (4 KB per "
        "picture).",
    ),
    "show-attend-tell": Recipe(
        model=Config(
            encoder="resnet101",
            encoder_weights="imagenet",
            encoder_rate=0.0,
            attention=512,
            units=512,
            embedding=512,
            dropout=0.5,
            doubly_stochastic=1.0,
        ),
        data=Captioned(batch=64, side_px=448),
        fit=Fit(steps=100_000, rate=4e-4, warmup=1000, decay=1.0, clip=5.0, ema=0.999, valid_steps=5000, log_steps=100),
        what="Show, Attend and Tell on a ResNet-101",
        size="64 M",
        about="Xu et al. (2015) with soft attention over 14 x 14 places, of a ResNet in place of their VGG, which is not "
        "trained. Their figures: COCO BLEU-1 to 4 70.7, 49.2, 34.4, 24.3, METEOR 23.9; Flickr8k 67, 44.8, 29.9, 19.5, "
        "METEOR 18.93; Flickr30k 66.7, 43.4, 28.8, 19.1, METEOR 18.49 (BLEU without its brevity penalty). Not trained "
        "here: it needs the data and a GPU. With --model.feature-cache FOLDER the ResNet looks at each picture once (0.8 "
        "MB per picture, 99 GB for COCO).",
    ),
    "tiny": Recipe(
        model=Config(features=16, attention=8, units=16, embedding=8, longest=8),
        data=Scenes(side_px=32, batch=4, count=8, most=1),
        fit=Fit(steps=4, warmup=2, clip=5.0),
        what="for tests, and a first look",
        size="8 k",
        about="Trains in seconds on a CPU, on drawn scenes of one object.",
    ),
}
