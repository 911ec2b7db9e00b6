# ruff: noqa: RUF001 - the letters of other scripts are meant
"""Invented words of many languages: seeded syllables in letters that the language's eSpeak voice reads.

Nothing is taken from a word list. The inventories favour what English lacks: front rounded vowels, nasal vowels,
length, ejectives, retroflex, uvular and aspirated stops, tones, trills.
"""

from dataclasses import dataclass

import numpy as np

from kws_core.corpora.spoken_words_english import Exclusion, is_english
from kws_core.fingerprint import unit_interval

MIN_LETTERS = 5
MAX_LETTERS = 12


@dataclass(frozen=True)
class Language:
    """Syllables of one language: onsets, nuclei and codas, each a list separated by spaces.

    An entry is `label:spoken` where the letters of the label are not those that the voice reads; `-` is nothing.
    """

    onsets: str
    nuclei: str
    codas: str
    syllables: tuple[int, int] = (2, 3)


@dataclass(frozen=True)
class InventedWord:
    """A label in Latin letters, and how the language's voice is told to say it."""

    label: str
    spoken: str


LANGUAGES: dict[str, Language] = {
    "es": Language("p b t d c f g l m n ñ r s ll ch j tr br pl", "a e i o u ie ue", "- - n s r l", (2, 4)),
    "de": Language("p b t d k g f w z l r schm st pf kn schr h sch", "a e i o u ö ü au ei eu", "- n ch rt ng ls tz"),
    "fr": Language("p b t d f v j l m n r s ch gn cl pr tr", "a é i o u eu ou on an oi ai in", "- - - l r"),
    "it": Language("p b t d f g l m n r s z gli gn sc tr pr", "a e i o u ia io", "- - n r l t", (2, 4)),
    "pl": Language("p b t d k g ś cz sz ż dz ł m n r w ch prz krz", "a e i o u y ą ę", "- - n k sz ść m"),
    "tr": Language("p b t d k g ç c ş j l m n r s v y z h", "a e ı i o ö u ü", "- - n k r l ş m"),
    "fi": Language("p t k l m n r s v h j", "a aa ä ää e ee i ii o u uu y yy ö ai uo ie yö", "- - n s t l k", (2, 3)),
    "sw": Language("p b t d k g f v m n ny mb nd ng nj sh ch z w dh gh", "a e i o u", "-", (3, 4)),
    "id": Language("p b t d k g c j ng ny m n l r s h w y", "a e i o u ai au", "- - ng k n r t h", (2, 3)),
    "pt-br": Language("p b t d c f g lh nh m n r s v x j tr", "a e i o u ão ã õe ei ou", "- - - s r l", (2, 3)),
    "nl": Language("p b t d k g sch l m n r w z h sp kr v", "aa a ee e ie oo u uu eu ui ij oe", "- n k t r ft ch"),
    "sv": Language("p b t d k g f l m n r s v sj tj skj h st", "a e i o u y å ä ö", "- n r l ng t ss"),
    "cs": Language("p b t d k g č š ž ř l m n r v z h ch př", "a á e é i í o u ou ě", "- - n k t š l"),
    "hu": Language("p b t d k g gy ny ty cs zs sz s l m n r v z h", "a á e é i o ó ö ő u ü ű", "- - k r n l sz"),
    "ro": Language("p b t d c f g l m n r s ș ț v z j h", "a ă â e i o u ea oa", "- - n r l t sc"),
    "cy": Language("p b t d c g ff f ll l m n r rh dd th s h gw", "a e i o u w y ae oe aw", "- n l r th ch s"),
    "da": Language("p b t d k g f l m n r s v h bl kr sk", "a e i o u y æ ø å", "- n r l g d ft"),
    "ru": Language(
        "p:п b:б t:т d:д k:к g:г zh:ж z:з l:л m:м n:н r:р s:с f:ф kh:х ts:ц ch:ч sh:ш shch:щ",
        "a:а e:е i:и o:о u:у y:ы ya:я yo:ё yu:ю",
        "- - n:н k:к t:т r:р l:ль",
    ),
    "el": Language(
        "p:π t:τ k:κ v:β d:δ g:γ th:θ f:φ kh:χ l:λ m:μ n:ν r:ρ s:σ z:ζ ps:ψ x:ξ ts:τσ",
        "a:α e:ε i:ι o:ο u:ου",
        "- - - n:ν r:ρ",
        (2, 4),
    ),
    "hi": Language(
        "k:क kh:ख g:ग gh:घ c:च chh:छ j:ज jh:झ tt:ट dd:ड t:त th:थ d:द dh:ध n:न p:प ph:फ b:ब bh:भ m:म r:र l:ल s:स",
        "aa:ा i:ि ii:ी u:ु uu:ू e:े o:ो ai:ै",
        "- - - n:न l:ल r:र",
        (2, 3),
    ),
    "ka": Language(
        "p:ფ pp:პ t:თ tt:ტ k:ქ kk:კ q:ყ b:ბ d:დ g:გ ts:ც tts:წ ch:ჩ cch:ჭ sh:შ kh:ხ gh:ღ m:მ n:ნ l:ლ r:რ z:ზ",
        "a:ა e:ე i:ი o:ო u:უ",
        "- - - n:ნ r:რ s:ს",
        (2, 3),
    ),
    "ar": Language(
        "b:ب t:ت d:د k:ك q:ق kh:خ gh:غ h:ه s:س sh:ش z:ز f:ف l:ل m:م n:ن r:ر j:ج",
        "a:َ i:ِ u:ُ aa:َا ii:ِي uu:ُو",
        "- - n:نْ r:رْ l:لْ",
        (2, 3),
    ),
    "ja": Language(
        "ka:カ ki:キ ku:ク kyo:キョ sa:サ shi:シ su:ス sha:シャ ta:タ chi:チ tsu:ツ to:ト na:ナ ni:ニ no:ノ "
        "ha:ハ fu:フ hyo:ヒョ ma:マ mi:ミ mo:モ ya:ヤ yu:ユ ra:ラ ri:リ ryu:リュ ro:ロ wa:ワ ga:ガ ge:ゲ za:ザ "
        "ji:ジ da:ダ bo:ボ pa:パ",
        "-",
        "- - - n:ン",
        (3, 4),
    ),
    "cmn-latn-pinyin": Language(
        "b p m f d t n l g k h zh ch sh r z c s",
        "a:a1 ai:ai4 an:an2 ang:ang4 ao:ao3 e:e2 en:en1 eng:eng1 ou:ou4 u:u3 uo:uo1 un:un2",
        "-",
        (2, 3),
    ),
}
"""By the name of the eSpeak voice, in the order in which languages take labels."""


def invented_words(count: int, exclude: Exclusion) -> dict[str, tuple[InventedWord, ...]]:
    """`count` words of every language; no label is in two languages or an entry of cmudict."""
    taken: set[str] = set()
    words: dict[str, tuple[InventedWord, ...]] = {}
    for name, language in LANGUAGES.items():
        generator = np.random.default_rng(int(unit_interval("invented words", name) * 2**48))
        found: list[InventedWord] = []
        while len(found) < count:
            word = _invent(language, generator)
            fits = MIN_LETTERS <= len(word.label) <= MAX_LETTERS and word.label not in taken
            if fits and not is_english(word.label) and not exclude.forbids(word.label):
                taken.add(word.label)
                found.append(word)
        words[name] = tuple(found)
    return words


def _invent(language: Language, generator: np.random.Generator) -> InventedWord:
    label, spoken = "", ""
    low, high = language.syllables
    for _ in range(int(generator.integers(low, high, endpoint=True))):
        for pieces in (language.onsets, language.nuclei, language.codas):
            choices = pieces.split()
            piece = choices[int(generator.integers(len(choices)))]
            if piece != "-":
                written, _, said = piece.partition(":")
                label += written
                spoken += said or written
    return InventedWord(label, spoken)
