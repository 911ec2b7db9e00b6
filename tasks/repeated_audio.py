"""What is said about utterances that share their samples."""

from collections.abc import Iterable

import pyarrow as pa

from kws_core.corpora.inventory import read_inventories
from kws_core.corpora.repeated_audio import find_repeated_audio, repeated_audio_document
from kws_core.manifest import Manifest
from kws_core.store import Store
from tasks.console import say

KIND = "repeated-audio"


def report_repeated_audio(store: Store, utterances: Manifest) -> None:
    """Say how many utterances share their samples, and keep every case as a document of the dataset's fingerprint.

    They are not left out: one recording may well have two transcripts, or serve in two corpora. Across a corpus to
    train on and one to test on it is a leak.
    """
    document = store.read_document(KIND, utterances.fingerprint)
    if document is None:

        def inventories() -> Iterable[tuple[str, pa.Table]]:
            tables = read_inventories(store, utterances.stage, utterances.parts)
            return ((part.corpus, table) for part, table in zip(utterances.parts, tables, strict=True))

        document = repeated_audio_document(find_repeated_audio(inventories))
        store.write_document(KIND, utterances.fingerprint, document)
    if document["contents"]:
        alike = document["cases"][0]["utterances"]
        names = " = ".join(f"{utterance['source']} of {utterance['corpus']}" for utterance in alike[:3])
        say(
            "repeated",
            f"{document['contents']:,} recordings occur more than once ({document['utterances']:,} utterances), "
            f"{document['across_corpora']:,} of them in several corpora: {names}"
            f"{' …' if document['contents'] > 1 or len(alike) > 3 else ''}",
        )
