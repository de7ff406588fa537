"""`spaf sell`: one sale by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from spaf import clock, settings
from spaf.cli.load import require_broker
from spaf.cli.terminal.output import Json, out, print_json, printable, seconds_of
from spaf.errors import SettingsError
from spaf.sale import Late, Outcome, Sale, decode
from spaf.stack.run import Run
from spaf.topic.producer import AcknowledgedRecord, append_records

CLIENT = "spaf-sell"
MAX_COPIES = 1_000


def sell(  # noqa: PLR0913, PLR0917 - one parameter an option
    record: Annotated[
        str | None, typer.Argument(help="Send this text as it is, instead of a sale.")
    ] = None,
    product: Annotated[str, typer.Option(help="The productId.")] = "p1",
    category: Annotated[str, typer.Option(help="The productCategory.")] = "by-hand",
    price: Annotated[float, typer.Option(help="The productPrice.")] = 10.0,
    quantity: Annotated[int, typer.Option(help="The productQuantity.")] = 1,
    ago: Annotated[
        str | None,
        typer.Option(
            help="How long ago it happened: 90, 60s, 5m, 1h. Without, it names no event time."
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When it happened, such as 2026-11-30T14:05:00 (UTC).")
    ] = None,
    times: Annotated[
        int, typer.Option(min=1, max=MAX_COPIES, help="How many copies of it to send.")
    ] = 1,
    *,
    json: Json = False,
) -> None:
    """Append one sale to the topic by hand; show where it is and how it counts.

    How it counts is what the contract says of its bytes and its append time. The tables show what
    the job has made of it.
    """
    sale = {
        "productId": product,
        "productCategory": category,
        "productPrice": price,
        "productQuantity": quantity,
    }
    value = msgspec.json.encode(sale | _time(ago, at)) if record is None else record.encode()
    run = Run.attach(settings.load())
    require_broker(run)
    appended = append_records(run.kafka, run.topic, CLIENT, [value] * times)
    outcomes = decode(value, appended[0].append_ms, run.rules)
    if json:
        print_json([msgspec.to_builtins(sent) | {"outcome": names(outcomes)} for sent in appended])
    else:
        _print(value, appended, outcomes)


def names(outcomes: tuple[Outcome, ...]) -> str:
    """Return the outcomes of a record in words; a JSON array may hold several sales."""
    return ", ".join(_name(outcome) for outcome in outcomes)


def _name(outcome: Outcome) -> str:
    if isinstance(outcome, Sale):
        return "accepted"
    return "late" if isinstance(outcome, Late) else f"rejected ({outcome})"


def _time(ago: str | None, at: str | None) -> dict[str, Any]:
    """Return the field with the event time; none if the sale names no time.

    Raises:
        SettingsError: it is no duration, or the time is named in two ways.

    """
    if ago is None:
        return {} if at is None else {"transactionDate": at}
    if at is not None:
        raise SettingsError("--ago and --at both say when the sale happened.", todo="Give one.")
    age_s = seconds_of(ago)
    if age_s is None:
        raise SettingsError(
            f"--ago {ago}: not a duration.", todo="Write seconds (90), or 60s, 5m, 1.5h."
        )
    return {"eventTime": clock.now_ms() - round(age_s * 1_000)}


def _print(value: bytes, appended: list[AcknowledgedRecord], outcomes: tuple[Outcome, ...]) -> None:
    first = appended[0]
    arrived = datetime.fromtimestamp(first.append_ms / 1_000, UTC)
    copies = "" if len(appended) == 1 else f", the first of {len(appended):,}"
    lines = [
        f"record   {first.partition}:{first.offset}{copies}",
        f"arrived  {arrived:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC",
        f"counts   {names(outcomes)}",
        f"bytes    {printable(value.decode(), keep='')}",
    ]
    out.print(Text("\n".join(lines)), soft_wrap=True)
