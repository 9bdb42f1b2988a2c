"""The docs site, by ``make docs-site``: the README and the pages, and a reference from docstrings.

Pages are plain Markdown that reads the same in the repository: the first page here is the README
and ``index.md``, whose links are the table of contents.
"""

import inspect
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path

from numpy.typing import ArrayLike, DTypeLike
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import stringify_annotation

ROOT = Path(__file__).resolve().parents[1]

project = "Insitu"
author = copyright = "the authors of Insitu"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["examples"]
html_theme = "furo"
html_title = "Insitu"
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_param = napoleon_use_ivar = False  # types are words, which are no references
napoleon_use_rtype = False
napoleon_custom_sections = [("Members", "params_style")]

# Every reference must lead somewhere, but for those into other people's packages and to words that
# docstrings have in the place of a type.
OTHERS = (
    "abc amaranth argparse collections contextlib enum fractions numpy onnx onnxruntime pathlib "
    "rich systemrdl types typing"
)
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", rf"({OTHERS.replace(' ', '|')})\b.*"),
    ("py:class", r"(.*\.)?_\w+|ArrayLike|DTypeLike|Shape|Signal|Value|mapping|string"),
]

# Napoleon takes "Cycles from a to b: …" of a property for its type.
GoogleDocstring._parse_attribute_docstring = lambda self: self._consume_to_end()


def _first_page(index: str) -> str:
    """The README, then the list of pages; its links are the table of contents."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    # Links from the root of the tree as links from docs/.
    readme = re.sub(r"\]\((?!http|#|docs/)", "](../", readme).replace("](docs/", "](")
    pages = re.findall(r"\]\(([\w-]+)\.md\)", index)
    tree = "\n".join(["```{toctree}", ":hidden:", "", *dict.fromkeys(pages), "```"])
    return f"{readme}\n#{index}\n{tree}\n"


def _public(module) -> list[str]:
    classes = [name for name, x in vars(module).items() if isinstance(x, type)]
    return getattr(module, "__all__", [name for name in classes if name[0] != "_"])


def _home(module, name: str) -> str:
    """The module that defines ``name``; of plain data, a module but not a package that has it."""
    default = "" if hasattr(module, "__path__") else module.__name__
    return getattr(getattr(module, name), "__module__", default)


def _kind(module, name: str) -> str:
    value = getattr(module, name)
    if isinstance(value, type):
        return "class"
    return "function" if callable(value) else "data"


def _modules(found: re.Match) -> str:
    """A heading like ``## insitu.host.*``: one for each module that defines public names."""
    paths = getattr(import_module(found[2]), "__path__", [])
    names = [x.name for x in pkgutil.walk_packages(paths, f"{found[2]}.")]
    names = [name for name in names if ".insitu" not in name]  # the folder program/insitu
    text = ""
    for name in (found[2], *names):
        module = import_module(name)
        own = [x for x in _public(module) if _home(module, x) == name]
        if not own:  # they are those of its modules
            continue
        text += f"{found[1]} {name}\n\n```{{eval-rst}}\n"
        if hasattr(module, "__path__"):  # what it has from its modules is there
            text += f".. automodule:: {name}\n   :no-members:\n\n"
            text += "\n".join(f".. auto{_kind(module, x)}:: {name}.{x}" for x in own)
        else:
            text += f".. automodule:: {name}\n   :members: {', '.join(own)}"
        text += "\n```\n\n"
    return text


def _read(app, docname: str, source: list[str]) -> None:
    text = _first_page(source[0]) if docname == "index" else source[0]
    # The README is the first page; folders and the guide for contributors are no pages.
    text = text.replace("](../README.md", "](index.md")
    text = re.sub(r"(#+) (\S+)\.\*$", _modules, text, flags=re.MULTILINE)
    source[0] = re.sub(r"\[([^]]*)\]\(\.\./(\.github/[^)]*|[\w/]+/)\)", r"\1", text)


def _short(app, what, name, obj, options, signature, returned):
    """Parameters of blocks, not of Amaranth's metaclass; types of numpy as sources have them."""
    if what == "class" and signature and "src_loc_at" in signature:
        _, *given = inspect.signature(obj.__init__).parameters.values()
        signature = stringify_signature(inspect.Signature(given))
    for kind, short in ((ArrayLike, "ArrayLike"), (DTypeLike, "DTypeLike")):
        for mode in ("fully-qualified", "fully-qualified-except-typing", "smart"):
            long = stringify_annotation(kind, mode)
            signature = signature and signature.replace(long, short)
            returned = returned and returned.replace(long, short)
    return signature, returned


def _defined(name: str) -> str | None:
    """The name under which what is known as ``name`` was defined, if that has a name."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        if (found := sys.modules.get(".".join(parts[:count]))) is None:
            continue
        for part in parts[count:]:
            found = getattr(found, part, None)
        found = getattr(found, "fget", found)  # of a property
        real = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
        return ".".join(real) if all(isinstance(x, str) for x in real) else None
    return None


def _missing(app, env, node, text):
    """References to what a module has from another one, or a class from those above it."""
    if node.get("refdomain") != "py":
        return None
    known, target = env.domains["py"].objects, node["reftarget"]
    module, inside = node.get("py:module") or "", node.get("py:class") or ""
    scopes = ("", f"{module}.{inside}.", f"{module}.")
    real = [_defined(f"{scope}{target}") for scope in scopes]
    last = [name for name in known if name.endswith(f".{target}")]
    names = [name for name in real if name in known] or (last if len(last) == 1 else [])
    if not names:
        return None
    at = known[names[0]]
    return make_refnode(
        app.builder, node["refdoc"], at.docname, at.node_id, text.deepcopy(), names[0]
    )


def setup(app) -> dict:
    app.connect("source-read", _read)
    app.connect("missing-reference", _missing)
    app.connect("autodoc-process-signature", _short)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
