"""The bot's own few questions in the languages that a model's way understands beside English.

Everything else is said in English. Which language a message is in is told by its small words.
"""

import re
from functools import lru_cache
from typing import Literal

Language = Literal["en", "de", "es", "fr"]
Question = Literal[
    "when", "past", "length", "boolean", "choice", "text", "which", "offer", "english"
]

MAX_CHARS = 300  # of a message that are looked at
SPOKEN: dict[Language, str] = {
    "en": "the my me i i'm i've to is are it of and for with what on add remind please can you at"
    " do not from till until by any all show tomorrow today every what's that you can we have in"
    " be this there so will if a an list lists new was am called",
    "de": "der das den dem ein eine einen mein meine meinen meiner ich mir mich und für auf mit"
    " bitte ist sind nicht noch um im vom zum zur wann welche heute morgen erinnere erinner"
    " wir du er sie es hab habe hat haben bin bist war kein keine keinen mehr doch schon was wer"
    " wie zu von bei aus nach wenn aber auch nur jeden jede alle liste listen muss kann uns dir"
    " am einem einer nen ner dran mal immer dass soll kannst mach schreib setz sag diese dieser"
    " uhr tag tage woche wochen monat monats stunde stunden minuten abend morgens abends montag"
    " dienstag mittwoch donnerstag freitag samstag sonntag montags dienstags mittwochs donnerstags"
    " freitags samstags sonntags übermorgen gestern",
    "es": "el los las la una unos mi mis yo y para por con que qué tengo al lista hoy mañana en"
    " recuérdame recuerdame necesito cuándo está son cada favor añade apunta"
    " no me te se lo de es hay eso esto ya más muy pero cómo quién cuál todo todos nada tu soy"
    " eres vivo listas del pon quita borra dame dime avísame hasta antes dentro día días hora horas"
    " minutos semana noche tarde pasado lunes martes miércoles jueves viernes sábado domingo",
    "fr": "le les la une des mon ma mes moi je j et pour avec dans du au aux est sont ce que qu"
    " quoi rappelle liste aujourd hui demain quand sur s'il plaît tous chaque ajoute à"
    " ne n pas plus me te se lui il elle on tu nous vous de d l y qui quel quelle quelles quels"
    " c'est est-ce faut dois suis fait tout toute ça listes en"
    " mets chez avant ce cet cette tous toutes jour jours heure heures semaine mois matin soir midi"
    " lundi mardi mercredi jeudi vendredi samedi dimanche",
}
"""Words that tell a language; what two of them share counts for both."""
WORDS = {language: frozenset(words.split()) for language, words in SPOKEN.items()}
QUESTIONS: dict[Language, dict[Question, str]] = {
    "de": {
        "when": "Wann? Zum Beispiel „morgen um 17 Uhr“.",
        "past": "Wann war das? Zum Beispiel „gestern um 17 Uhr“.",
        "length": "Wie lange? Zum Beispiel „20 Minuten“.",
        "boolean": "Ja oder nein?",
        "choice": "Welches: {}?",
        "text": "Eine Angabe fehlt noch ({}). Wie lautet sie?",
        "which": "Was davon meinst du?",
        "offer": "Meinst du: {}?",
        "english": "Das habe ich nicht verstanden. Ohne Sprachmodell kann ich nur Englisch: „help“"
        " zeigt, was du sagen kannst.",
    },
    "es": {
        "when": "¿Cuándo? Por ejemplo «mañana a las 17:00».",
        "past": "¿Cuándo fue? Por ejemplo «ayer a las 17:00».",
        "length": "¿Cuánto tiempo? Por ejemplo «20 minutos».",
        "boolean": "¿Sí o no?",
        "choice": "¿Cuál: {}?",
        "text": "Falta un dato ({}). ¿Cuál es?",
        "which": "¿Cuál de estos quieres decir?",
        "offer": "¿Quieres decir: {}?",
        "english": "No lo he entendido. Sin un modelo de lenguaje solo sé inglés: «help» muestra lo"
        " que puedes decir.",
    },
    "fr": {
        "when": "Quand ? Par exemple « demain à 17h ».",
        "past": "C'était quand ? Par exemple « hier à 17h ».",
        "length": "Combien de temps ? Par exemple « 20 minutes ».",
        "boolean": "Oui ou non ?",
        "choice": "Lequel : {} ?",
        "text": "Il manque une information ({}). Laquelle ?",
        "which": "Lequel voulez-vous dire ?",
        "offer": "Voulez-vous dire : {} ?",
        "english": "Je n'ai pas compris. Sans modèle de langage, je ne parle qu'anglais : « help »"
        " montre ce que vous pouvez dire.",
    },
}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")  # noqa: RUF001
_ELIDED = re.compile(r"\b(?:qu|[jdlmst])['’](?=\w)", re.IGNORECASE)  # noqa: RUF001


def language_of(text: str) -> Language:
    """Return the language that a message is in, English where its words tell of none other."""
    return _language_of(text[:MAX_CHARS].casefold())


@lru_cache(maxsize=256)  # it is asked several times for each message
def _language_of(text: str) -> Language:
    words = _WORD.findall(text)
    told: dict[Language, float] = {
        name: sum(word in known for word in words) for name, known in WORDS.items()
    }
    told["fr"] += len(_ELIDED.findall(text)) / 2  # "d'appeler"; a half, as "it's" is no French
    best = max(told, key=lambda name: told[name])
    return best if told[best] > told["en"] and told[best] >= 1 else "en"


def asked_in(language: Language, question: Question, about: str = "") -> str | None:
    """Return a question in a language other than English, or None for English."""
    said = QUESTIONS.get(language, {}).get(question)
    return said and said.replace("{}", about)
