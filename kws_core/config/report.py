"""What the page of a run shows; changing it recomputes nothing but the page."""

from pydantic import Field

from kws_core.config.base import Section


class ReportConfig(Section):
    """The page's longer parts."""

    worst_errors: int = Field(default=20, ge=0)
    """False alarms and false rejections to listen to, of each at most."""
    map_words: int = Field(default=18, ge=2)
    """Words in the map of embeddings, at most."""
    map_points: int = Field(default=360, ge=10)
    """Segments in it, at most."""
    neighbour_map: bool = True
    """Whether the map is drawn by t-SNE too."""
