"""Write the pages."""

from manual.pages import FOLDER, PAGES

for name, made in PAGES.items():
    (FOLDER / name).write_text(made())
