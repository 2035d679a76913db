"""A report of a period as one HTML page that needs nothing else: no script, no outside resource, for screen and print.

Every text of the record is escaped here; only http(s) addresses of sources become links.
"""

from collections.abc import Iterable, Iterator
from html import escape

from service.audit.report import Act, Citation, Recorded, Report, Source
from service.audit.report_style import STYLE
from service.audit.report_text import TITLES, brief, by_object, minute, period
from service.audit.rested import Step

_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
_MEANING = {
    "FactCorrected": "A field said something else than its source, or the source corrected itself.",
    "EventRetracted": "An event should not have been recorded; it can still be read but no longer counts.",
    "SourceWithdrawn": "A source was taken back; what rests on it is marked.",
    "PartyMerged": "Two entries were one party; references lead to the survivor.",
    "ClaimAdopted": "Of several claims, the record chose the one to show.",
}


def as_html(report: Report) -> str:
    """The page."""
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    yield f"{_HEAD}<title>Record report {_e(_span(report))}</title><style>{STYLE}</style></head><body><main>"
    yield f'<header><p class="origin">{_e(report.origin)}</p><h1>What was recorded and put right</h1>'
    yield f'<p class="period">{_e(period(report))}</p></header>'
    yield from _figures(report)
    yield from _acts(report)
    yield from _facts(report)
    yield from _sources(report)
    yield from _recorders(report)
    yield from _footer(report)
    yield "</main></body></html>\n"


def _span(report: Report) -> str:
    return f"{report.first} to {report.last}"


def _e(text: object) -> str:
    return escape(str(text))


def _figures(report: Report) -> Iterator[str]:
    acts = [(title, len(report.of_kind(kind))) for kind, title in TITLES.items()]
    facts = len(report.recorded) + report.left_out
    sources = len(report.sources) + report.sources_left_out
    yield '<ul class="figures">'
    for name, count in [("Facts recorded", facts), *acts, ("Sources", sources)]:
        yield f"<li{'' if count else ' class=none'}><b>{count:,}</b> {_e(name)}</li>"
    yield "</ul>"


def _acts(report: Report) -> Iterator[str]:
    yield "<section><h2>Put right</h2>"
    if not report.acts:
        yield '<p class="quiet">Nothing was corrected, retracted, withdrawn, merged or adopted.</p>'
    for kind, title in TITLES.items():
        acts = report.of_kind(kind)
        if acts:
            yield f'<h3>{title}</h3><p class="quiet">{_MEANING[kind]}</p>'
            yield from (card for act in acts for card in _act(act, report))
    yield "</section>"


def _act(act: Act, report: Report) -> Iterator[str]:
    undone = ' <span class="tag">itself retracted since</span>' if act.undone else ""
    yield f'<article><h4>{_e(act.title)}{undone}</h4><p class="id">{_e(act.target)}'
    yield f"{f' · {_e(act.field)}' if act.field else ''}</p>"
    if act.field:
        yield f'<p class="change">{_arrow(act.was, act.now)}</p>'
    cause = f'<span class="tag">{_e(act.cause)}</span> ' if act.cause else ""
    yield f"<p>{cause}{_e(act.reason)}</p>"
    yield from _rested(act, report)
    yield f'<p class="by">{_e(act.recorded_by)} · {minute(act.recorded_at)} · position {act.position:,}</p></article>'


def _arrow(was: object, now: object) -> str:
    return f'<del>{_e(brief(was))}</del> <span class="arrow">→</span> <ins>{_e(brief(now))}</ins>'


def _rested(act: Act, report: Report) -> Iterator[str]:
    if not act.rested:
        return
    yield "<table><caption>What rested on it</caption><tbody>"
    for step in act.rested:
        yield _step(step, report)
    yield "</tbody></table>"


def _step(step: Step, report: Report) -> str:
    title = _e(report.titles.get(step.object, step.object))
    return f"<tr><th>{title}</th><td>{_e(step.field)}</td><td>{_arrow(step.was, step.now)}</td></tr>"


def _facts(report: Report) -> Iterator[str]:
    yield "<section><h2>Recorded</h2>"
    for id, facts in by_object(report.recorded):
        new = ' <span class="tag new">new</span>' if facts[0].opens else ""
        yield f'<h3>{_e(facts[0].title)}{new}</h3><p class="id">{_e(id)}</p><ul class="facts">'
        yield from map(_fact, facts)
        yield "</ul>"
    if report.left_out:
        yield f'<p class="quiet">{report.left_out:,} more facts are not listed here.</p>'
    yield "</section>"


def _fact(fact: Recorded) -> str:
    when = f"<time>{_e(fact.occurred_on)}</time> " if fact.occurred_on else ""
    place = f'<span class="by">{fact.position:,} · {_e(fact.event)} · {_e(fact.recorded_by)}</span>'
    return f"<li>{when}{_e(fact.summary)}{_cited(fact.sources)}<br>{place}</li>"


def _cited(citations: Iterable[Citation]) -> str:
    said = [f"{one.title}{f', {one.locator}' if one.locator else ''}" for one in citations]
    return f' <span class="cited">{_e("; ".join(dict.fromkeys(said)))}</span>' if said else ""


def _sources(report: Report) -> Iterator[str]:
    yield '<section><h2>Sources</h2><table class="sources"><tbody>'
    yield from map(_source, report.sources)
    yield "</tbody></table>"
    if report.sources_left_out:
        yield f'<p class="quiet">{report.sources_left_out:,} more, which fewer events name, are not listed here.</p>'
    yield "</section>"


def _source(source: Source) -> str:
    title = _e(source.title)
    if source.url and source.url.startswith(("http://", "https://")):
        title = f'<a href="{_e(source.url)}" rel="noreferrer nofollow">{title}</a>'
    withdrawn = ' <span class="tag">withdrawn</span>' if source.withdrawn else ""
    publisher = f" · {_e(source.publisher)}" if source.publisher else ""
    below = f'<span class="by">{_e(source.kind)}{publisher} · {_e(source.id)}</span>'
    return f'<tr><td class="count">{source.events:,}</td><td>{title}{withdrawn}<br>{below}</td></tr>'


def _recorders(report: Report) -> Iterator[str]:
    yield '<section><h2>Recorded by</h2><table class="sources"><tbody>'
    for who, count in report.by_recorder.items():
        yield f'<tr><td class="count">{count:,}</td><td>{_e(who)}</td></tr>'
    yield "</tbody></table></section>"


def _footer(report: Report) -> Iterator[str]:
    yield "<footer><h2>How to check this page</h2><dl>"
    yield f"<dt>State root at position {report.last:,}, rules {_e(report.rules)}</dt><dd>{report.state_root}</dd>"
    if report.sealed is None:
        yield "<dt>Checkpoint</dt><dd>none covers this period yet</dd>"
    else:
        yield f"<dt>Root of the checkpoint of {report.sealed.size:,} events</dt><dd>{report.sealed.root}</dd>"
    yield "</dl><p>Replay the log to the same position and compare the state root; verify the log against the "
    yield "checkpoint, or against an older one that you kept:</p>"
    yield f"<pre>tamga replay --to {report.last}\ntamga audit verify --against FOLDER</pre></footer>"
