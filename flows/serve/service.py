"""What the routes of one service share."""

from dataclasses import dataclass, field

from fastapi import Request, WebSocket

from flows.serve.answers import ModelInfo
from flows.serve.inference import Inference
from flows.serve.metrics import Metrics
from flows.serve.model_holder import ModelHolder
from flows.serve.problems import Refusal
from flows.serve.served_model import ServedModel
from flows.serve.settings import Settings
from flows.serve.watch import Watch

NO_KEYWORDS = "the model has no keywords yet; enrol one first"


@dataclass(frozen=True, eq=False)
class Service:
    """One service."""

    settings: Settings
    holder: ModelHolder
    inference: Inference
    metrics: Metrics
    watch: Watch
    streams: set[WebSocket] = field(default_factory=set)
    """Those that are open."""

    def listening(self) -> ServedModel:
        """The model in service; raises `Refusal` (409) while it has no keywords."""
        model = self.holder.current
        if not model.listener.keywords:
            raise Refusal(409, NO_KEYWORDS)
        return model


def service_of(request: Request) -> Service:
    """The service that a request is for."""
    found: Service = request.app.state.service
    return found


def service_of_socket(socket: WebSocket) -> Service:
    """The service that a stream is for."""
    found: Service = socket.app.state.service
    return found


def info(model: ServedModel) -> ModelInfo:
    """What answers say of the model."""
    return ModelInfo(name=model.name, version=model.version)
