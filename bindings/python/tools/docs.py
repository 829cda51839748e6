#!/usr/bin/env python3
"""Writes docs/python.md from the docstrings of the installed package; `--check` says whether it is up to date."""

import inspect
import re
import sys
import textwrap
from pathlib import Path

import imagenette as im

TARGET = Path(__file__).resolve().parents[3] / "docs" / "python.md"
SECTIONS = {
    "Datasets": ["get", "Dataset"],
    "Batches": ["Loader", "Batch", "Recipe", "RecipeBatches", "recipes"],
    "Recording a loop": ["record", "Recording"],
    "Results": ["score", "Score", "open_run", "OpenedRun", "Table", "Curves", "compare", "Comparison"],
    "Training with the program": ["train"],
    "Errors": ["ImagenetteError", "MissingError", "SettingError", "LibraryError"],
}
HEAD = """# Python

`pip install imagenette` brings the module `imagenette` and the program of the same name; numpy is the only dependency.
Written from the docstrings by `bindings/python/tools/docs.py`.

```python
{example}```

`imagenette.torch.loader(ds.train, 64, 128, device="cuda")` gives normalized tensors, `imagenette.jax.loader` arrays of
JAX, and `imagenette.fastai.data_loaders` what a `Learner` takes; each needs its library. Whole loops are in
[examples](../examples): `pytorch_loop.py`, `jax_loop.py`, `fastai_loop.py`, `timm_loop.py`, and a first hour in
[first-hour.ipynb](../examples/notebooks/first-hour.ipynb). `imagenette new --torch my_idea.py` writes a recipe in
plain
PyTorch to change.

Errors are exceptions with `path`, `expected`, `found` and `hint`. Batches are made by threads: Ctrl-C ends a loop,
and a
loop that runs is refused in a fork. Each loop over a `Loader` is its next epoch, so make it once.
"""


def signature(known):
    try:
        text = str(inspect.signature(known))
    except (TypeError, ValueError):
        return "(…)"
    # Annotations are texts, and texts are shown in quotes.
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)


def docstring(known):
    return inspect.getdoc(known) or ""


def part(name):
    known = getattr(im, name)
    lines = [f"### `{name}`", ""]
    is_error = inspect.isclass(known) and issubclass(known, Exception)
    if not is_error and inspect.isroutine(known):
        lines += ["```python", textwrap.fill(f"{name}{signature(known)}", 116, subsequent_indent="    "), "```", ""]
    lines += [indented(docstring(known)), ""]
    if inspect.isclass(known) and not is_error:
        for member, value in vars(known).items():
            if member.startswith("_") or not (inspect.isfunction(value) or isinstance(value, (property, classmethod))):
                continue
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            said = " ".join((inspect.getdoc(value) or inspect.getdoc(function) or "").split("\n\n")[0].split())
            call = "" if isinstance(value, property) else "()"
            if said:
                lines.append(f"- `{member}{call}`: {said}")
        lines.append("")
    return lines


def indented(text):
    """Sections of a docstring as Markdown."""
    lines = []
    for block in text.split("\n\n"):
        head, *rest = block.split("\n")
        if head in ("Args:", "Attributes:", "Returns:", "Raises:", "Example:"):
            body = textwrap.dedent("\n".join(rest))
            if head == "Example:":
                lines.append(f"```python\n{body}\n```")
                continue
            items = []
            for line in body.split("\n"):
                is_item = not line.startswith(" ") and ": " in line and head != "Returns:"
                if is_item:
                    name, said = line.split(": ", 1)
                    items.append(f"- `{name}`: {said}")
                else:
                    items.append(("  " if head != "Returns:" else "") + line.strip())
            lines.append(f"{head.rstrip(':')}:\n\n" + "\n".join(items))
        else:
            lines.append(block)
    return "\n\n".join(lines)


def page():
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    example = readme.split("```python\n", 1)[1].split("```", 1)[0]
    lines = [HEAD.format(example=example)]
    for title, names in SECTIONS.items():
        lines += [f"## {title}", ""]
        for name in names:
            lines += part(name)
    missing = set(im.__all__) - {name for names in SECTIONS.values() for name in names}
    lines += ["## Constants", ""]
    said = {
        "AUGMENTATIONS": "usual ways to cut and mirror training samples, by name",
        "GEOMETRIES": "how evaluation sees a photo, by name",
        "MEAN": "ImageNet's mean of each channel, in 0..1",
        "STD": "ImageNet's deviation of each channel",
        "__version__": "the version of package and program",
    }
    assert missing == set(said), missing ^ set(said)
    lines += [f"- `{name}`: {text}" for name, text in said.items()]
    return "\n".join(lines).rstrip() + "\n"


def main():
    text = page()
    if "--check" in sys.argv:
        if not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text:
            sys.exit(f"error: {TARGET} is not what the docstrings say\nhint: python {Path(__file__).name}")
        return
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
