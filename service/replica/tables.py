"""The tables of the replica: every row is a version, alive from position `since` until before position `until`.

Only shapes live here; what is written into them is decided by the folds. Columns are written in the order given here.
"""

from dataclasses import dataclass
from functools import cache, cached_property

_RETRACTED = "retracted = 1"

ALIVE = 2**63 - 1
"""The `until` of a row that is still alive."""

LAST_DAY = "9999-99-99"
"""The sort key of an unknown date or open start: after all others."""


@dataclass(frozen=True)
class Table:
    """A versioned table: the rows of a noun (key: id) or the rows that an object owns (key: owner, key)."""

    name: str
    columns: str
    """Its own columns: text that may be null; `!` text that may not, `#` a whole number, `#?` one that may be null."""
    orders: tuple[str, ...] = ()
    """Columns to sort or filter by, each with an index that covers any moment.

    A noun's row ends with nearly every event, so it has a second index of what is alive alone; owned rows seldom end.
    """
    filters: str = ""
    """Columns that lists of a noun are filtered by. Its indexes of what is alive carry them, so that a list is walked
    in its order, and totals are made, without looking at rows that are left out."""
    owned: bool = True
    listed: bool = False
    """Whether the rows of an owner lie in their order, since lists of objects read them so often."""

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return ("owner", "key") if self.owned else ("id",)

    @cached_property
    def all_columns(self) -> tuple[str, ...]:
        """Every column, in the order of writing."""
        return (*self.keys, "since", "until", *self.names)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Its own columns by name."""
        return tuple(column.rstrip("!#?") for column in self.columns.split())

    def ddl(self, schema: str = "main") -> list[str]:
        """The statements that make the table and its indexes."""
        keys = ", ".join(f"{key} TEXT NOT NULL" for key in self.keys)
        columns = ", ".join(("since INTEGER NOT NULL", "until INTEGER NOT NULL", *map(_declared, self.columns.split())))
        key = "owner, ord, key, until" if self.listed else ", ".join((*self.keys, "until"))
        return [
            f"CREATE TABLE {schema}.{self.name} ({keys}, {columns}, PRIMARY KEY ({key})) WITHOUT ROWID",
            *([] if self.owned else [self._of_retracted(schema)]),
            *(statement for order in self.orders for statement in self._indexes(schema, order)),
        ]

    def _of_retracted(self, schema: str) -> str:
        return f"CREATE INDEX {schema}.{self.name}_retracted ON {self.name} (id, since, until) WHERE {_RETRACTED}"

    def _indexes(self, schema: str, order: str) -> list[str]:
        name = index_name(self.name, order)
        tail = ", ".join(key for key in self.keys if key not in order.split(", "))
        if self.owned:
            life = "until" if order.endswith(", since") else "since, until"
            return [f"CREATE INDEX {schema}.{name} ON {self.name} ({order}, {tail}, {life})"]
        past = f"{order}, {tail}, retracted, disputed, anomalies"
        now = ", ".join((past, *(each for each in self.filters.split() if each not in order.split(", "))))
        return [
            f"CREATE INDEX {schema}.{name}_now ON {self.name} ({now}) WHERE until = {ALIVE}",
            f"CREATE INDEX {schema}.{name}_past ON {self.name} ({past}, since, until)",
        ]


def index_name(table: str, order: str, past: bool | None = None) -> str:
    """The name of the index of an order; a noun has one for what is alive and one for any moment (`past`)."""
    name = f"{table}_by_{order.replace(', ', '_')}"
    return name if past is None else f"{name}_{'past' if past else 'now'}"


def _declared(column: str) -> str:
    name = column.rstrip("!#?")
    return {"!": f"{name} TEXT NOT NULL", "#": f"{name} INTEGER NOT NULL", "#?": f"{name} INTEGER"}.get(
        column[len(name) :], f"{name} TEXT"
    )


_LABEL = "created# recorded_at! changed# version# retracted# disputed# anomalies#"
"""What every noun has: position and time of its opening, position and version of its last event, flags."""


LABEL = tuple(column.rstrip("#!") for column in _LABEL.split())


def _noun(name: str, columns: str, *orders: str, filters: str = "") -> Table:
    label = "title" if " title!" in f" {columns}" else "name"
    return Table(name, f"{_LABEL} {columns}", ("created", "changed", label, *orders), filters, owned=False)


NOUN_TABLES: tuple[Table, ...] = (
    _noun(
        "source",
        "kind! title! url publisher author published_on language content_hash derived_from origin! withdrawn# "
        "withdrawn_reason archived_url day!",
        "kind, created",
        "day",
        "derived_from, created",
        "origin, created",
        filters="kind day withdrawn",
    ),
    _noun(
        "party",
        "kind! name! country merged_into successor",
        "kind, created",
        "country, created",
        filters="kind country",
    ),
    _noun(
        "institution",
        "name! country status! gathering predecessor day!",
        "status, created",
        "country, created",
        "day",
        filters="country status day",
    ),
    _noun(
        "gathering",
        "name! series session#? place period day!",
        "series, created",
        "day",
    ),
    _noun(
        "agreement",
        "title! kind! binding! status! gathering day!",
        "kind, created",
        "status, created",
        "day",
        filters="kind binding status day",
    ),
    _noun(
        "deal",
        "title! kind! commitment! schedule! gathering value_subject value_currency value_basis value_number "
        "value_key! value_covers value_low value_high announced verification delays# days_late#? day!",
        "kind, created",
        "commitment, created",
        "day",
        "value_key",
        "verification, created",
        filters="kind commitment schedule verification day value_subject value_currency value_basis value_number "
        "value_key value_covers",
    ),
    _noun(
        "investment",
        "title! investor! host! stage! cumulative# period value_subject value_currency value_number value_key! day!",
        "investor, created",
        "host, created",
        "day",
        "value_key",
        filters="investor host stage day value_currency value_key",
    ),
    _noun("relation", "title!"),
    _noun(
        "programme",
        "title! gathering closed# value_subject day!",
        "day",
    ),
)

OWNED_TABLES: tuple[Table, ...] = (
    # what any object can own
    Table("party_link", "ord# party! stated_party! role country", ("party, role", "country"), listed=True),
    Table("sector", "ord# scheme! code! percent subject!", ("code",), listed=True),
    Table(
        "claim",
        "ord# subject! position# event! field! standing! denies# kind! value text basis source_kind recorded_at!",
        ("subject",),
    ),
    Table("claim_source", "ord# claim! source! origin! stance! locator quote", ("claim", "source, since", "origin")),
    Table(
        "claimed",
        "ord# kind! shown text claim verification! adopted# claims# origins#",
        ("verification",),
    ),
    Table("effect", "ord# subject! kind! place outlook! statement measure!", ("kind",)),
    Table("assessment", "ord# subject! theme! statement! said_by event!"),
    Table("anomaly", "ord# kind! events!", ("kind",)),
    Table("prose", "noun! title! doc#", ("doc",)),
    Table(
        "correction",
        "ord# kind! event! target! field was now cause reason! position# recorded_at! recorded_by! retracted#",
        ("position",),
    ),
    # what one noun owns
    Table("identifier", "ord# scheme! value!", ("value",)),
    Table("party_name", "ord# name! valid_from event!"),
    Table("mandate", "ord# topic legal_act event!"),
    Table("officeholder", "ord# person! office! appointed_on event!"),
    Table(
        "act",
        "ord# kind! occurred_on subject! party place gathering body provisional#? statement other event!",
        ("party",),
    ),
    Table(
        "line",
        "ord# item! hs_code unit! firm open_options! purchase_rights intended not_stated exercised! expired! "
        "delivered!",
    ),
    Table("line_report", "ord# line! commitment! subject!", ("commitment",)),
    Table("deal_value", "ord# subject! basis line covers currency! number"),
    Table("condition", "ord# statement! financing met# met_on event!"),
    Table(
        "financing",
        "ord# financier! kind! status! subject! valid_until valid_until_day! committed_subject event!",
        ("financier", "valid_until_day"),
    ),
    Table("ownership", "ord# party! percent! subject!"),
    Table(
        "delivery",
        "ord# line statement first_period period moved# days_late#? status! subject! measure!",
    ),
    Table("goods_delivered", "ord# line! quantity! delivered_on event!"),
    Table("payment", "ord# money! payer payee paid_on event!"),
    Table("governed_by", "ord# agreement! event!", ("agreement",)),
    Table(
        "commitment_step",
        "ord# commitment! occurred_on day! position# event!",
        ("commitment, day",),
    ),
    Table("output", "ord# item! subject! period destination"),
    Table(
        "indicator",
        "ord# indicator! flow! period reporter subject! measure!",
    ),
    Table("programme_value", "ord# subject! basis period duration covers"),
    Table("inclusion", "ord# deal! certainty! event!", ("deal",)),
)

TABLES: dict[str, Table] = {table.name: table for table in (*NOUN_TABLES, *OWNED_TABLES)}

EVENT_COLUMNS = (
    *("position", "id", "stream", "noun", "version", "type", "occurred_on", "day"),
    *("recorded_at", "recorded_by", "command_id", "summary", "body"),
)
"""The columns of `event`, which has one row for each event; `body` is its data, occurred_on and sources as JSON."""

TOKENIZER = "unicode61 remove_diacritics 2"
"""What makes words of texts, of those in the index and of those that are looked for."""

NOUN_MARK = "\ue000"
"""Stands before the noun in the index, so that no word of a text is taken for it."""

_PLAIN = (
    """CREATE TABLE {schema}.event (position INTEGER PRIMARY KEY, id TEXT NOT NULL, stream TEXT NOT NULL,
       noun TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, occurred_on TEXT, day TEXT NOT NULL,
       recorded_at TEXT NOT NULL, recorded_by TEXT NOT NULL, command_id TEXT NOT NULL, summary TEXT NOT NULL,
       body TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX {schema}.event_by_stream ON event (stream, version)",
    "CREATE INDEX {schema}.event_by_type ON event (type, position)",
    "CREATE INDEX {schema}.event_by_noun ON event (noun, position)",
    "CREATE INDEX {schema}.event_by_time ON event (recorded_at, position)",
    "CREATE INDEX {schema}.event_by_command ON event (command_id)",
    "CREATE TABLE {schema}.facet (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE {schema}.depends (target TEXT NOT NULL, dependent TEXT NOT NULL,
       PRIMARY KEY (target, dependent)) WITHOUT ROWID""",
    """CREATE TABLE {schema}.touched (position INTEGER NOT NULL, id TEXT NOT NULL,
       PRIMARY KEY (position, id)) WITHOUT ROWID""",
    "CREATE INDEX {schema}.touched_by_id ON touched (id, position)",
    """CREATE TABLE {schema}.held_back (stream TEXT PRIMARY KEY, position INTEGER NOT NULL,
       reason TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE TABLE {schema}.state (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    f"""CREATE VIRTUAL TABLE {{schema}}.search USING fts5(title, body, noun, detail = column, columnsize = 0,
       prefix = '1 2 3', tokenize = '{TOKENIZER}')""",
)


# `touched` names the objects whose rows an event of another stream changed, so that streams can say so.


@cache
def ddl(schema: str = "main") -> tuple[str, ...]:
    """Every statement that makes an empty replica, indexes that only reading needs last."""
    made = [statement for table in TABLES.values() for statement in table.ddl(schema)]
    whole = [*(statement.format(schema=schema) for statement in _PLAIN), *made]
    return tuple(sorted(whole, key=is_index))


def is_index(statement: str) -> bool:
    """Whether a statement of `ddl` makes an index that only reading needs, so that a rebuild can make it at the end.

    Those of what is retracted, which is next to nothing, cost less from the beginning.
    """
    return statement.startswith("CREATE INDEX") and not statement.endswith(_RETRACTED)
