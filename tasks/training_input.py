"""What a training task reads, as fingerprints: small enough to send to every worker."""

from pydantic import BaseModel, ConfigDict

from kws_core import pairs as pairs_stage
from kws_core import selection as selection_stage
from kws_core.config import FeaturesConfig
from kws_core.feature_cache import cached_features
from kws_core.fingerprint import fingerprint
from kws_core.training_data import TrainingData, training_data
from tasks import featurise
from tasks.places import Places


class TrainingInput(BaseModel):
    """Fingerprints of the features, the selection and the pair lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: str
    selection: str
    pairs: str

    def load(self, places: Places, config: FeaturesConfig) -> TrainingData:
        """Map the selected features on this node and join them with their labels and trials."""
        store = places.store()
        selection = store.read_table(store.dataset(selection_stage.STAGE, self.selection))
        pairs = store.read_table(store.dataset(pairs_stage.STAGE, self.pairs))
        manifest = store.dataset(featurise.STAGE, self.features)
        key = fingerprint(self.features, self.selection)
        features = cached_features(store, manifest, selection, places.cache, key)
        return training_data(selection, pairs, features, config)
