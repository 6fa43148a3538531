"""`[limits]`: what clients and objects may use, each key with its bounds and default."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from sourdough.config.table import LONGEST, MOST, Table


class Limits(Table, frozen=True, kw_only=True):
    """What clients and objects may use. Beyond a limit is a clear answer, never a slow death."""

    header_bytes: Annotated[
        int, Meta(description="The head of a request; more is 431.", ge=256, le=1 << 19)
    ] = 32_768
    url_bytes: Annotated[
        int, Meta(description="The URL of a request; more is 414.", ge=16, le=65_535)
    ] = 16_384
    headers: Annotated[
        int, Meta(description="Header lines of a request; more is 431.", ge=1, le=10_000)
    ] = 128
    body_bytes: Annotated[
        int,
        Meta(description="The body of a request; more is 413. 0 is no limit.", ge=0, le=1 << 50),
    ] = 104_857_600
    header_timeout: Annotated[
        float,
        Meta(description="Seconds for the head to arrive, then 408.", gt=0, le=LONGEST),
    ] = 10.0
    idle_timeout: Annotated[
        float,
        Meta(
            description="Seconds an idle connection is kept open between requests.",
            gt=0,
            le=LONGEST,
        ),
    ] = 75.0
    body_timeout: Annotated[
        float,
        Meta(description="Seconds without progress of a body, then 408.", gt=0, le=LONGEST),
    ] = 30.0
    request_timeout: Annotated[
        float,
        Meta(
            description="Seconds until the head of the response, then 504. 0 is no limit.",
            ge=0,
            le=LONGEST,
        ),
    ] = 120.0
    park_timeout: Annotated[
        float,
        Meta(
            description="Seconds that a request waits for a host that is being replaced.",
            ge=0,
            le=LONGEST,
        ),
    ] = 35.0
    parked_requests: Annotated[
        int,
        Meta(description="Requests of one gateway that may wait so; more is 503.", ge=0, le=MOST),
    ] = 10_000
    object_queue: Annotated[
        int, Meta(description="Events that may wait for one object; more is 503.", ge=1, le=MOST)
    ] = 1_000
    object_queue_bytes: Annotated[
        int,
        Meta(
            description="Bytes of the events that may wait for one object; more is 503.",
            ge=1 << 16,
            le=1 << 40,
        ),
    ] = 67_108_864
    host_queue_bytes: Annotated[
        int,
        Meta(
            description="The same for all objects of one host; more is 503.",
            ge=1 << 16,
            le=1 << 40,
        ),
    ] = 268_435_456
    queue_timeout: Annotated[
        float,
        Meta(
            description="Seconds that an event may wait for its object, then 503.",
            gt=0,
            le=LONGEST,
        ),
    ] = 60.0
    host_events: Annotated[
        int, Meta(description="Events in flight in one host; more is 503.", ge=1, le=MOST)
    ] = 20_000
    resident_objects: Annotated[
        int,
        Meta(
            description="Objects that one host keeps in memory; the idle ones beyond are evicted.",
            ge=1,
            le=MOST,
        ),
    ] = 10_000
    host_memory_bytes: Annotated[
        int,
        Meta(
            description="Memory of one host above which it evicts idle objects. 0 is no limit.",
            ge=0,
            le=1 << 50,
        ),
    ] = 0
    hibernate_after: Annotated[
        float,
        Meta(
            description="Seconds until an idle object leaves memory.",
            gt=0,
            le=LONGEST,
        ),
    ] = 10.0
    evict_after: Annotated[
        float,
        Meta(
            description="Seconds, up to twice as many, until one leaves that somebody still "
            "refers to, but not within the last 15 minutes.",
            gt=0,
            le=LONGEST,
        ),
    ] = 70.0
    ready_timeout: Annotated[
        float,
        Meta(description="Seconds for a host to import its modules.", gt=0, le=LONGEST),
    ] = 30.0
    hang_timeout: Annotated[
        float,
        Meta(
            description="Seconds that a host may not answer before it is killed; longer than "
            "heartbeat.",
            gt=0,
            le=LONGEST,
        ),
    ] = 30.0
    heartbeat: Annotated[
        float,
        Meta(description="Seconds between two signs of life of a process.", ge=0.01, le=60),
    ] = 1.0
    connections: Annotated[
        int, Meta(description="Client connections of one gateway; more wait.", ge=1, le=MOST)
    ] = 20_000
    sql_seconds: Annotated[
        float,
        Meta(
            description="Seconds that a query may take before it is stopped; one that is not in a "
            "thread at most half of hang_timeout.",
            gt=0,
            le=LONGEST,
        ),
    ] = 30.0
    sql_statement_bytes: Annotated[
        int, Meta(description="The text of an SQL statement.", ge=1_000, le=MOST)
    ] = 1_000_000
    sql_value_bytes: Annotated[
        int,
        Meta(
            description="A text, a BLOB or a row in SQL; an entry of the key-value store.",
            ge=10_000,
            le=MOST,
        ),
    ] = 16_777_216
    sql_result_bytes: Annotated[
        int,
        Meta(
            description="A result as a list, in memory; a cursor that is iterated over has no limit.",
            ge=10_000,
            le=1 << 40,
        ),
    ] = 268_435_456
    sql_columns: Annotated[
        int, Meta(description="Columns of a table, an index or a result.", ge=10, le=2_000)
    ] = 2_000
    sql_variables: Annotated[
        int, Meta(description="Bindings of an SQL statement.", ge=10, le=32_766)
    ] = 32_766
    sql_expression_depth: Annotated[
        int, Meta(description="How deep an SQL expression may be nested.", ge=10, le=1_000)
    ] = 1_000
    sql_compound_selects: Annotated[
        int, Meta(description="SELECTs joined by UNION and the like.", ge=2, le=500)
    ] = 500
    sql_function_arguments: Annotated[
        int, Meta(description="Arguments of an SQL function.", ge=8, le=1_000)
    ] = 127
    sql_like_pattern_bytes: Annotated[
        int, Meta(description="The pattern of LIKE and GLOB.", ge=10, le=50_000)
    ] = 50_000
    sql_trigger_depth: Annotated[
        int, Meta(description="How deep triggers may set off each other.", ge=1, le=1_000)
    ] = 1_000
    sql_operations: Annotated[
        int,
        Meta(
            description="Steps of a prepared SQL statement, loops counted once: its size.",
            ge=1_000,
            le=250_000_000,
        ),
    ] = 1_000_000
