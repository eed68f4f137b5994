"""What people say that is no order: greetings, thanks and the like, and the polite answers."""

import re

from ai.commands import NO, YES

ANSWERS = frozenset({"yes", *(YES | NO), "ok then", "alright", "all right", "fine", "maybe"})
"""What may answer a question that a model has asked."""

WAITING_FOR_NOTHING = "I'm not waiting for an answer, {name}. What can I do for you?"
MAX_CHARACTERS = 60

_TO_ME = r"(?:,? (?:there|again|bot|buddy|mate|my friend|friend|everyone|everybody|man|dude))*"
_PLEASED = r"great|perfect|cool|awesome|nice|super|lovely|brilliant|excellent|amazing|wonderful"
_THANKS = r"thanks|thank (?:you|u)|many thanks|thx|ty|tysm|cheers|much appreciated"
_SO_MUCH = r"(?: (?:a lot|a bunch|so much|very much|for (?:that|everything|(?:the|your) help)))*"

# What is said in such words, and what it is answered.
_KINDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (rf"(?:hi+|hey+|heya|hiya|hello+|howdy|yo|good (?:day|afternoon)|g'day){_TO_ME}",),
        "Hello, {name}! What can I do for you?",
    ),
    ((rf"(?:good )?morning{_TO_ME}",), "Good morning, {name}! What can I do for you?"),
    ((rf"(?:good )?evening{_TO_ME}",), "Good evening, {name}! What can I do for you?"),
    ((rf"(?:good ?night|sleep well){_TO_ME}",), "Good night, {name}!"),
    (
        (
            rf"(?:(?:ok|okay|got it|oh|{_PLEASED}),? )*(?:{_THANKS}){_SO_MUCH}{_TO_ME}",
            r"(?:good|well|nice|great) (?:bot|job|work|one|done)",
            rf"you(?:'re| are|r)? (?:the best|a star|a legend|very helpful|{_PLEASED})",
        ),
        "You're welcome, {name}.",
    ),
    (
        (rf"(?:(?:ok|oh|that's|thats|very|so),? )*(?:{_PLEASED})", "lol", "(?:ha){2,}", "wow"),
        "Glad to hear it, {name}.",
    ),
    (
        (
            rf"(?:(?:{_THANKS})[, ]+)?(?:good)?bye(?: bye)?{_TO_ME}",
            "see (?:you|ya)(?: later| soon| tomorrow| then)?",
        ),
        "Goodbye, {name}! You stay logged in; say “log out” to change that.",
    ),
    (
        (
            r"how(?:'s| is) (?:it going|life|your day)",
            rf"how (?:are|r) (?:you|u)(?: doing| today| feeling)*{_TO_ME}",
            rf"(?:what'?s|was+) ?up{_TO_ME}",
            "(?:are )?you (?:ok|okay|alright|there|awake)",
        ),
        "I'm fine, thank you, {name}. What can I do for you?",
    ),
    (("i (?:really )?(?:love|like) (?:you|u|this bot)",), "That is kind of you, {name}."),
    (
        (
            r"(?:you'?r?e?|you are|ur) (?:so )?(?:useless|stupid|dumb|bad|annoying|wrong|an idiot)",
            r"(?:fuck|screw) (?:you|u|off)|(?:bad|stupid|dumb|useless) bot|i hate (?:you|u)",
        ),
        "I'm sorry to hear it, {name}. **Help** says what I understand.",
    ),
    (
        (
            "(?:who|what) are you",
            "who (?:is this|made you)",
            "(?:do you have a|what'?s your|what is your) name",
            "are you (?:an? )?(?:real|(?:real )?person|human|bot|robot|machine|ai)",
        ),
        "I'm a bot, {name}: tell me what you want in plain words. **Help** says what.",
    ),
    (
        (
            r"(?:tell me|do you know|give me) (?:a|another|some)(?: \w+)? (?:jokes?|story|poem)",
            r"(?:what'?s|what is|how'?s) the (?:weather|news)(?: like)?(?: today| tomorrow)*",
            r"tell me (?:a joke|a story|something funny)|sing(?: me)?(?: a song)?|i'?m bored",
        ),
        "That is beyond me, {name}. **Help** says what I can do.",
    ),
    (("(?:oh )?(?:oops|sorry|my bad)|no (?:worries|problem)",), "No harm done, {name}."),
    (
        ("(?:oh |ok |no )?(?:cancel|stop|quit|exit|never ?mind|forget it|nvm)",),
        "There is nothing to cancel, {name}. I'm not waiting for an answer.",
    ),
)
_ANSWERS = [(re.compile("|".join(words)), answer) for words, answer in _KINDS]


def courtesy(words: str, *, asked: bool = False) -> str | None:
    """Return the polite answer to small talk, with `{name}` for the user's name, or None.

    `words` are in lower case, without final punctuation. `asked` says that a model has asked
    something last, which "yes" may answer.
    """
    words = words.removesuffix(" bot") if words != "good bot" else words
    if words in ANSWERS:
        return None if asked else WAITING_FOR_NOTHING
    if len(words) > MAX_CHARACTERS:
        return None
    return next((answer for kind, answer in _ANSWERS if kind.fullmatch(words)), None)
