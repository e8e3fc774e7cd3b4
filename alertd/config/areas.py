"""The areas of geofences: GeoJSON files beside the file that names them, read when the configuration is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alertd.config.problem import Problem, problem
from alertd.detect.geofence import Geofence

if TYPE_CHECKING:
    from alertd.config.config import Config
    from alertd.config.document import Node


def with_areas(config: Config, tree: Node) -> tuple[Config, list[Problem]]:
    """Return the configuration with every geofence's area read, and what is wrong with their files."""
    problems: list[Problem] = []
    rules = list(config.rules)
    for index, rule in enumerate(rules):
        if not isinstance(rule.detect, Geofence) or rule.detect.file is None:
            continue
        key = "inside" if rule.detect.inside is not None else "outside"
        keys = ("rules", index, "detect", key)
        listed = tree.get("rules")
        node = None if listed is None else listed.items()[index].get("detect", key)
        assert node is not None  # the rule was made of it
        file = Path(node.place.file).parent / rule.detect.file
        try:
            area = rule.detect.reading(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            problems.append(problem(node.place, keys, f"there is no file {file}"))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(problem(node.place, keys, f"{file} cannot be read: {error}"))
        except ValueError as error:
            problems.append(problem(node.place, keys, f"{file} {error}"))
        else:
            rules[index] = rule.model_copy(update={"detect": area})
    return config.model_copy(update={"rules": rules}), problems
