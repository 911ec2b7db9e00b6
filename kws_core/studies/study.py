"""What every study has: a configuration, cells (a method with a seed each), their results, one table."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field, model_validator

from kws_core.config import (
    AlignmentConfig,
    AugmentationConfig,
    CorpusConfig,
    EncoderConfig,
    Experiment,
    FeaturesConfig,
    IngestConfig,
    RejectionConfig,
    Section,
    SegmentsConfig,
    SelectionConfig,
    TrainingConfig,
)
from kws_core.studies.data import StudyData
from kws_core.studies.result import CellResult
from kws_core.studies.table import StudyTable

AROUND = frozenset({"seeds", "parallel_cells", "cpus_per_cell", "gpus_per_cell", "replicates"})


class StudyConfig(Section):
    """What studies share; each adds the fields of its own protocol."""

    corpora: dict[str, CorpusConfig] = Field(min_length=1)
    rejection: RejectionConfig = RejectionConfig()
    ingest: IngestConfig = IngestConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    segments: SegmentsConfig = SegmentsConfig()
    features: FeaturesConfig = FeaturesConfig()
    selection: SelectionConfig = SelectionConfig()
    """Of it, the shares decide which speakers train, develop and test; studies say what else they use."""
    encoder: EncoderConfig = EncoderConfig()
    training: TrainingConfig = TrainingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    seeds: int = Field(default=3, ge=1)
    """Every method is trained with the seeds 0 to `seeds - 1`."""
    replicates: int = Field(default=1000, ge=2)
    """Bootstrap replicates of the intervals."""
    parallel_cells: int = Field(default=0, ge=0)
    """Cells that run at the same time; 0: as many as the cluster has room for."""
    cpus_per_cell: float = Field(default=1, gt=0)
    gpus_per_cell: float = Field(default=0, ge=0)

    around: ClassVar[frozenset[str]] = AROUND
    """Fields that decide which cells there are, where they run or how they are summed up, but no cell's result."""

    @model_validator(mode="after")
    def _check_training(self) -> "StudyConfig":
        if self.training.repeats:
            raise ValueError("training.repeats must be empty: a study trains on every segment once an epoch")
        if self.training.input != "features":
            raise ValueError(f"training.input must be features, not {self.training.input}: a study reads no waveforms")
        official = sorted(name for name, corpus in self.corpora.items() if corpus.use == "official")
        if official:
            raise ValueError(f"corpora.{official[0]}.use must not be official: a study's own rules split its speakers")
        noise = sorted(name for name, corpus in self.corpora.items() if corpus.use == "noise")
        if noise:
            raise ValueError(f"corpora.{noise[0]}.use must not be noise: a study reads no waveforms that it could join")
        return self

    def experiment(self, name: str) -> Experiment:
        """The experiment whose data stages (ingest, align, cut, featurise) make the study's data."""
        stages = ("corpora", "rejection", "ingest", "alignment", "segments", "features", "selection")
        purpose: Literal["keywords", "enrolment"] = "keywords" if self.selection.keywords else "enrolment"
        settings = {stage: getattr(self, stage) for stage in stages}
        return Experiment(name=name.replace("_", "-"), purpose=purpose, **settings)

    def deciding(self) -> dict[str, Any]:
        """The values that a cell's result depends on, as plain JSON."""
        return self.model_dump(mode="json", exclude=set(self.around))


class Cell(Section):
    """One unit of a study's work: a method with one seed."""

    method: str
    """Unique among the study's cells of one seed; the table groups by it."""
    seed: int
    parameters: dict[str, float | str] = Field(default_factory=dict)
    """Values that the method is run with, such as its margin."""


Results = Sequence[tuple[Cell, CellResult]]


class Study(Protocol):
    """A paper's comparison.

    `run_cell` runs on a Ray worker; the same data, cell, configuration and `version` must give the same result.
    """

    name: str
    """Also the name of its module and of its preset."""
    title: str
    version: int
    """Raised when a cell would give another result than before."""
    table_version: int
    """Raised when the same results would give another table: its figures, claims, rules or notes."""
    config_type: type[StudyConfig]

    def cells(self, config: Any) -> list[Cell]:
        """Every cell, the cheapest to lose first."""
        ...

    def run_cell(self, data: StudyData, cell: Cell, config: Any, device: str) -> CellResult:
        """Train and test one method with one seed; outcomes keep the codes of their speakers."""
        ...

    def table(self, results: Results, config: Any) -> StudyTable:
        """Figures with intervals over speakers, and what they say about the paper's claims."""
        ...


def by_method(results: Results) -> dict[str, list[CellResult]]:
    """Results of each method in the order of their seeds; methods in the order of their first cell."""
    grouped: dict[str, list[tuple[int, CellResult]]] = {}
    for cell, result in results:
        grouped.setdefault(cell.method, []).append((cell.seed, result))
    return {
        method: [result for _, result in sorted(found, key=lambda pair: pair[0])] for method, found in grouped.items()
    }
