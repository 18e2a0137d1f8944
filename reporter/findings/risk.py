"""The risk of each group: first match wins, as the design's table has it."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

#: Worst first.
LEVELS = ("critical", "high", "medium", "low", "none")
_DTYPE = pd.CategoricalDtype(list(LEVELS), ordered=True)

IN_USE, DEFAULT_ON_INSTANCE = "in_use", "is_default on an instance"


def classify(
    exposed: Mapping[str, "pd.Series[bool]"],
    in_use: "pd.Series[bool]",
    default_on_instance: "pd.Series[bool]",
) -> pd.DataFrame:
    """Classify groups by answers, each True, False or unknown (NA).

    `exposed` has the answers of which any makes a group exposed, by what people call them. Returns `risk`, the
    worst level that the unknown answers leave possible, as an ordered category (worst first); `proven`, which says that
    no better one is possible; and `risk_note`, which names the answers that it depends on, if any.
    """
    answers = {name: answer.astype("boolean") for name, answer in exposed.items()}
    answers |= {
        IN_USE: in_use.astype("boolean"),
        DEFAULT_ON_INSTANCE: default_on_instance.astype("boolean"),
    }
    worst = np.full(len(in_use), len(LEVELS) - 1)
    best = np.zeros(len(in_use), dtype=int)
    for exposed_guess, used_guess, default_guess in product((True, False), repeat=3):
        any_exposed = np.zeros(len(in_use), dtype=bool)
        for name in exposed:
            any_exposed |= answers[name].fillna(exposed_guess).to_numpy(bool)
        levels = _level(
            any_exposed,
            answers[IN_USE].fillna(used_guess).to_numpy(bool),
            answers[DEFAULT_ON_INSTANCE].fillna(default_guess).to_numpy(bool),
        )
        worst, best = np.minimum(worst, levels), np.maximum(best, levels)
    note = pd.Series("", index=in_use.index, dtype=object)
    proven_exposed = np.zeros(len(in_use), dtype=bool)
    for name in exposed:
        proven_exposed |= answers[name].fillna(False).to_numpy(bool)
    for name, answer in answers.items():
        open_question = answer.isna() & (worst != best)
        if name in exposed:
            open_question &= ~proven_exposed  # another answer says it already
        note = note.where(~open_question, note + f", {name}")
    note = note.where(note == "", "worst case, unknown: " + note.str.removeprefix(", "))
    risk = pd.Categorical.from_codes(worst, dtype=_DTYPE)
    return pd.DataFrame({"risk": risk, "proven": note == "", "risk_note": note}, index=in_use.index)


def _level(exposed: np.ndarray, in_use: np.ndarray, default_on_instance: np.ndarray) -> np.ndarray:
    return np.select([exposed & in_use, default_on_instance, exposed, ~in_use], [0, 1, 2, 3], default=4)
