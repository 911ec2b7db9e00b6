"""What the tests of bundles share: the files of one, and its description edited by hand."""

import json

from kws_core.bundle import CENTROIDS, DESCRIPTION, ENCODER, SOFTMAX, SVM, WEIGHTS

TRAINED = (ENCODER, WEIGHTS, CENTROIDS, SVM, SOFTMAX)
"""The files of a bundle with trained keywords."""


def edit(folder, **changes):
    document = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    for name, value in changes.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    (folder / DESCRIPTION).write_text(json.dumps(document), "utf-8")
