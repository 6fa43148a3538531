"""`sourdough types`: the types of `env`, read from the project's source. Nothing is imported.

module (a source file) -> members (what a class offers) -> names (annotations, from elsewhere)
-> env (the file that is written).
"""

from __future__ import annotations
