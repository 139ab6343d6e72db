"""The catalogue names every algorithm that has a file, and reads a file only when its algorithm is wanted."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import kubeproxy.balancers
from kubeproxy.balancers import BALANCERS, NAMES, Balancer
from kubeproxy.balancers.catalogue import PLACES, Place

FOLDER = Path(kubeproxy.balancers.__file__).parent


def algorithms() -> dict[str, Place]:
    """Return the place of each algorithm that some file defines."""
    found = {}
    for file in FOLDER.rglob("*.py"):
        module = ".".join(file.relative_to(FOLDER).with_suffix("").parts)
        if module.endswith("__init__"):
            continue
        for each in vars(import_module(f"kubeproxy.balancers.{module}")).values():
            is_algorithm = isinstance(each, type) and issubclass(each, Balancer) and "name" in vars(each)
            if is_algorithm and each.__module__ == f"kubeproxy.balancers.{module}":
                found[each.name] = Place(module, each.aliases)
    return found


def test_every_algorithm_is_in_the_catalogue_with_its_file_and_aliases() -> None:
    assert dict(sorted(algorithms().items())) == PLACES
    assert list(NAMES) == sorted(NAMES)


def test_an_alias_is_its_algorithm() -> None:
    assert BALANCERS["p2c"] is BALANCERS["least_request"]
    assert "p2c" in BALANCERS
    assert "p2c" not in NAMES
    assert "fastest" not in BALANCERS
    assert len(BALANCERS) == len(list(BALANCERS)) > len(NAMES)


def test_a_proxy_reads_the_files_of_the_algorithms_that_it_uses() -> None:
    code = (
        "import sys, kubeproxy.loadbalancing.loadbalancer\n"
        "from kubeproxy.balancers import BALANCERS; BALANCERS['random']\n"
        "print(*sorted(each for each in sys.modules if each.startswith('kubeproxy.balancers.')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    used = {each.removeprefix("kubeproxy.balancers.") for each in said.split()}
    assert "random_choice" in used
    assert not used & {place.module for name, place in PLACES.items() if name != "random"}
