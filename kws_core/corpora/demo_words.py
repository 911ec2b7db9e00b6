"""What the demo corpus says: lower case, no punctuation, every word in PocketSphinx's English dictionary.

eSpeak joins some pairs ("on the", "in the", "of the") into one word event; the sentences here avoid them.
"""

KEYWORDS: tuple[str, ...] = (
    "camera",
    "computer",
    "heating",
    "kitchen",
    "lights",
    "marvin",
    "music",
    "stop",
    "timer",
    "volume",
    "weather",
    "window",
)
"""Words of everyday voice control; two of them short."""

CARRIERS: tuple[str, ...] = (
    "say {} again",
    "{} comes next",
    "they meant {}",
    "who heard {}",
    "say {} once more",
    "that word is {}",
    "we like {} here",
    "now try {} first",
    "read {} aloud",
    "ask about {}",
    "write {} twice",
    "maybe {} then",
    "she spelled {}",
    "{} was wrong",
)
"""Sentences with one slot for a keyword: first, inside, or last."""

FILLERS: tuple[str, ...] = (
    "my sister found a small brown dog",
    "they walked along a narrow road",
    "nine tall trees grow behind our house",
    "he drinks cold water after running",
    "our teacher told a very long story",
    "some people never learn to swim",
    "her brother plays chess with friends",
    "we bought fresh bread this morning",
    "a heavy train rolled slowly past",
    "you should bring a warm coat",
    "that farmer sold twenty brown horses",
    "several birds were singing nearby",
    "nobody knew where he left his keys",
    "our boat reached land before midnight",
    "two children built a tall castle",
    "she painted every door bright green",
    "both doctors arrived late again",
    "this mountain looks higher from far away",
    "an old clock hung above his desk",
    "please send me another letter soon",
    "that river was wide and almost frozen",
    "many students forgot their books",
)
"""Longer sentences without keywords."""

RECORDING_SENTENCES: tuple[str, ...] = (
    "good morning computer how was your night",
    "my sister found a small brown dog",
    "please close that window before dinner",
    "he drinks cold water after running",
    "her music was louder than usual",
    "nobody knew where he left his keys",
    "would marvin like another apple",
    "what lovely weather we have today",
    "now stop and listen to me",
)
"""Sentences of the recording that nobody trains on; six of them hold a keyword."""

OTHER_WORDS: tuple[str, ...] = tuple(
    """
    about above across actually address afternoon airplane almost already animal another answer apple autumn balance
    banana basket battery beautiful because before behind believe better between bicycle birthday bottle bridge brother
    building butter button candle captain carpet castle center chapter chicken children chocolate circle city clever
    company corner cotton country cousin daughter december decide dentist dinner doctor dollar dragon during eagle early
    effort eleven engine evening example family farmer father favorite february finger finish flower follow forest
    forget forty forward friday friend future garden general giant glasses golden grandmother guitar hammer happy harbor
    history holiday honey hospital hundred hungry husband island jacket january journey jungle kettle kitten ladder
    language laughter lemon letter library little machine magic manager marble market martin master meadow medicine
    meeting member message middle minute mirror moment monday monkey morning mother mountain museum napkin nature needle
    neighbor never notebook november number ocean october office orange other paper parent park passenger pencil people
    pepper perfect picture pillow planet plastic pocket police potato present problem question rabbit rainbow reason
    ribbon river rocket saddle salad saturday school science season second september seven shadow shoulder silver simple
    singer sister spider station step story student sugar summer sunday teacher thirteen thunder ticket tiger together
    tomato tomorrow travel triangle tunnel turtle twenty umbrella under uncle vacation valley village violin visit wagon
    water wednesday winner winter wonder yellow yesterday zebra
    """.split()
)
"""Words said alone that are not keywords; some sound alike ("chicken", "tiger", "winter")."""
