"""Text columns as numbers: a selection of millions of rows has few speakers and labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A text column by its distinct values."""

    codes: NDArray[np.int64]
    """`[rows]`: which of `values`."""
    values: tuple[str, ...]
    """Distinct, rising by code point."""

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "CodedColumn":
        """Code a column without nulls."""
        encoded = column.dictionary_encode().combine_chunks()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        codes = np.argsort(order)[encoded.indices.to_numpy()]
        return cls(codes.astype(np.int64), tuple(encoded.dictionary.take(pa.array(order)).to_pylist()))

    def among(self, wanted: frozenset[str]) -> NDArray[np.bool_]:
        """`[rows]`: whether the value is one of these."""
        return self.map({value: value in wanted for value in self.values}, np.bool_)

    def map(self, of_value: dict[str, Any], dtype: type) -> NDArray[Any]:
        """`[rows]`: what `of_value` has for the value of each row."""
        mapped: NDArray[Any] = np.array([of_value[value] for value in self.values], dtype)
        found: NDArray[Any] = mapped[self.codes]
        return found
