"""The recipes, by the word that names them in an experiment."""

from kws_core.config import CorpusSection, IngestConfig
from kws_core.corpora import aishell, an4, common_voice, fsdd, hello_npu, librispeech, mswc, speech_commands
from kws_core.corpora.demo_recipe import plan_demo_recordings, prepare_demo
from kws_core.corpora.download import OnProgress
from kws_core.corpora.feedback import prepare_feedback
from kws_core.corpora.hugging_face import prepare_hugging_face
from kws_core.corpora.kaldi import prepare_kaldi
from kws_core.corpora.lhotse import prepare_lhotse
from kws_core.corpora.manifest import prepare_manifest
from kws_core.corpora.nemo import prepare_nemo
from kws_core.corpora.published_archives import corpora_folder
from kws_core.corpora.recipe import About, Recipe
from kws_core.corpora.recording import Recording
from kws_core.corpora.speaker_folders import prepare_speaker_folders
from kws_core.corpora.spoken_words_recipe import plan_spoken_words_recordings, prepare_spoken_words
from kws_core.errors import ConfigError
from kws_core.part import PartOutput

RECIPES: dict[str, Recipe] = {
    "demo": Recipe(
        About("Demo corpus", "en", "synthesised", "CC0-1.0", needs="eSpeak NG"), plan_demo_recordings, read=prepare_demo
    ),
    "manifest": Recipe(
        About("TSV or CSV table of recordings", "any", "yours", "yours", needs="path: the table"), prepare_manifest
    ),
    "speaker_folders": Recipe(
        About("A folder per speaker", "any", "yours", "yours", needs="folder: recordings beside .lab or .txt files"),
        prepare_speaker_folders,
    ),
    "kaldi": Recipe(
        About("Kaldi data directory", "any", "yours", "yours", needs="folder: wav.scp, text, utt2spk, segments"),
        prepare_kaldi,
    ),
    "feedback": Recipe(
        About("Marked false alarms and misses", "any", "yours", "yours", needs="path: the table of marks"),
        prepare_feedback,
    ),
    "nemo": Recipe(About("NeMo manifest", "any", "yours", "yours", needs="path: the JSON lines"), prepare_nemo),
    "lhotse": Recipe(
        About("lhotse manifests", "any", "yours", "yours", needs="cuts, or recordings and supervisions"),
        prepare_lhotse,
    ),
    "hugging_face": Recipe(
        About("Parquet of Hugging Face datasets", "any", "yours", "yours", needs="path: Parquet files"),
        prepare_hugging_face,
    ),
    "spoken_words": Recipe(
        About("Spoken words of many voices", "mul", "synthesised", "CC0-1.0", needs="eSpeak NG, hibari, piper"),
        plan_spoken_words_recordings,
        read=prepare_spoken_words,
    ),
    "aishell": Recipe(aishell.ABOUT, aishell.prepare_aishell, aishell.download_aishell),
    "an4": Recipe(an4.ABOUT, an4.prepare_an4, an4.download_an4),
    "common_voice": Recipe(common_voice.ABOUT, common_voice.prepare_common_voice, common_voice.download_common_voice),
    "fsdd": Recipe(fsdd.ABOUT, fsdd.prepare_fsdd, fsdd.download_fsdd),
    "hello_npu": Recipe(hello_npu.ABOUT, hello_npu.prepare_hello_npu),
    "librispeech": Recipe(librispeech.ABOUT, librispeech.prepare_librispeech, librispeech.download_librispeech),
    "mswc": Recipe(mswc.ABOUT, mswc.prepare_mswc, mswc.download_mswc),
    "speech_commands": Recipe(
        speech_commands.ABOUT, speech_commands.prepare_speech_commands, speech_commands.download_speech_commands
    ),
}
"""One entry a recipe; its key is the `recipe` of the corpus's section."""


def find_recipe(config: CorpusSection) -> Recipe:
    """The recipe that a corpus's section names; raises `ConfigError` when there is none."""
    name = getattr(config, "recipe", "")
    if name not in RECIPES:
        raise ConfigError(f"corpus configuration {type(config).__name__} has no recipe")
    return RECIPES[name]


def plan_corpus(config: CorpusSection, on_progress: OnProgress | None = None) -> list[Recording]:
    """List the recordings of a corpus, fetched first where they are published; nothing is decoded or synthesised yet.

    Raises:
        CorpusError: a download fails, or what lists the recordings is missing or damaged.
    """
    recipe = find_recipe(config)
    if recipe.download is None:
        return recipe.prepare(config)
    folder = corpora_folder(getattr(config, "folder", ""))
    return recipe.prepare(config, recipe.download(config, folder, on_progress))


def prepare_part(
    corpus: str, config: CorpusSection, ingest: IngestConfig, recordings: list[Recording]
) -> tuple[PartOutput, PartOutput | None]:
    """Make one part: its utterances and, where the recipe knows them, the true times of their words."""
    made = find_recipe(config).read(corpus, config, ingest, recordings)
    return made if isinstance(made, tuple) else (made, None)
