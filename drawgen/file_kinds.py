"""The kind of a file, by its first bytes: formats that are read, and formats that are not, each with its own message."""

import re

ENDINGS = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".tga", ".avif",
    ".jp2", ".j2k", ".jpx", ".ico", ".pcx", ".qoi", ".pbm", ".pgm", ".ppm", ".pnm", ".pfm",
)  # fmt: skip
"""Endings of pictures that are read."""
OTHER_ENDINGS = (
    ".heic", ".heif", ".jxl", ".psd", ".dds", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf",
)  # fmt: skip
"""Endings of pictures that are not read, and are refused by name."""
PICTURES = (*ENDINGS, *OTHER_ENDINGS)
"""Endings that count as pictures in a folder. Unreadable formats are included, so that an error names them."""

PNG_OR_JPEG = "save it as PNG or JPEG"
RAW = f"is a camera raw file; develop it first, and {PNG_OR_JPEG}"
FILM = "is a film; take a frame out of it, as PNG or JPEG"


class NotRead(ValueError):
    """A sound file of a format that is not read. The message follows its name: what it is, and the mend."""


READ: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"II\*\0.{4}CR", ""),  # Canon's raw files are TIFFs that have no picture
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "TIFF"),
    (rb"RIFF.{4}WEBP", "WEBP"),
    (rb"GIF8[79]a", "GIF"),
    (rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    (rb".{4}ftyp(avif|avis)|.{4}ftyp(mif1|msf1|miaf).{0,40}avi[fs]", "AVIF"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "JPEG2000"),
    (rb"\0\0\x01\0[^\0]\0", "ICO"),
    (rb"qoif", "QOI"),
    (rb"P[1-6][\s#]|Pf\s", "PPM"),
    (rb"\n[\0\x02\x03\x04\x05]\x01[\x01\x02\x04\x08]", "PCX"),
)
"""A pattern for the first bytes, and Pillow's name of the format."""

OTHERS: tuple[tuple[bytes, str], ...] = (
    (rb".{4}ftyp(crx|cr3)", RAW),
    (rb"II\*\0.{4}CR|IIR[OS]|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb|\0MRM", RAW),
    (
        rb".{4}ftyp(hei[cxms]|hev[cmsx]|mif1|msf1|miaf)",
        "is a HEIC picture, which is not read; save it as JPEG (an iPhone does under Settings, Camera, Formats: Most Compatible)",
    ),
    (rb".{4}(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF.{4}AVI |\0\0\x01[\xb3\xba]|0&\xb2u\x8ef\xcf\x11|FLV\x01|OggS", FILM),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", f"is a JPEG XL picture, which is not read; {PNG_OR_JPEG}"),
    (rb"II\xbc\x01", f"is a JPEG XR picture, which is not read; {PNG_OR_JPEG}"),
    (rb"8BPS\0[\x01\x02]", "is a Photoshop file (PSD), which is not read; export it as PNG or JPEG"),
    (rb"gimp xcf", "is a GIMP file (XCF), which is not read; export it as PNG or JPEG"),
    (rb"DDS ", f"is a DDS texture, which is not read; {PNG_OR_JPEG}"),
    (rb"\xabKTX ", f"is a KTX texture, which is not read; {PNG_OR_JPEG}"),
    (rb"\x76\x2f\x31\x01", "is an OpenEXR picture, which is not read; tone-map it, and save it as PNG or float TIFF"),
    (rb"#\?RADIANCE|#\?RGBE", "is a Radiance HDR picture, which is not read; tone-map it, and save it as PNG or float TIFF"),
    (rb"PF\s|P7\s", f"is a PFM or PAM file in colour, which is not read; {PNG_OR_JPEG}"),
    (rb"%PDF", "is a PDF, not a picture; export the page as PNG or JPEG"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "is PostScript (EPS), not a picture of pixels; export it as PNG or JPEG"),
    (rb"icns", f"is an Apple icon, which is not read; {PNG_OR_JPEG}"),
    (rb"SIMPLE  =", f"is a FITS file, which is not read; {PNG_OR_JPEG}"),
    (rb".{128}DICM", f"is a DICOM file, which is not read; {PNG_OR_JPEG}"),
    (rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|BZh\d|\xfd7zXZ|.{257}ustar", "is an archive, not a picture; unpack it first"),
    (rb"\x93NUMPY|\x89HDF", f"is an array of numbers, not a picture; {PNG_OR_JPEG}"),
    (rb"version https://git-lfs", "stands for a file that Git LFS has not fetched; fetch it with git lfs pull"),
    (rb"\xef?\xbb?\xbf?\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]", "is an SVG drawing, not a picture of "
     "pixels; export it as PNG"),
    (rb"\xef?\xbb?\xbf?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)[\s>]", "is a web page saved under a picture's name; "
     "save the picture itself from the browser"),
)  # fmt: skip


def kind_of(head: bytes) -> str | None:
    """Pillow's name of a format that is read, or None."""
    for pattern, kind in READ:
        if re.match(pattern, head, re.DOTALL):
            return kind or None
    return None


def refusal(head: bytes) -> str:
    """The kind of a file that is not read, and the mend: the rest of a sentence that begins with its name."""
    for pattern, words in OTHERS:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE if b"<" in pattern else re.DOTALL):
            return words
    return f"is not a picture in a format that can be read (PNG, JPEG, WebP, GIF, TIFF, BMP, TGA ...); {PNG_OR_JPEG}"
