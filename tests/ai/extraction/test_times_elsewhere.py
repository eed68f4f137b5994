"""Times in German, Spanish and French, as people say them, without a model between."""

import pytest

from ai.extraction.times_elsewhere import may_be_of_time
from ai.extraction.times_in_english import (
    before_that,
    completed,
    hour_as_said,
    in_english,
    one_time,
)
from ai.times.grammar import phrases

SAID = """
jeden Abend um zehn | every evening at 10
jeden Morgen um halb acht | every morning at 7:30
jeden Tag um 8 Uhr | every day at 8:00
am ersten Montag im Monat | every first monday of the month
am 30. jeden Monats | on the 30th of every month
zum 1. jeden Monats | on the 1st of every month
alle zwei Wochen montags | every 2 weeks on monday
alle zwei Tage um 18 Uhr | every 2 days at 18:00
jeden zweiten Tag | every second day
montags um 9 | every monday at 9
dienstags und donnerstags um 18 Uhr | every tuesday and thursday at 18:00
jeden Dienstag und Donnerstag um 18 Uhr | every tuesday and thursday at 18:00
an Werktagen um 8 Uhr | every weekday at 8:00
unter der Woche um 8 Uhr | every weekday at 8:00
jede Nacht um 2 Uhr | every night at 2:00
jede Woche am Freitag | every week friday
jeden Sonntagabend um 20 Uhr | every sunday evening at 20:00
in einer Dreiviertelstunde | in 45 minutes
in einer halben Stunde | in 30 minutes
in 'ner halben Stunde | in 30 minutes
in anderthalb Stunden | in 90 minutes
in eineinhalb Stunden | in 90 minutes
in zwei Stunden | in 2 hours
in einer Stunde | in 1 hour
in einer Woche | in 1 week
in 20 min | in 20 min
bis Freitag 12 Uhr | by friday 12:00
bis zum 2. Mai | by 2 may
am 3. März um 14 Uhr | 3 march at 14:00
am 14. Juni | 14 june
nächsten Dienstag | next tuesday
nächste Woche Dienstag um 10 | next week tuesday at 10
diesen Samstag | this saturday
um viertel nach sechs | at 6:15
um dreiviertel acht | at 7:45
morgen um halb neun | tomorrow at 8:30
um zehn nach acht | at 8:10
gegen 9 | at 9
Dienstagabend | tuesday evening
Freitagnachmittag um 3 | friday afternoon at 3
am Samstagabend um acht | saturday evening at 8
am Sonntag früh | sunday morning
morgen Abend | tomorrow evening
morgen Abend um acht | tomorrow evening at 8
morgen Mittag | tomorrow at noon
morgen früh um 7 | tomorrow morning at 7
heute Nachmittag | this afternoon
heute Nachmittag um vier | this afternoon at 4
heute Abend um 8 | tonight at 8
heute Nacht um 2 | tonight at 2
um 17 Uhr 30 | at 17:30
mittags | at noon
übermorgen um 8 | in 2 days at 8
übermorgen früh um 9 | in 2 days in the morning at 9
Ende des Monats | end of the month
am Monatsende | end of the month
Freitag, 15 Uhr | friday, 15:00
am Mittwoch um drei | wednesday at 3
mañana por la mañana a las 9 | tomorrow morning at 9
pasado mañana | in 2 days
pasado mañana a las 10 | in 2 days at 10
hoy por la noche | tonight
hoy a las 5 de la tarde | today at 5 in the afternoon
esta noche a las diez | tonight at 10
esta tarde a las 6 | this afternoon at 6
el sábado a las 6 y cuarto | saturday at 6:15
a las siete y media | at 7:30
a las ocho menos diez | at 7:50
a las 8 y diez | at 8:10
a la una y media | at 1:30
a las 6 de la mañana | at 6 in the morning
a mediodía | at noon
al mediodía | at noon
el próximo lunes | next monday
el lunes que viene a las 9 | next monday at 9
cada 8 horas | every 8 hours
cada día a las 9 | every day at 9
cada domingo | every sunday
todos los jueves a las 18:15 | every thursday at 18:15
los martes y jueves a las 7 | every tuesday and thursday at 7
todos los martes y jueves a las 7 | every tuesday and thursday at 7
de lunes a viernes a las 8 | every weekday at 8
cada dos semanas | every 2 weeks
cada mes | every month
el 1 de cada mes | on the 1st of every month
el primer lunes de cada mes | every first monday of the month
cada primer lunes del mes | every first monday of the month
todas las mañanas a las 7 | every morning at 7
cada mañana a las 7 | every morning at 7
todos los días | every day
un día sí y otro no | every other day
en media hora | in 30 minutes
dentro de media hora | in 30 minutes
en un cuarto de hora | in 15 minutes
en tres cuartos de hora | in 45 minutes
en 10 minutitos | in 10 minutes
antes del viernes | by friday
el 3 de mayo a las 10 | 3 may at 10
el viernes 3 de mayo | friday 3 may
antes del 3 de mayo | by 3 may
el 15 de junio | 15 june
el domingo por la noche a las 9 | sunday evening at 9
a fin de mes | end of the month
este sábado | this saturday
a las 18h | at 18:00
demain à 18h | tomorrow at 18:00
demain matin | tomorrow morning
demain soir | tomorrow evening
demain après-midi | tomorrow afternoon
ce soir | tonight
ce soir à 20h | tonight at 20:00
cet après-midi à 15h | this afternoon at 15:00
ce week-end | this weekend
lundi prochain | next monday
la semaine prochaine | next week
samedi après-midi | saturday afternoon
samedi matin à 10h | saturday morning at 10:00
à midi | at noon
à minuit | at midnight
demain à midi | tomorrow at noon
chaque soir à 21h | every evening at 21:00
tous les lundis à 9h | every monday at 9:00
tous les premiers lundis du mois | every first monday of the month
le premier lundi de chaque mois | every first monday of the month
tous les jours à 8h | every day at 8:00
tous les matins à 7h | every morning at 7:00
chaque matin à 7h | every morning at 7:00
toutes les 8 heures | every 8 hours
tous les deux jours | every 2 days
un jour sur deux | every other day
le 1er de chaque mois | on the 1st of every month
le 15 de chaque mois | on the 15th of every month
tous les mardis et jeudis à 18h | every tuesday and thursday at 18:00
en semaine à 8h | every weekday at 8:00
dans 20 minutes | in 20 minutes
dans 20 min | in 20 minutes
dans un quart d'heure | in 15 minutes
dans trois quarts d'heure | in 45 minutes
dans une heure | in 1 hour
dans deux heures | in 2 hours
d'ici vendredi | by friday
avant vendredi | by friday
avant le 2 mai | by 2 may
pour le 3 juin | by 3 june
le 14 juillet | 14 july
vendredi à 6h20 | friday at 6:20
vers 18h | at 18:00
à 18 heures | at 18:00
à huit heures et demie | at 8:30
à huit heures moins le quart | at 7:45
à dix heures du soir | at 10:00 in the evening
fin du mois | end of the month
"""


@pytest.mark.parametrize("row", SAID.strip().splitlines())
def test_times_are_read(row: str) -> None:
    said, english = row.split(" | ")
    assert in_english(said) == english
    assert phrases.read_all(english)
    assert all(map(may_be_of_time, said.split()))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("am Montag die Molche, am Dienstag die Harfe", None),  # two times
        ("Stell nen Timer auf 12 Minuten für die Knödel", ("auf 12 Minuten", "in 12 minutes")),
        ("rappelle moi demain à 18h de nourrir", ("demain à 18h", "tomorrow at 18:00")),
        ("jeden Abend um zehn die Molche", ("jeden Abend um zehn", "every evening at 10")),
        ("vier Gäste kommen, kauf Honig", None),
    ],
)
def test_the_one_time_ends_where_its_words_end(text: str, time: tuple[str, str] | None) -> None:
    assert one_time(text) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (
            "harp exam on saturday at 9 in the evening, poke me half an hour before that",
            "half an hour before saturday at 9 in the evening",
        ),
        ("harp exam friday at 3pm, the day before at noon", "one day before friday at noon"),
        ("Prüfung am Montag um 9, eine halbe Stunde vorher", "30 minutes before monday at 9"),
        ("examen el lunes a las 9, avísame media hora antes", "30 minutes before monday at 9"),
        ("examen lundi à 9h, préviens-moi une heure avant", "1 hour before monday at 9:00"),
        ("Prüfung am Freitag, sag es mir am Tag davor", "one day before friday"),
        ("poke me half an hour before that", None),  # before what?
        ("an hour before the exam at 9", None),
        ("half an hour before " * 300, None),
        ("before", None),
    ],
)
def test_before_that_is_before_the_other_time(text: str, time: str | None) -> None:
    found = before_that(text)
    assert (found and found[1]) == time


def test_a_time_of_day_gets_the_rest_of_it_from_the_message() -> None:
    assert completed("4:50pm", "tomorrow the parcel, 4:50pm") == "tomorrow 4:50pm"
    assert completed("4:50pm", "monday or tomorrow the parcel, 4:50pm") == "4:50pm"
    assert completed("tomorrow", "the parcel tomorrow, 4:50pm") == "tomorrow"
    assert hour_as_said("11:00", "quiet between 11pm and 6am") == "11pm"
    assert hour_as_said("at 6", "quiet between 11pm and 6am") == "6am"
    assert hour_as_said("6", "6pm or 6am") == "6"
