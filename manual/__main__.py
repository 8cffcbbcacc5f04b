"""Write the pages."""

from manual.pages import FOLDER, PAGES

for name, made in PAGES.items():
    (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(made())
