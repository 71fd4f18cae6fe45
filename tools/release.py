"""What is published: sdist, wheel, bill of materials and their hashes, made twice.

    python -m tools.release CYCLONEDX-PY [FOLDER]

They are made from the files that git knows, in folders of different names, with SOURCE_DATE_EPOCH at the day of the
last commit. What is not equal byte for byte is not published: the command fails and names it. Whoever has the commit
can so make the same files, and see that those that they were given are of this source.

The wheel is of pure Python, for every system; those with the C form are made by cibuildwheel (see pyproject.toml).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
HASHES = "SHA256SUMS"
SBOM = "sbom.json"
_KEPT = ("HOME", "LD_LIBRARY_PATH", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR")
"""What a build gets of this process' environment."""


class NotReproducible(Exception):
    """Files that came out differently; for people."""


class NotOurs(Exception):
    """A folder that has other things in it than what is published; for people."""


def copied(root: Path, into: Path) -> Path:
    """The files of a working copy that git knows, as they are now. Raises `CalledProcessError` where it is none."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, timeout=60).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (root / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, into / name)
    return into


def last_commit(root: Path) -> int:
    """When it was made, in seconds since 1970."""
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=root, check=True, capture_output=True, text=True, timeout=60
    )
    return int(done.stdout)


def build(tree: Path, into: Path, epoch: int, **environment: str) -> list[Path]:
    """The sdist and the wheel of a tree, by what is installed here. Raises `CalledProcessError`."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "-d", str(into)],
        cwd=tree,
        env={**kept, "SOURCE_DATE_EPOCH": str(epoch), "CAMCAST_NATIVE": "0", **environment},
        check=True,
        capture_output=True,
        timeout=300,
    )
    return sorted(into.glob("*.whl")) + sorted(into.glob("*.tar.gz"))


def hashes(files: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of each, by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def same(one: Mapping[str, str], other: Mapping[str, str]) -> None:
    """Raises `NotReproducible`, which names the files that differ or are missing."""
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    if names:
        raise NotReproducible(f"two builds of one source differ in {', '.join(names)}: nothing was published")


def _published(path: Path) -> bool:
    return path.is_file() and (path.name in (HASHES, SBOM) or path.name.endswith((".whl", ".tar.gz")))


def _sbom(tree: Path, into: Path, epoch: int, program: str) -> Path:
    path = into / SBOM
    locked = [os.path.abspath(program), "requirements", "requirements/run.lock", "--pyproject", "pyproject.toml"]
    subprocess.run(
        [*locked, "--output-reproducible", "-o", str(path)],
        cwd=tree,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        check=True,
        timeout=300,
    )
    return path


def release(root: Path, into: Path, program: str) -> dict[str, str]:
    """Everything in `into`, made twice, in place of what was made earlier; the hashes. `program`: cyclonedx-py.

    Raises `NotOurs`, `NotReproducible`, and `CalledProcessError` where something could not be made.
    """
    if others := [path.name for path in sorted(into.glob("*")) if not _published(path)]:
        raise NotOurs(f"{into} would be emptied, and has {others[0]} in it, which no release is made of: name another")
    epoch = last_commit(root)
    made: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one", "the-other"):
            tree = copied(root, Path(folder) / name / "source")
            out = Path(folder) / name / "dist"
            files = [*build(tree, out, epoch), _sbom(tree, out, epoch, program)]
            made.append(hashes(files))
        same(*made)
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        (into / HASHES).write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(made[0].items())))
        for path in files:
            shutil.copy2(path, into / path.name)
    return made[0]


def main(program: str, folder: str) -> int:
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if changed.returncode or changed.stdout:
        print("error: commit first: a release is of a commit", file=sys.stderr)
        return 1
    try:
        for name, digest in sorted(release(ROOT, ROOT / folder, program).items()):
            print(f"{digest}  {folder}/{name}")
    except (NotOurs, NotReproducible) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error}\n{(error.stderr or b'').decode(errors='replace')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *(sys.argv[2:3] or ["dist"])))
