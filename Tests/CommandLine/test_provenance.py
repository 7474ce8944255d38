"""What outputs say of how they were made, and that they can be made again from it."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from support import FAILURE, MODEL, jpeg, pixels

KINDS = ["jpg", "png", "tif"]
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def exiftool(*paths):
    """What exiftool finds in files: {group:tag: value} of each."""
    result = subprocess.run(
        ["exiftool", "-json", "-G1", "-struct", "-n", "-a", *paths], capture_output=True, check=True
    )
    return json.loads(result.stdout)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def photo(tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_says_that_its_colors_are_invented(colorize, photo, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    options = ["--style", "vivid", "--hint", "10,20,#b22222,6", "--variant", "2"]
    colorize(*options, "-o", out, photo)
    (said,) = exiftool(out)
    version = colorize("--version").stdout.strip()
    assert said["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
    assert said["XMP-xmp:CreatorTool"] == said["IFD0:Software"] == f"libcolorize {version}"
    assert said["XMP-xmpMM:DerivedFrom"] == {"InstanceID": f"sha256:{sha256(photo)}"}
    ours = {key[16:]: value for key, value in said.items() if key.startswith("XMP-libcolorize:")}
    assert str(ours.pop("Version")) == version and ours.pop("Libraries").startswith("libpng 1.")
    assert ours.pop("Processor").split()[0] in ("avx512", "avx2", "baseline")
    assert ours == {
        "Model": "lite",
        "ModelSHA256": sha256(MODEL),
        "InputSHA256": sha256(photo),
        "Options": "--style vivid --variant 2",
        "Hints": "10,20,#b22222,6",
    }
    # And no more: nothing of where, when or how fast.
    text = out.read_bytes()
    for secret in (str(tmp_path), "photo", "threads"):
        assert secret.encode() not in text
    shown = colorize("info", out).stdout
    for value in (sha256(photo), sha256(MODEL), "--style vivid --variant 2", version, "invented"):
        assert value in shown


@pytest.mark.parametrize("kind", KINDS)
def test_without_provenance(colorize, photo, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    with_it, _ = colorize.color(photo, out)
    colorize("--no-provenance", "-o", out, photo)
    assert np.array_equal(pixels(out), with_it)
    data = out.read_bytes()
    assert b"libcolorize" not in data and b"iptc.org" not in data
    said = colorize("info", out, status=FAILURE).stderr
    assert "does not say that libcolorize has colored it" in said
    said = colorize("reproduce", out, "--from", photo, status=FAILURE).stderr
    assert "does not say how it was made" in said


def test_the_same_run_gives_the_same_bytes(colorize, photo, tmp_path):
    """No date, no random number, no path, no number of threads."""
    colorize("-o", tmp_path / "a.jpg", photo)
    (tmp_path / "sub").mkdir()
    shutil.copy(photo, tmp_path / "sub/other.png")
    colorize("--threads", "1", "-o", tmp_path / "sub/b.jpg", tmp_path / "sub/other.png")
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "sub/b.jpg").read_bytes()


def test_through_a_pipe(colorize, photo, tmp_path):
    data = photo.read_bytes()
    colorize("-o", tmp_path / "out.png", "-", input=data + b"behind it")
    (said,) = exiftool(tmp_path / "out.png")
    assert said["XMP-libcolorize:InputSHA256"] == hashlib.sha256(data + b"behind it").hexdigest()


# ---- What was there before ----------------------------------------------------------------------

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'


def packet(body, head="", padding=0):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF {RDF.replace("rdf=", "r=")}>'
        f'<r:Description r:about=""{head}>{body}</r:Description></r:RDF></x:xmpmeta>'
        + " " * padding
        + '\n<?xpacket end="w"?>'
    ).encode()


NAMESPACES = (
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:x1="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:mm="http://ns.adobe.com/xap/1.0/mm/"'
    ' xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)
TITLE = "<dc:title><r:Alt><r:li xml:lang='x-default'>D\u00e4mmerung &lt;1&gt;</r:li></r:Alt>"
TITLE += "</dc:title>"
ATTRIBUTES = packet(
    TITLE,
    NAMESPACES
    + " x1:CreatorTool = 'A scanner, \"x1:Rating=9\"' x1:Rating=\"4\" mm:DocumentID='xmp.did:1'"
    "  mm:InstanceID=\"xmp.iid:1\" mm:OriginalDocumentID='xmp.did:0' e:DigitalSourceType='print'",
    2000,
)
ELEMENTS = packet(
    TITLE
    + "<x1:CreatorTool>A scanner</x1:CreatorTool><x1:Rating>4</x1:Rating><mm:DocumentID\n>xmp.did:1"
    "</mm:DocumentID><mm:InstanceID>xmp.iid:1</mm:InstanceID><mm:OriginalDocumentID>xmp.did:0"
    "</mm:OriginalDocumentID><e:DigitalSourceType/>"
    "<mm:DerivedFrom r:parseType='Resource'><mm:x>1</mm:x></mm:DerivedFrom>",
    NAMESPACES,
    2000,
)


def with_xmp(path, gray, xmp):
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        Image.fromarray(gray).save(path, pnginfo=info)
    elif path.suffix == ".tif":
        Image.fromarray(gray).save(path, tiffinfo={700: xmp})
    else:
        Image.fromarray(gray).save(path, xmp=xmp)
    return path


@pytest.mark.parametrize("xmp", [ATTRIBUTES, ELEMENTS], ids=["attributes", "elements"])
@pytest.mark.parametrize("kind", KINDS)
def test_other_properties_stay(colorize, gray, tmp_path, kind, xmp):
    source = with_xmp(tmp_path / f"in.{kind}", gray, xmp)
    out = tmp_path / f"out.{kind}"
    assert colorize("-o", out, source).stderr == ""
    (said,) = exiftool(out)
    assert said["XMP-dc:Title"] == "D\u00e4mmerung <1>"
    assert said["XMP-xmp:Rating"] == 4
    assert said["XMP-xmpMM:OriginalDocumentID"] == "xmp.did:0"
    assert said["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
    assert said["XMP-xmp:CreatorTool"].startswith("libcolorize ")
    # What it was is another picture now.
    assert "XMP-xmpMM:DocumentID" not in said and "XMP-xmpMM:InstanceID" not in said
    assert said["XMP-xmpMM:DerivedFrom"] == {"DocumentID": "xmp.did:1", "InstanceID": "xmp.iid:1"}
    # A picture that is colored twice says it once.
    colorize("-o", tmp_path / f"again.{kind}", out)
    (again,) = exiftool(tmp_path / f"again.{kind}")
    assert again["XMP-libcolorize:InputSHA256"] == sha256(out)
    assert colorize("reproduce", tmp_path / f"again.{kind}", "--from", out).stdout.startswith(
        "made"
    )


DAMAGED = [
    b"<x:xmpmeta",
    b"no XML",
    ATTRIBUTES.replace(b"</r:RDF>", b""),
    ATTRIBUTES.replace(b"W5M0", b"W5M0\xff"),
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;&c;</a>',
    b"<a/>",
]


@pytest.mark.parametrize("xmp", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_packet_is_left_out(colorize, gray, tmp_path, xmp):
    source, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    source.write_bytes(jpeg(gray, xmp=xmp))
    said = colorize("-o", out, source).stderr
    assert "its XMP is damaged and was left out" in said
    assert exiftool(out)[0]["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE


def test_a_packet_that_would_be_too_large(colorize, gray, tmp_path):
    """Padding goes first; if there is no room even so, what the input said has to."""
    source, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    source.write_bytes(jpeg(gray, xmp=packet("<dc:a>b</dc:a>", NAMESPACES, 64000)))
    assert colorize("-o", out, source).stderr == ""
    source.write_bytes(jpeg(gray, xmp=packet(f"<dc:a>{'b' * 64000}</dc:a>", NAMESPACES)))
    assert "its XMP has more bytes than JPEG takes" in colorize("-o", out, source).stderr
    assert exiftool(out)[0]["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
    colorize("-o", tmp_path / "out.png", source)
    assert b"b" * 64000 in (tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("to", KINDS)
def test_software_takes_its_place_in_exif(colorize, gray, tmp_path, to):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    exif[0x0131] = "a scanner's program, with a long name"
    exif[0x013B] = "Dorothea Lange"
    exif.get_ifd(0x8769)[0x9003] = "1936:03:09 12:30:59"
    (tmp_path / "in.jpg").write_bytes(jpeg(gray, exif=exif))
    colorize("-o", tmp_path / f"out.{to}", tmp_path / "in.jpg")
    (said,) = exiftool(tmp_path / f"out.{to}")
    assert said["IFD0:Software"].startswith("libcolorize ")
    assert said["IFD0:ImageDescription"] == "a description"
    assert said["IFD0:Artist"] == "Dorothea Lange"
    assert said["ExifIFD:DateTimeOriginal"] == "1936:03:09 12:30:59"


# Of a camera's or a scanner's files: what the command says that it changes, or is about the file.
CHANGED = re.compile(
    r"(System|File|ExifTool|Composite|JFIF|PNG-pHYs|ICC-|ICC_Profile|XMP-libcolorize|XMP-x):?"
    r"|PNG:(Image(Width|Height)|BitDepth|ColorType|Compression|Filter|Interlace)"
    r"|XMP-xmp:CreatorTool|XMP-iptcExt:DigitalSourceType|XMP-xmpMM:(DerivedFrom|DocumentID|Inst)"
    r"|IFD0:(Software|Orientation|ResolutionUnit|[XY]Resolution|YCbCr|Image(Width|Height)|Bits|Photom"
    r"|Strip|Samples|Rows|Planar|Compression|Predictor|SampleFormat|ExtraSamples|SubfileType)"
    r"|ExifIFD:(ExifImage|Interop)|SourceFile|IFD1:|Photoshop:IPTCDigest|XMP-xmpNote"
)
CAMERAS = [
    {"Make": make, "Model": f"{make} {number}", "Artist": f"Photographer {number}"}
    for number, make in enumerate(["Canon", "NIKON", "EPSON", "Kodak", "Leica"])
]
DETAILS = [
    {
        "GPSLatitude": "35.07",
        "GPSLatitudeRef": "N",
        "GPSLongitude": "120.6",
        "GPSLongitudeRef": "W",
    },
    {
        "ISO": "400",
        "ExposureTime": "1/125",
        "FNumber": "5.6",
        "DateTimeOriginal": "1999:01:02 03:04:05",
    },
    {"IPTC:By-line": "D. Lange", "IPTC:Keywords": "migrant", "IPTC:City": "Nipomo"},
    {"XMP-dc:Creator": "D. Lange", "XMP-dc:Subject": "migrant", "XMP-photoshop:City": "Nipomo"},
    {"XMP-xmpMM:DocumentID": "xmp.did:1", "XMP-xmp:CreatorTool": "x", "XMP-xmp:Rating": "5"},
    {"Software": "a scanner", "UserComment": "from the attic", "Orientation#": "6"},
    {"Copyright": "none", "XMP-iptcExt:LocationCreatedCity": "Nipomo", "XMP-xmp:Label": "Red"},
    {"XMP-xmpMM:OriginalDocumentID": "xmp.did:0", "XPTitle": "Title", "Rating": "3"},
    {"XResolution": "600", "YResolution": "600", "ResolutionUnit": "inches", "PageName": "12"},
    {"XMP-dc:Title": "Öl 写真", "ImageDescription": "a mother", "LensModel": "50 mm"},
]


def test_fifty_files_lose_nothing_but_what_is_stated(colorize, gray, tmp_path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    arguments = []
    for number, (camera, details) in enumerate((c, d) for c in CAMERAS for d in DETAILS):
        kind = KINDS[number % 3] if "IPTC:City" not in details else ["jpg", "tif"][number % 2]
        path = scans / f"{number}.{kind}"
        Image.fromarray(gray).save(path)
        tags = [f"-{key}={value}" for key, value in {**camera, **details}.items()]
        arguments += [*tags, "-overwrite_original", "-q", str(path), "-execute"]
    (tmp_path / "arguments").write_text("\n".join(arguments))
    subprocess.run(["exiftool", "-@", tmp_path / "arguments"], check=True, capture_output=True)
    assert len(list(scans.iterdir())) == 50
    colorize("-o", out, scans)
    before = {os.path.basename(one["SourceFile"]): one for one in exiftool(scans)}
    after = {os.path.basename(one["SourceFile"]): one for one in exiftool(out)}
    assert len(before) == len(after) == 50
    for name, said in before.items():
        kept = {key: value for key, value in said.items() if not CHANGED.match(key)}
        assert len(kept) >= 3
        missing = {key: value for key, value in kept.items() if after[name].get(key) != value}
        assert not missing, name
        assert after[name]["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
        assert after[name]["IFD0:Software"].startswith("libcolorize ")
    for name in sorted(before)[::7]:
        said = colorize("reproduce", out / name, "--from", scans / name).stdout
        assert said == "made again: the same file, byte for byte\n"


# ---- Made again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_made_again(colorize, photo, rgb, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    palette, strokes = tmp_path / "palette.png", tmp_path / "strokes.png"
    Image.fromarray(rgb).save(palette)
    stroke = np.zeros((48, 64, 4), np.uint8)
    stroke[10:20, 10:30] = (178, 34, 34, 255)
    Image.fromarray(stroke).save(strokes)
    for options, files in (
        ([], []),
        (["--temperature", "0.51", "--saturation", "1.1", "--gamut", "clip"], []),
        (["--network-size", "96", "--fit", "aspect", "--upsampling", "bilinear"], []),
        (["--compression", "9", "--quality", "80", "--negative", "--salvage"], []),
        (["--hint", "1,2,#ffffff", "--hint", "30.5,4,#b22222,3"], ["--hints", strokes]),
        (["--palette-strength", "0.5"], ["--palette-from", palette]),
        (["--preset", "reference"], []),
    ):
        colorize(*options, *files, "-o", out, photo)
        said = colorize("reproduce", out, "--from", photo, *files).stdout
        assert said == "made again: the same file, byte for byte\n", options
    kept = tmp_path / f"kept.{kind}"
    colorize("reproduce", out, "--from", photo, "-o", kept)
    assert kept.read_bytes() == out.read_bytes()


def test_pixels_that_are_not_what_is_made(colorize, photo, tmp_path):
    out = tmp_path / "out.png"
    colorize("-o", out, photo)
    with Image.open(out) as image:
        array, xmp = np.array(image), image.info["xmp"]
    array[5, 5, 0] ^= 4
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.fromarray(array).save(out, pnginfo=info)
    said = colorize("reproduce", out, "--from", photo, status=FAILURE)
    assert "pixels differ by up to 4 levels" in said.stdout
    assert "is not what is made now" in said.stderr
    array[5, 5, 0] ^= 4
    Image.fromarray(array).save(out, pnginfo=info)
    said = colorize("reproduce", out, "--from", photo).stdout
    assert said == "made again: the same pixels; the rest of the file differs\n"


def test_a_precision(colorize, photo, tmp_path):
    """bfloat16 where the processor has it; elsewhere the error says what is missing."""
    plain, out = tmp_path / "plain.png", tmp_path / "out.png"
    colorize("-o", plain, photo)
    colorize("--precision", "float32", "-o", out, photo)
    assert out.read_bytes() == plain.read_bytes()
    named = edited(plain, tmp_path / "named.png", Options="--precision bfloat16")
    if "avx512_bf16" in Path("/proc/cpuinfo").read_text():
        colorize("--precision", "bfloat16", "-o", out, photo)
        assert out.read_bytes() != plain.read_bytes()
        assert "--precision bfloat16" in colorize("info", out).stdout
        said = colorize("reproduce", out, "--from", photo).stdout
        assert said == "made again: the same file, byte for byte\n"
        said = colorize("reproduce", named, "--from", photo, status=FAILURE).stdout
        assert "pixels differ" in said
    else:
        why = "needs a processor with AVX-512 BF16; this one has none"
        for arguments in (
            ("--precision", "bfloat16", "-o", out, photo),
            ("suggest", "--precision", "bfloat16", photo, "3,4"),
            ("reproduce", named, "--from", photo),
        ):
            said = colorize(*arguments, status=FAILURE).stderr
            assert said.endswith(f"precision is bfloat16, which {why}\n")


def test_another_instruction_set(colorize, photo, tmp_path):
    out = tmp_path / "out.png"
    colorize("-o", out, photo, environment={"COLORIZE_ISA": "baseline"})
    said = colorize("reproduce", out, "--from", photo).stdout
    best = colorize("info", out).stdout
    assert "baseline" in best
    assert said.startswith("made again: ")
    if "differ" in said.splitlines()[0] and "levels" in said:
        assert "it was made with baseline; this is " in said


def edited(source, target, **values):
    """A copy that says something else."""
    tags = [f"-XMP-libcolorize:{key}={value}" for key, value in values.items()]
    config = target.with_suffix(".config")
    names = "".join(
        f"{key} => {{ }}," for key in ("Version", "ModelSHA256", "Options", "InputSHA256", "Hints")
    )
    config.write_text(
        "%Image::ExifTool::UserDefined = ('Image::ExifTool::XMP::Main' => { libcolorize => {"
        " SubDirectory => { TagTable => 'Image::ExifTool::UserDefined::libcolorize' } } });\n"
        "%Image::ExifTool::UserDefined::libcolorize = (GROUPS => { 0 => 'XMP', 1 =>"
        " 'XMP-libcolorize', 2 => 'Image' }, NAMESPACE => { 'libcolorize' =>"
        f" 'http://ns.libcolorize/1.0/' }}, WRITABLE => 'string', {names});\n1;\n"
    )
    subprocess.run(["exiftool", "-config", config, "-q", *tags, "-o", target, source], check=True)
    return target


def test_what_is_not_there_is_named(colorize, photo, tmp_path):
    out, other = tmp_path / "out.jpg", tmp_path / "other.png"
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(other)
    colorize("--style", "natural", "-o", out, photo)

    def said(picture, *arguments):
        return colorize("reproduce", picture, *arguments, status=FAILURE).stderr

    assert f"its SHA-256 is {sha256(other)}" in said(out, "--from", other)
    assert "gone.png cannot be read: No such file" in said(out, "--from", "gone.png")
    assert "--palette-from" in said(out, "--from", photo, "--palette-from", other)
    assert "which" in said(out, "--from", photo, "--model", other)
    for number, (key, value, why) in enumerate(
        [
            ("Version", "0.0.9", "was made by libcolorize 0.0.9; this is "),
            ("ModelSHA256", "0" * 64, f"SHA-256 {'0' * 64}, which the built-in model is not"),
            ("InputSHA256", "1" * 64, "was not made with"),
            ("Options", "--style loud", "says options that this version has not"),
            ("Options", "-o /tmp/evil --style vivid", "says options that this version has not"),
            ("Options", f"--palette-from {other}", "says options that no output says"),
            ("Hints", "900,900,#ffffff", "must be 0 to 64"),
        ]
    ):
        false = edited(out, tmp_path / f"false{number}.jpg", **{key: value})
        assert why in said(false, "--from", photo)
    # exiftool writes XMP in another way than we do, and changes nothing that is seen.
    same = edited(out, tmp_path / "same.jpg", Version=colorize("--version").stdout.strip())
    assert "the same pixels" in colorize("reproduce", same, "--from", photo).stdout


def test_a_model_from_a_file(colorize, photo, tmp_path):
    """The file's SHA-256 counts, not where it lies."""
    model = tmp_path / "model.safetensors"
    shutil.copy(MODEL, model)
    out = tmp_path / "out.png"
    colorize("--model", model, "-o", out, photo)
    colorize("reproduce", out, "--from", photo)
    model.write_bytes(model.read_bytes().replace(b'"licence":', b'"Licence":'))
    colorize("--model", model, "-o", out, photo)
    said = colorize("reproduce", out, "--from", photo, status=FAILURE).stderr
    assert f"SHA-256 {sha256(model)}, which the built-in model is not" in said
    said = colorize("reproduce", out, "--from", photo, "--model", model).stdout
    assert said == "made again: the same file, byte for byte\n"


def test_exiv2_and_pillow_read_it(colorize, photo, tmp_path):
    for kind in KINDS:
        out = tmp_path / f"out.{kind}"
        colorize("-o", out, photo)
        result = subprocess.run(["exiv2", "-PX", "pr", out], capture_output=True, text=True)
        assert SOURCE_TYPE in result.stdout and result.stderr == ""
        with Image.open(io.BytesIO(out.read_bytes())) as image:
            assert SOURCE_TYPE in str(image.getxmp() if kind != "tif" else image.tag_v2[700])
