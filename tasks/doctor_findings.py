"""Everything that the doctor asks, in the order in which it is told."""

import os
from functools import partial
from pathlib import Path

from kws_core.config import Experiment
from tasks import doctor_machine as machine
from tasks.doctor import Finding, Probe, examine
from tasks.doctor_mfa import mfa
from tasks.doctor_ray import ray
from tasks.doctor_servers import mlflow, prefect
from tasks.doctor_store import store


def diagnose(
    workspace: Path, store_url: str, tracking_uri: str, experiment: Experiment | None, timeout_s: float
) -> list[Finding]:
    """Ask everything at once; takes `timeout_s` and a little more at most."""
    # what is asked of other programs ends before the probe itself would be given up
    within_s = 0.9 * timeout_s
    probes = [
        Probe(name="Python", ask=machine.python),
        Probe(name="torch", ask=machine.torch),
        Probe(name="Ray", ask=partial(ray, os.environ.get("RAY_ADDRESS", ""), within_s)),
        Probe(name="MFA", ask=partial(mfa, experiment, within_s), needed=False),
        Probe(name="MLflow", ask=partial(mlflow, tracking_uri)),
        Probe(name="Prefect", ask=partial(prefect, os.environ.get("PREFECT_API_URL", ""))),
        Probe(name="store", ask=partial(store, store_url), advice="check the address and AWS_ENDPOINT_URL"),
        Probe(name="disk", ask=partial(machine.disk, workspace)),
        Probe(name="memory", ask=machine.memory),
    ]
    return examine(probes, timeout_s)
