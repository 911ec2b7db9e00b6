"""Where the presets that come with the package lie."""

from pathlib import Path

from kws_core.errors import ConfigError

PRESETS = Path(__file__).parent / "presets"


def preset_path(preset: str) -> Path:
    """The YAML file of a preset; raises `ConfigError` naming those that exist."""
    if preset.endswith((".yaml", ".yml")):
        return Path(preset)
    path = PRESETS / f"{preset}.yaml"
    if not path.exists():
        known = ", ".join(sorted(found.stem for found in PRESETS.glob("*.yaml")))
        raise ConfigError(f"preset {preset!r} is unknown; {known} or the path of a YAML file are accepted")
    return path
