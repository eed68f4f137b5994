"""To-dos in named lists, with reminders."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal

from ai.sentences.tokens import TO_DO
from ai.times.recurrence import Resolved
from ai.times.resolve import DAY_STARTS, FURTHEST_DAYS, TOO_FAR
from ai.times.wording import ends_when_done, repeats
from bot.api.client import ApiError
from bot.api.sessions import Rows, UserApi
from bot.framework.context import Context, Declined
from bot.framework.fields import About, Repeating
from bot.framework.lookup import ID, Row, containing, pick
from bot.framework.registry import CommandModule
from bot.framework.reminder_buttons import Offer, subject_at
from bot.markdown import escape, named
from bot.messages import Button, Listing
from bot.phrasing import on_the_day

DEFAULT_LIST = "tasks"
WAKE_UP, TIMER = "wake up", "timer"  # the tasks that an alarm and a timer are
_ALARM = re.compile(
    r"(?:wake|waking|get|getting)(?: me| us)?[ -]up(?: call)?|alarm(?: clock)?"
    r"|(?:mich )?(?:auf)?wecken|wecker|auf(?:stehen|wachen)|despert\w+|levantar\w*|alarma"
    r"|(?:me )?(?:réveil\w*|lever)|alarme",
    re.IGNORECASE,
)
TIMES = ("due_at", "repeat", "repeat_from")
MAX_LISTED = 100


async def _open(api: UserApi) -> Rows:
    return await api.get_all("/api/tasks")


async def _done(api: UserApi) -> Rows:
    return await api.get_all("/api/tasks", {"done": "true"})


async def _lists(api: UserApi) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await api.get("/api/lists")
    return rows


def _wakes(said: Mapping[str, Any]) -> bool:
    """Say whether a task is an alarm, as models name them in the person's language."""
    return bool(_ALARM.fullmatch(str(said.get("name", ""))))


Task = Annotated[str, About("the task", example="buy milk", each=True)]
OneTask = Annotated[str, About("the task", example="milk", choices_from=_open)]
OpenTask = Annotated[str, About("the task", example="milk", choices_from=_open, each=True)]
DoneTask = Annotated[str, About("the task", example="milk", choices_from=_done)]
ListName = Annotated[str, About("the list's name", example="shopping", choices_from=_lists)]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SAID_AS = {
    "today": ("the day", "my day", "tonight", "the rest of the day"),
    "this week": ("the week", "my week", "the rest of the week"),
    "this weekend": ("the weekend",),
    **{day: (f"on {day}", f"this {day}", day[:3]) for day in WEEKDAYS},
}
Day = Annotated[
    Literal[
        "today",
        "tomorrow",
        "this week",
        "this weekend",
        "next week",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ],
    About("the day", example="today", said_as=SAID_AS),
]
Due = Annotated[Repeating, About("it due", example="tomorrow at 5pm", early=_wakes)]
Alarm = Annotated[Repeating, About("it", example="tomorrow at 7am", early=lambda _: True)]

tasks = CommandModule("task", "Your to-do list", {"delete": ("strike",)})
tasks.offer(
    "tasks",
    Offer("Done", "complete", {"name": "{id}"}),
    Offer("Snooze 10 min", "schedule", {"name": "{id}", "due": "in 10 minutes"}),
    Offer("Snooze 1 h", "schedule", {"name": "{id}", "due": "in 1 hour"}),
)


@tasks.command(
    "add {name} to my tasks",
    "remind me to {name} {due}",
    "remind me {due} to {name}",
    "{due} remind me [to] {name}",
    "{due} tell me (to|that|about) {name}",
    "remind me (about|of|that) {name} {due}",
    "add {name} to my {list_name} list",
    "remind me {due} (about|of|that|re) {name}",
    "remind me {due} {name}",
    "{due} remind me (about|of) {name}",
    "{due} {name}",
    "[set|make|add|give|send] [me] [a] [repeating] reminder {due} [to|for|about|of] {name}",
    "reminder for {due} {name}",
    "[set|make|add|give|send] [me] [a] [repeating] reminder (for|about|of) {name} {due}",
    "[i|we] (need|want) [a] reminder {due} (to|for|about|of) {name}",
    "[i|we] (need|want) [a] reminder (to|for|about|of) {name} {due}",
    "tell me {due} (to|that|about) {name}",
    "tell me to {name} {due}",
    "(put|add|write) (on|to) [my] {list_name} list {name}",
    "[set|make|add] [a] reminder {name} {due}",
    "i (need|want|would like|would like to have) {name} (on|added to|put on) my {list_name} list",
    "reminder to {name} {due}",
    "(put|add|write|get) {name} (on|onto|to|in) [my] {list_name} list",
    "(put|add|write) down {name} (on|for) [my] {list_name} list",
    "(put|add|write) {name} down (on|for) [my] {list_name} list",
    "[set|make|add|create|give] [me] [a] {due} reminder {due} (to|for|about|of) {name}",
    "[set|make|add|create|give] [me] [a] {due} reminder (to|for|about|of) {name} {due}",
    "[set|make|add|create|give] [me] [a] {due} reminder (to|for|about|of) {name}",
    "(don't|do not) forget to (tell|remind) me (about|of|to|that) {name} [{due}]",
    "(put|add|write) {name} (on|to|in) [my] {list_name} list [due|by|for] {due}",
    "(put|add|write) {name} (on|to|in) my (tasks|to-do list)",
    "(put|add|write) {name} (on|to|in) my to-do list [due|by|for] {due}",
    "(put|add|write) (on|to) my (tasks|to-do list) {name}",
    "(add|make) [a] [new] (task|todo) [called|to] {name}",
    "(add|make) [a] [new] (task|todo) [called|to] {name} due {due}",
    "(make|take) [me] a note (to|that|of|about) {name}",
    "(make|take) [me] a note (to|that|of|about) {name} {due}",
    "note to self [to] {name}",
    "note to self [to] {name} {due}",
    "(note|jot|write) down [that] {name}",
    "(todo|to-do) {name}",
    "(add|make) [a] [new] (task|todo) to {name} {due}",
    "new (task|todo) {name}",
    "new (task|todo|reminder) {name} [due] {due}",
    "(todo|to-do) {name} {due}",
    "(add|make) [a] [new] task",
    "new task",
    "(i|we) [have] (need|have|got) to (buy|get) {name}",
    "i want to (buy|get) {name}",
    "(i|we) must (buy|get) {name}",
    "don't let me forget [to|about] {name}",
    "don't let me forget [to|about] {name} {due}",
    "(don't|i must not|i can't) forget to {name}",
    "i (must not|can't|should not) forget {name}",
    "remember to {name} {due}",
    "[(set|make|start|give) [me]] [a] {due} timer for {name}",
    "[(set|make|start) [me]] [a] timer for {name} [for|of] {due}",
    "[(set|make|start|put|give) [me]] [a] {due} {name} timer",
    "[(set|make|start) [me]] [a] timer (for|of) {due} for {name}",
    "(set|make|start|put) [me] [a] {name} timer (for|of|on for) {due}",
    near=(
        "{name} timer [for|of] {due}",
        "{name} reminder {due}",
        "{name} [go|goes|belong|belongs] (on|onto|to|for) [my] {list_name} list",
        "{name} (go|goes|belong|belongs) (on|onto|to) [my] {list_name}",
        "{name} (on|onto) my list",
        "(add|put) (to|on) [my] list: {name}",
        "[my] {list_name} list: (add|put) {name}",
        "[my] {list_name} list (add|put) {name}",
        "[on|onto|to|for] [my] {list_name} list: {name}",
        "(add|put) (to|on|onto) [my] {list_name}: {name}",
        "[add|put] [these|this] (on|onto|to) [my] {list_name} list: {name}",
        "add (these|this|the following) to [my] {list_name} list: {name}",
        "(to do|task|reminder): {name}",
        "(to do|task|reminder): {name} {due}",
        "[we are] [running|nearly|almost] (out of|low on) {name}",
        "{name} [is] due {due}",
        "{name} deadline [is] {due}",
        "add {name} to [my] list for {due}",
        "(schedule|plan) [me] a reminder for {due} [to|for|about]: {name}",
        "(need|buy|get|grab|pick up) {name}",
        "(i|we) (need|should get|must get|should buy|must buy|are out of|ran out of) {name}",
        "i (am|have run) out of {name}",
        "(i|we) (have to|have got to|need to) {name}",
        "(i|we) (could use|could do with|are short of|are short on) {name}",
        "(i|we) (should|must|have to|have got to|need to|ought to) {name} {due}",
        "(gotta|need to|have to|remember to|todo) {name}",
        "(gotta|need to|have to|must|should|remember to|todo) {name} {due}",
        "(don't|do not) forget [to] {name}",
        "(don't|do not) forget [to] {name} {due}",
        "add {name}",
        "add {name} {due}",
        "(put|add|write) {name} (on|to|in) my list",
        "(put|add|write) {name} (on|onto|to|in) [my] {list_name}",
        "(schedule|plan|note|note that) {name} [for|on] {due}",
        "(note|jot down) {name}",
        "(i|we) (am|are) [running|nearly|almost] (out of|low on) {name}",
        "(make sure [that] i|help me [to] remember to|remember [to]) {name} {due}",
        "[please] remember [that] (i|we) (must|have to|need to) {name} {due}",
        "(buy|get|pick up) {name} {due}",
        "(set|make|start) [me] [an|my] alarm for {name} {due}",
        "(i|we) have [got] [a|an] {name} {due}",
        "remind me {name} {due}",
        "(i|we) must to {name} {due}",
        "{name} {due} (remind me|nudge me|give me a reminder|give me a nudge)",
        "{name} {due}",
    ),
    hint="Also: I need to buy ..., don't let me forget ..., wake me up ..., a timer, an alarm.",
)
async def add(
    ctx: Context, name: Task, list_name: ListName | None = None, due: Due | None = None
) -> str:
    """Add a task, with a reminder where it has a due time."""
    data: dict[str, Any] = {"name": name, **_times(due)}
    if list_name:
        data["list"] = list_name
    task = await ctx.api.post("/api/tasks", data)
    ctx.undoable(
        f"{named(task['name'])} is off your tasks again.", partial(ctx.api.delete, _path(task))
    )
    return f"Added {named(task['name'])}{_to_list(task)}{_when(ctx, task)}."


@tasks.command(
    "remind me to {name}",
    "remind me that i (must|have to|need to) {name}",
    "(set|make|add) [me] [a] reminder [for] {due}",
    "[i need to] (set|make|create|add) [me] [a] reminder",
    "new reminder [for] {due}",
    "(set|make|add) [me] [a] reminder (to|for|about) {name}",
    "(set|make|add) [me] [a] reminder to {name} {due}",
    "[(set|make|add|give) [me]] [a] reminder for {due} to {name}",
    "[i|we] (need|want) [a] reminder (to|for|about) {name}",
    near=("remind me about {name}",),
)
async def remind(ctx: Context, name: Task, due: Due) -> str:
    """Add a task, and ask when to remind you of it."""
    return await add(ctx, name, due=due)


@tasks.command(
    "wake me [up] {due}",
    "[i] [need to|must|have to] be (up|awake) {due}",
    "[i] (need to|must|have to) (get|wake) up {due}",
    "get me up {due}",
    "(set|make|start|add) [me] [a new|an|my|my new|new] alarm [for|to|on] {due}",
    "(set|make|start|add) [me] [my] [new|two] alarms (for|at) {due} and [for|at] {due}",
    "(set|make|start|add) [me] [an] alarm (for|at) {due} and (another [one]|one) (for|at) {due}",
    "[i need to] set [an|my] alarm for me [for|to] {due}",
    "alarm [for] {due}",
    "[(set|make) [me]] [a|an|my] {due} alarm [for|at|to] {due}",
    "(i need|i want|give me|i need to set) an alarm [for] {due}",
    for_models=False,
)
async def wake(ctx: Context, due: Alarm) -> str:
    """Have you woken at a time."""
    ctx.short_for("add", name=WAKE_UP)
    return await add(ctx, WAKE_UP, due=due)


@tasks.command(
    "(set|make|start) [me] [a] timer [for|of] {due}",
    "(set|put) [me] [a] timer on [for|of] {due}",
    "(set|make|start) [me] [a] timer [that is set] to go off {due}",
    "timer [for] {due}",
    "[set|make|start|give|put] [me] [a] {due} timer",
    "(tell|remind|ping) me when {due} (are|is|have|has) (up|over|passed|gone)",
    "[start|set] [me] [a] (countdown|count down) [of|for|from] {due}",
    for_models=False,
)
async def timer(ctx: Context, due: Annotated[Repeating, About("it", example="10 minutes")]) -> str:
    """Be told when some time is over."""
    ctx.short_for("add", name=TIMER)
    return await add(ctx, TIMER, due=due)


@tasks.command(
    "what (is|do i have) due {day}",
    "what (tasks|todos|reminders|things) (are [there]|do i have|have i got) [due|for|on] {day}",
    "what (do i have|is|have i got) (due|planned|scheduled|left|coming up) [to do] [for|on] {day}",
    "what (am i supposed|was i supposed|do i have|have i got|am i meant|am i going) to do {day}",
    "[show] [me] [my] {day} s (tasks|todos|reminders|list|agenda|plan|schedule)",
    "(what is|show [me]) my (agenda|plan|schedule) [for] {day}",
    "(show|list) [me] [my] (tasks|todos|reminders|list|to-do list) [due] [for] {day}",
    "(to-do|to do|todo) list for {day}",
    "what (do i have|have i got|is there) [to do|on|planned|on my list] [for] {day}",
    "what (do i need|must i) [to] (do|get done) {day}",
    "what do i have to get done {day}",
    "[(do i have|is there|have i got)] anything (due|to do|left|planned|on) [for] {day}",
    "[do i have|have i got|got] anything [due|planned|to do|left to do] [for|on] {day}",
    "is there anything on my list [for] {day}",
    "[(do i have|have i got|are there)] any (tasks|todos|reminders) [due] [for] {day}",
    "[my] agenda",
    "what are my (tasks|todos|reminders|plans) [for] {day}",
    "[show me|tell me|remind me] what (i have|i have got|i need|i must) [to] do {day}",
    "what is on my (agenda|list|to-do list) [for] {day}",
    "[my] (tasks|todos|reminders) [for] {day}",
    "(show|list) [me] (everything|all) [due|planned] [for] {day}",
    near=(
        "what is due",
        "what is (up|on|the plan|on the cards) [for] {day}",
        "(am i|are we) (free|busy) {day}",
        "what is my (plan|schedule|agenda) for the day",
        "what is (on|up next|happening|going on|coming up) [for] {day}",
        "what (does|is) my (agenda|schedule) [look] [like] [for] [{day}]",
        "(what|how) (does|is) {day} (look|looking) [like]",
        "what is on my plate [for] {day}",
        "(show|list) [me] {day}",
        "[(what is|is anything|show [me] [what is])] overdue [today]",
        "anything overdue",
        "[my|the] (agenda|plan|schedule) [for] {day}",
        "what [else] (should i|do i|must i|can i|am i) [do|doing] {day}",
        "what have i got on {day}",
        "what do i have going on [for] {day}",
        "how (busy|packed|full) (am i|is my day|is my schedule|does it look) [{day}]",
        "[is there] anything that needs doing [for|by] {day}",
    ),
)
async def due(ctx: Context, day: Day = "today") -> str:
    """Show what is due on a day, or this week; what is overdue is due today."""
    midnight = ctx.now.replace(hour=0, minute=0, second=0, microsecond=0)
    first, days = _days(day, ctx.now.weekday())
    begins, ends = (midnight + timedelta(days=number) for number in (first, first + days))
    rows = await ctx.api.get_all("/api/tasks")
    found = Rows(
        row
        for row in rows
        if row["due_at"]
        and (first == 0 or datetime.fromisoformat(row["due_at"]) >= begins)
        and datetime.fromisoformat(row["due_at"]) < ends
    )
    found.has_more = rows.has_more
    when = f"on {day.title()}" if day in WEEKDAYS else day
    return _by_list(ctx, found) if found else f"Nothing is due {when}."


def _days(day: str, weekday: int) -> tuple[int, int]:
    """Return in how many days what was named begins, and how many days it has."""
    left = 7 - weekday
    if day in WEEKDAYS:
        return (WEEKDAYS.index(day) - weekday) % 7, 1
    if day == "this weekend":
        return max(5 - weekday, 0), min(left, 2)
    return {"today": (0, 1), "tomorrow": (1, 1), "this week": (0, left)}.get(day, (left, 7))


@tasks.command(
    "(list|show) my tasks",
    "show my {list_name} list",
    "(show|list) [me] [all] [of] [my] [open] (tasks|todos|reminders|alarms|timers)",
    "what (alarms|timers) (do i have|have i got|are [there] [set|running])",
    "(show|list) [me] [my] (to-do|task|tasks) list",
    "what is on my (list|to-do list)",
    "what (do i|i) [still] have on my (list|to-do list)",
    "[(do i have|is there|there is)] anything on my (list|to-do list)",
    "(show|list) [me] (everything|all [the] (tasks|items|things)) (on|in) my {list_name} list",
    "[(do i have|have i got|are there)] any [open] (tasks|todos|reminders) [left]",
    "(what|which) [open] (tasks|todos|reminders) (do i have|have i got|are left|are there)",
    "(show|list) [me] [my] {list_name} list",
    "(show|list) [me] [the] (tasks|items|things) (on|in) [my] {list_name} list",
    "what [else] (is|are) (on|in) [my] {list_name} list",
    "what my (tasks|items|things) on my {list_name} list are",
    "what is my {list_name} list",
    "(read|list) my {list_name} list [back] to me",
    "(read|list) my (list|to-do list) [back] to me",
    "what (is|are) (on|in) my list (called|named) {list_name}",
    "what (are my tasks|do i (have|need) to do|have i got to do|is there to do|is left to do)",
    "what is (open|still open|still left|outstanding) [to do]",
    "what is [still] (left|open|missing) on my {list_name} list",
    "what do (i|we) [still] need (on|from) my {list_name} list",
    "[(is there|do i have|have i got)] anything [left] (on|in) [my] {list_name} list",
    "what (else|all) (do i have|have i got|is there) [left] to do",
    "(what|which) (things|tasks) are [still] (open|left)",
    "(show|list) [me] (everything|all|all i have to do|everything i have to do)",
    "(show|list) [me] (everything|all) [that is] [still] (open|left|to do|outstanding)",
    "(show|list) [me] [all] [of] my (things to do|open things)",
    "[my|the] (to-do|task|tasks) list",
    "(my|the) {list_name} list",
    "[my] (tasks|todos|reminders)",
    near=(
        "what is left",
        "what is (on|in|left on|still open on) [my] {list_name}",
        "(show|list) [me] [my] {list_name}",
        "[my] {list_name} list",
        "what do (i|we) [still] need (on|from|for|in|to get from|to buy from) [my] {list_name}",
        "what do (i|we) [still] (need|have) [to (get|buy)]",
        "what [else] (is|do we need) [left|there] to (get|buy)",
        "what (should|do|must) (i|we) (get|buy)",
        "(show|list) [me] [all] my (stuff|things)",
        "(check|go through) my (list|tasks|todos|reminders|to-do list)",
    ),
    hint="Also: what is left or still to do?",
)
async def show(ctx: Context, list_name: ListName | None = None) -> str:
    """Show the open tasks of one list, or of all."""
    query: dict[str, Any] = {}
    if list_name:
        query["list"] = await _list_meant(ctx, list_name)
    rows = await ctx.api.get_all("/api/tasks", query)
    if not rows:
        where = f" on {named(query['list'])}" if list_name else ""
        return f"You have nothing to do{where}."
    return _by_list(ctx, rows)


@tasks.command(
    "how many tasks do i have",
    "how many [open] (tasks|todos|things) (do i have|have i got|are there) [left] [to do]",
    "how many [open] (tasks|todos|things) are left [to do]",
    "how many (tasks|items|things) are [there] (on|in) [my] {list_name} list",
    "how (many [things] do i have to do|much is left [to do])",
    "how much [stuff] do i have [left] to do",
    "how many (tasks|items|things) are [there] (on|in) my (list|to-do list)",
    "how many [open] (tasks|todos|items|things) [are] on [my] {list_name} list",
    "how many [open] (tasks|todos|things) [do i have] [left]",
    "how many things (do i have|are) left [to do]",
    "how (long|full) is my (list|to-do list)",
    "how (long|full) is my {list_name} list",
    "([the] number of|count) [my] [open] (tasks|todos)",
    near=(
        "how (many|much) [things|tasks|items] (is|are) [there] [left] on [my] {list_name}",
        "how many (things|tasks|items) [left] on [my] {list_name}",
    ),
    for_models=False,
)
async def count(ctx: Context, list_name: ListName | None = None) -> str:
    """Count the open tasks of one list, or of all."""
    query = {"list": await _list_meant(ctx, list_name)} if list_name else {}
    rows = await ctx.api.get_all("/api/tasks", query)
    number, where = len(rows), f" on {named(query['list'])}" if query else ""
    at_least = "at least " if rows.has_more else ""
    return f"You have {at_least}{number or 'no'} open task{'' if number == 1 else 's'}{where}."


@tasks.command(
    "show my done tasks",
    "(list|show) [me] [all] [of] [my] (done|completed|finished) (tasks|todos)",
    "what (have i [already] (done|finished|completed)|did i (finish|complete|get done)) [today]",
    "(show|list) [me] [everything|all] [that is|that i have|i have] (done|completed|finished)",
    "[my] (done|completed|finished) (tasks|todos|list)",
    near=("what (did i do|have i done) (yesterday|today|this week|this month|so far)",),
    hint="Only what is over.",
)
async def show_done(ctx: Context) -> str:
    """Show the tasks that you have done."""
    rows = await ctx.api.get_all("/api/tasks", {"done": "true"})
    return _by_list(ctx, rows) if rows else "You have no done tasks yet."


@tasks.command(
    "complete {name}",
    "complete [the] task {name}",
    "(complete|finish) a task",
    "(mark|tick|check) {name} (as done|as complete|as completed|as finished|off)",
    "mark {name} (done|complete|completed|finished)",
    "mark {name} as (bought|paid|sent|collected|sorted)",
    "(tick|check) off {name}",
    "(tick|check) {name} off [of] my (list|tasks)",
    "set {name} to (done|complete|completed|finished)",
    "finish {name}",
    "{name} (is|are|has been|have been) [finally|now|all] (done|finished|completed)",
    "[i am] [finally] done with {name}",
    "i (bought|have bought) {name}",
    "i (have done|have finished|finished|completed|have completed) {name}",
    "i [have] finally (done|did|finished|completed) {name}",
    near=(
        "[i|i have] [just|already|finally] (finished|completed|got|submitted) [my] {name}",
        "{name} (done|finished|bought|sorted|paid|sent|booked|cleaned|washed|fed|posted|fixed)",
        "{name} (complete|completed|collected|submitted|returned|ordered|watered|ironed|mowed)",
        "(done|finished|completed): {name}",
        "[i|i have] (ticked|checked|crossed) off [my] {name}",
        "[i|i have] [just|already|finally] (mowed|ironed|hoovered|vacuumed|charged) [my] {name}",
        "[i|i have] [just|already|finally] took (out [my] {name}|[my] {name} out)",
        "[i|i have] [just|already|finally] (picked up|collected|called|phoned|rang) [my] {name}",
        "[i|i have] [just|already|finally] (visited|made|wrote|handed in|dropped off) [my] {name}",
        "(i|i just|i already|i finally|just|already|finally) did [my] {name}",
        "[i|i have] [just|already|finally] (bought|paid|sent|mailed|emailed|posted) [my] {name}",
        "[i|i have] [just|already|finally] (sent|handed|dropped|picked) (off|in|up) [my] {name}",
        "[i|i have] [just|already|finally] (cleaned|washed|fed|watered|fixed|walked) [my] {name}",
        "[i|i have] [just|already|finally] (booked|ordered|renewed|returned|took) [my] {name}",
        "i have [just|already|finally] taken [my] {name}",
        "i am (done|finished) (with|doing) {name}",
        "{name} (is|are|has been|have been) [finally|all|now] (bought|paid|sent|sorted|booked)",
        "{name} (is|are|has been|have been) [finally|all|now] (cleaned|fixed|washed|repaired)",
        "{name} (is|are|has been|have been) [finally|all|now] (fed|walked|watered|collected|sent)",
    ),
    hint="Also for what was done: I paid ..., I have bought ....",
)
async def complete(ctx: Context, name: OpenTask) -> str:
    """Tick a task off."""
    return await _complete(ctx, await _find(ctx, name))


@tasks.command(
    "check {name} off my {list_name} list",
    "(tick|check) {name} off [of|on] my {list_name} list",
    "(complete|finish) {name} (on|from) my {list_name} list",
    for_models=False,
)
async def complete_on(ctx: Context, name: OpenTask, list_name: ListName) -> str:
    """Tick a task off that is on a list."""
    return await _complete(ctx, await _find(ctx, name, list_name))


@tasks.command(
    "is {name} [already] on my {list_name} list",
    "(is|are) there [any] {name} on my {list_name} list",
    "is {name} [already] (on|in) my (list|to-do list)",
    "is {name} [already] (on|in) any [of my] (list|lists)",
    "(do i have|did i put|have i put|have i got) {name} (on|in) my {list_name} list",
    "(do i [already] have|did i put|have i put|have i got) {name} (on|in) my (list|to-do list)",
    "(did i add|have i added) {name} to my {list_name} list",
    "does my {list_name} list have {name} on it",
    for_models=False,
)
async def has(ctx: Context, name: OpenTask, list_name: ListName | None = None) -> str:
    """Say whether something is on a list, or on any."""
    query = {"list": await _list_meant(ctx, list_name)} if list_name else {}
    rows = await ctx.api.get_all("/api/tasks", query)
    found = containing(name, [row["name"] for row in rows])
    where = f" on {named(query['list'])}" if query else ""
    if not found:
        return f"No, {named(name)} is not{where or ' on your lists'}."
    return _by_list(ctx, Rows(rows[index] for index in found))


@tasks.command(
    "show when {name} is due",
    near=(
        "when is {name} due",
        "(when|what time) is my {name} (appointment|reminder|alarm)",
        "when do i have [my] {name}",
    ),
    for_models=False,
)
async def when(ctx: Context, name: OpenTask) -> str:
    """Say when a task is due."""
    task = await _find(ctx, name)
    return f"{_line(ctx, task)}." if task["due_at"] else f"{named(task['name'])} has no due time."


@tasks.command(
    "reopen {name}",
    "(uncheck|untick|uncomplete|reopen) {name}",
    "mark {name} [as] (not done|undone|open|unfinished|incomplete) [again]",
    near=(
        "{name} (is|are) not (done|finished|bought|paid) [yet|after all]",
        "(i|we) have not (done|finished|bought|got) {name} [yet|after all]",
        "(i|we) did not (do|finish|buy|get) {name} [yet|after all]",
    ),
    for_models=False,
)
async def reopen(ctx: Context, name: DoneTask) -> str:
    """Have a task to do again that was ticked off."""
    rows = await ctx.api.get_all("/api/tasks", {"done": "true"})
    task = await pick(ctx, name, rows, "done task", lambda row: _line(ctx, row))
    after = await ctx.api.put(_path(task), {"done": False})
    _let_undo(ctx, task, "is done", done=True)
    return f"{named(after['name'])} is to do again{_when(ctx, after)}."


@tasks.command(
    "done",
    "(i am|all) done",
    "i (did it|have done it)",
    for_models=False,
)
async def done(ctx: Context) -> str:
    """Tick off what you are reminded of until it is done."""
    rows = [row for row in await ctx.api.get_all("/api/tasks") if ends_when_done(row["repeat"])]
    if not rows:
        raise Declined("What is done? For example: “I have done the laundry”.")
    if len(rows) == 1:
        return await _complete(ctx, rows[0])
    words = await ctx.ask(f"Which one: {' or '.join(named(row['name']) for row in rows[:9])}?")
    return await _complete(
        ctx, await pick(ctx, words, rows, "open task", lambda row: _line(ctx, row))
    )


async def _complete(ctx: Context, task: Row) -> str:
    if ends_when_done(task["repeat"]):
        before = {key: task[key] for key in TIMES}
        await ctx.api.put(_path(task), {"done": True, "repeat": None})
        _let_undo(ctx, task, "is still to do", done=False, **before)
        return f"Done: {named(task['name'])}. I won't remind you of it any more."
    # Of one that repeats, which time is meant: so a button that is pressed twice skips none.
    which = {"occurrence": ctx.occurrence or task["occurrence"]} if task["repeat"] else {}
    after = await ctx.api.put(_path(task), {"done": True, **which})
    _let_undo(ctx, task, "is still to do", done=False, **which)
    if after["done"]:
        return f"Done: {named(task['name'])}."
    return f"Done for this time: {named(task['name'])}{_when(ctx, after)}."


@tasks.command(
    "rename {name} to {new_name}",
    "rename [my] task {name} to {new_name}",
    "change the name of {name} to {new_name}",
    near=(
        "{name} should be [called] {new_name}",
        "(change|edit) {name} to {new_name}",
        "replace {name} (with|by) {new_name}",
    ),
)
async def rename(
    ctx: Context,
    name: OneTask,
    new_name: Annotated[str, About("the new name", example="oat milk")],
) -> str:
    """Give a task another name."""
    task = await _find(ctx, name)
    await ctx.api.put(_path(task), {"name": new_name})
    _let_undo(ctx, task, "has its old name again", name=task["name"])
    return f"Renamed {named(task['name'])} to {named(new_name)}."


@tasks.command(
    "move {name} to my {list_name} list",
    "move [the task] {name} (to|into|onto) my {list_name} list",
    "put the task {name} (on|into|onto) my {list_name} list",
    "put [the task] {name} on my {list_name} list instead",
    "(switch|transfer|shift|swap) {name} [over] (to|onto|into) my {list_name} list",
    near=("(move|switch|transfer|shift|swap) {name} [over] (to|onto|into) [my] {list_name}",),
)
async def move(ctx: Context, name: OpenTask, list_name: ListName) -> str:
    """Put a task on another list."""
    task = await _find(ctx, name)
    moved = await ctx.api.put(_path(task), {"list": list_name})
    _let_undo(ctx, task, f"is on {named(task['list'])} again", list=task["list"])
    return f"Moved {named(moved['name'])} to {named(moved['list'])}."


@tasks.command(
    "set {name} due {due}",
    "{name} (is|are) [now] due {due}",
    "(move|postpone|put off|push|reschedule|shift|bump) {name} [back] (to|until|till) {due}",
    "(change|move) [my] {name} (reminder|alarm|deadline|due date|time) to {due}",
    "(change|move|set) the (reminder|alarm|deadline|due date|time) (for|of) {name} to {due}",
    "(push|move) back {name} (to|until|till) {due}",
    "reschedule {name} for {due}",
    "make {name} due {due}",
    "(postpone|snooze|delay|put off|push) {name} till {due}",
    "(postpone|delay|put off) {name} for {due}",
    "(snooze|delay) {name} (to|until) {due}",
    "(snooze|delay|postpone) {name} {due}",
    "remind me (of|about) {name} again {due}",
    "(postpone|snooze|delay) (until|till) {due}",
    "(postpone|reschedule|snooze) {name}",
    "snooze",
    near=(
        "(change|set) {name} to {due}",
        "{name} can wait (until|till) {due}",
        "{name} (is|was|has been|got) [now] (moved|bumped|pushed|shifted|postponed) to {due}",
        "make {name} {due} [instead]",
        "{name} (is now|moved to) {due}",
        "{name} is {due} now",
        "[do] {name} {due} instead",
    ),
    hint="Also: postpone, push, snooze.",
)
async def schedule(ctx: Context, name: OpenTask, due: Due) -> str:
    """Change when a task is due, and its reminder; of one that repeats, this time only."""
    return await _schedule(ctx, await _find(ctx, name), due)


@tasks.command(
    "postpone {name} by {length}",
    "(postpone|snooze|delay|put off|push|move|bump) {name} (by|for|another) {length}",
    "(postpone|snooze|delay|push|bump) {name} {length}",
    "(postpone|snooze|delay) [me] [for|by|another] {length}",
    "(push|move|put) {name} back [by] {length}",
    "(push|move|put) back {name} by {length}",
    near=("(give me|i need) [another] {length}", "[just] another {length}"),
    for_models=False,
)
async def postpone(
    ctx: Context,
    name: OpenTask,
    length: Annotated[timedelta, About("the delay", example="2 hours")],
) -> str:
    """Have a task due so much later than it is; than now, where it is over or not due."""
    task = await _find(ctx, name)
    due = datetime.fromisoformat(task["due_at"]) if task["due_at"] else ctx.now
    # Days count on the calendar, hours on the clock.
    zone = UTC if length % timedelta(days=1) else ctx.zone
    later = max(due, ctx.now).astimezone(zone) + length
    if later - ctx.now > timedelta(days=FURTHEST_DAYS):
        raise Declined(TOO_FAR)
    return await _schedule(ctx, task, Resolved(later.astimezone(ctx.zone), ""))


async def _schedule(ctx: Context, task: Row, due: Resolved) -> str:
    changes = _times(due)
    after = await ctx.api.put(_path(task), changes)
    _let_undo(ctx, task, "is as it was before", **{key: task[key] for key in changes})
    if after["repeat"] and "repeat" not in changes:
        told = f"{named(after['name'])}{ctx.when(after['due_at'])}, this time only"
        return f"I'll remind you of {told}. It still comes {_series(after)}."
    return f"I'll remind you of {named(after['name'])}{_when(ctx, after)}."


@tasks.command(
    "(forget|remove) the due time of {name}",
    "(forget|remove|delete|clear) the (due time|due date|deadline|date) (of|from|for|on) {name}",
    "(remove|cancel|delete|stop|turn off) [my] reminder (for|of|about|to) {name}",
    "(cancel|stop|turn off|forget|drop) [my] {name} reminder",
    "no [more] (reminder|reminders) (for|of|about|to) {name}",
    "(don't|do not) remind me (to|of|about) {name} [anymore|any more|again]",
    "stop (reminding|nagging|bugging|pestering|pinging) me (to|of|about) {name} [anymore|any more]",
    near=("no more {name} (reminder|reminders)",),
)
async def unschedule(ctx: Context, name: OpenTask) -> str:
    """Take a task's due time and reminder away; the task stays."""
    task = await _find(ctx, name)
    await ctx.api.put(_path(task), {"due_at": None})
    before = {key: task[key] for key in TIMES}
    _let_undo(ctx, task, "is due again", **before)
    return f"{named(task['name'])} has no due time any more."


@tasks.command(
    "(delete|remove) {name} from my tasks",
    "(delete|remove) {name}",
    "(delete|remove) {name} from [my] {list_name} list",
    "(delete|remove) {name} from [my] (list|to-do list)",
    "(take|drop|bin) {name} (out of|out from|from) [my] {list_name} list",
    "(delete|remove) [my] task [called|named|about|to] {name}",
    "(delete|remove) [my] {name} (task|reminder)",
    "(take|get|cross|strike|scratch|lose) {name} (off [of]|from) [my] {list_name} list",
    "(take|cross|strike|scratch|lose) {name} (off [of]|from) my (list|tasks|to-do list)",
    "cross {name} off",
    "(delete|remove) a task",
    "(drop|bin|trash|kill|dump|ditch|throw out|throw away|cancel) [my] task [called] {name}",
    "(drop|bin|trash|kill|dump|ditch|throw out|throw away|cancel) [my] {name} task",
    "(delete|cancel|drop|bin|kill) [my] {name} one",
    near=(
        "(bin|trash|ditch|forget about|never mind|cancel) {name}",
        "(delete|remove|cancel|stop|turn off) [my] {name} (alarm|timer)",
        "(i|we) (do not|no longer|will not) need [to] {name} [anymore|any more]",
        "(i|we) (do not|no longer) need [my] {name} reminder [anymore|any more]",
        "(i|we) will not be needing {name} [anymore|any more]",
        "no [more] need (for|to) {name} [anymore|any more]",
        "(i|we) do not need my {name} (reminder|task) [anymore|any more]",
        "do not need [my] {name} [reminder|task] (anymore|any more)",
        "(lose|strike|scratch) {name} (from|off) [my] {list_name}",
        "(delete|remove) {name} from [my] {list_name}",
        "take {name} off [my] {list_name}",
    ),
    hint="Also: remove, scrap, get rid of.",
)
async def delete(ctx: Context, name: OpenTask, list_name: ListName | None = None) -> str:
    """Delete a task, done or not."""
    task = await _find(ctx, name, list_name, done="all")
    lost = [task["name"]] + ([] if task["list"] == DEFAULT_LIST else [task["list"]])
    if not await ctx.confirm(f"Delete {named(task['name'])}{_to_list(task, 'from')}?", lost):
        return "All right, it stays."
    await ctx.api.delete(_path(task))
    ctx.undoable(
        f"{named(task['name'])} is back{_to_list(task, 'on')}.", partial(_remake, ctx, task)
    )
    return f"Deleted {named(task['name'])}."


@tasks.command(
    "cancel my alarm",
    "(cancel|stop|kill|delete|remove|turn off|clear) my alarm",
    "(cancel|stop|kill|delete|remove|turn off|clear) my alarm [for|at] {due}",
    "(cancel|stop|delete|remove|turn off|clear) [my] {due} [s] alarm",
    "no alarm {due}",
    for_models=False,
)
async def cancel_alarm(ctx: Context, due: Alarm | None = None) -> str:
    """Cancel the alarm that wakes you, or the one at a time of day."""
    if due is None:
        return await delete(ctx, WAKE_UP)
    rows = [row for row in await ctx.api.get_all("/api/tasks") if row["name"] == WAKE_UP]
    times = {row["id"]: datetime.fromisoformat(row["due_at"]) for row in rows if row["due_at"]}
    said = due.at.astimezone(ctx.zone)
    found = [row for row in rows if row["id"] in times and _is_at(times[row["id"]], said)]
    if not found:
        on_day = "" if said.time() == DAY_STARTS else f" at {said:%H:%M}"
        day = on_the_day(said.date(), ctx.now.date())
        raise Declined(f"You have no alarm{on_day or f' {day}'}.")
    alarm = await pick(ctx, WAKE_UP, found, "alarm", lambda row: _line(ctx, row))
    return await delete(ctx, alarm["id"])


def _is_at(alarm: datetime, said: datetime) -> bool:
    """Say whether an alarm is at a time of day, or on a day that was named without one."""
    local = alarm.astimezone(said.tzinfo)
    is_day = said.time() == DAY_STARTS and local.date() == said.date()
    return is_day or local.time() == said.time()


@tasks.command(
    "cancel my timer",
    "(cancel|stop|kill|delete|remove|turn off|clear) my timer",
    for_models=False,
)
async def cancel_timer(ctx: Context) -> str:
    """Cancel the timer that runs."""
    return await delete(ctx, TIMER)


async def _find(ctx: Context, name: str, list_name: str | None = None, done: str = "false") -> Row:
    """Return the task that was meant, among the open ones or all."""
    query: dict[str, Any] = {"done": done}
    if list_name:
        query["list"] = await _list_meant(ctx, list_name)
    rows: Sequence[Row] = (
        await _by_id(ctx, name, done)
        if ID.fullmatch(name)
        else await ctx.api.get_all("/api/tasks", query)
    )
    try:
        return await pick(
            ctx,
            name,
            rows,
            "task" if done == "all" else "open task",
            lambda row: _line(ctx, row) + (" (done)" if row["done"] else ""),
        )
    except Declined:
        if list_name or name.casefold() not in [
            one["name"].casefold() for one in await _lists(ctx.api)
        ]:
            raise
        raise Declined(f"{named(name)} is a list: say “the {escape(name)} list”.") from None


async def _by_id(ctx: Context, task_id: str, done: str) -> list[Row]:
    """Return the task whose button was pressed, however many there are; none if it is gone."""
    try:
        task = await ctx.api.get(f"/api/tasks/{task_id}")
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return []
    return [] if done == "false" and task["done"] else [task]


async def _list_meant(ctx: Context, words: str) -> str:
    """Return the name of the list that is meant; of somebody else's it is "bob's shopping"."""
    rows = [
        row | {"full": f"{row['owner']}'s {row['name']}" if row["owner"] else row["name"]}
        for row in await _lists(ctx.api)
    ]
    if words.casefold() in TO_DO and not containing(words, [row["name"] for row in rows]):
        words = DEFAULT_LIST
    return str((await pick(ctx, words, rows, "list", lambda row: named(row["full"])))["full"])


def _by_list(ctx: Context, rows: Rows) -> str:
    """Show tasks under the names of their lists."""
    homes: dict[str, list[Row]] = {}
    for row in rows[:MAX_LISTED]:
        homes.setdefault(row["list"], []).append(row)
    ctx.show([row["name"] for home in homes.values() for row in home])
    blocks = [
        "\n• ".join([f"{named(name)}:", *(_line(ctx, row, with_list=False) for row in home)])
        for name, home in homes.items()
    ]
    if len(rows) > MAX_LISTED:
        at_least = "at least " if rows.has_more else ""
        blocks.append(f"… and {at_least}{len(rows) - MAX_LISTED} more.")
    open_ones = [row for home in homes.values() for row in home if not row["done"]]
    return Listing(
        "\n\n".join(blocks),
        [
            (f"• {_line(ctx, row, with_list=False)}", Button("Done", subject=_subject(row)))
            for row in open_ones
        ],
    )


def _subject(task: Row) -> str:
    """Return what a button is about: a task, and of one that repeats which time."""
    subject = f"tasks:{task['id']}"
    return subject_at(subject, task["occurrence"]) if task["occurrence"] else subject


def _line(ctx: Context, row: Row, *, with_list: bool = True) -> str:
    who = f" ({escape(row['owner'])})" if row["owner"] else ""
    return f"{named(row['name'])}{who}{_to_list(row, 'on') if with_list else ''}{_when(ctx, row)}"


def _when(ctx: Context, row: Row) -> str:
    """Say when a task is due, and how it comes again."""
    return ctx.when(row["due_at"]) + repeats(row["repeat"])


def _times(due: Resolved | None) -> dict[str, Any]:
    """Return what the API is told; a time without a rule leaves the rule as it is."""
    if due is None:
        return {}
    series = {"repeat": due.rule, "repeat_from": due.starts} if due.rule else {}
    return {"due_at": due.at, **series}


def _series(task: Row) -> str:
    """Say how a task repeats, and at what time of day, as in "every weekday at 7:30"."""
    on_the_clock = task["repeat"].startswith(("FREQ=HOURLY", "FREQ=MINUTELY"))
    return repeats(task["repeat"])[2:] + (
        "" if on_the_clock else f" at {task['repeat_from'][11:16]}"
    )


def _let_undo(ctx: Context, task: Row, told: str, **before: object) -> None:
    """Let a change of a task be taken back."""
    ctx.undoable(f"{named(task['name'])} {told}.", partial(ctx.api.put, _path(task), before))


async def _remake(ctx: Context, task: Row) -> None:
    """Add a task that was deleted; a reminder that went out does not go out again."""
    due = task["due_at"]
    is_past = due is None or datetime.fromisoformat(due) <= ctx.now
    times = {} if is_past else {key: task[key] for key in TIMES}
    data = {"name": task["name"], "list": task["list"], **times}
    made = await ctx.api.post("/api/tasks", data)
    if task["done"]:
        await ctx.api.put(_path(made), {"done": True})


def _path(task: Row) -> str:
    return f"/api/tasks/{task['id']}"


def _to_list(task: Row, preposition: str = "to") -> str:
    """Name a task's list where it is not the usual one."""
    return "" if task["list"] == DEFAULT_LIST else f" {preposition} {named(task['list'])}"
