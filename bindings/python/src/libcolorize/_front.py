"""The front door: any picture in, the same kind of picture out; and the command, for files."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar, Union, overload

import numpy as np
import numpy.typing as npt

from ._keywords import takes
from ._options import DialOptions, NetworkOptions, SuggestOptions
from .model import Model, file_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from typing_extensions import Unpack

ModelLike = Union[str, "os.PathLike[str]", Model]
File = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, io.BytesIO]

_OPEN_MODELS = 2


class _PillowImage(Protocol):
    """A picture of Pillow's."""

    def getbands(self) -> tuple[str, ...]: ...


class _Tensor(Protocol):
    """A tensor of PyTorch's."""

    def requires_grad_(self, requires_grad: bool = ...) -> Any: ...


class PictureOptions(DialOptions, SuggestOptions, NetworkOptions, total=False):
    """Of `colorize`: those of `Model.colorize` that do not say what comes out."""

    palette: Any


_Scalar = TypeVar("_Scalar", bound=np.generic)
_Same = TypeVar("_Same", _PillowImage, _Tensor)
_Picture = TypeVar("_Picture", bound=Union[_PillowImage, _Tensor])


@overload
def colorize(
    picture: npt.NDArray[_Scalar], *, model: ModelLike = ..., **options: Unpack[PictureOptions]
) -> npt.NDArray[_Scalar]: ...
@overload
def colorize(
    picture: File, *, model: ModelLike = ..., **options: Unpack[PictureOptions]
) -> Image: ...
@overload
def colorize(
    picture: _Picture, *, model: ModelLike = ..., **options: Unpack[PictureOptions]
) -> _Picture: ...
@overload
def colorize(
    picture: list[npt.NDArray[_Scalar]],
    *,
    model: ModelLike = ...,
    **options: Unpack[PictureOptions],
) -> list[npt.NDArray[_Scalar]]: ...
@overload
def colorize(
    picture: list[_Picture], *, model: ModelLike = ..., **options: Unpack[PictureOptions]
) -> list[_Picture]: ...
@overload
def colorize(
    picture: list[Any] | tuple[Any, ...],
    *,
    model: ModelLike = ...,
    **options: Unpack[PictureOptions],
) -> list[Any]: ...


@takes(PictureOptions)
def colorize(
    picture: Any, *, model: ModelLike = "default", **options: Unpack[PictureOptions]
) -> Any:
    """Colors a picture of any kind, and gives one of the same kind.

        colorize("photo.jpg").save("colored.jpg")
        colorize(array, style="vivid")
        colorize(picture, model="siggraph17", hints=[(120, 80, "firebrick", 6)])

    picture  what it is             what comes back
             str or Path: a file    a picture of Pillow's
             a file object, bytes   a picture of Pillow's, of the file that they hold
             of Pillow's, any mode  one of Pillow's, RGB or RGBA
             a NumPy array          an array [H, W, 3 or 4] of the same type
             a tensor of PyTorch's  a tensor of the same type on the same device, without gradient:
                                    [3, H, W] of [H, W] or [1 or 3, H, W]; [4, H, W] of [2 or 4,
                                    H, W], with alpha; [N, 3 or 4, H, W] of [N, C, H, W]
             a list or tuple        a list of what comes back for each
    model    "default", "eccv16", "siggraph17", the path of a model file, or a `Model`. Those that
             are not a `Model` stay open between calls, the last two of them
    options  those of `Model.colorize`, but for dtype, bgra and out. `palette` may be any single
             picture, too

    Arrays and tensors hold uint8, uint16 or floats, 0 to 1; other integers hold 0 to 255; bool
    becomes uint8. Files are read by Pillow and turned as their EXIF says; a picture of Pillow's has
    8 bits a channel afterwards, its lightness comes from all that were there before.
    """
    opened = model if isinstance(model, Model) else _opened(model)
    given: Any = dict(options)
    if given.get("palette") is not None:
        given["palette"] = _reference(given["palette"])
    return _colored(picture, "picture", opened, given)


def _colored(picture: Any, name: str, model: Model, options: Any) -> Any:
    if isinstance(picture, (list, tuple)):
        for index, one in enumerate(picture):
            if isinstance(one, (list, tuple, int, float)):
                raise TypeError(
                    f"{name}[{index}] is a {type(one).__name__}; a list is one of pictures: "
                    "numpy.asarray makes an array of one of numbers"
                )
        return [
            _colored(one, f"{name}[{index}]", model, options) for index, one in enumerate(picture)
        ]
    if is_pillow(picture):
        return _of_pillow(picture, model, options)
    if _is_tensor(picture):
        return _of_tensor(picture, name, model, options)
    if isinstance(picture, np.ndarray):
        return _of_array(picture, name, model, options)
    return _of_pillow(read(picture, name), model, options)


# ---- Pictures of Pillow's, and files -------------------------------------------------------------


def is_pillow(picture: object) -> bool:
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(picture, pillow.Image)


def read(picture: Any, name: str = "picture") -> Image:
    """A file's picture, upright. `picture` is a path, a file object, or the file's bytes."""
    if isinstance(picture, (bytes, bytearray, memoryview)):
        file: Any = io.BytesIO(picture)
    elif isinstance(picture, (str, os.PathLike)) or hasattr(picture, "read"):
        file = picture
    else:
        raise TypeError(
            f"{name} is a {type(picture).__name__}; it must be a path, a file object, bytes, a "
            "picture of Pillow's, a NumPy array, a tensor of PyTorch's, or a list of these"
        )
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        raise ImportError("reading files needs Pillow: pip install pillow") from None
    with Image.open(file) as opened:
        opened.load()
        return ImageOps.exif_transpose(opened) or opened


def _of_pillow(picture: Image, model: Model, options: Any) -> Image:
    from PIL import Image

    result = Image.fromarray(model.colorize(picture, dtype=np.uint8, **options))
    # What a file says of itself goes along, but for the profile of a gray or CMYK picture.
    result.info = {
        key: value
        for key, value in picture.info.items()
        if key in ("exif", "xmp", "dpi") or (key == "icc_profile" and value[16:20] == b"RGB ")
    }
    return result


# ---- Arrays and tensors --------------------------------------------------------------------------


def _of_array(picture: npt.NDArray[Any], name: str, model: Model, options: Any) -> npt.NDArray[Any]:
    known = _known(picture, name)
    result = model.colorize(known, **options)
    back = np.dtype(np.uint8) if picture.dtype == bool else picture.dtype
    return result.astype(back, copy=False)


def _known(picture: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """The same as uint8, if it holds integers of another size."""
    kind = picture.dtype.kind
    if kind == "b":
        return picture.astype(np.uint8) * np.uint8(255)
    if kind not in "iu" or picture.dtype.itemsize * (kind == "u") in (1, 2):
        return picture
    if picture.size and (picture.min() < 0 or picture.max() > 255):
        raise ValueError(
            f"{name} is of {picture.dtype} and has {picture.min()} to {picture.max()}; it must "
            "have 0 to 255. For 16 bits convert it to uint16"
        )
    return picture.astype(np.uint8)


def _is_tensor(picture: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def _of_tensor(picture: Any, name: str, model: Model, options: Any) -> Any:
    torch = sys.modules["torch"]
    shape = tuple(picture.shape)
    if len(shape) not in (2, 3, 4) or (len(shape) > 2 and shape[-3] not in (1, 2, 3, 4)):
        raise ValueError(
            f"{name} is a tensor of shape {shape}; it must be [H, W], [C, H, W] or [N, C, H, W], "
            "C being 1 to 4. Arrays, not tensors, are [H, W, C]"
        )
    if len(shape) == 4:
        if shape[0] == 0:
            raise ValueError(f"{name} is a tensor of shape {shape}, which is without pictures")
        return torch.stack(
            [
                _of_tensor(one, f"{name}[{index}]", model, options)
                for index, one in enumerate(picture)
            ]
        )
    values = picture.detach().cpu()
    # NumPy has no bfloat16, and float32 has all values of it.
    array = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if array.ndim == 3:
        array = np.moveaxis(array, 0, 2)
    colored = np.moveaxis(_of_array(array, name, model, options), 2, 0)
    result = torch.from_numpy(np.ascontiguousarray(colored))
    return result.to(picture.device, torch.uint8 if picture.dtype == torch.bool else picture.dtype)


def _reference(palette: Any) -> Any:
    """A palette as `Model.colorize` takes it."""
    if is_pillow(palette):
        return palette
    if _is_tensor(palette):
        if palette.dim() != 3:
            raise ValueError(
                f"palette is a tensor of shape {tuple(palette.shape)}; it must be [C, H, W]"
            )
        values = palette.detach().cpu()
        return np.moveaxis(
            values.float().numpy() if values.is_floating_point() else values.numpy(), 0, 2
        )
    return palette if isinstance(palette, np.ndarray) else read(palette, "palette")


# ---- Models --------------------------------------------------------------------------------------


def _opened(model: Any) -> Model:
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(
            f"model is a {type(model).__name__}; it must be a name, a path or a libcolorize.Model: "
            f"the names are {', '.join(map(repr, Model.available()))}"
        )
    if model == "default":
        return _kept(model, None)
    path = os.fspath(file_of(model))
    try:
        status = os.stat(path)
    except OSError:
        return Model(model)
    return _kept(os.path.abspath(path), (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=_OPEN_MODELS)
def _kept(model: str, version: tuple[int, ...] | None) -> Model:
    """A model, which stays open: of a file as long as it is the same."""
    return Model() if version is None else Model.from_file(model)


# ---- Comparing -----------------------------------------------------------------------------------


def compare(
    picture: Any, models: Iterable[ModelLike] | None = None, **options: Unpack[PictureOptions]
) -> Any:
    """A figure of Matplotlib's: the picture, and what each of some models makes of it.

    It shows itself in a notebook; `figure.savefig("compared.png")` keeps it.

    picture  any single picture that `colorize` takes
    models   as for `colorize`. Default: all of `Model.available()` that need no download
    options  those of `colorize`
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ImportError("compare needs Matplotlib: pip install matplotlib") from None

    class Comparison(Figure):
        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    if models is None:
        models = [name for name, file in Model.available().items() if file or name == "default"]
    chosen = [models] if isinstance(models, (str, os.PathLike, Model)) else list(models)
    if not chosen:
        raise ValueError("models is empty; it must be names, paths or models")
    if isinstance(picture, (list, tuple)):
        raise TypeError(f"picture is a {type(picture).__name__}; compare takes a single picture")
    if not (is_pillow(picture) or _is_tensor(picture) or isinstance(picture, np.ndarray)):
        # Read once: a file object has no second beginning.
        picture = read(picture)
    pictures = {"Input": _shown(picture)}
    for number, model in enumerate(chosen):
        name = model.info.architecture if isinstance(model, Model) else os.fspath(model)
        title = os.path.basename(name)
        title = f"{title} ({number + 1})" if title in pictures else title
        pictures[title] = _shown(colorize(picture, model=model, **options))
    height, width = pictures["Input"].shape[:2]
    side = 4.0
    figure = Comparison(
        figsize=(side * len(pictures), side * height / width + 0.4), layout="constrained"
    )
    for axes, (title, values) in zip(np.ravel(figure.subplots(1, len(pictures))), pictures.items()):
        axes.imshow(values, cmap="gray")
        axes.set_title(title)
        axes.axis("off")
    return figure


def _shown(picture: Any) -> npt.NDArray[Any]:
    """What Matplotlib draws: floats, 0 to 1, or uint8."""
    if is_pillow(picture):
        return np.asarray(picture.convert("RGB"))
    if _is_tensor(picture):
        picture = picture.detach().cpu()
        picture = picture.float().numpy() if picture.is_floating_point() else picture.numpy()
        if picture.ndim == 3:
            picture = np.moveaxis(picture, 0, 2)
    values = _known(picture, "picture")
    if values.dtype == np.uint16:
        values = values / np.float32(65535)
    if values.ndim == 3 and values.shape[2] < 3:
        values = values[:, :, 0]
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3, axis=2)
    return np.clip(values, 0, 1) if values.dtype.kind == "f" else values
