"""The card beside a weights file, read without loading the network: is the file what it states?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the hash of a file, as its card states it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def matches_card(weights: Path) -> bool:
    """Return whether the weights have the hash that the JSON card beside them states."""
    card = weights.with_suffix(".json")
    return json.loads(card.read_text()).get("sha256") == sha256(weights)
