from tanger.model.text import acronyms


def test_letters_are_spoken_with_their_stress():
    assert " ".join(acronyms.pronounce("BBC")) == "B IY1 B IY1 S IY1"
    assert " ".join(acronyms.pronounce("W")) == "D AH1 B AH0 L Y UW0"
    assert " ".join(acronyms.pronounce("TV", plural=True)) == "T IY1 V IY1 Z"
    assert " ".join(acronyms.pronounce("GPS", plural=True)) == "JH IY1 P IY1 EH1 S IH0 Z"
