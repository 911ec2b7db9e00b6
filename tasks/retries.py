"""What is worth another attempt of a stage: what passes by itself, never bad input, a full disk or a refused access."""

from kws_core.errors import KwsError, RegistryError, StoreOutageError
from kws_core.outage import is_outage

RETRY_DELAYS_S = [1.0, 5.0]
LOST = frozenset(
    {
        "ActorDiedError",
        "ActorUnavailableError",
        "GetTimeoutError",
        "NodeDiedError",
        "ObjectLostError",
        "RaySystemError",
        "RayActorError",
        "RpcError",
        "WorkerCrashedError",
    }
)
"""What Ray raises, itself or a class derived from it, when a worker or a node is lost."""
UNANSWERED = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")
"""Codes of MLflow for a server that is not there or has too much to do."""


def is_worth_a_retry(error: BaseException) -> bool:
    """Whether the error is an outage of a network or a service, or a lost worker or node."""
    if isinstance(error, StoreOutageError):
        return True
    if isinstance(error, RegistryError):
        return any(_is_unanswered(each) for each in (error.__cause__, error.__context__) if each is not None)
    if isinstance(error, KwsError):
        return False
    module = type(error).__module__.partition(".")[0]
    if module == "ray":
        # a task's own error, wrapped: what counts is that error
        inner = getattr(error, "cause", None)
        return is_worth_a_retry(inner) if isinstance(inner, Exception) else _is_lost(error)
    return _is_unanswered(error)


def _is_lost(error: BaseException) -> bool:
    return any(base.__name__ in LOST for base in type(error).__mro__)


def _is_unanswered(error: BaseException) -> bool:
    if type(error).__module__.partition(".")[0] == "mlflow":
        message = str(error)
        if "API request to" in message and "failed with" in message and "error code 4" not in message:
            return True
        return getattr(error, "error_code", "") in UNANSWERED
    return is_outage(error)
