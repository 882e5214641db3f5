from __future__ import annotations

import pytest

from syncspec.manifests.expressions import ExpressionError, Namespace, RecordReference, Reference, as_text, parse


def var(name: str, offset: int = 0) -> Reference:
    return Reference(Namespace.VAR, name, offset)


def to(
    set_name: str,
    record: str,
    namespace: Namespace = Namespace.RECORD,
    *,
    field: str | None = None,
    offset: int = 0,
    column: str | None = None,
) -> RecordReference:
    return RecordReference(namespace, set_name, record, field, offset, column)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain", ("plain",)),
        ("$5 {x} $", ("$5 {x} $",)),
        ("${var.a}", (var("a"),)),
        ("${ var.a }", (var("a"),)),
        ('${var["a.b"]}', (var("a.b"),)),
        ("${var['a}b']}", (var("a}b"),)),
        ("${var.a}${var.b}", (var("a"), var("b", 8))),
        ("x ${var.a-b_1} y", ("x ", var("a-b_1", 2), " y")),
        ("${env.HOME}", (Reference(Namespace.ENV, "HOME", 0),)),
        ("$${var.a}", ("${var.a}",)),
        ("a $${b} ${var.c}", ("a ${b} ", var("c", 8))),
        ("$$${var.a}", ("$${var.a}",)),
        ("${record.a.b.upstream_id}", (to("a", "b"),)),
        ("${ record.a.b-1@x.upstream_id }", (to("a", "b-1@x"),)),
        ("x ${record.a.b.data.F_1} y", ("x ", to("a", "b", field="F_1", offset=2), " y")),
        ('${record.a["b@x.org"].data["F g"]}', (to("a", "b@x.org", field="F g"),)),
        ('${record["a"]["Paul A"].upstream_id}', (to("a", "Paul..20A"),)),
        ("${lookup.a.b.upstream_id}", (to("a", "b", Namespace.LOOKUP),)),
        ("${record.a[row.X].upstream_id}", (to("a", "", column="X"),)),
        ('${record.a[ row["X y"] ].upstream_id}', (to("a", "", column="X y"),)),
    ],
)
def test_text_is_split_into_literals_and_references(text: str, parts: tuple[object, ...]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(
    ("text", "offset", "detail"),
    [
        ("a ${", 2, "${ is not closed."),
        ("a ${var.x", 2, "${var.x is not closed."),
        ("${}", 0, "${} names nothing."),
        ("${  }", 0, "${} names nothing."),
        ("${var.${var.x}}", 0, "An expression holds another one."),
        ("${var}", 0, "${var} is not of the form ${var.NAME}."),
        ("${var.}", 0, "${var.} is not of the form ${var.NAME}."),
        ("${var.a.b}", 0, "${var.a.b} is not of the form ${var.NAME}."),
        ("${var.1a}", 0, "${var.1a} is not of the form ${var.NAME}."),
        ("${var[a]}", 0, "${var[a]} is not of the form ${var.NAME}."),
        ("${name}", 0, "${name} begins with none of the names that are known here."),
        (
            "${record.a.b}",
            0,
            "${record.a.b} is not of the form ${record.SET.RECORD.upstream_id}, or of ${record.SET.RECORD.data.FIELD}.",
        ),
        (
            "${record.a.b.data}",
            0,
            "${record.a.b.data} is not of the form ${record.SET.RECORD.upstream_id}, or of "
            "${record.SET.RECORD.data.FIELD}.",
        ),
        ("${lookup.a.b.data.c}", 0, "${lookup.a.b.data.c} is not of the form ${lookup.SET.RECORD.upstream_id}."),
        (
            "${record.a.b.upstream_id.x}",
            0,
            "${record.a.b.upstream_id.x} is not of the form "
            "${record.SET.RECORD.upstream_id}, or of ${record.SET.RECORD.data.FIELD}.",
        ),
        (
            "${lookup.a[row].upstream_id}",
            0,
            "${lookup.a[row].upstream_id} is not of the form ${lookup.SET.RECORD.upstream_id}.",
        ),
        ("ok ${var.a} ${Var.b}", 12, "${Var.b} begins with none of the names that are known here."),
    ],
)
def test_unreadable_expression_is_an_error_where_it_begins(text: str, offset: int, detail: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert (caught.value.offset, caught.value.detail) == (offset, detail)
    assert caught.value.hint


def test_hostile_text_without_a_closing_brace_ends_at_once() -> None:
    with pytest.raises(ExpressionError):
        parse("${var[" + "\"'" * 2_000_000)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (None, "null"), (5, "5"), (1.5, "1.5"), ("é", "é"), (False, "false")]
)
def test_values_become_text_as_json_writes_them(value: object, text: str) -> None:
    assert as_text(value) == text
