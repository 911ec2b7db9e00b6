"""Short runs of `fit()` on toy data."""

from builders import SMALL_ENCODER, SMALL_FEATURES, toy_data

from kws_core.config import AugmentationConfig, LossConfig, SamplingConfig, TrainingConfig, TrainingSpec
from kws_core.training import FitResult, fit

TRAINING = TrainingConfig(epochs=4, batch_size=8, learning_rate=5e-3)
LOSS = LossConfig(scale=10, margin=0.1, margin_ramp_epochs=3)
ARGUMENTS = ("on_epoch", "checkpoint", "initial", "freeze_encoder", "judged_by", "device")


def make_spec(**sections) -> TrainingSpec:
    """A small specification; `sections` replace its own."""
    usual = {
        "features": SMALL_FEATURES,
        "encoder": SMALL_ENCODER,
        "loss": LOSS,
        "sampling": SamplingConfig(),
        "training": TRAINING,
        "augmentation": AugmentationConfig(max_shift_s=0.03),
    }
    return TrainingSpec(**{**usual, **sections})


def run(data=None, seed=0, **options) -> FitResult:
    """`fit()` with arguments of its own, sections of the specification, or values of its training section."""
    arguments = {name: options.pop(name) for name in ARGUMENTS if name in options}
    sections = {name: options.pop(name) for name in list(options) if name in TrainingSpec.model_fields}
    training = sections.pop("training", TRAINING).model_copy(update=options)
    spec = make_spec(training=training, **sections)
    return fit(toy_data() if data is None else data, spec, seed, **arguments)


def weights(result: FitResult) -> dict[str, bytes]:
    """The encoder's weights and buffers as bytes, by name."""
    return {name: value.numpy().tobytes() for name, value in result.encoder.state_dict().items()}


def all_weights(result: FitResult) -> dict[str, bytes]:
    """Those of the encoder and of the loss."""
    return {**weights(result), **{name: v.numpy().tobytes() for name, v in result.loss.state_dict().items()}}
