"""The site has the repository's own folders, so that a link that works on a forge works on the site, and none is rewritten.

mkdocs serves one folder. Here its files are replaced by those below, under their paths in the repository; README.md is the first
page.
"""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
SERVED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/*.md",
    "docs/*.ipynb",
    "docs/*.css",
    "scripts/results/*",
    "envs/drawgen_envs/*.md",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    own = [file for file in files if file.src_dir != config.docs_dir]  # the theme's
    for pattern in SERVED:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            own.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return Files(own)
