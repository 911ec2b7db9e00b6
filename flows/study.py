"""A study as one Prefect flow: the data stages of a retrain, then every method with every seed, then one table."""

from prefect import flow

from flows.make_datasets import cut_corpora
from kws_core.studies.study import StudyConfig
from tasks.featurise import featurise
from tasks.places import Places
from tasks.study import StudyInput, run_cells
from tasks.study_report import StudyOutcome, publish_study


@flow(name="study", validate_parameters=False, persist_result=False)
def study(places: Places, name: str, config: StudyConfig) -> StudyOutcome:
    """Recordings to a table of methods with intervals over speakers; what exists is not computed again."""
    experiment = config.experiment(name)
    segments = cut_corpora(places, experiment).segments
    features = featurise(places, experiment, segments)
    given = StudyInput(name, config, segments, features)
    return publish_study(places, given, run_cells(places, given))
