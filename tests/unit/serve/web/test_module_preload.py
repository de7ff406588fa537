"""The list of modules that the page asks a browser to fetch at once."""

from __future__ import annotations

import pytest

from spaf.serve.web.module_preload import imported_modules, preload_links

FILES = {
    "js/main.js": b"""import { a } from "./core/a.js";
import {
  b, c,
} from "./core/b.js";
import "./core/side.js";
import { d } from "../vendor/d.js";

const later = () => import("./later/section.js");
""",
    "js/core/a.js": b'import * as b from "./b.js";\n',
    "js/core/b.js": b'import en from "../../locales/en.json" with { type: "json" };\n',
    "js/core/side.js": b'// import { d } from "./d.js";\n',
    "js/later/section.js": b"",
    "vendor/d.js": b'import{e as f}from"./e.js";import{g}from"./g.js";const d=f(g);export{d};',
    "vendor/e.js": b"",
    "vendor/g.js": b"",
    "locales/en.json": b"{}",
}


def test_every_module_of_the_first_view_is_listed_once() -> None:
    """Those that are imported later, on demand, are not."""
    assert preload_links(FILES).splitlines() == [
        '<link rel="modulepreload" href="/static/js/core/a.js">',
        '<link rel="modulepreload" href="/static/js/core/b.js">',
        '<link rel="modulepreload" href="/static/js/core/side.js">',
        '<link rel="modulepreload" href="/static/locales/en.json" as="json">',
        '<link rel="modulepreload" href="/static/vendor/d.js">',
        '<link rel="modulepreload" href="/static/vendor/e.js">',
        '<link rel="modulepreload" href="/static/vendor/g.js">',
    ]


def test_an_import_of_a_file_that_is_not_there_stops_the_start() -> None:
    """The page would stay empty; the process says so before a browser finds out."""
    with pytest.raises(KeyError, match="gone"):
        imported_modules({"js/main.js": b'import "./gone.js";\n'})
