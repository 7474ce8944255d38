"""Color profiles: the same photograph gives the same colors whatever its numbers mean.

The profiles are Debian's (colord-data, icc-profiles-free, libgs9-common) and some that are written
here, from ICC.1; the reader that manages colors is Pillow's ImageCms, of which Little CMS is the
engine, as it is of the command: what is tested is that the right profiles are applied in the right
direction, and kept, and that depth suffices. Lightness is compared with formulas, too.
"""

import functools
import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from support import GRAY, RGB, ROOT, chunks, lightness, pixels, png, tiff_of

COLORD = Path("/usr/share/color/icc/colord")
FREE = Path("/usr/share/color/icc")
GHOSTSCRIPT = Path("/usr/share/color/icc/ghostscript")
SRGB = ImageCms.createProfile("sRGB")
XYZ_D50 = (0.9642, 1.0, 0.8249)


def profile_bytes(curve, columns=None):
    """A profile of ICC.1 version 2: of gray, or of RGB with the columns of its matrix to XYZ.

    curve: the light that each of evenly spaced numbers stands for, 0 to 1; or a number, the power.
    """
    if isinstance(curve, float):
        data = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(curve * 256), 0)
    else:
        levels = np.round(np.asarray(curve) * 65535).astype(">u2")
        data = b"curv\0\0\0\0" + struct.pack(">I", len(levels)) + levels.tobytes()
        data += b"\0" * (-len(data) % 4)

    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(v * 65536) for v in values))

    text = b"made for a test"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79
    tags = {b"desc": description + b"\0" * (-len(description) % 4)}
    tags |= {b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": xyz(XYZ_D50)}
    if columns is None:
        tags[b"kTRC"] = data
    else:
        for letter, column in zip("rgb", np.asarray(columns).T, strict=True):
            tags[f"{letter}TRC".encode()] = data
            tags[f"{letter}XYZ".encode()] = xyz(column)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    space = b"GRAY" if columns is None else b"RGB "
    head = struct.pack(">I", at + len(body)) + b"\0" * 4 + b"\x02\x40\0\0mntr" + space + b"XYZ "
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">iii", *(round(v * 65536) for v in XYZ_D50))
    return head.ljust(128, b"\0") + table + body


SRGB_COLUMNS = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
P3_COLUMNS = [[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]]


def srgb_curve():
    x = np.linspace(0, 1, 1024)
    return np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)


def dot_gain_curve():
    """20 % of dot gain: half an ink covers 70 % of the paper."""
    ink = 1 - np.linspace(0, 1, 256)
    return 1 - (ink + 0.8 * ink * (1 - ink))


PROFILES = {
    "Gray Gamma 1.8": lambda: profile_bytes(1.8),
    "Gray Gamma 2.2": lambda: profile_bytes(2.2),
    "Dot Gain 20 %": lambda: profile_bytes(dot_gain_curve()),
    "Gray L*": lambda: (FREE / "Gray-CIE_L.icc").read_bytes(),
    "Adobe RGB": lambda: (COLORD / "AdobeRGB1998.icc").read_bytes(),
    "ProPhoto RGB": lambda: (COLORD / "ProPhotoRGB.icc").read_bytes(),
    "Display P3": lambda: profile_bytes(srgb_curve(), P3_COLUMNS),
    "ECI RGB v2": lambda: (COLORD / "ECI-RGBv2.icc").read_bytes(),
    "Apple RGB": lambda: (COLORD / "AppleRGB.icc").read_bytes(),
    "swapped channels": lambda: (COLORD / "SwappedRedAndGreen.icc").read_bytes(),
}
# Of 8 bits it would have too few levels in the dark.
LINEAR = {
    "linear RGB": lambda: profile_bytes(1.0, SRGB_COLUMNS),
    "linear gray": lambda: profile_bytes(1.0),
}


@functools.cache
def photograph():
    with Image.open(ROOT / "examples/photos/camera.png") as image:
        return image.convert("L").resize((256, 256))


def opened(profile):
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def is_gray(profile):
    return profile[16:20] == b"GRAY"


def in_profile(image, profile):
    """An image of sRGB, as the numbers that the profile has for it."""
    return ImageCms.profileToProfile(
        image.convert("RGB"), SRGB, opened(profile), renderingIntent=1,
        outputMode="L" if is_gray(profile) else "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip


def seen(path):
    """A file's colors, uint8 of sRGB, through a reader that manages them."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
        image = image.convert("RGB")
        if profile is None:
            return np.asarray(image)
        converted = ImageCms.profileToProfile(image, opened(profile), SRGB, renderingIntent=1)
        return np.asarray(converted)


def lab(rgb):
    value = rgb.astype(float) / 255
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.transpose(matrix) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
    )


def ciede2000(first, second):
    """The mean difference of two pictures of sRGB (CIE 142-2001)."""
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(lab(one), -1, 0) for one in (first, second))
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180
    hue = np.where(abs(h1 - h2) > 180, h1 + h2 + 360, h1 + h2) / 2 % 360
    chroma, light = (c1 + c2) / 2, (l1 + l2) / 2
    t = 1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
    t += 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.2 * np.cos(np.radians(4 * hue - 63))
    dl = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    angle = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    rotation = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(angle))
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 - rotation * dc * dh, 0)).mean()


def test_the_difference_is_that_of_the_published_table():
    """Sharma, Wu and Dalal 2005, whose table begins with what differs in nothing but a."""
    black, white = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)
    assert abs(ciede2000(black, white) - 100) < 0.01
    assert ciede2000(white, white) == 0


@pytest.fixture(scope="module")
def plain(colorize, tmp_path_factory):
    """The photograph, colored from sRGB."""
    folder = tmp_path_factory.mktemp("plain")
    photograph().save(folder / "source.png")
    return colorize.color(folder / "source.png", folder / "out.png")[0]


@pytest.mark.parametrize(
    ("name", "kind", "to"),
    [(name, "png", "srgb") for name in PROFILES]
    + [(name, "png", "keep") for name in ("ProPhoto RGB", "Display P3", "Dot Gain 20 %")]
    + [
        (name, kind, to)
        for name in ("Gray Gamma 1.8", "Adobe RGB")
        for kind in ("jpg", "tif")
        for to in ("srgb", "keep", "display-p3")
    ],
)
def test_ten_profiles(colorize, tmp_path, plain, name, kind, to):
    """At most 1, of which JPEG and the levels of 8 bits have their share."""
    profile = PROFILES[name]()
    source, out = tmp_path / f"source.{kind}", tmp_path / f"out.{kind}"
    options = {"quality": 98, "subsampling": 0} if kind == "jpg" else {}
    in_profile(photograph(), profile).save(source, icc_profile=profile, **options)
    said = colorize("--profile", to, "-o", out, source).stderr
    assert ciede2000(seen(out), plain) < 1
    with Image.open(out) as image:
        written = opened(image.info["icc_profile"])
        assert image.mode == "RGB"
    if to == "keep" and not is_gray(profile):
        with Image.open(out) as image:
            assert image.info["icc_profile"] == profile
    else:
        expected = "Display P3" if to == "display-p3" else "sRGB"
        assert ImageCms.getProfileDescription(written).strip() == expected
    lost = "its color profile cannot hold colors, and sRGB takes its place"
    assert said == (f"libcolorize: {source}: {lost}\n" if to == "keep" and is_gray(profile) else "")


def test_without_the_profile_the_colors_would_be_others(colorize, tmp_path, plain):
    """What the bound above is worth."""
    for name in ("Gray Gamma 1.8", "ProPhoto RGB"):
        source = tmp_path / "source.png"
        # Pillow's image still knows its profile; the array does not.
        numbers = np.asarray(in_profile(photograph(), PROFILES[name]()))
        Image.fromarray(numbers).save(source)
        out, _ = colorize.color(source, tmp_path / "out.png")
        assert ciede2000(out, plain) > 1.5


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("samples", [np.uint16, np.float32])
def test_linear_light_of_more_bits(colorize, tmp_path, plain, name, samples):
    profile = LINEAR[name]()
    value = np.asarray(photograph()) / 255
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    if samples == np.uint16:
        linear = np.round(linear * 65535)
    if not is_gray(profile):
        linear = np.stack([linear] * 3, -1)
    source, out = tmp_path / "source.tif", tmp_path / "out.tif"
    tifffile.imwrite(
        source, linear.astype(samples), iccprofile=profile,
        photometric="minisblack" if is_gray(profile) else "rgb",
    )  # fmt: skip
    assert colorize("-o", out, source).stderr == ""
    have = tifffile.imread(out)
    assert have.dtype == samples
    largest = 65535 if samples == np.uint16 else 1
    assert ciede2000(np.round(have / largest * 255).clip(0, 255), plain) < 0.5


@pytest.mark.parametrize("name", ["Adobe RGB", "Gray Gamma 1.8"])
def test_lightness_is_read_to_a_fraction_of_a_level(colorize, tmp_path, name):
    """A level of 8 bits is 0.4."""
    value = np.linspace(0, 1, 4096).reshape(64, 64)
    power = 2.19921875 if name == "Adobe RGB" else 461 / 256
    gray = np.round(value * 65535).astype(np.uint16)
    profile = PROFILES[name]()
    samples = gray if is_gray(profile) else np.stack([gray] * 3, -1)
    source = tmp_path / "source.tif"
    tifffile.imwrite(
        source, samples, iccprofile=profile, photometric="minisblack" if is_gray(profile) else "rgb"
    )
    out, _ = colorize.color(source, tmp_path / "out.tif", "--gamut", "keep-hue")
    y = value**power
    expected = 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - 16
    assert abs(lightness(out) - expected).max() < 0.1


@pytest.mark.parametrize("channels", ["gray", "gray and alpha", "RGB", "RGBA"])
def test_alpha_and_gray_with_an_rgb_profile(colorize, tmp_path, channels):
    """A gray picture that was saved with the profile of the colored one that it was is common."""
    profile = PROFILES["Adobe RGB"]()
    gray = np.asarray(photograph())
    encoded = np.asarray(in_profile(photograph(), profile))
    alpha = np.roll(gray, 31, axis=1)[..., None]
    parts = [encoded if channels.startswith("RGB") else encoded[..., :1]]
    if channels in ("gray and alpha", "RGBA"):
        parts.append(alpha)
    samples = np.concatenate(parts, -1).squeeze()
    source = tmp_path / "source.tif"
    tifffile.imwrite(
        source, samples, iccprofile=profile,
        photometric="rgb" if "RGB" in channels else "minisblack",
        planarconfig="contig", extrasamples=["unassalpha"] if len(parts) == 2 else None,
    )  # fmt: skip
    for to in ("srgb", "keep"):
        out, said = colorize.color(source, tmp_path / f"{to}.tif", "--profile", to)
        assert said == ""
        assert out.shape[2] == (4 if len(parts) == 2 else 3)
        if len(parts) == 2:
            assert np.array_equal(out[..., 3:], alpha)
        shown = tmp_path / "shown.tif"
        with tifffile.TiffFile(tmp_path / f"{to}.tif") as file:
            kept = file.pages[0].tags[34675].value
        tifffile.imwrite(shown, out[..., :3], photometric="rgb", iccprofile=kept)
        # A level of 8 bits in the dark, where Adobe RGB has few.
        assert abs(lightness(seen(shown)) - lightness(gray)).max() < 1.5
        assert abs(lightness(seen(shown)) - lightness(gray)).mean() < 0.3


# ---- PNG's chunks -------------------------------------------------------------------------------


def gama(value):
    return (b"gAMA", struct.pack(">I", value))


@pytest.mark.parametrize("gamma", [100000, 55556, 45455, 30000])
def test_gamma(colorize, tmp_path, gamma):
    """PNG 1.2, 4.2.2.1: sample = light ^ gamma. 0.45455 stands for sRGB itself."""
    value = np.linspace(0, 1, 4096).reshape(64, 64)
    light = value ** (1e5 / gamma)
    if gamma == 45455:
        light = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    source = tmp_path / "source.png"
    source.write_bytes(png(np.round(value * 65535).astype(int), 16, GRAY, before=[gama(gamma)]))
    out, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    expected = 116 * np.where(light > 0.008856, np.cbrt(light), 7.787 * light + 16 / 116) - 16
    assert abs(lightness(out) - expected).max() < 0.1
    # What the output says of itself is true, too.
    kinds = [kind for kind, _ in chunks((tmp_path / "out.png").read_bytes())]
    assert (b"gAMA" in kinds, b"iCCP" in kinds) == (
        (True, False) if gamma == 45455 else (False, True)
    )


def test_chromaticities(colorize, tmp_path, plain):
    """Adobe RGB, said by cHRM and gAMA."""
    encoded = np.asarray(in_profile(photograph(), PROFILES["Adobe RGB"]()))
    places = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    before = [gama(45470), (b"cHRM", struct.pack(">8I", *places))]
    source = tmp_path / "source.png"
    source.write_bytes(png(encoded, 8, RGB, before=before))
    colorize("-o", tmp_path / "out.png", source)
    assert ciede2000(seen(tmp_path / "out.png"), plain) < 1
    colorize("--profile", "keep", "-o", tmp_path / "kept.jpg", source)
    with Image.open(tmp_path / "kept.jpg") as image:
        assert "icc_profile" in image.info
    assert ciede2000(seen(tmp_path / "kept.jpg"), plain) < 1


@pytest.mark.parametrize(
    "before",
    [[gama(1)], [(b"cHRM", struct.pack(">8I", *[90000] * 8))], [(b"cHRM", b"\0" * 32)]],
    ids=["gamma", "outside", "nothing"],
)
def test_chunks_that_make_no_sense_count_as_srgb(colorize, tmp_path, rgb, before):
    source, plain_source = tmp_path / "source.png", tmp_path / "plain.png"
    source.write_bytes(png(rgb, 8, RGB, before=before))
    plain_source.write_bytes(png(rgb, 8, RGB))
    out, _ = colorize.color(source, tmp_path / "out.png")
    want, _ = colorize.color(plain_source, tmp_path / "want.png")
    assert np.array_equal(out, want)


# ---- CMYK and Lab -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_cmyk_goes_through_its_profile(colorize, tmp_path, plain, kind):
    """As ImageCms makes it of the same inks."""
    profile = (GHOSTSCRIPT / "default_cmyk.icc").read_bytes()
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    inks = ImageCms.profileToProfile(
        photograph().convert("RGB"), SRGB, opened(profile), renderingIntent=1, outputMode="CMYK",
        flags=flags,
    )  # fmt: skip
    source = tmp_path / f"source.{kind}"
    inks.save(source, icc_profile=profile, **({"quality": 98} if kind == "jpg" else {}))
    out, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    with Image.open(source) as image:
        back = ImageCms.profileToProfile(
            image, opened(profile), SRGB, renderingIntent=1, outputMode="RGB", flags=flags
        )
    assert abs(lightness(out) - lightness(np.asarray(back))).max() < 1.5
    assert ciede2000(out, plain) < 1
    said = colorize("--profile", "keep", "-o", tmp_path / "kept.png", source).stderr
    assert "its color profile cannot hold colors" in said


def test_cmyk_without_a_profile_is_a_guess_that_is_said(colorize, tmp_path):
    inks = photograph().convert("CMYK")
    for kind, options in (("jpg", {"quality": 98}), ("tif", {})):
        source = tmp_path / f"source.{kind}"
        inks.save(source, **options)
        out, said = colorize.color(source, tmp_path / "out.png")
        assert "is CMYK without a sound color profile: how dark its inks are is a guess" in said
        assert abs(lightness(out) - lightness(np.asarray(photograph()))).max() < 2


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_of_a_tiff(colorize, tmp_path, plain, bits):
    """TIFF 6.0, section 23: L from 0 to 100, a and b with a sign."""
    values = lab(np.asarray(photograph().convert("RGB")))
    if bits == 8:
        coded = [np.round(values[..., 0] * 2.55), *(np.round(values[..., i]) for i in (1, 2))]
        samples = np.stack(coded, -1).astype(np.int64).astype(np.uint8)
    else:
        coded = [
            np.round(values[..., 0] * 655.35),
            *(np.round(values[..., i] * 256) for i in (1, 2)),
        ]
        samples = np.stack(coded, -1).astype(np.int64).astype(np.uint16)
    source = tmp_path / "source.tif"
    source.write_bytes(tiff_of(samples, bits, 8))
    out, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    largest = 2**bits - 1
    assert ciede2000(np.round(out / largest * 255), plain) < 0.6


# ---- Damage -------------------------------------------------------------------------------------


SAID = "has a damaged color profile, or one for other colors: it is taken as sRGB"


@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_a_damaged_profile_counts_as_srgb(colorize, tmp_path, kind):
    whole = PROFILES["Adobe RGB"]()
    damaged = {
        "cut": whole[:200],
        "no signature": whole[:36] + b"none" + whole[40:],
        "header only": whole[:128],
        "a gray one": PROFILES["Gray Gamma 1.8"](),
        "noise": bytes(np.random.default_rng(5).integers(0, 256, 600, dtype=np.uint8)),
    }
    image = photograph().convert("RGB")
    source, out = tmp_path / f"source.{kind}", tmp_path / "out.png"
    image.save(source)
    want = colorize.color(source, out)[0]
    for name, profile in damaged.items():
        image.save(source, icc_profile=profile)
        have, said = colorize.color(source, out)
        assert SAID in said, name
        assert np.array_equal(have, want), name
        with Image.open(out) as written:
            assert "icc_profile" not in written.info, name


def test_flipped_bytes_of_a_profile_do_no_harm(colorize, tmp_path, rgb):
    """Each gives a picture, or says why not."""
    generator = np.random.default_rng(11)
    wholes = [PROFILES["ECI RGB v2"](), (GHOSTSCRIPT / "default_rgb.icc").read_bytes()]
    for index in range(24):
        profile = bytearray(wholes[index % 2])
        for place in generator.integers(0, len(profile), 1 + index % 5):
            profile[place] = generator.integers(0, 256)
        source = tmp_path / "source.jpg"
        with_profile = io.BytesIO()
        Image.fromarray(rgb).save(with_profile, "JPEG", icc_profile=bytes(profile))
        source.write_bytes(with_profile.getvalue())
        colorize("--profile", "keep", "--network-size", "32", "-o", tmp_path / "out.jpg", source)
        assert pixels(tmp_path / "out.jpg").shape == rgb.shape


def test_a_profile_is_named_wrongly(colorize, tmp_path):
    said = colorize.refused("--profile", "adobe", "-o", tmp_path / "out.png", "photo.png")
    assert said == "libcolorize: The value 'adobe' is invalid for '--profile'"


# ---- Adobe RGB that EXIF alone says --------------------------------------------------------------


def said_to_be_adobe_rgb(path):
    tags = ["-ColorSpace=Uncalibrated", "-InteropIndex=R03 - DCF option file (Adobe RGB)"]
    subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, path], check=True)


def color_space(path):
    result = subprocess.run(
        ["exiftool", "-s3", "-n", "-ColorSpace", "-InteropIndex", path],
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


@pytest.mark.parametrize("kind", ["jpg", "tif", "png"])
@pytest.mark.parametrize("channels", ["gray", "rgb"])
def test_adobe_rgb_that_exif_alone_says(colorize, tmp_path, rgb, kind, channels):
    """As cameras write it (DCF 2.0): it gives what the same numbers give with the profile."""
    pixel = rgb if channels == "rgb" else rgb[..., 1]
    # Red, green and blue as XYZ of D50 (Adobe RGB (1998), 4.3.5.3).
    matrix = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
    icc = profile_bytes(563 / 256, matrix if channels == "rgb" else None)
    options = {"quality": 95, "subsampling": 0} if kind == "jpg" else {}
    with_profile, plain = tmp_path / f"profile.{kind}", tmp_path / f"plain.{kind}"
    image = Image.fromarray(pixel)
    image.save(with_profile, icc_profile=icc, **options)
    image.save(plain, **options)
    said_to_be_adobe_rgb(plain)
    outs = {}
    for path in (with_profile, plain):
        out = tmp_path / f"{path.stem}-out.png"
        colorize("-o", out, path)
        outs[path] = pixels(out)[..., :3].astype(int)
    assert np.abs(outs[plain] - outs[with_profile]).max() <= 1
    # It matters, and the output no longer says what is not so.
    image.save(tmp_path / f"srgb.{kind}", **options)
    colorize("-o", tmp_path / "srgb-out.png", tmp_path / f"srgb.{kind}")
    assert np.abs(outs[plain] - pixels(tmp_path / "srgb-out.png")[..., :3].astype(int)).max() >= 3
    colorize("-o", tmp_path / "out.jpg", plain)
    assert color_space(tmp_path / "out.jpg") == ["1", "R98"]
    colorize("--profile", "display-p3", "-o", tmp_path / "out.jpg", plain)
    assert color_space(tmp_path / "out.jpg") == ["65535", "R98"]
    if channels == "rgb":
        colorize("--profile", "keep", "-o", tmp_path / "out.jpg", plain)
        assert color_space(tmp_path / "out.jpg") == ["65535", "R03"]
        assert Image.open(tmp_path / "out.jpg").info["icc_profile"]


def test_other_indices_and_spaces_say_nothing(colorize, tmp_path, rgb):
    path = tmp_path / "plain.jpg"
    Image.fromarray(rgb).save(path)
    colorize("-o", tmp_path / "want.png", path)
    for tags in (["-ColorSpace=sRGB", "-InteropIndex=R03 - DCF option file (Adobe RGB)"],
                 ["-ColorSpace=Uncalibrated", "-InteropIndex=R98 - DCF basic file (sRGB)"],
                 ["-ColorSpace=Uncalibrated"]):  # fmt: skip
        Image.fromarray(rgb).save(path)
        subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, path], check=True)
        colorize("-o", tmp_path / "have.png", path)
        assert np.array_equal(pixels(tmp_path / "have.png"), pixels(tmp_path / "want.png"))
