"""Packages that exist only in a test: services by their migrations alone."""

from pathlib import Path


def versions_folder(root: Path, name: str) -> Path:
    """Makes a package in a folder on the path of modules, with no tables; the folder where its versions go.

    Another name each time: modules are cached.
    """
    folder = root / name / "store" / "versions"
    folder.mkdir(parents=True)
    (root / name / "__init__.py").touch()
    return folder
