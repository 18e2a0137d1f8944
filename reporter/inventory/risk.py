"""The risk of each group: first match wins, as the design's table has it."""

from itertools import product

import numpy as np
import pandas as pd

#: Worst first.
LEVELS = ("critical", "high", "medium", "low", "none")
_DTYPE = pd.CategoricalDtype(list(LEVELS), ordered=True)


def classify(
    world: "pd.Series[bool]", in_use: "pd.Series[bool]", default_on_instance: "pd.Series[bool]"
) -> pd.DataFrame:
    """Classify groups by three answers, each True, False or unknown (NA).

    Returns `risk`, the worst level that the unknown answers leave possible, as an ordered category
    (worst first), and `risk_note`, which is empty unless a better level is possible too.
    """
    answers = [answer.astype("boolean") for answer in (world, in_use, default_on_instance)]
    worst = np.full(len(world), len(LEVELS) - 1)
    best = np.zeros(len(world), dtype=int)
    for guess in product((True, False), repeat=len(answers)):
        levels = _level(
            *(answer.fillna(value).to_numpy(bool) for answer, value in zip(answers, guess, strict=True))
        )
        worst, best = np.minimum(worst, levels), np.maximum(best, levels)
    names = ("has_ssh_open_world", "in_use", "is_default on an instance")
    note = pd.Series("", index=world.index, dtype=object)
    for name, answer in zip(names, answers, strict=True):
        note = note.where(~(answer.isna() & (worst != best)), note + f", {name}")
    note = note.where(note == "", "worst case, unknown: " + note.str.removeprefix(", "))
    risk = pd.Categorical.from_codes(worst, dtype=_DTYPE)
    return pd.DataFrame({"risk": risk, "risk_note": note}, index=world.index)


def _level(world: np.ndarray, in_use: np.ndarray, default_on_instance: np.ndarray) -> np.ndarray:
    return np.select([world & in_use, default_on_instance, world, ~in_use], [0, 1, 2, 3], default=4)
