"""The experiment: frozen sections, one per stage; unknown keys are refused.

Times end in `_s` (seconds), rates in `_hz`, shares lie in [0, 1].
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SAMPLE_RATE_HZ = 16_000

Share = Annotated[float, Field(ge=0, le=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A frozen part of the experiment that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _check_durations(shortest_s: float, longest_s: float) -> None:
    if shortest_s > longest_s:
        raise ValueError(f"min_duration_s ({shortest_s:g}) cannot exceed max_duration_s ({longest_s:g})")


class CorpusSection(Section):
    """What every corpus states, whatever its recipe."""

    aligner: Literal["pocketsphinx", "whole_clip"] = "pocketsphinx"
    """`pocketsphinx` for sentences, `whole_clip` for recordings of one isolated word."""
    use: Literal["split", "test"] = "split"
    """`split`: speakers are split by hash. `test`: heard by nobody in training, reported as a cross-corpus test."""
    language: str = "en"


class DemoCorpusConfig(CorpusSection):
    """Speech synthesised by eSpeak NG (recipe `demo`)."""

    recipe: Literal["demo"] = "demo"
    speakers: int = Field(default=36, ge=1)
    """How many of the screened voices speak; each is one speaker."""
    keyword_repeats: int = Field(default=2, ge=1)
    """Carrier sentences per keyword and speaker, beside one recording of the keyword alone."""
    other_words: int = Field(default=30, ge=0)
    """Other words that each speaker says alone, drawn from the list of the recipe."""
    seed: int = 0


class ManifestCorpusConfig(CorpusSection):
    """Any TSV with the columns `path speaker text` (recipe `manifest`)."""

    recipe: Literal["manifest"] = "manifest"
    path: str
    """The TSV; audio paths in it are relative to its folder."""
    include: tuple[str, ...] = ("*",)
    """Glob patterns on the column `path`: a row is read when it matches any of them."""
    licence: str = "unknown"
    """Licence of rows whose table has no column `licence`."""


CorpusConfig = Annotated[DemoCorpusConfig | ManifestCorpusConfig, Field(discriminator="recipe")]


class IngestConfig(Section):
    """Recordings to utterances."""

    part_bytes: int = Field(default=64 * 2**20, gt=0)
    """Source bytes per part, in the mean; parts hold whole speakers."""
    min_duration_s: PositiveSeconds = 0.1
    max_duration_s: PositiveSeconds = 60.0

    @model_validator(mode="after")
    def _check(self) -> "IngestConfig":
        _check_durations(self.min_duration_s, self.max_duration_s)
        return self


class AlignmentConfig(Section):
    """Utterances to words."""

    padding_s: float = Field(default=0.5, ge=0)
    """Silence added at both ends before PocketSphinx aligns: without it the last word can be dropped."""


class SegmentsConfig(Section):
    """Words to cut, gated segments (Ma et al.: 0.5 to 1.0 s, labels of at least 2 characters)."""

    min_duration_s: PositiveSeconds = 0.5
    max_duration_s: PositiveSeconds = 1.0
    context_s: float = Field(default=0.5, ge=0)
    """Speech kept on each side of the word, as far as `max_duration_s` allows."""
    background_share: Share = 0.3
    """Share of the places between words, chosen by hash, that are cut as background."""
    min_label_characters: int = Field(default=2, ge=1)
    min_word_s: PositiveSeconds = 0.1
    min_score: float = -1e9
    """Alignment score (mean log likelihood a frame, see `words.score`) below which a word is rejected."""
    min_rms: float = Field(default=1e-4, ge=0)
    """Root mean square of the word, full scale = 1, below which it counts as silence."""

    @model_validator(mode="after")
    def _check(self) -> "SegmentsConfig":
        _check_durations(self.min_duration_s, self.max_duration_s)
        return self


class FeaturesConfig(Section):
    """Segments to MFCC or log-mel frames, with Kaldi's definitions."""

    kind: Literal["mfcc", "log_mel"] = "mfcc"
    window_s: PositiveSeconds = 0.02
    """20 ms and a 10 ms hop give exactly 99 whole frames in one second (Ma et al.: `[99, 40]`)."""
    hop_s: PositiveSeconds = 0.01
    frames: int = Field(default=99, gt=0)
    mel_bins: int = Field(default=40, gt=0)
    coefficients: int = Field(default=40, gt=0)
    low_hz: float = Field(default=20.0, ge=0)
    high_hz: float = Field(default=8000.0, gt=0)

    @model_validator(mode="after")
    def _check(self) -> "FeaturesConfig":
        if self.coefficients > self.mel_bins:
            raise ValueError(f"coefficients ({self.coefficients}) cannot exceed mel_bins ({self.mel_bins})")
        if self.kind == "log_mel" and self.coefficients != self.mel_bins:
            raise ValueError("log_mel has one coefficient per mel bin: set coefficients = mel_bins")
        if not self.low_hz < self.high_hz <= SAMPLE_RATE_HZ / 2:
            raise ValueError(f"low_hz < high_hz <= {SAMPLE_RATE_HZ // 2} is needed, not {self.low_hz}, {self.high_hz}")
        return self


class SelectionConfig(Section):
    """Vocabulary, speaker- and word-disjoint splits, pair lists."""

    keywords: tuple[str, ...] = ()
    """The targets. Every one needs segments in every split."""
    development_share: Share = 0.2
    """Share of the speakers, by hash, that tune and calibrate."""
    test_share: Share = 0.2
    out_of_vocabulary_share: Share = 0.25
    """Share of the non-target labels, by hash of the word, that nobody trains on."""
    max_labels: int = Field(default=5000, gt=0)
    """Most frequent labels kept as training classes (Ma et al.: 5,000)."""
    min_train_segments: int = Field(default=3, ge=1)
    """Training segments that a label needs to be a training class; rarer ones serve as out-of-vocabulary words."""
    pairs: int = Field(default=20_000, gt=1)
    """Trials per pair list, half of them of the same label (Ma et al.: 20,000); fewer when the data has fewer."""
    speaker_policy: Literal["cross", "any"] = "cross"
    """`cross`: the two sides of a trial come from different speakers. `any`: drawn whoever speaks."""

    @model_validator(mode="after")
    def _check(self) -> "SelectionConfig":
        if self.development_share + self.test_share >= 1:
            raise ValueError("development_share + test_share must leave speakers to train on")
        repeated = sorted({word for word in self.keywords if self.keywords.count(word) > 1})
        if repeated:
            raise ValueError(f"keywords are listed twice: {', '.join(repeated)}")
        return self


class EncoderConfig(Section):
    """Features to embedding."""

    name: Literal["bc_resnet_1", "bc_resnet_2", "bc_resnet_3", "bc_resnet_6", "bc_resnet_8", "res15"] = "bc_resnet_1"
    embedding_dim: int = Field(default=64, gt=0)
    maps: int = Field(default=45, gt=0)
    """res15 only: feature maps of the trunk (45; 19 is the published narrow variant)."""
    stem_pooling: tuple[int, int] = (1, 1)
    """res15 only: average pooling (time, coefficients) after the first convolution; (1, 1) is the paper's."""


class LossConfig(Section):
    """The training criterion."""

    name: Literal["am_softmax"] = "am_softmax"
    scale: float = Field(default=30.0, gt=0)
    margin: float = Field(default=0.2, ge=0, lt=1)
    margin_ramp_epochs: int = Field(default=15, ge=0)
    """The margin grows linearly over these epochs, then stays (Ma et al.: 15)."""


class AugmentationConfig(Section):
    """What is done to the features of a training batch."""

    shift_share: Share = 0.5
    """Share of the inputs that are moved in time (Huh et al.: 0.2)."""
    max_shift_s: float = Field(default=0.1, ge=0)
    """Huh et al.: 0.2; words here are centred by alignment, so less is needed."""
    swap_context_share: Share = 0.5
    """Share of the inputs whose surroundings (all but the word) come from another input of the batch."""
    gain_db: float = Field(default=6.0, ge=0)
    """Each input's level is changed by up to this much, either way."""
    channel_db: float = Field(default=2.0, ge=0)
    """Standard deviation of the slow spectral curves added to each input: another microphone, another room."""
    mask_context_share: Share = 0.2
    """Share of the inputs whose surroundings (all but the word) are replaced by silence."""


class TrainingConfig(Section):
    """The optimisation."""

    epochs: int = Field(default=25, gt=0)
    batch_size: int = Field(default=32, gt=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    max_steps_per_epoch: int = Field(default=0, ge=0)
    """0: every training segment once an epoch."""


class Uniform(Section):
    """A range searched uniformly, or by order of magnitude when `log` is set."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Uniform":
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) cannot exceed high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"a range searched by order of magnitude starts above 0, not at {self.low:g}")
        return self


class SearchConfig(Section):
    """Hyper-parameter search: Ray Tune with ASHA and Optuna."""

    trials: int = Field(default=6, gt=0)
    max_epochs: int = Field(default=6, gt=0)
    grace_epochs: int = Field(default=2, gt=0)
    reduction_factor: int = Field(default=2, gt=1)
    parallel_trials: int = Field(default=2, gt=0)
    cpus_per_trial: float = Field(default=1.0, gt=0)
    gpus_per_trial: float = Field(default=0.0, ge=0)
    scale: Uniform = Uniform(low=10, high=40)
    margin: Uniform = Uniform(low=0.0, high=0.35)
    learning_rate: Uniform = Uniform(low=5e-4, high=1e-2, log=True)
    encoders: tuple[EncoderConfig, ...] = Field(default=(EncoderConfig(),), min_length=1)

    @model_validator(mode="after")
    def _check(self) -> "SearchConfig":
        if self.grace_epochs > self.max_epochs:
            raise ValueError(f"grace_epochs ({self.grace_epochs}) cannot exceed max_epochs ({self.max_epochs})")
        return self


class BackendsConfig(Section):
    """Centroids, SVM and their thresholds."""

    decision: Literal["centroid", "svm"] = "centroid"
    """The back end that the spotter decides with."""
    far: float = Field(default=0.02, gt=0, lt=1)
    """False acceptance rate on development non-targets for which each keyword's threshold is calibrated."""
    svm_c: tuple[float, ...] = (1.0, 10.0)
    svm_gamma: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Candidates of the RBF SVM; the best on development data is kept."""


class GateConfig(Section):
    """When a challenger becomes champion."""

    max_frr: Share = 0.5
    """Without a champion: FRR at FAR 2 % on in-vocabulary trials must not exceed this."""
    min_target_accuracy: Share = 0.5
    min_non_target_accuracy: Share = 0.5
    frr_margin: float = Field(default=0.0, ge=0)
    """FRR on in-vocabulary trials may be worse than the champion's by this much."""
    accuracy_margin: float = Field(default=0.01, ge=0)
    """Target and non-target accuracy may be worse than the champion's by this much."""


class RejectionConfig(Section):
    """The largest share of its input that a stage may reject; past it the run fails. Changing it recomputes nothing."""

    ingest: Share = 0.02
    alignment: Share = 0.1
    segments: Share = 0.6
    """Words too short, too long or with one-character labels are many in ordinary sentences."""
    features: Share = 0.0


class Experiment(Section):
    """Everything that decides the bytes of a run. `seed` reaches every random draw."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Names the registered model."""
    seed: int = 0
    corpora: dict[str, CorpusConfig] = Field(min_length=1)
    rejection: RejectionConfig = RejectionConfig()
    ingest: IngestConfig = IngestConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    segments: SegmentsConfig = SegmentsConfig()
    features: FeaturesConfig = FeaturesConfig()
    selection: SelectionConfig = SelectionConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    loss: LossConfig = LossConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()
    backends: BackendsConfig = BackendsConfig()
    gate: GateConfig = GateConfig()

    @property
    def test_corpora(self) -> frozenset[str]:
        """Corpora whose speakers nobody trains on."""
        return frozenset(name for name, corpus in self.corpora.items() if corpus.use == "test")
