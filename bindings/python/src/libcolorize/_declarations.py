"""colorize.h for ctypes, one for one and in its order. What each thing means is said there."""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_float,
    c_int32,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)

# ---- Version ----

COLORIZE_VERSION_MAJOR = 0
COLORIZE_VERSION_MINOR = 2
COLORIZE_VERSION_PATCH = 0

# ---- Errors ----

colorize_status = c_int32
COLORIZE_OK = 0
COLORIZE_INVALID_ARGUMENT = 1
COLORIZE_OUT_OF_MEMORY = 2
COLORIZE_CANNOT_READ_FILE = 3
COLORIZE_INVALID_MODEL = 4
COLORIZE_UNSUPPORTED_MODEL = 5
COLORIZE_CANCELLED = 6


class colorize_error(Structure):  # noqa: N801, the names are the header's
    _fields_ = (("status", colorize_status), ("message", c_char * 252))


# ---- Images ----

colorize_format = c_int32
COLORIZE_GRAY8 = 1
COLORIZE_RGB8 = 2
COLORIZE_RGBA8 = 3
COLORIZE_GRAY_ALPHA8 = 4
COLORIZE_BGRA8 = 5
COLORIZE_GRAY16 = 6
COLORIZE_GRAY_ALPHA16 = 7
COLORIZE_RGB16 = 8
COLORIZE_RGBA16 = 9
COLORIZE_GRAY_FLOAT = 10
COLORIZE_GRAY_ALPHA_FLOAT = 11
COLORIZE_RGB_FLOAT = 12
COLORIZE_RGBA_FLOAT = 13


class colorize_image(Structure):  # noqa: N801
    _fields_ = (
        ("pixels", c_void_p),
        ("row_bytes", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("format", colorize_format),
        ("reserved", c_uint32 * 3),
    )


# ---- Models ----

# colorize_model is opaque.
colorize_model_p = c_void_p

colorize_mask_convention = c_int32
COLORIZE_MASK_ZERO_ONE = 1
COLORIZE_MASK_CENTRED = 2


colorize_precision = c_int32
COLORIZE_PRECISION_DEFAULT = 0
COLORIZE_PRECISION_FLOAT32 = 1
COLORIZE_PRECISION_BFLOAT16 = 2


class colorize_model_options(Structure):  # noqa: N801
    _fields_ = (
        ("struct_size", c_size_t),
        ("plain_softmax_temperature", c_float),
        ("mask_convention", colorize_mask_convention),
        ("precision", colorize_precision),
        ("reserved", c_uint32),
    )


class colorize_model_description(Structure):  # noqa: N801
    _fields_ = (
        ("struct_size", c_size_t),
        ("architecture", c_char_p),
        ("licence", c_char_p),
        ("instruction_set", c_char_p),
        ("parameters", c_uint64),
        ("default_network_size", c_uint32),
        ("network_size_multiple", c_uint32),
        ("output_stride", c_uint32),
        ("bins", c_uint32),
        ("takes_hints", c_uint32),
        ("plain_softmax_temperature", c_float),
        ("network_size_rounding", c_uint32),
        ("distribution_stride", c_uint32),
        ("mask_convention", colorize_mask_convention),
        ("reserved", c_uint32),
        ("gemm", c_char_p),
        ("gemm_configuration", c_char_p),
        ("gemm_core", c_char_p),
    )


# ---- Coloring ----

colorize_progress = CFUNCTYPE(c_int32, c_void_p, c_float)

colorize_preset = c_int32
COLORIZE_PRESET_DEFAULT = 0
COLORIZE_PRESET_REFERENCE = 1

colorize_network_fit = c_int32
COLORIZE_FIT_DEFAULT = 0
COLORIZE_FIT_SQUARE = 1
COLORIZE_FIT_ASPECT = 2

colorize_upsampling = c_int32
COLORIZE_UPSAMPLING_DEFAULT = 0
COLORIZE_UPSAMPLING_BILINEAR = 1
COLORIZE_UPSAMPLING_GUIDED = 2

colorize_gamut_mapping = c_int32
COLORIZE_GAMUT_DEFAULT = 0
COLORIZE_GAMUT_CLIP = 1
COLORIZE_GAMUT_KEEP_HUE = 2

colorize_style = c_int32
COLORIZE_STYLE_DEFAULT = 0
COLORIZE_STYLE_NATURAL = 1
COLORIZE_STYLE_VIVID = 2

colorize_color_space = c_int32
COLORIZE_COLOR_AB = 1
COLORIZE_COLOR_RGB = 2


class colorize_hint(Structure):  # noqa: N801
    _fields_ = (
        ("x", c_float),
        ("y", c_float),
        ("radius", c_float),
        ("space", colorize_color_space),
        ("color", c_float * 3),
        ("reserved", c_uint32),
    )


class colorize_hint_map(Structure):  # noqa: N801
    _fields_ = (
        ("struct_size", c_size_t),
        ("ab", POINTER(c_float)),
        ("ab_row_bytes", c_size_t),
        ("mask", POINTER(c_uint8)),
        ("mask_row_bytes", c_size_t),
    )


class colorize_options(Structure):  # noqa: N801
    _fields_ = (
        ("struct_size", c_size_t),
        ("preset", colorize_preset),
        ("network_size", c_uint32),
        ("temperature", c_float),
        ("threads", c_uint32),
        ("progress", colorize_progress),
        ("user_data", c_void_p),
        ("network_fit", colorize_network_fit),
        ("style", colorize_style),
        ("saturation", c_float),
        ("upsampling", colorize_upsampling),
        ("gamut_mapping", colorize_gamut_mapping),
        ("variant", c_uint32),
        ("hints", POINTER(colorize_hint)),
        ("hint_count", c_size_t),
        ("hint_map", POINTER(colorize_hint_map)),
        ("palette", POINTER(colorize_image)),
        ("palette_strength", c_float),
        ("hint_reach", c_float),
    )


# ---- Sessions ----

# colorize_session is opaque.
colorize_session_p = c_void_p


class colorize_suggestion(Structure):  # noqa: N801
    _fields_ = (
        ("probability", c_float),
        ("a", c_float),
        ("b", c_float),
        ("rgb", c_float * 3),
    )


# ---- Sequences ----

# colorize_sequence is opaque.
colorize_sequence_p = c_void_p


class colorize_sequence_options(Structure):  # noqa: N801
    _fields_ = (
        ("struct_size", c_size_t),
        ("steadiness", c_float),
        ("keyframe_interval", c_uint32),
        ("keep_over_cuts", c_uint32),
        ("reserved", c_uint32),
    )


class colorize_frame_report(Structure):  # noqa: N801
    _fields_ = (
        ("struct_size", c_size_t),
        ("begins_shot", c_uint32),
        ("ran_network", c_uint32),
        ("agreement", c_float),
        ("hints", c_uint32),
    )


# ---- Functions: result and arguments ----

_error_p = POINTER(colorize_error)
_float_p = POINTER(c_float)
_network_arguments = (
    colorize_model_p,
    c_uint32,
    c_uint32,
    _float_p,
    _float_p,
    _float_p,
    POINTER(colorize_options),
    _float_p,
    _error_p,
)

FUNCTIONS = {
    "colorize_version": (c_uint32, ()),
    "colorize_status_name": (c_char_p, (colorize_status,)),
    "colorize_model_open_default": (colorize_status, (POINTER(colorize_model_p), _error_p)),
    "colorize_model_open": (
        colorize_status,
        (c_char_p, POINTER(colorize_model_options), POINTER(colorize_model_p), _error_p),
    ),
    "colorize_model_open_memory": (
        colorize_status,
        (c_void_p, c_size_t, POINTER(colorize_model_options), POINTER(colorize_model_p), _error_p),
    ),
    "colorize_model_info": (
        colorize_status,
        (colorize_model_p, POINTER(colorize_model_description)),
    ),
    "colorize_model_close": (None, (colorize_model_p,)),
    "colorize_options_init": (None, (POINTER(colorize_options), c_size_t)),
    "colorize_run": (
        colorize_status,
        (
            colorize_model_p,
            POINTER(colorize_image),
            POINTER(colorize_image),
            POINTER(colorize_options),
            _error_p,
        ),
    ),
    "colorize_predict": (colorize_status, _network_arguments),
    "colorize_distribution": (colorize_status, _network_arguments),
    "colorize_bin_centres": (colorize_status, (colorize_model_p, c_uint32, _float_p, _error_p)),
    "colorize_session_open": (
        colorize_status,
        (
            colorize_model_p,
            POINTER(colorize_image),
            POINTER(colorize_options),
            POINTER(colorize_session_p),
            _error_p,
        ),
    ),
    "colorize_session_close": (None, (colorize_session_p,)),
    "colorize_session_run": (
        colorize_status,
        (colorize_session_p, POINTER(colorize_image), POINTER(colorize_options), _error_p),
    ),
    "colorize_session_suggest": (
        colorize_status,
        (
            colorize_session_p,
            _float_p,
            c_size_t,
            c_uint32,
            POINTER(colorize_options),
            POINTER(colorize_suggestion),
            _error_p,
        ),
    ),
    "colorize_session_confidence": (
        colorize_status,
        (colorize_session_p, POINTER(colorize_options), _float_p, c_size_t, _error_p),
    ),
    "colorize_sequence_open": (
        colorize_status,
        (
            colorize_model_p,
            c_uint32,
            c_uint32,
            POINTER(colorize_options),
            POINTER(colorize_sequence_options),
            POINTER(colorize_sequence_p),
            _error_p,
        ),
    ),
    "colorize_sequence_run": (
        colorize_status,
        (
            colorize_sequence_p,
            POINTER(colorize_image),
            POINTER(colorize_image),
            POINTER(colorize_options),
            POINTER(colorize_frame_report),
            _error_p,
        ),
    ),
    "colorize_sequence_reset": (colorize_status, (colorize_sequence_p, _error_p)),
    "colorize_sequence_close": (None, (colorize_sequence_p,)),
    "colorize_rgb_to_lab": (colorize_status, (_float_p, _float_p, c_size_t, _error_p)),
    "colorize_lab_to_rgb": (colorize_status, (_float_p, _float_p, c_size_t, c_int32, _error_p)),
    "colorize_gamut_chroma": (
        colorize_status,
        (c_float, _float_p, _float_p, c_size_t, _error_p),
    ),
}


def declare(library: ctypes.CDLL) -> None:
    """Tells ctypes the types of every function of the header. AttributeError: one is not there."""
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
