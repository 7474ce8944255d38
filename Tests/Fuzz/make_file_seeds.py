"""Makes what the fuzzers of pictures, archives, checkpoints and calls begin with.

    python make_file_seeds.py

Needs what Tests/CommandLine/requirements.txt lists. Pictures are as small as they can be and have
all the metadata that is kept; behind each stands a byte that tells the fuzzer how to read it.
"""

import io
import struct
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms

sys.path.insert(0, str(Path(__file__).parents[1] / "CommandLine"))
import support as s

CORPUS = Path(__file__).parent / "corpus"
GRAY = (np.arange(48).reshape(6, 8) * 5).astype(np.uint8)
RGB = np.stack([GRAY, 255 - GRAY, GRAY // 2], axis=2)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 4, 0) + b"<x/>"
IPTC = b"\x1c\x02\x78\0\7caption"
PHOTOSHOP = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0c" + IPTC
THUMBNAIL = b"8BIM\x04\x0c\0\0\0\0\0\x04" + b"abcd"


def keep(name, kind, data, how=0):
    (CORPUS / kind).mkdir(exist_ok=True)
    (CORPUS / kind / f"seed-{name}").write_bytes(data + bytes([how]))


def pngs():
    stream = s.exif(6, thumbnail=True).removeprefix(s.EXIF_NAME)
    before = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        (b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        (b"eXIf", stream),
        (b"tIME", struct.pack(">HBBBBB", 1936, 3, 9, 12, 30, 59)),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"a long story ")),
    ]
    after = [(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP), (b"tEXt", b"Title\0pier")]
    keep("metadata", "png", s.png(GRAY, 8, s.GRAY, before=before, after=after))
    keep(
        "profile",
        "png",
        s.png(RGB, 8, s.RGB, before=[(b"iCCP", b"p\0\0" + zlib.compress(PROFILE))]),
    )
    palette = [(b"PLTE", bytes(range(48))), (b"tRNS", bytes(range(16)))]
    keep("palette", "png", s.png(GRAY // 16, 4, s.PALETTE, before=palette, interlaced=True))
    rgba = np.dstack([RGB, GRAY]).astype(np.int64) * 257
    keep("rgba", "png", s.png(rgba, 16, s.RGBA), 2)
    keep(
        "animation",
        "png",
        s.png(GRAY > 99, 1, s.GRAY, before=[(b"acTL", struct.pack(">II", 2, 0))]),
    )
    keep("memory", "png", s.png(GRAY, 8, s.GRAY), 4)


def jpegs():
    added = [
        (0xE1, XMP_NAME + XMP),
        (0xE1, EXTENSION),
        (0xED, PHOTOSHOP + THUMBNAIL),
        (0xFE, b"a comment"),
    ]
    exif = s.exif(5, thumbnail=True)
    keep("metadata", "jpeg", s.with_segments(s.jpeg(GRAY, exif=exif, dpi=(300, 300)), *added))
    keep("rgb", "jpeg", s.jpeg(RGB, subsampling=2), 2)
    keep("progressive", "jpeg", s.jpeg(RGB, progressive=True), 1)
    keep("restarts", "jpeg", s.jpeg(RGB, restart_marker_blocks=1), 12)
    profile = Image.new("L", (3, 3))
    data = io.BytesIO()
    profile.save(data, "JPEG", icc_profile=PROFILE[:600])
    keep("profile", "jpeg", data.getvalue())


def tiffs():
    def by_tifffile(samples, **options):
        data = io.BytesIO()
        tifffile.imwrite(data, samples, metadata=None, **options)
        return data.getvalue()

    tags = {
        "_270": (s.ASCII, b"a pier\0"),
        "_274": (s.SHORT, [6]),
        "_282": (s.RATIONAL, [300, 1]),
        "_283": (s.RATIONAL, [300, 1]),
        "_296": (s.SHORT, [2]),
        "_700": (s.BYTE, XMP),
        "_33723": (s.UNDEFINED, IPTC),
    }
    keep("metadata", "tiff", s.tiff_of(GRAY, 8, 1, ">", **tags))
    photo = {"photometric": "rgb"}
    keep("deflate", "tiff", by_tifffile(RGB, compression="deflate", predictor=True, **photo))
    keep("lzw", "tiff", by_tifffile(RGB, compression="lzw", tile=(16, 16), bigtiff=True, **photo))
    keep("jpeg", "tiff", by_tifffile(RGB, compression="jpeg", **photo), 2)
    floats = GRAY.astype(np.float32) / 255
    keep("floats", "tiff", by_tifffile(floats, photometric="miniswhite"), 1)
    data = io.BytesIO()
    Image.fromarray(GRAY > 99).save(data, "TIFF", compression="group4")
    keep("fax", "tiff", data.getvalue())
    data = io.BytesIO()
    Image.fromarray(RGB).quantize(16).save(data, "TIFF", compression="packbits", exif=s.exif(3))
    keep("palette", "tiff", data.getvalue(), 4)
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as file:
        for _ in range(2):
            file.write(RGB, **photo)
    keep("pages", "tiff", pages.getvalue())


def others():
    """What is read here, and not by a library; and WebP, for its metadata."""
    top = struct.pack("<IiiHHIIiiII", 40, 8, 6, 1, 8, 0, 0, 2835, 2835, 256, 0)
    palette = bytes(v for level in range(256) for v in (level, 255 - level, level, 0))
    start = 14 + len(top) + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + 48, 0, 0, start)
    keep("palette", "bmp", head + top + palette + GRAY.tobytes())
    runs = struct.pack("<IiiHHIIiiII", 40, 8, 6, 1, 8, 1, 0, 0, 0, 0, 0)
    keep("runs", "bmp", head + runs + palette + b"\4\7\0\3abc\0\0\0\0\2\1\1\6\11\0\1")
    fields = struct.pack("<IiiHHIIiiII", 56, 8, -6, 1, 16, 3, 0, 0, 0, 0, 0)
    fields += struct.pack("<IIII", 0xF800, 0x7E0, 0x1F, 0)
    start = 14 + len(fields)
    head = b"BM" + struct.pack("<IHHI", start + 96, 0, 0, start)
    keep("fields", "bmp", head + fields + GRAY.tobytes() * 2, 2)
    keep("text", "pnm", b"P2 # a comment\n8 6\n300\n" + " ".join(map(str, GRAY.flat)).encode())
    keep("bits", "pnm", b"P4 8 6\n" + bytes(6), 2)
    pam = b"P7\nWIDTH 8\nHEIGHT 6\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n"
    keep("pam", "pnm", pam + RGB.tobytes())
    exif = s.exif(6, thumbnail=True)
    for name, options in (("lossless", {"lossless": True}), ("lossy", {"quality": 40})):
        data = io.BytesIO()
        metadata = {"exif": exif, "icc_profile": PROFILE, "xmp": XMP}
        Image.fromarray(RGB).save(data, "WEBP", **options, **metadata)
        keep(name, "webp", data.getvalue())


def tars():
    def archive(name, form, **headers):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=form) as file:
            for picture, content in (
                ("a.png", s.png(GRAY[:2], 8, s.GRAY)),
                (name, s.jpeg(GRAY[:2])),
            ):
                member = tarfile.TarInfo(picture)
                member.size = len(content)
                member.pax_headers = headers
                file.addfile(member, io.BytesIO(content))
        (CORPUS / "tar" / f"seed-{form}").write_bytes(data.getvalue()[:4096])

    (CORPUS / "tar").mkdir(exist_ok=True)
    archive("b.jpg", tarfile.USTAR_FORMAT)
    archive("b" * 120 + ".jpg", tarfile.GNU_FORMAT)
    archive("Länge" * 30 + ".jpg", tarfile.PAX_FORMAT, comment="e\u0301")


def checkpoints():
    (CORPUS / "checkpoint").mkdir(exist_ok=True)
    lines = {
        "step": "7",
        "seconds": "12.5",
        "pictures": "3 pictures, names 1f",
        "metrics": "7 1.5 2.0 1.0 0.5 0.0 0.0 3.25",
        "option.model": "lite",
        "option.steps": "100",
        "option.scale": "0.6 1.0",
        "option.batch": "24",
        "option.schedule": "cosine",
        "option.checkpoint-every": "10m",
        "option.learning-rate": "0.002",
        "option.loss": "class",
        "option.freeze": "enc\nstem",
        "option.history": "began as x",
    }
    text = "".join(f"{key}\t{value}\n" for key, value in lines.items() if "\n" not in value)
    (CORPUS / "checkpoint" / "seed").write_text(text)


def calls():
    (CORPUS / "calls").mkdir(exist_ok=True)
    random = np.random.default_rng(5)
    for call in range(14):
        # The first byte of each call says which; a picture of 8x8 first.
        body = bytes([call, 8, 8]) + random.integers(0, 256, 90, np.uint8).tobytes()
        (CORPUS / "calls" / f"seed-{call}").write_bytes(body)


def main():
    pngs()
    jpegs()
    tiffs()
    others()
    tars()
    checkpoints()
    calls()


if __name__ == "__main__":
    main()
