"""Write cli.md, settings.md, forms.md, anomaly-kinds.md and the runbook from the code.

Run it after changing a command, a setting or a kind of fault, or after committing records of
faults: `.venv/bin/python tools/write_reference.py`.
A test fails while the committed pages differ from what this would write.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from spaf.chaos import runbook
from spaf.cli import app
from spaf.cli.lazy_group import LazyGroup
from spaf.sale import anomaly_kinds
from spaf.sale.conformance import cases
from spaf.sale.conformance.forms import Form, at
from spaf.settings import Settings

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
HOW_TO = ROOT / "docs" / "how-to"
# The committed records of `spaf chaos`, from which the runbook has its times.
FAULTS = ROOT / "results" / "faults"
NOTE = "<!-- Written by tools/write_reference.py. Change the code, then run it again. -->"

CLI_HEAD = f"""\
{NOTE}
# Commands

Set-up puts `spaf` into `.venv`: say `.venv/bin/spaf ...` in the checkout, or
`source .venv/bin/activate` once in a terminal, and then `spaf ...`, as it is written here.

Every command reads the [settings](settings.md) and works on the run folder that they name, `.spaf`
unless said otherwise. With `--json` a command prints one JSON value on standard output and nothing
else there; progress and messages go to standard error.

Exit codes: 0 if what was asked is true, 1 if it is not or something failed, 2 for a setting or an
option that is not allowed, 130 if Ctrl-C stopped the command. Ctrl-C during the sales of `demo` and
`load` ends the sales, not the command: it goes on to its result.
"""

SETTINGS_HEAD = f"""\
{NOTE}
# Settings

A setting comes from, the strongest first: the flag of a command, where it has one; the environment;
the file `spaf.toml` in the current folder; the default below. `SPAF_KAFKA__PORT=9093` and

```toml
[kafka]
port = 9093
```

mean the same. A name that is not on this page is an error, in the file and among the `SPAF_...`
variables of the environment alike. A list is written `SPAF_GENERATE__CURRENCIES=BRL,USD` there, and
`null` is no value: with `SPAF_KAFKA__BOOTSTRAP_SERVERS=null` SPAF starts its own Kafka whatever the
file says.

The services and the job get their settings when they start. Change one, and `spaf down`, `spaf up`
brings it into force. Give every command of one run the same settings: `spaf verify`, for example,
judges each record by the `sale` settings that it is given itself.
"""

FORMS_HEAD = f"""\
{NOTE}
# Forms of a record

What becomes of every kind of odd or hostile record, an example each. The fields and their rules
are on [the page of the event](event.md). These rows are code
(`spaf.sale.conformance.cases`): a unit test reads each with `spaf.sale`, and
the [differential test](../explanation/determinism.md) sends each
through the real job.

An example of one field stands for the sale
`{cases.FULL.decode()}`
with that field changed. The examples here were appended at 2025-11-22T08:26:40.123Z. A byte that is
no printable ASCII is written `\\xNN`. *Becomes* says what differs in the accepted or late sale:
`event` is its event time, from the append time (`-7` ms), from the append time's second (`+0s`), or
as epoch milliseconds; `cents` is the price of one piece. The numbers are those of the seventy kinds
of hostile input that SPAF was designed against.
"""

KINDS_HEAD = f"""\
{NOTE}
# Kinds of anomaly

Each row of `sale_anomaly` and `window_anomaly` has a `kind`. A kind names the score that decides,
and the direction in which the score must exceed a [threshold](settings.md#job). If several kinds
fit one sale, the first in this table is reported.
[How scores are computed](../explanation/job.md#unusual-prices-and-quantities);
[how to add a kind](../how-to/add-an-anomaly-kind.md).
"""

LABELS_HEAD = """\
## Labels of injected sales

The generator labels the sales that it makes anomalous. An alert on such a sale is right if it has
the kind in the last column. Alerts on seconds are compared with
[labels of episodes](../explanation/detection.md#injected-anomalies) by time and direction.
"""

RUNBOOK_HEAD = f"""\
{NOTE}
# When it fails

What happens if a part of SPAF fails, or is made to fail, under load: what `spaf status` says first
and how soon, what SPAF does by itself, how long the newest rows are not current, and what is left
to do. The page says the same as `spaf status`. Times are medians of `spaf chaos`, from the fault
on, with the number of faults in parentheses; the records are in `results/faults`. A time for which
a fault is held belongs to it: rows cannot be current while what writes them is suspended.

Every cause by its code: [when sales stop reaching the tables](sales-stop.md). To see a row of the
table yourself: [make faults](chaos.md). No kind of fault is a clock that is stepped, or an error of
the device below a file system: [why](../decisions/0082-network-and-disk-fail-by-our-own-means.md),
with what this kernel says. What a power failure costs: [survive one](power-failure.md).
"""

SECTIONS = {
    "Plain": cases.WHOLE,
    "Framing": cases.FRAMING,
    "Encoding": cases.ENCODING,
    "Structure": cases.STRUCTURE,
    "Numbers": cases.NUMBERS,
    "Times": cases.TIMES,
    "Hostile text": cases.HOSTILE,
}
# When the examples of the page were appended, epoch milliseconds.
SHOWN_MS = 1_763_800_000_123
# A longer text in an example is cut in its middle, characters.
MAX_SHOWN_CHARS = 110

Schema = Mapping[str, Any]


def pages() -> dict[Path, str]:
    """Return each page that is written, by its path."""
    return {
        REFERENCE / "cli.md": "\n".join([CLI_HEAD, *cli_lines()]),
        REFERENCE / "settings.md": "\n".join([SETTINGS_HEAD, *settings_lines()]),
        REFERENCE / "forms.md": "\n".join([FORMS_HEAD, *forms_lines()]),
        REFERENCE / "anomaly-kinds.md": "\n".join([KINDS_HEAD, *kinds_lines()]),
        HOW_TO / "when-it-fails.md": "\n".join([RUNBOOK_HEAD, runbook.page(FAULTS)]),
    }


def kinds_lines() -> Iterator[str]:
    """Yield the page of the kinds of anomaly: the kinds, and the labels of injected sales."""
    rows = []
    for kind in anomaly_kinds.KINDS:
        side = "above" if kind.sign > 0 else "below minus"
        alert = f"{kind.measure} score {side} `job.{kind.threshold}`"
        words = kind.words
        rows.append(
            (
                *(f"`{kind.name}`", words.en, words.pt, f"`{kind.table}`"),
                *(kind.unit, alert, kind.meaning),
            )
        )
    columns = ("kind", "English", "Portuguese", "table", "amounts in", "alert", "meaning")
    yield _table(columns, rows)
    yield LABELS_HEAD
    alert_of_label = anomaly_kinds.ALERT_OF_LABEL
    labels = [
        (f"`{name}`", label.words.en, label.words.pt, f"`{alert_of_label[name]}`")
        for name, label in anomaly_kinds.INJECTIONS.items()
    ]
    yield _table(("label", "English", "Portuguese", "alert"), labels)


def verbs() -> dict[str, Any]:
    """Return the commands by what is typed after `spaf`, groups without their own entry."""
    return dict(_commands(typer.main.get_command(app), ""))


def cli_lines() -> Iterator[str]:
    """Yield the page of the commands, a section each."""
    for words, command in verbs().items():
        usage = " ".join(["spaf", words, *_usage(command)])
        yield f"## spaf {words}\n\n```\n{usage}\n```\n\n{_paragraphs(command.help)}\n"
        rows = [_parameter_row(parameter) for parameter in command.params if not parameter.hidden]
        if rows:
            yield _table(("option", "default", "meaning"), rows)


def settings_lines() -> Iterator[str]:
    """Yield the page of the settings, a table for each section."""
    schema = Settings.model_json_schema()
    top = {k: v for k, v in schema["properties"].items() if "$ref" not in v}
    yield "## The run\n"
    yield _settings_table(Settings, "", top)
    for name, found in schema["properties"].items():
        if "$ref" in found:
            section = schema["$defs"][found["$ref"].rpartition("/")[2]]
            yield f"## [{name}]\n\n{_paragraphs(section.get('description', ''))}\n"
            kind = type(Settings.model_fields[name].default)
            yield _settings_table(kind, f"{name}.", section["properties"])


def forms_lines() -> Iterator[str]:
    """Yield the page of the forms, a table for each group of kinds."""
    head = ("kind", "form", "example", "outcome", "becomes", "why")
    for title, forms in SECTIONS.items():
        yield f"## {title}\n"
        yield _table(head, list(map(_form_row, forms)))
    yield "## Between records\n"
    rows = [(str(kind), form, why) for kind, form, why in cases.STREAM]
    yield _table(("kind", "form", "what becomes of it"), rows)


def _form_row(form: Form) -> tuple[str, ...]:
    where = f"`{form.field}`" if form.field else ""
    example = at(form.example, SHOWN_MS)
    if form.field and form.what != "absent" and example is not None:
        example = example.partition(f'"{form.field}":'.encode())[2]
        example = example.removesuffix(b"}").partition(b',"product')[0]
    shown = "" if form.what == "absent" or not example else _code(_ascii(example))
    becomes = _code(_ascii(form.becomes.encode())) if form.becomes else ""
    what = " ".join(filter(None, (where, form.what)))
    return str(form.kind or ""), what, shown, form.outcome, becomes, form.why.replace("|", "\\|")


def _ascii(value: bytes) -> str:
    """Return bytes as printable ASCII, cut in the middle if they are many."""
    text = "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in value)  # noqa: PLR2004
    half = MAX_SHOWN_CHARS // 2
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:half]} … {text[-half:]}"


def _code(text: str) -> str:
    """Return a text as code in a cell of a table."""
    fence = "``" if "`" in text else "`"
    pad = " " if text[:1] in {" ", "`", ""} or text[-1:] in {" ", "`"} else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in group.commands:
        command = group.load(name) if isinstance(group, LazyGroup) else group.commands[name]
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _usage(command: Any) -> Iterator[str]:
    if any(parameter.param_type_name == "option" for parameter in command.params):
        yield "[OPTIONS]"
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name = parameter.name.upper()
            yield name if parameter.required else f"[{name}]"


def _parameter_row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        need = "required" if parameter.required else ""
        return f"`{parameter.name.upper()}`", need, _one_line(parameter.help)
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    default = "" if parameter.default in (None, False) else f"`{parameter.default}`"
    bounds = _bounds(parameter.min, parameter.max)
    meaning = " ".join(part for part in (_one_line(parameter.help), bounds) if part)
    return names, default, meaning


def _attribute_docstrings(kind: type) -> dict[str, str]:
    """Return the docstring below each attribute of a class; Python itself keeps none of them."""
    found = {}
    for pair in itertools.pairwise(ast.walk(ast.parse(inspect.getsource(kind)))):
        match pair:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = text
    return found


def _settings_table(kind: type, prefix: str, properties: Mapping[str, Schema]) -> str:
    docstrings: dict[str, str] = {}
    # The settings of a section itself come before those that it shares with others.
    for part in kind.__mro__[: kind.__mro__.index(BaseModel)]:
        for name, text in _attribute_docstrings(part).items():
            docstrings.setdefault(name, text)
    rows = []
    for name, schema in sorted(properties.items(), key=lambda item: [*docstrings].index(item[0])):
        variable = f"SPAF_{prefix}{name}".replace(".", "__").upper()
        meaning = _one_line(docstrings[name])
        limits = _limits(schema)
        rows.append(
            (f"`{prefix}{name}`<br>`{variable}`", _default(schema), f"{meaning} {limits}".strip())
        )
    return _table(("setting", "default", "meaning"), rows)


def _default(schema: Schema) -> str:
    value = schema.get("default")
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`"


def _limits(schema: Schema) -> str:
    """Return what is allowed, in words; patterns say it for themselves."""
    if "items" in schema:
        pattern = schema["items"].get("pattern")
        each = f"each matches `{pattern}`." if pattern else ""
        return f"At least one; {each}" if schema.get("minItems") else each[:1].upper() + each[1:]
    if "pattern" in schema:
        return f"Matches `{schema['pattern']}`."
    if "exclusiveMinimum" in schema:
        return f"Above {schema['exclusiveMinimum']:g}."
    if "exclusiveMaximum" in schema:
        return f"From {_number(schema['minimum'])} to below {_number(schema['exclusiveMaximum'])}."
    return _bounds(schema.get("minimum"), schema.get("maximum"))


def _bounds(smallest: float | None, largest: float | None) -> str:
    if smallest is not None and largest is not None:
        return f"From {_number(smallest)} to {_number(largest)}."
    if smallest is not None:
        return f"At least {_number(smallest)}."
    return "" if largest is None else f"At most {_number(largest)}."


def _number(value: float) -> str:
    return f"{value:,}"


def _paragraphs(text: str | None) -> str:
    """Return the text with one line a paragraph."""
    blocks = (text or "").strip().split("\n\n")
    return "\n\n".join(" ".join(block.split()) for block in blocks)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
